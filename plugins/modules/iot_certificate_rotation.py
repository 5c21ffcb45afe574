#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_certificate_rotation
short_description: Give devices new certificates, wave by wave
version_added: 0.1.0
description:
  - Devices whose certificate is too old or expires soon are asked, by a job, for a signing request. They make
    the key themselves; it never travels. Each gets its new certificate in its shadow, connects with it, and
    says so. Only then its old certificate is switched off, and only when the device stayed connected after
    that is it deleted.
  - The first wave is small. A wave with too many failures stops, every device with its old certificate. It
    can be taken back, or gone on with.
  - It can be killed at any moment; the next run goes on with the wave at hand.
  - Devices that are not connected are left for another time.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.paced
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Tells whose turn it is, the waves, the calls and the duration.
    support: partial
  diff_mode:
    description: Shows the devices that would get a new certificate; the first 50 of them.
    support: full
  idempotent:
    description: Does nothing where no certificate is due.
    support: full
options:
  action:
    description:
      - V(rotate) ends a wave that was begun and rotates what is due.
      - V(undo) gives the devices of the wave at hand their old certificates back.
      - V(accept) goes on with a stopped wave, without the devices that failed.
    type: str
    choices: [rotate, undo, accept]
    default: rotate
  policy:
    description: Policy of every certificate.
    type: str
    required: true
  group:
    description: Thing group of the whole fleet.
    type: str
    required: true
  device_ids:
    description: Rotate just these, whatever the age of their certificates. Empty takes all that are due.
    type: list
    elements: str
    default: []
  max_age_days:
    description: An older certificate is due.
    type: int
    default: 365
  expiring_within_days:
    description: A certificate that expires so soon is due.
    type: int
    default: 90
  rules:
    description: How to go about it.
    type: dict
    default: {}
    suboptions:
      wave_size:
        description: Devices of a wave, from 1 to 500.
        type: int
        default: 100
      canary_size:
        description: Devices of the first wave.
        type: int
        default: 5
      timeout_seconds:
        description: How long the devices of a wave may take to come back with the new certificate.
        type: float
        default: 3600
      bake_seconds:
        description: How long devices are watched after their old certificate was switched off.
        type: float
        default: 600
      max_failed_percent:
        description: A wave with more failures stops.
        type: float
        default: 5
      poll_seconds:
        description: Pause between two looks at the wave.
        type: float
        default: 10
      waves:
        description: Waves of one run; V(0) for all.
        type: int
        default: 0
  state_directory:
    description: Private directory of the fleet on this host. The waves are kept in C(rotation/) in it.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Replace certificates that are older than a year
  steel.fleet.iot_certificate_rotation:
    name_prefix: aws-iot-steel
    environment_name: production
    policy: aws-iot-steel-production-device
    group: aws-iot-steel-production
    max_age_days: 365
    state_directory: /var/lib/fleet/production

- name: Take the wave back that was stopped
  steel.fleet.iot_certificate_rotation:
    action: undo
    name_prefix: aws-iot-steel
    environment_name: production
    policy: aws-iot-steel-production-device
    group: aws-iot-steel-production
    state_directory: /var/lib/fleet/production
"""

RETURN = r"""
counts:
  description: Devices to rotate, due ones that are not connected, waves, devices of a wave begun earlier.
  type: dict
  returned: when rotating
  sample: {to_rotate: 100, not_connected: 3, waves: 2, begun: 0}
estimate:
  description: Calls by operation, seconds at the quotas, the slowest operation, and the quotas worth raising.
  type: dict
  returned: when rotating
  sample: {calls: {DeleteCertificate: 100}, seconds: 10.0, slowest: DeleteCertificate, quotas: AWS defaults}
lines:
  description: The plan for a terminal.
  type: list
  elements: str
  returned: when rotating
  sample: ["100 devices to rotate in 2 waves; 3 more are not connected."]
not_connected:
  description: Devices whose certificate is due and which are not connected.
  type: list
  elements: str
  returned: when rotating
  sample: []
rotated:
  description: Devices that have a new certificate.
  type: list
  elements: str
  returned: not in check mode
  sample: [aws-iot-steel-production-device-001]
undone:
  description: Devices that have their old certificate back.
  type: list
  elements: str
  returned: not in check mode
  sample: []
failed_devices:
  description: Device to the reason why it keeps its old certificate.
  type: dict
  returned: not in check mode
  sample: {}
requests:
  description: Requests sent by operation, repetitions included.
  type: dict
  returned: not in check mode
  sample: {CreateCertificateFromCsr: 100}
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.certificates import Limits
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rotation.engine import Outcome
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.rotation.model import Rules
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.rotation import (
    CertificateRotation,
    Clients,
    Place,
)
from ansible_collections.steel.fleet.plugins.module_utils.paced_module import (
    ARGUMENT_SPEC,
    concurrency,
    rates,
    shown,
)

RULES = {
    "wave_size": {"type": "int", "default": 100},
    "canary_size": {"type": "int", "default": 5},
    "timeout_seconds": {"type": "float", "default": 3600},
    "bake_seconds": {"type": "float", "default": 600},
    "max_failed_percent": {"type": "float", "default": 5},
    "poll_seconds": {"type": "float", "default": 10},
    "waves": {"type": "int", "default": 0},
}


def rotation(context: Context) -> CertificateRotation:
    params = context.params
    at_once = concurrency(context)
    return CertificateRotation(
        Place(
            params["name_prefix"],
            params["environment_name"],
            params["policy"],
            params["group"],
            Path(params["state_directory"]),
        ),
        Clients(
            *(
                context.client(service, max_connections=at_once)
                for service in ("iot", "iot-data", "iot-jobs-data")
            )
        ),
        Rules(**params["rules"]),
        rates(context),
        at_once,
        shown(context),
    )


def outcome_of(work: CertificateRotation, outcome: Outcome) -> dict[str, Any]:
    return {
        "changed": bool(outcome.rotated or outcome.undone or outcome.failed),
        "rotated": sorted(outcome.rotated),
        "undone": sorted(outcome.undone),
        "failed_devices": outcome.failed,
        "requests": work.requests,
    }


def work(context: Context) -> dict[str, Any]:
    params = context.params
    limits = Limits(params["max_age_days"], params["expiring_within_days"])
    rotate = rotation(context)
    if params["action"] == "rotate":
        if context.check_mode:
            plan = rotate.look(limits, params["device_ids"])
            return {
                "changed": plan.changed,
                "diff": plan.diff(),
                "lines": plan.lines(),
                "not_connected": list(plan.later),
                **plan.as_dict(),
            }
        plan, outcome = rotate.rotate(limits, params["device_ids"])
        for thing, reason in outcome.failed.items():
            context.warn(f"{thing} keeps its old certificate: {reason}.")
        return {
            **outcome_of(rotate, outcome),
            "diff": plan.diff(),
            "lines": plan.lines(),
            "not_connected": list(plan.later),
            **plan.as_dict(),
        }
    if context.check_mode:
        return {"changed": rotate.current() is not None}
    return outcome_of(rotate, rotate.undo() if params["action"] == "undo" else rotate.accept())


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "action": {"type": "str", "choices": ["rotate", "undo", "accept"], "default": "rotate"},
            **FLEET_SPEC,
            "policy": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "device_ids": {"type": "list", "elements": "str", "default": []},
            "max_age_days": {"type": "int", "default": 365},
            "expiring_within_days": {"type": "int", "default": 90},
            "rules": {"type": "dict", "options": RULES, "default": {}, "apply_defaults": True},
            "state_directory": {"type": "path", "required": True},
            **ARGUMENT_SPEC,
        },
    )


if __name__ == "__main__":
    main()
