#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_claim_devices
short_description: Say which devices may register themselves with the claim certificate
version_added: 0.1.0
description:
  - Keeps the list of expected devices, an object in S3 that the pre-provisioning hook reads for every device.
  - Devices are added; those that have registered leave the list. Others that are on it stay.
  - The write says which version of the list it replaces, so that of two writers at once one gets an error.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced.quotas
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Returns the plan and how long the registrations take, also where there is no bucket yet.
    support: full
  diff_mode:
    description: Shows the devices that come and go, the first 50 of them.
    support: full
  idempotent:
    description: Writes the list only when it changes.
    support: full
options:
  state:
    description: V(present) expects the devices, V(absent) takes them off the list.
    type: str
    choices: [present, absent]
    default: present
  device_ids:
    description: The devices. Exclusive with O(count).
    type: list
    elements: str
  start_id:
    description: Number of the first device when O(count) says how many there are.
    type: int
    default: 1
  count:
    description: How many devices, named V(device-001) and so on from O(start_id).
    type: int
  again:
    description:
      - Registered devices that may register themselves another time, for instance after they were erased.
      - The permission is for the certificate that a device has now, and ends when it has another one.
    type: list
    elements: str
    default: []
  confirm:
    description:
      - What M(steel.fleet.iot_decommission) wants for these devices. Outside check mode, nothing on the list
        is taken off it without (O(state=absent)).
    type: str
    default: ""
  bucket:
    description: Bucket of the list. In check mode it may be empty, when its name is not known yet.
    type: str
    default: ""
  key:
    description: Key of the list.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Expect 100 devices
  steel.fleet.iot_claim_devices:
    name_prefix: aws-iot-steel
    environment_name: staging
    count: 100
    bucket: aws-iot-steel-staging-deploy-123456789012-us-west-2
    key: provisioning/claim/expected.json
"""

RETURN = r"""
counts:
  description: How many devices were named, are registered, are expected, and how the list changes.
  type: dict
  returned: success
  sample: {wanted: 100, registered: 3, expected: 97, added: 97, removed: 0, again: 0}
estimate:
  description: Calls until all expected devices are registered, seconds at the quotas, the slowest operation.
  type: dict
  returned: success
  sample: {strategy: claim, calls: {RegisterThing: 97}, seconds: 9.7, slowest: RegisterThing}
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["100 devices named: 3 are registered. 97 devices are expected, 97 of them new on the list."]
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.claim_list import ClaimList
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.decommission import Order
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import QUOTAS_SPEC, rates


def work(context: Context) -> dict[str, Any]:
    params = context.params
    prefix, environment = params["name_prefix"], params["environment_name"]
    device_ids = naming.chosen_device_ids(params["device_ids"], params["start_id"], params["count"])
    naming.check_device_ids(device_ids, prefix, environment)
    clients = context.client("s3"), context.client("iot")
    kept = ClaimList(prefix, environment, params["bucket"], params["key"], *clients)
    if params["state"] == "present":
        plan, etag = kept.expect(device_ids, params["again"], rates(context))
    else:
        plan, etag = kept.forget(device_ids)
    if plan.changed and not context.check_mode:
        if params["state"] == "absent":
            Order(prefix, environment, device_ids).require(params["confirm"])
        kept.write(plan, etag)
    return {"changed": plan.changed, "diff": plan.diff(), "lines": plan.lines(), **plan.as_dict()}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "device_ids": {"type": "list", "elements": "str"},
            "start_id": {"type": "int", "default": 1},
            "count": {"type": "int"},
            "again": {"type": "list", "elements": "str", "default": []},
            "confirm": {"type": "str", "default": ""},
            "bucket": {"type": "str", "default": ""},
            "key": {"type": "str", "required": True, "no_log": False},
            **QUOTAS_SPEC,
        },
        mutually_exclusive=[("device_ids", "count")],
        required_one_of=[("device_ids", "count")],
    )


if __name__ == "__main__":
    main()
