#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_events
short_description: Set which of its own events AWS IoT publishes
version_added: 0.1.0
description:
  - CloudFormation has no resource for it. It holds for the account and the region.
  - Events that have no option here are left alone.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says what would change.
    support: full
  diff_mode:
    description: Shows the setting before and after.
    support: full
  idempotent:
    description: A setting that is right is left alone.
    support: full
options:
  job_executions:
    description: Whether AWS IoT publishes how a device ended a job, on C($aws/events/jobExecution/).
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Have AWS IoT tell how jobs end
  steel.fleet.iot_events:
    job_executions: true
"""

RETURN = r"""
events:
  description: The settings, after the module in normal mode, as they would be in check mode.
  type: dict
  returned: always
  sample: {JOB_EXECUTION: true}
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import event_messages


def work(context: Context) -> dict[str, Any]:
    iot = context.client("iot")
    wanted = {"JOB_EXECUTION": context.params["job_executions"]}
    found = event_messages.enabled(iot)
    before = {kind: found.get(kind, False) for kind in wanted}
    if before != wanted and not context.check_mode:
        event_messages.enable(iot, wanted)
    return {"changed": before != wanted, "events": wanted, "diff": {"before": before, "after": wanted}}


def main() -> None:
    run_aws_module(work, argument_spec={"job_executions": {"type": "bool", "required": True}})


if __name__ == "__main__":
    main()
