#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_teardown_info
short_description: Say what it takes to remove a whole fleet, and what is left of it
version_added: 0.1.0
description:
  - Reads, in pages and lists, everything in a region that is of a fleet or has its names, and the journal of
    its teardown.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.fleet
  - steel.fleet.teardown
  - steel.fleet.reads
"""

EXAMPLES = r"""
- name: Look what there is of the fleet
  steel.fleet.fleet_teardown_info:
    name_prefix: aws-iot-steel
    environment_name: staging
    account_id: "000000000000"
    region_name: us-west-2
    state_directory: /var/lib/fleet/staging
"""

RETURN = r"""
confirmation:
  description: What teardown wants to have confirmed.
  type: str
  returned: success
  sample: aws-iot-steel-staging
is_complete:
  description: Whether nothing is left and no teardown is open.
  type: bool
  returned: success
  sample: false
is_open:
  description: Whether a teardown was begun and has not ended.
  type: bool
  returned: success
  sample: false
needs_snapshot:
  description: Whether a snapshot has to be taken first.
  type: bool
  returned: success
  sample: true
refusals:
  description: What stands in the way, each with what to do about it.
  type: list
  elements: str
  returned: success
  sample: []
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["100 devices and 0 jobs would go."]
counts:
  description: How much there is.
  type: dict
  returned: success
  sample: {devices: 100, jobs: 0, stacks: 5, retained: 11}
left:
  description: Everything that there is of the fleet.
  type: list
  elements: str
  returned: success
  sample: [stack aws-iot-steel-staging-core]
removed:
  description: What the last teardown removed, by kind.
  type: dict
  returned: success
  sample: {stack: 5, bucket: 5}
snapshot:
  description: The snapshot to go back to, from the last teardown; empty where there is none.
  type: dict
  returned: success
  sample: {id: 2026-11-28T09-30-00Z, things: 100, directory: /var/lib/fleet/staging/teardown/snapshots}
stays:
  description: What stays, and why.
  type: list
  elements: list
  returned: success
  sample: [[Files on the control host, are yours]]
sections:
  description: The same as sections of a report.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.teardown import report
from ansible_collections.steel.fleet.plugins.module_utils.teardown_options import (
    OPTIONS,
    rights_explained,
    teardown,
)


def work(context: Context) -> dict[str, Any]:
    made = teardown(context)
    with rights_explained():
        plan = made.look()
        needs_snapshot = made.needs_snapshot(plan)
    return {
        "changed": False,
        "needs_snapshot": needs_snapshot,
        **report.facts(plan),
        "sections": report.sections(plan),
    }


def main() -> None:
    run_aws_module(work, argument_spec=OPTIONS)


if __name__ == "__main__":
    main()
