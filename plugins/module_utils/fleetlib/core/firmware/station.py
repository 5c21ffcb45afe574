"""Which board is which device: decided while ports are flashed, from what registry and record know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import InvalidInputError

FLASHED: Final = "flashed"
"""The event of a record that says that a board is good."""
FAILED: Final = "failed"
SECURITY_ATTRIBUTE: Final = "security"
"""Attribute of a thing: what is switched on in its board for good, with commas."""
MAC_ATTRIBUTE: Final = "mac"
"""Attribute of a thing: the MAC of its board."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def check_mac(where: str, mac: str) -> str:
    """A MAC as everything here writes it."""
    folded = mac.lower()
    if not _MAC.fullmatch(folded):
        raise InvalidInputError(f"{where}: {mac!r} is no MAC such as 58:cf:79:00:00:01.")
    return folded


@dataclass
class Desk:
    """Says whether a board may become a device. Everything that claims goes through one desk."""

    known: Mapping[str, str]
    """MAC → device id, of boards that were flashed before."""
    replace_boards: bool = False
    """Whether a device may get another board than it had."""
    _claimed: dict[str, str] = field(default_factory=dict)
    _became: dict[str, str] = field(default_factory=dict)

    def claim(self, mac: str, device_id: str, port: str) -> str | None:
        """Take the board for the device; or the reason why not."""
        other = self._claimed.get(mac, port)
        if other != port:
            return f"The board {mac} is at {other}, too: two ports lead to one board."
        owner = self.known.get(mac, device_id)
        if owner != device_id:
            return (
                f"The board {mac} is {owner} already; it cannot become {device_id}. Take a new board, or "
                f"flash it as {owner}."
            )
        before = next((one for one, device in self.known.items() if device == device_id), mac)
        if before != mac and not self.replace_boards:
            return (
                f"{device_id} is the board {before} already; a second board with its identity would push it "
                "off the line. If that board is gone for good: flashing_replace_boards=true."
            )
        first = self._became.setdefault(device_id, mac)
        if first != mac:
            return (
                f"The board at {port} was changed: it was {first}, which may have got the identity already."
            )
        self._claimed[mac] = port
        return None


def bindings(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """MAC → device id by the record of a station; a later line wins, for the device, too."""
    found: dict[str, str] = {}
    for record in records:
        if record.get("event") == FLASHED:
            found = {mac: device for mac, device in found.items() if device != record["device_id"]}
            found[record["mac"]] = record["device_id"]
    return found


def conflicts(things: Mapping[str, str]) -> dict[str, list[str]]:
    """MACs that more than one device has. ``things``: device id → MAC."""
    owners: dict[str, list[str]] = {}
    for device, mac in sorted(things.items()):
        owners.setdefault(mac, []).append(device)
    return {mac: devices for mac, devices in owners.items() if len(devices) > 1}


_UNSUITABLE = re.compile(r"[^a-zA-Z0-9_.,@/:#=\[\]-]")
"""What AWS IoT does not take in the value of an attribute."""


def attributes(
    board: Mapping[str, Any], facts: Mapping[str, Any], present: Mapping[str, str]
) -> dict[str, str]:
    """The attributes of a board's thing that have to change; empty when it says what counts already."""
    images = facts["images"]
    wanted = {
        MAC_ATTRIBUTE: board["mac"],
        "firmware_version": facts["firmware_version"],
        "firmware_sha256": images.get("app", ""),
    }
    wanted = {name: value for name, value in wanted.items() if value}
    if not board["different"] and all(present.get(name) == value for name, value in wanted.items()):
        return {}
    by = f"{facts['operator'] or 'unknown'}@{facts['station']}"
    return {**wanted, "flashed_by": _UNSUITABLE.sub("_", by), "esptool_version": facts["esptool"]}
