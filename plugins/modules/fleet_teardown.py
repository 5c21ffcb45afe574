#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_teardown
short_description: Remove a whole fleet, stage by stage
version_added: 0.1.0
description:
  - Each stage removes what is left of its part, and can be killed at any moment. The next run finishes it
    from what there is and from the journal.
  - What stacks hold is in the journal before the first is deleted, because nobody knows it afterwards.
  - Nothing is removed whose name does not belong to the fleet.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.fleet
  - steel.fleet.teardown
attributes:
  check_mode:
    description: Says whether the stage would change something.
    support: full
  idempotent:
    description: Changes nothing where nothing is left.
    support: full
options:
  stage:
    description:
      - V(begin) refuses what stands in the way and opens the journal.
      - V(devices) deletes jobs, devices with their certificates, and others that have only its policies.
      - V(stacks) deletes the stacks, the last one first.
      - V(rest) deletes what the stacks leave behind.
      - V(end) fails with a list where anything is left, and closes the journal.
    type: str
    choices: [begin, devices, stacks, rest, end]
    required: true
  confirm:
    description: Has to be the fleet's name. Not needed where nothing is left.
    type: str
    default: ""
  taken_snapshot:
    description: For V(stage=begin) the snapshot that was verified, with C(id), C(things), C(directory).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Delete the stacks
  steel.fleet.fleet_teardown:
    stage: stacks
    name_prefix: aws-iot-steel
    environment_name: staging
    account_id: "000000000000"
    region_name: us-west-2
    state_directory: /var/lib/fleet/staging
    confirm: aws-iot-steel-staging
"""

RETURN = r"""
removed:
  description: What this stage removed, or would; the first 500.
  type: list
  elements: str
  returned: success
  sample: [stack aws-iot-steel-staging-core]
counts:
  description: Of V(stage=devices) how many devices, jobs and single certificates went.
  type: dict
  returned: for V(stage=devices) and not in check mode
  sample: {devices: 100, jobs: 2, certificates: 0}
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.teardown.plan import Plan
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.teardown.report import SHOWN
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.teardown import Teardown
from ansible_collections.steel.fleet.plugins.module_utils.teardown_options import (
    OPTIONS,
    rights_explained,
    teardown,
)


def work(context: Context) -> dict[str, Any]:
    made, stage = teardown(context), context.params["stage"]
    with rights_explained():
        if context.check_mode:
            would = of_stage(made.look(), stage)
            return {"changed": bool(would), "removed": would[:SHOWN]}
        return STAGES[stage](made, context.params)


def of_stage(plan: Plan, stage: str) -> list[str]:
    things = [f"thing {one}" for one in plan.devices]
    return {
        "devices": [*things, *(f"job {one}" for one in plan.jobs)],
        "stacks": [f"stack {one.name}" for one in reversed(plan.world.stacks)],
        "rest": [one.text for one in plan.to_remove],
    }.get(stage, [])


def begin(made: Teardown, params: Any) -> dict[str, Any]:
    return {"changed": made.begin(params["confirm"], params["taken_snapshot"]), "removed": []}


def devices(made: Teardown, params: Any) -> dict[str, Any]:
    counts = made.remove_devices(params["confirm"])
    return {"changed": any(counts.values()), "removed": [], "counts": counts}


def stacks(made: Teardown, params: Any) -> dict[str, Any]:
    names = made.remove_stacks(params["confirm"])
    return {"changed": bool(names), "removed": [f"stack {one}" for one in names]}


def rest(made: Teardown, params: Any) -> dict[str, Any]:
    gone = made.remove_rest(params["confirm"])
    return {"changed": bool(gone), "removed": [one.text for one in gone]}


def end(made: Teardown, params: Any) -> dict[str, Any]:
    made.end(params["confirm"])
    return {"changed": False, "removed": []}


STAGES = {"begin": begin, "devices": devices, "stacks": stacks, "rest": rest, "end": end}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **OPTIONS,
            "stage": {"type": "str", "choices": list(STAGES), "required": True},
            "confirm": {"type": "str", "default": ""},
            "taken_snapshot": {"type": "dict", "default": {}},
        },
    )


if __name__ == "__main__":
    main()
