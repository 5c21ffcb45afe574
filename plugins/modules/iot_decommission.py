#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_decommission
short_description: Take devices out of service for good
version_added: 0.1.0
description:
  - Keeps what the registry has of a device as evidence on this host, switches its certificates off, detaches
    and deletes them, deletes its shadow and its thing, and moves its key and certificate beside the evidence.
  - It can be killed at any moment. The next run with the same devices finishes the job from the evidence.
  - A device that is gone already is no error and costs one call.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Returns the plan, its calls and its duration. Needs no O(confirm).
    support: full
  diff_mode:
    description: Shows the things that would go; the first 50 of them in full.
    support: full
  idempotent:
    description: Changes nothing where the devices are gone.
    support: full
options:
  device_ids:
    description: The devices to take out of service.
    type: list
    elements: str
    required: true
  confirm:
    description:
      - Has to be the ids of O(device_ids), joined by commas; for more than 10 devices the fleet's name and
        their count, such as V(aws-iot-steel-staging/25).
      - Not needed where nothing is left to do.
    type: str
    default: ""
  state_directory:
    description: Private directory of the fleet on this host. The evidence goes to C(decommissioned/) in it.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Take two devices out of service
  steel.fleet.iot_decommission:
    name_prefix: aws-iot-steel
    environment_name: staging
    device_ids: [lab-a, lab-b]
    confirm: lab-a,lab-b
    state_directory: /var/lib/fleet/staging
"""

RETURN = r"""
counts:
  description: How many devices were named and how they stood before this run.
  type: dict
  returned: success
  sample: {wanted: 2, to_decommission: 2, to_finish: 0, gone: 0}
estimate:
  description: Calls by operation, seconds at the quotas, the slowest operation, and the quotas worth raising.
  type: dict
  returned: success
  sample: {calls: {DeleteThing: 2}, seconds: 0.2, slowest: DeleteCertificate, quotas: AWS defaults}
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: success
  sample: ["2 devices named: 2 to decommission, 0 to finish, 0 gone already."]
confirmation:
  description: What O(confirm) has to be.
  type: str
  returned: success
  sample: lab-a,lab-b
archived:
  description: Thing to the directory with its evidence, its key and its certificate.
  type: dict
  returned: not in check mode
  sample: {fleet-staging-lab-a: /var/lib/fleet/staging/decommissioned/fleet-staging-lab-a-2026-11-28T093000Z}
requests:
  description: Requests sent by operation, repetitions included.
  type: dict
  returned: not in check mode
  sample: {DeleteThing: 2}
throttled:
  description: Requests that AWS refused for being too many, by operation.
  type: dict
  returned: not in check mode
  sample: {}
seconds:
  description: How long it took.
  type: float
  returned: not in check mode
  sample: 1.2
failed_devices:
  description: Thing to the reason why it is not gone.
  type: dict
  returned: when devices are not gone
  sample: {}
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.provisioning.decommission import Order
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.decommissioner import Decommissioner
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import (
    ARGUMENT_SPEC,
    concurrency,
    rates,
    require_all,
    shown,
)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    at_once = concurrency(context)
    order = Order(params["name_prefix"], params["environment_name"], params["device_ids"])
    decommissioner = Decommissioner(
        order,
        Path(params["state_directory"]),
        context.client("iot", max_connections=at_once),
        context.client("iot-data", max_connections=at_once),
        rates(context),
        at_once,
        shown(context),
    )
    if context.check_mode:
        plan = decommissioner.look()
        return {
            "changed": plan.changed,
            "diff": plan.diff(),
            "lines": plan.lines(),
            "confirmation": order.confirmation,
            **plan.as_dict(),
        }
    result = decommissioner.remove(params["confirm"])
    plan, outcome = result.plan, result.outcome
    require_all(
        outcome.failed,
        len(order.device_ids),
        outcome.stopped,
        "gone",
        f"{len(outcome.archived):,} devices are gone; running again goes on from there.",
    )
    return {
        "changed": plan.changed,
        "diff": plan.diff(),
        "lines": plan.lines(),
        "confirmation": order.confirmation,
        **plan.as_dict(),
        "archived": outcome.archived,
        "requests": result.attempts,
        "throttled": result.throttled,
        "seconds": round(result.seconds, 3),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str", "required": True},
            "confirm": {"type": "str", "default": ""},
            "state_directory": {"type": "path", "required": True},
            **ARGUMENT_SPEC,
        },
    )


if __name__ == "__main__":
    main()
