#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_certificates_info
short_description: Report age, expiry, policy and ownership of a fleet's certificates
version_added: 0.1.0
description:
  - Reads the registry in pages, never with a call per device. The age is what the registry says; the expiry
    is read from the copy that this control host keeps, where it keeps one.
  - A certificate that has the device policy and belongs to no device is left over.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.reads
options:
  environment_name:
    description: The environment whose devices are looked at.
    type: str
    required: true
  policy:
    description: The policy that every certificate has to have.
    type: str
    default: ""
  state_directory:
    description: Private directory of the fleet on this host, where copies of the certificates are.
    type: path
    required: true
  max_age_days:
    description: An older certificate needs attention.
    type: int
    default: 365
  expiring_within_days:
    description: A certificate that expires so soon needs attention.
    type: int
    default: 90
"""

EXAMPLES = r"""
- name: Look at the certificates
  steel.fleet.fleet_certificates_info:
    environment_name: production
    policy: aws-iot-steel-production-device
    state_directory: /var/lib/fleet/production
    max_age_days: 365
"""

RETURN = r"""
certificates:
  description: Every device with its certificate, those with troubles first.
  type: list
  elements: dict
  returned: success
  contains:
    thing: {description: The device., type: str, returned: always, sample: aws-iot-steel-local-device-001}
    certificate_id: {description: Its certificate., type: str, returned: always, sample: 0a1b2c}
    status: {description: Of the certificate., type: str, returned: always, sample: ACTIVE}
    age_days: {description: Since it was made., type: float, returned: always, sample: 41.5}
    expires_in_days:
      description: Until it expires; null where this host has no copy.
      type: float
      returned: always
      sample: 8432.1
    troubles: {description: What is wrong., type: list, elements: str, returned: always, sample: [too old]}
orphans:
  description: Certificates with the device policy that belong to no device.
  type: list
  elements: str
  returned: success
  sample: []
expiring:
  description: Devices whose certificate expires soon, or has.
  type: int
  returned: success
  sample: 0
checks:
  description: What was checked, as rows of a report.
  type: list
  elements: dict
  returned: success
  sample: []
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import fleet_state
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.certificates import (
    EXPIRES,
    Limits,
    examine,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto import keys
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_store import DeviceStore
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.provisioner import DEVICES


def work(context: Context) -> dict[str, Any]:
    params = context.params
    limits = Limits(params["max_age_days"], params["expiring_within_days"])
    keys.require()
    fleet = fleet_state.read_fleet(context.client("iot"), params["environment_name"], params["policy"], "")
    ends = DeviceStore(Path(params["state_directory"]) / DEVICES).expiries(fleet.things)
    found = examine(fleet, ends, SystemClock().now(), limits)
    return {
        "changed": False,
        "certificates": [one.as_dict() for one in found.entries],
        "expiring": sum(EXPIRES in one.troubles for one in found.entries),
        "orphans": list(found.orphans),
        "checks": [one.as_dict() for one in found.checks()],
        "sections": found.sections(),
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "environment_name": {"type": "str", "required": True},
            "policy": {"type": "str", "default": ""},
            "state_directory": {"type": "path", "required": True},
            "max_age_days": {"type": "int", "default": 365},
            "expiring_within_days": {"type": "int", "default": 90},
        },
    )


if __name__ == "__main__":
    main()
