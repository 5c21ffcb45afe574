#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_harden
short_description: Switch on secure boot or flash encryption in boards, for good
version_added: 0.1.0
description:
  - Reads the eFuses of each board, plans what is still to be burnt for one step, in the order that the chip
    demands, and rehearses it with C(espefuse) on a virtual chip that has the same eFuses.
  - Burns what was rehearsed, and compares the chip with the end of the rehearsal. Nothing can be undone.
  - Works on one board after the other. A board that is refused stops no other one.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Connects to every board, which restarts it, rehearses, and says what would be burnt.
    support: full
  idempotent:
    description: Burns nothing into a board that has the step done.
    support: full
options:
  ports:
    description: Ports and the devices that are at them.
    type: list
    elements: dict
    required: true
    suboptions:
      port:
        description: As esptool names it.
        type: str
        required: true
      device_id:
        description: The device there; its board must be the one that was flashed.
        type: str
        required: true
  step:
    description: What is switched on.
    type: str
    choices: [flash_encryption, secure_boot]
    required: true
  release:
    description:
      - Directory of the release that the boards have afterwards. Its security profile must say so. For secure
        boot its images must be signed and on the board already.
    type: path
    required: true
  public_key:
    description: Public key (PEM) of who signs releases.
    type: str
    required: true
  known_boards:
    description: MAC to device id, of boards that the registry knows.
    type: dict
    required: true
  keys_directory:
    description: Where the flash encryption keys of boards are kept, each with mode 0600.
    type: path
    required: true
  secure_boot_keys:
    description: Files with the keys (PEM, private or public) whose signatures start a chip, one to three.
    type: list
    elements: path
    default: []
  confirm:
    description: The device ids of O(ports), with commas. Needed but in check mode.
    type: str
    default: ""
  record_file:
    description: The record of the station; a line before and after each eFuse.
    type: path
    required: true
  operator:
    description: Who does it, for the record.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Switch on secure boot
  steel.fleet.esp_harden:
    ports: [{port: /dev/ttyUSB0, device_id: device-001}]
    step: secure_boot
    release: /var/lib/fleet/production/firmware/1.1.0
    public_key: "{{ lookup('ansible.builtin.file', 'public.pem') }}"
    known_boards: {"58:cf:79:00:00:01": device-001}
    keys_directory: /var/lib/fleet/production/hardening
    secure_boot_keys: [/var/lib/fleet/production/hardening/secure_boot.pem]
    confirm: device-001
    record_file: /var/lib/fleet/production/flash/station.jsonl
"""

RETURN = r"""
boards:
  description: The boards, what is (to be) burnt, and their security profile now.
  type: list
  elements: dict
  returned: always
  sample:
    - port: /dev/ttyUSB0
      device_id: device-001
      mac: "58:cf:79:00:00:01"
      burns: ["SECURE_BOOT_EN = 1: the chip starts nothing that is not signed"]
      profile: secure_boot
      good: true
      error: ""
lines:
  description: The same for people.
  type: list
  elements: str
  returned: always
  sample: ["device-001 at /dev/ttyUSB0: nothing to burn"]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import firmware_release
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import journal
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware import hardening
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware.hardening import Burn
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.hardening import Hardener, KeyRing, Target


def targets(params: Mapping[str, Any]) -> list[Target]:
    macs = {str(device): mac for mac, device in params["known_boards"].items()}
    return [Target(one["port"], one["device_id"], macs.get(one["device_id"], "")) for one in params["ports"]]


def harden(context: Context, hardener: Hardener, target: Target) -> dict[str, Any]:
    """One board; its errors are in the result."""
    done: dict[str, Any] = {"port": target.port, "device_id": target.device_id, "mac": target.mac}
    done |= {"burns": [], "profile": "", "good": True, "error": ""}
    try:
        prepared = hardener.prepare(target)
        done["burns"] = [str(one) for one in prepared.burns]
        state = prepared.chip.state
        if prepared.burns and not context.check_mode:
            state = burn(context, hardener, prepared)
        done["profile"] = ",".join(state.profile)
    except FleetError as error:
        done |= {"good": False, "error": str(error)}
    return done


def burn(context: Context, hardener: Hardener, prepared: Any) -> hardening.State:
    """What happened is in the record even where the power fails in between."""
    params, target = context.params, prepared.target
    path = Path(params["record_file"])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = {"device_id": target.device_id, "mac": target.mac, "step": params["step"]}
    with journal.Journal(path, SystemClock()) as book:

        def burnt(one: Burn) -> None:
            book.write("burnt", **facts, efuse=one.name)

        book.write(
            "hardening", **facts, burns=[str(one) for one in prepared.burns], operator=params["operator"]
        )
        state = hardener.burn(prepared, burnt)
        book.write("hardened", **facts, profile=",".join(state.profile))
    return state


def lines(boards: list[dict[str, Any]]) -> list[str]:
    found = []
    for one in boards:
        where = f"{one['device_id']} at {one['port']}"
        found += [f"{where}: burn for good {each}" for each in one["burns"]]
        if one["error"] or not one["burns"]:
            found.append(f"{where}: {one['error'] or 'nothing to burn'}")
    return found


def work(context: Context) -> dict[str, Any]:
    params = context.params
    devices = ",".join(one["device_id"] for one in params["ports"])
    if not devices:
        raise InvalidInputError("ports needs at least one entry.")
    if not context.check_mode and params["confirm"] != devices:
        raise InvalidInputError(
            "Nothing of this can be undone, so it has to be confirmed.",
            f"Look with --check, then repeat the devices: -e confirm={devices}",
        )
    release = firmware_release.load(Path(params["release"]), firmware_release.trusted(params["public_key"]))
    keys = KeyRing(Path(params["keys_directory"]), [Path(one) for one in params["secure_boot_keys"]])
    hardener = Hardener(params["step"], keys, release)
    boards = [harden(context, hardener, one) for one in targets(params)]
    result = {
        "boards": boards,
        "lines": lines(boards),
        "changed": any(one["burns"] for one in boards),
    }
    failed = [one["error"] for one in boards if not one["good"]]
    if failed:
        raise FleetError(f"{len(failed)} of {len(boards)} boards failed. {failed[0]}", **result)
    return result


def main() -> None:
    run_module(
        work,
        argument_spec={
            "ports": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "port": {"type": "str", "required": True},
                    "device_id": {"type": "str", "required": True},
                },
            },
            "step": {"type": "str", "choices": list(hardening.STEPS), "required": True},
            "release": {"type": "path", "required": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
            "known_boards": {"type": "dict", "required": True},
            "keys_directory": {"type": "path", "required": True, "no_log": False},
            "secure_boot_keys": {"type": "list", "elements": "path", "default": [], "no_log": False},
            "confirm": {"type": "str", "default": ""},
            "record_file": {"type": "path", "required": True},
            "operator": {"type": "str", "default": ""},
        },
    )


if __name__ == "__main__":
    main()
