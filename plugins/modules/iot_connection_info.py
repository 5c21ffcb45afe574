#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_connection_info
short_description: Say why devices cannot connect
version_added: 0.1.0
description:
  - Looks at the thing, its certificates, the key that this host keeps, quarantine, the policies of
    certificate and thing groups (evaluated as AWS IoT does, on the device's own topics), fleet indexing and
    the logs, and names the first thing that AWS IoT would stumble over.
  - About ten calls for each device, so for a handful only.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.key_protection
  - steel.fleet.fleet
  - steel.fleet.reads
options:
  device_ids:
    description: The devices. None takes the first that fleet indexing knows as not connected.
    type: list
    elements: str
    default: []
  most_devices:
    description: How many devices are looked at, from 1 to 100.
    type: int
    default: 20
  devices_directory:
    description: Private directory with the devices' keys and certificates.
    type: path
    required: true
  quarantine_group:
    description: Thing group of the devices that are in quarantine.
    type: str
    default: ""
  quarantine_policy:
    description: Policy that denies everything.
    type: str
    default: ""
  broker_log_group:
    description: Log group of AWS IoT itself. Empty looks into none.
    type: str
    default: ""
  device_log_group:
    description: Log group of the boards. Empty looks into none.
    type: str
    default: ""
  since_minutes:
    description: How far back logs are read.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Find out why two devices are away
  steel.fleet.iot_connection_info:
    name_prefix: aws-iot-steel
    environment_name: production
    device_ids: [device-001, device-002]
    devices_directory: /var/lib/fleet/production/devices
    broker_log_group: AWSIotLogsV2
"""

RETURN = r"""
devices:
  description: What was found out about each device.
  type: list
  elements: dict
  returned: success
  contains:
    thing: {description: The device., type: str, returned: always, sample: aws-iot-steel-local-device-001}
    connected: {description: Whether it is connected now., type: bool, returned: always, sample: false}
    certificate_id: {description: The certificate looked at., type: str, returned: always, sample: 0a1b2c}
    why:
      description: The first thing that AWS IoT would stumble over.
      type: str
      returned: always
      sample: "The certificate is active: no. 0a1b2c is INACTIVE."
    checks: {description: Every row., type: list, elements: dict, returned: always, sample: []}
sections:
  description: Sections for the report of the run.
  type: list
  elements: dict
  returned: success
  sample: []
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils import key_protection
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import account, device_facts
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.connection_facts import Sources
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.connection_diagnosis import (
    Place,
    diagnose,
    sections,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto import keys
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_store import DeviceStore

MOST_DEVICES = 100


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if not 1 <= params["most_devices"] <= MOST_DEVICES:
        raise InvalidInputError(f"most_devices is {params['most_devices']}; it can be 1 to {MOST_DEVICES}.")
    if params["since_minutes"] < 1:
        raise InvalidInputError(f"since_minutes is {params['since_minutes']}; it must be 1 or more.")
    keys.require()
    iot, now = context.client("iot"), SystemClock().now()
    things, directory = chosen(params, iot), Path(params["devices_directory"])
    sources = Sources(
        iot,
        context.client("logs"),
        DeviceStore(directory, key_protection.protection(context, directory)),
        params["broker_log_group"],
        params["device_log_group"],
    )
    known = sources.read(things, now - timedelta(minutes=params["since_minutes"]))
    place = where(context, params)
    found = [diagnose(one, place, now) for one in known]
    return {
        "changed": False,
        "devices": [one.as_dict() for one in found],
        "sections": sections(found, known),
    }


def chosen(params: Any, iot: Any) -> list[str]:
    prefix, environment = params["name_prefix"], params["environment_name"]
    if not params["device_ids"]:
        start = f"{naming.fleet_name(prefix, environment)}-"
        return device_facts.disconnected(iot, start, params["most_devices"])
    naming.check_device_ids(params["device_ids"], prefix, environment)
    if len(params["device_ids"]) > params["most_devices"]:
        raise InvalidInputError(
            f"{len(params['device_ids'])} devices are more than {params['most_devices']}.",
            "Each takes about ten calls: name some of them.",
        )
    return [naming.thing_name(prefix, environment, one) for one in params["device_ids"]]


def where(context: Context, params: Any) -> Place:
    sts = context.client("sts")
    caller = account.caller_identity(sts)
    return Place(
        caller.account,
        sts.meta.region_name,
        caller.arn.split(":")[1],
        params["quarantine_group"],
        params["quarantine_policy"],
    )


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "device_ids": {"type": "list", "elements": "str", "default": []},
            "most_devices": {"type": "int", "default": 20},
            "devices_directory": {"type": "path", "required": True},
            **key_protection.ARGUMENT_SPEC,
            "quarantine_group": {"type": "str", "default": ""},
            "quarantine_policy": {"type": "str", "default": ""},
            "broker_log_group": {"type": "str", "default": ""},
            "device_log_group": {"type": "str", "default": ""},
            "since_minutes": {"type": "int", "default": 60},
        },
    )


if __name__ == "__main__":
    main()
