#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_boards
short_description: Tell the registry which board is which device, and what is on it
version_added: 0.1.0
description:
  - Reads the attribute C(mac) of the fleet's things, in pages, and says which board is which device.
  - Where O(boards) are given, writes their MAC, firmware version, hash of the application, when, by whom and
    with which esptool they were flashed to the attributes of their things. Other attributes are left alone.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says whose attributes would change.
    support: full
  diff_mode:
    description: Shows the attributes that change.
    support: full
  idempotent:
    description: Calls nothing for a thing that says the same already.
    support: full
options:
  boards:
    description: Boards, as RV(steel.fleet.esp_flash#module:boards) has them. Those not good are left out.
    type: list
    elements: dict
    default: []
  profiles:
    description: Device id to security profile, as RV(steel.fleet.esp_harden#module:boards) has it.
    type: dict
    default: {}
  facts:
    description: What they share, as RV(steel.fleet.esp_flash#module:facts).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Which board is which device?
  steel.fleet.esp_boards:
    name_prefix: aws-iot-steel
    environment_name: production
  register: found
"""

RETURN = r"""
known:
  description: MAC to device id.
  type: dict
  returned: success
  sample: {"58:cf:79:00:00:01": device-001}
updated:
  description: Devices whose attributes changed.
  type: list
  elements: str
  returned: success
  sample: [device-001]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import registry, things
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import naming
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock, iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware import station


def read(iot: Any, prefix: str, environment: str) -> dict[str, dict[str, Any]]:
    """Device id → thing, as ListThings answers it."""
    found = {}
    for one in registry.iter_things(iot, attribute=("environment", environment)):
        device_id = naming.device_id_of(one["thingName"], prefix, environment)
        if device_id:
            found[device_id] = one
    return found


def work(context: Context) -> dict[str, Any]:
    params, iot = context.params, context.client("iot")
    fleet = read(iot, params["name_prefix"], params["environment_name"])
    macs = {
        device: one["attributes"][station.MAC_ATTRIBUTE]
        for device, one in fleet.items()
        if station.MAC_ATTRIBUTE in one.get("attributes", {})
    }
    for mac, devices in station.conflicts(macs).items():
        context.warn(f"The board {mac} is entered for {', '.join(devices)}; only one of them can have it.")
    good = [one for one in params["boards"] if one["good"]]
    profiles = params["profiles"]
    missing = [device for device in [*(one["device_id"] for one in good), *profiles] if device not in fleet]
    if missing:
        raise FleetError(
            f"There is no thing of {', '.join(missing)}; only the station knows what its board got.",
            "Provision it (playbooks/provision.yml) and run again.",
        )
    updates = {
        one["device_id"]: new
        for one in good
        if (new := station.attributes(one, params["facts"], fleet[one["device_id"]].get("attributes", {})))
    }
    stamp = {"flashed_at": iso(SystemClock().now())}
    written = {device: {**new, **stamp} for device, new in updates.items()}
    for device, profile in profiles.items():
        if fleet[device].get("attributes", {}).get(station.SECURITY_ATTRIBUTE) != profile:
            new = {station.SECURITY_ATTRIBUTE: str(profile)}
            updates[device] = {**updates.get(device, {}), **new}
            written[device] = {**written.get(device, {}), **new}
    for device, new in written.items():
        if not context.check_mode:
            things.set_attributes(iot, fleet[device]["thingName"], new)
    before = {device: shown(fleet[device].get("attributes", {}), new) for device, new in updates.items()}
    return {
        "changed": bool(updates),
        "diff": {"before": before, "after": updates},
        "known": {mac: device for device, mac in macs.items()},
        "updated": sorted(updates),
    }


def shown(attributes: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: attributes[name] for name in new if name in attributes}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "boards": {"type": "list", "elements": "dict", "default": []},
            "facts": {"type": "dict", "default": {}},
            "profiles": {"type": "dict", "default": {}},
        },
    )


if __name__ == "__main__":
    main()
