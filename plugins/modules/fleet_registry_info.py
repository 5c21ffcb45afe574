#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_registry_info
short_description: Check that every device of a fleet is complete in AWS IoT
version_added: 0.1.0
description:
  - Checks that every wanted device is in the registry, and that every device of the fleet has an active
    certificate of its own, the device policy and membership of the fleet's group.
  - Reads lists in pages. Whether a certificate is really tied to its device takes one call per device, at 20
    a second; above O(principal_sample) devices a random sample is looked at, and the row says so.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Only reads. What does not exist yet is not checked, and what fails is a warning.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  device_ids:
    description: The devices that have to be there. Exclusive with O(count).
    type: list
    elements: str
  start_id:
    description: Number of the first device when O(count) says how many there are.
    type: int
    default: 1
  count:
    description: How many devices, named V(device-001) and so on from O(start_id).
    type: int
  policy:
    description: Policy that every certificate has to have. An empty one counts as one that does not exist.
    type: str
    default: ""
  group:
    description: Thing group of the fleet. Everything in it is checked too. An empty one does not exist.
    type: str
    default: ""
  principal_sample:
    description: The most devices whose principals are looked at.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Check 100 devices
  steel.fleet.fleet_registry_info:
    name_prefix: aws-iot-steel
    environment_name: production
    count: 100
    policy: aws-iot-steel-production-device
    group: aws-iot-steel-production
  register: fleet
"""

RETURN = r"""
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: What was checked.
      type: str
      returned: always
      sample: Every device is in the registry
    status:
      description: V(passed), V(failed), V(warned) or V(not_checked).
      type: str
      returned: always
      sample: passed
    detail: {description: What was seen., type: str, returned: always, sample: all 100 wanted devices}
counts:
  description: Devices that are wanted, that the registry holds, and whose principals were looked at.
  type: dict
  returned: success
  sample: {wanted: 100, present: 100, principals_looked_at: 100}
"""

import random
from collections.abc import Collection, Sequence
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import fleet_state
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.pacing import Pacer
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import checks, registry
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates


def sample(things: Collection[str], most: int) -> Sequence[str]:
    """All things, or ``most`` of them by chance."""
    ordered = sorted(things)
    return ordered if len(ordered) <= most else random.SystemRandom().sample(ordered, most)


def paced(context: Context) -> Any:
    """A client of the registry that keeps to the quotas."""
    iot = context.client("iot")
    Pacer(rates(context), SystemClock()).attach(iot)
    return iot


def work(context: Context) -> dict[str, Any]:
    params = context.params
    prefix, environment = params["name_prefix"], params["environment_name"]
    if params["principal_sample"] < 0:
        raise InvalidInputError(f"principal_sample is {params['principal_sample']}; it must be 0 or more.")
    device_ids = naming.chosen_device_ids(params["device_ids"], params["start_id"], params["count"])
    wanted = {naming.thing_name(prefix, environment, device_id) for device_id in device_ids}
    iot = paced(context)
    fleet = fleet_state.read_fleet(iot, environment, params["policy"], params["group"])
    present = {*wanted, *(fleet.members or ())} & fleet.things.keys()
    principals = fleet_state.principals(iot, sample(present, params["principal_sample"]))
    rows = registry.rows(wanted, fleet, principals, may_be_absent=context.check_mode)
    return {
        "changed": False,
        "checks": [row.as_dict() for row in (checks.before_changes(rows) if context.check_mode else rows)],
        "counts": {
            "wanted": len(wanted),
            "present": len(present),
            "principals_looked_at": len(principals),
        },
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str"},
            "start_id": {"type": "int", "default": 1},
            "count": {"type": "int"},
            "policy": {"type": "str", "default": ""},
            "group": {"type": "str", "default": ""},
            "principal_sample": {"type": "int", "default": 100},
            **QUOTAS_SPEC,
        },
        mutually_exclusive=[("device_ids", "count")],
        required_one_of=[("device_ids", "count")],
    )


if __name__ == "__main__":
    main()
