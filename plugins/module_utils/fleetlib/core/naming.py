"""What things are called. Names are computed here only, so that one part finds what another made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .errors import InvalidInputError
from .preflight import MAX_DEVICES

THING_NAME_LENGTH = 128
"""AWS IoT's limit for the name of a thing."""

_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_DEVICE_ID_RULE = "letters, digits, _ and -, beginning with a letter or a digit"


def fleet_name(prefix: str, environment: str) -> str:
    """What a fleet is called: its thing group, and the first part of every other name."""
    return f"{prefix}-{environment}"


def stack_name(prefix: str, environment: str, purpose: str) -> str:
    """The CloudFormation stack of a purpose, such as ``core``."""
    return f"{fleet_name(prefix, environment)}-{purpose}"


def thing_name(prefix: str, environment: str, device_id: str) -> str:
    """The thing, and therefore the MQTT client id, of a device."""
    return f"{fleet_name(prefix, environment)}-{device_id}"


def device_id_of(thing: str, prefix: str, environment: str) -> str | None:
    """The device id within a thing's name; nothing when the thing is of another fleet."""
    start = f"{fleet_name(prefix, environment)}-"
    return thing.removeprefix(start) if thing.startswith(start) and thing != start else None


def numbered_device_ids(start: int, count: int) -> list[str]:
    """``device-001``, …: ``count`` ids from number ``start`` on, with at least three digits."""
    if not 1 <= start <= MAX_DEVICES:
        raise InvalidInputError(f"start_id is {start}; device numbers go from 1 to {MAX_DEVICES:,}.")
    if not 1 <= count <= MAX_DEVICES - start + 1:
        room = MAX_DEVICES - start + 1
        raise InvalidInputError(
            f"count is {count}; from number {start} on there is room for 1 to {room:,} devices."
        )
    return [f"device-{number:03d}" for number in range(start, start + count)]


def chosen_device_ids(device_ids: Sequence[str] | None, start: int, count: int | None) -> Sequence[str]:
    """The ids an operator chose: a list of them, or ``count`` numbered ones."""
    if device_ids is None:
        return numbered_device_ids(start, count or 0)
    if not device_ids:
        raise InvalidInputError("device_ids is empty; name at least one device, or give count.")
    return device_ids


def check_device_ids(device_ids: Sequence[str], prefix: str, environment: str) -> None:
    """Refuse ids that cannot become a thing, a directory and an MQTT client, and ids given twice.

    Two ids that differ only in case are refused too: on some file systems their keys would share a file.
    """
    room = THING_NAME_LENGTH - len(thing_name(prefix, environment, ""))
    bad = [one for one in device_ids if not _DEVICE_ID.fullmatch(one) or len(one) > room]
    if bad:
        raise InvalidInputError(
            f"{_some(bad)} cannot be a device id.",
            f"Allowed are 1 to {room} {_DEVICE_ID_RULE}.",
        )
    twice = _repeated(device_ids)
    if twice:
        raise InvalidInputError(
            f"{_some(twice)}: given more than once (ids that differ only in case count as the same).",
            "Name every device once.",
        )


def _repeated(device_ids: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    twice = []
    for one in device_ids:
        folded = one.casefold()
        if folded in seen:
            twice.append(one)
        seen.add(folded)
    return twice


def _some(names: Sequence[str], limit: int = 5) -> str:
    """A few of many names, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"
