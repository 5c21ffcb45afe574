#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_rollout_drift_info
short_description: Compare assigned and reported versions of every device
version_added: 0.1.0
description:
  - For every program that was ever rolled out, takes from the record of its last rollout what each device was
    left with, and from the fleet index what it reports; returns who differs, why, and since when.
  - The index and the records are read in pages; nothing is asked device by device.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  bucket:
    description: Where records of rollouts are. In check mode it may be empty, when its name is not known yet.
    type: str
    required: true
  programs:
    description: Ids of programs to look at; empty takes all.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See which devices run something else than they were given
  steel.fleet.iot_rollout_drift_info:
    bucket: aws-iot-steel-production-deploy-123456789012-us-west-2
"""

RETURN = r"""
subjects:
  description: Every program with the number of its devices, and of those that differ.
  type: list
  elements: dict
  returned: success
  sample: [{subject: "program:blink_led", version: 1.2.0, state: finished, devices: 100, drifts: 1}]
drifts:
  description: Every device that differs.
  type: list
  elements: dict
  returned: success
  contains:
    thing:
      description: The device.
      type: str
      returned: always
      sample: aws-iot-steel-production-device-007
    subject:
      description: The program.
      type: str
      returned: always
      sample: program:blink_led
    assigned:
      description: The version that it should have; empty for none.
      type: str
      returned: always
      sample: 1.2.0
    reported:
      description: The version that it reports; empty for none.
      type: str
      returned: always
      sample: 1.1.0
    why:
      description: Why they differ.
      type: str
      returned: always
      sample: it is offline; its job waits
    since:
      description: Since when (UTC); empty where nothing says it.
      type: str
      returned: always
      sample: "2026-03-01T09:30:00.000Z"
"""

from functools import cache
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import drift
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import groups
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rollout.devices import subject_of


def work(context: Context) -> dict[str, Any]:
    params = context.params
    wanted = frozenset(subject_of(program) for program in params["programs"])

    @cache
    def hits(group: str) -> list[dict[str, Any]]:
        return list(groups.search(context.client("iot"), group))

    found = list(drift.compare(context.client, params["bucket"], hits, wanted))
    subjects = [
        {
            "subject": one.record.subject,
            "rollout_id": one.rollout_id,
            "version": one.record.version,
            "state": one.record.state,
            "devices": one.report.devices,
            "drifts": len(one.report.drifts),
        }
        for one in found
    ]
    drifts = [drifted.as_dict() for one in found for drifted in one.report.drifts]
    return {"changed": False, "subjects": subjects, "drifts": drifts}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "programs": {"type": "list", "elements": "str", "default": []},
        },
    )


if __name__ == "__main__":
    main()
