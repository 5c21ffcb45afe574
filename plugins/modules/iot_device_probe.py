#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_device_probe
short_description: Connect as a device, and check what it may and what it must not
version_added: 0.1.0
description:
  - Connects over mutual TLS with a provisioned device's key and certificate, as the device does; gets a
    message that the cloud publishes to it; and publishes.
  - Then tries what no device may - another device's topics, another device's client id - and expects the
    server to refuse it. A refusal counts only where the device may do the like for itself, and only when the
    server says "Not authorized" (MQTT 5); a lost connection proves nothing.
  - What is sent where a refusal is expected is harmless should it get through.
  - The key stays in its file; it is not read by anything but the TLS library.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.device_connection
  - steel.fleet.key_protection
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Connects as nobody and publishes nothing; every row says that it was not checked.
    support: full
  idempotent:
    description: Leaves nothing behind.
    support: full
options:
  device_id:
    description: The device to connect as. Empty chooses one.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Try as a device
  steel.fleet.iot_device_probe:
    name_prefix: aws-iot-steel
    environment_name: production
    count: 100
    devices_directory: /var/lib/fleet/production/devices
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
      sample: A device is refused another device's client id
    status:
      description: V(passed), V(failed), V(warned) or V(not_checked).
      type: str
      returned: always
      sample: passed
    detail:
      description: What was seen.
      type: str
      returned: always
      sample: refused aws-iot-steel-production-device-002
thing:
  description: The device that was connected as; empty when none was.
  type: str
  returned: success
  sample: aws-iot-steel-production-device-001
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils import device_connection
from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.validation import device
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.device_probe import DeviceProbe

DEVICE_AND_NEIGHBOUR = 2


def work(context: Context) -> dict[str, Any]:
    params = context.params
    if context.check_mode:
        rows = device.none_of("Check mode connects as no device and publishes nothing.")
        return {"changed": False, "checks": [row.as_dict() for row in rows], "thing": ""}
    iot = context.client("iot")
    devices = device_connection.devices(context)
    named = params["device_id"]
    choice = devices.choose(
        iot,
        1 if named else DEVICE_AND_NEIGHBOUR,
        SystemClock(),
        only=naming.thing_name(params["name_prefix"], params["environment_name"], named) if named else "",
        interrupt=params["interrupt_devices"],
        patience=params["index_timeout_seconds"],
    )
    if not choice.things:
        rows = device.none_of(choice.remark)
        return {"changed": False, "checks": [row.as_dict() for row in rows], "thing": ""}
    thing = choice.things[0]
    # A device that is not connected, so that nothing happens to it should it be impersonated.
    other = choice.things[1] if len(choice.things) > 1 else device.stranger(thing)
    server = device_connection.server(context, iot)
    probe = DeviceProbe(server, context.client("iot-data"), params["timeout_seconds"])
    facts = probe.run(devices.identity(thing), other)
    return {"changed": False, "checks": [row.as_dict() for row in device.rows(facts)], "thing": thing}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **device_connection.ARGUMENT_SPEC,
            "device_id": {"type": "str", "default": ""},
        },
        mutually_exclusive=device_connection.MUTUALLY_EXCLUSIVE,
        required_one_of=device_connection.REQUIRED_ONE_OF,
    )


if __name__ == "__main__":
    main()
