#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_flash
short_description: Flash boards at many serial ports at the same time
version_added: 0.1.0
description:
  - Runs on the host that the ports are at, with Espressif's esptool, a process for each port.
  - Detects the chip, refuses one that the release is not for, reads its MAC, and refuses a board that is
    another device already.
  - Compares every region by its hash, writes only those that differ, verifies all, and restarts the board.
  - A port that fails is tried again at a lower rate, and never stops another one.
  - Can be stopped at any moment. The next run writes what is still missing.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description:
      - Connects to every board, which restarts it, compares, and says what would be written.
    support: full
  idempotent:
    description: Writes nothing to a board that is as it is to be.
    support: full
options:
  ports:
    description: Ports and the devices that are at them.
    type: list
    elements: dict
    required: true
    suboptions:
      port:
        description: As esptool names it, such as C(/dev/ttyUSB0), C(rfc2217://host:port), C(socket://host:port).
        type: str
        required: true
      device_id:
        description: The device that the board there is to be.
        type: str
        required: true
  release:
    description: Directory of the release. It is verified again, right before it is written.
    type: path
    required: true
  public_key:
    description: Public key (PEM) of who signs releases.
    type: str
    required: true
  identities:
    description: Directory with the identity images of the devices, as M(steel.fleet.esp_identity) makes it.
    type: path
    required: true
  known_boards:
    description: MAC to device id, of boards that the registry knows.
    type: dict
    default: {}
  replace_boards:
    description: Whether a device may get another board than it had.
    type: bool
    default: false
  before_secure_boot:
    description:
      - Whether a release for boards with secure boot may go to boards where it is still off, so that
        M(steel.fleet.esp_harden) can switch it on.
    type: bool
    default: false
  hardening_keys:
    description:
      - Directory with the flash encryption keys that M(steel.fleet.esp_harden) made. What such a board reads
        through its key is written encrypted.
    type: path
  bauds:
    description: Rates of the attempts, one after the other.
    type: list
    elements: int
    default: [921600, 460800, 115200]
  timeout_seconds:
    description: After which a port is given up.
    type: float
    default: 900.0
  record_file:
    description: The record of this station. It only grows.
    type: path
    required: true
  operator:
    description: Who flashes, for the record.
    type: str
    default: ""
  progress_file:
    description: File that always holds how far the run is. Set by the action plugin of the same name.
    type: path
"""

EXAMPLES = r"""
- name: Flash two boards
  steel.fleet.esp_flash:
    ports:
      - {port: /dev/ttyUSB0, device_id: device-001}
      - {port: /dev/ttyUSB1, device_id: device-002}
    release: .local/fleet/firmware/1.0.0
    public_key: "{{ lookup('ansible.builtin.file', '.local/fleet/signing/public.pem') }}"
    identities: "{{ identities.directory }}"
    record_file: .local/fleet/flash/station.jsonl
"""

RETURN = r"""
boards:
  description: What came of each port, also when some failed.
  type: list
  elements: dict
  returned: always
  sample:
    - {port: /dev/ttyUSB0, device_id: device-001, mac: "58:cf:79:00:00:01", chip_revision: "0.4", good: true,
       different: [app], written_bytes: 4096, baud: 921600, attempts: 1, seconds: 3.1, error: "",
       identity_sha256: 0a1b2c}
rows:
  description: The same as rows of a report.
  type: list
  elements: list
  returned: always
  sample: [[/dev/ttyUSB0, device-001, "58:cf:79:00:00:01", {text: good, status: passed}, app, 4096, 3.1, 1]]
facts:
  description: What all boards share in the record.
  type: dict
  returned: always
  sample: {firmware_version: 1.0.0, images: {app: 0a1b2c}, esptool: 5.6.0, operator: ops, station: bench-1}
failed_ports:
  description: Port to the reason why its board is not good.
  type: dict
  returned: when ports failed
  sample: {/dev/ttyUSB1: "/dev/ttyUSB1: … (another program uses the port: close it)."}
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import (
    firmware_release,
    flashing,
    hardening_keys,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import progress
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import SystemClock
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.firmware import layout, station
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.esp import images
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.esp.flasher import Expected

NAMED_IN_MESSAGE = 3


def orders(params: Mapping[str, Any], release: firmware_release.Release) -> list[flashing.Order]:
    """What each port is to hold."""
    shared = release.shared_regions()
    found = []
    for one in params["ports"]:
        identity, keys = (own(Path(params["identities"]), one["device_id"], kind) for kind in ("bin", "keys"))
        if identity is None:
            raise InvalidInputError(f"identities: there is no image of {one['device_id']}.")
        regions = layout.own_regions(release.manifest, release.partitions, identity, keys)
        # What starts the chip stays last.
        found.append(
            flashing.Order(
                one["port"], one["device_id"], [*shared[:-1], *regions, shared[-1]], digest(identity)
            )
        )
    return found


def own(directory: Path, device_id: str, kind: str) -> bytes | None:
    path = directory / f"{device_id}.{kind}"
    return path.read_bytes() if path.exists() else None


def settings(params: Mapping[str, Any], release: firmware_release.Release, look: bool) -> flashing.Settings:
    found = release.manifest
    return flashing.Settings(
        Expected(
            revision=found.revision,
            secure_boot=found.security.secure_boot,
            flash_encryption=found.security.flash_encryption,
            flash_bytes=found.flash.size_bytes,
            before_secure_boot=params["before_secure_boot"],
        ),
        params["bauds"],
        look,
        params["timeout_seconds"],
        hardening_keys.read(Path(params["hardening_keys"])) if params["hardening_keys"] else {},
    )


def facts(params: Mapping[str, Any], release: firmware_release.Release) -> dict[str, Any]:
    return {
        "firmware_version": release.manifest.version,
        "images": {one.name: one.sha256 for one in release.manifest.images},
        "esptool": images.esptool_version(),
        "operator": params["operator"],
        "station": socket.gethostname(),
    }


def known(params: Mapping[str, Any], record: flashing.Record) -> dict[str, str]:
    """The registry knows better than the record of one station."""
    listed = {station.check_mac("known_boards", mac): str(one) for mac, one in params["known_boards"].items()}
    bound = {mac: one for mac, one in record.bindings().items() if one not in listed.values()}
    return {**bound, **listed}


def work(context: Context) -> dict[str, Any]:
    params, clock = context.params, SystemClock()
    if not params["bauds"] or not params["ports"]:
        raise InvalidInputError("ports and bauds need at least one entry each.")
    release = firmware_release.load(Path(params["release"]), firmware_release.trusted(params["public_key"]))
    shared = facts(params, release)
    record = flashing.Record(Path(params["record_file"]), clock, shared)
    show = progress.to_file(Path(params["progress_file"])) if params["progress_file"] else lambda moment: None
    desk = station.Desk(known(params, record), params["replace_boards"])
    bench = flashing.Bench(settings(params, release, context.check_mode), desk, clock, show)

    def finished(result: flashing.Result) -> None:
        if not context.check_mode:
            record.keep(result)

    results = bench.run(orders(params, release), finished)
    boards = [one.as_dict() for one in results]
    failed = {one["port"]: one["error"] for one in boards if not one["good"]}
    changed = any(one["different"] for one in boards)
    if failed:
        few = " ".join(list(failed.values())[:NAMED_IN_MESSAGE])
        raise FleetError(
            f"{len(failed)} of {len(boards)} ports failed. {few}",
            "The other boards are done. Run again: what is done is not written twice.",
            boards=boards,
            rows=flashing.rows(results),
            facts=shared,
            failed_ports=failed,
            changed=changed,
        )
    return {"changed": changed, "boards": boards, "rows": flashing.rows(results), "facts": shared}


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
            "release": {"type": "path", "required": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
            "identities": {"type": "path", "required": True},
            "known_boards": {"type": "dict", "default": {}},
            "replace_boards": {"type": "bool", "default": False},
            "before_secure_boot": {"type": "bool", "default": False},
            "hardening_keys": {"type": "path", "no_log": False},
            "bauds": {"type": "list", "elements": "int", "default": [921600, 460800, 115200]},
            "timeout_seconds": {"type": "float", "default": 900.0},
            "record_file": {"type": "path", "required": True},
            "operator": {"type": "str", "default": ""},
            "progress_file": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()
