"""What goes wrong on a board, on demand. Every board draws from its own sequence, so runs can be repeated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetlib.core.errors import InvalidInputError

from . import partition
from .flash import Flash

ONCE = ("drop", "corrupt", "reboot")
"""Faults that happen at the moment in which they are asked for; the others last."""

CORRUPTIBLE = ("chip", "table", "identity", "app")
"""What of a flash can be damaged on demand."""


@dataclass(frozen=True)
class Faults:
    """What lasts."""

    offline: bool = False
    """Stays away from the cloud."""
    flap_seconds: float = 0.0
    """Loses its connection every so many seconds, on average; 0 never."""
    slow_seconds: float = 0.0
    """Takes so long for everything, half as long at least and half as long again at most."""
    refuse_jobs: float = 0.0
    fail_programs: float = 0.0
    fail_updates: float = 0.0
    """Probabilities, 0 to 1: a job is rejected, a program fails to start, new firmware is not well."""

    def with_changes(self, changes: Mapping[str, Any]) -> Faults:
        """These, but for some; refuses what is no fault, or out of its range."""
        return dataclasses.replace(self, **check(changes))


NAMES = tuple(field.name for field in dataclasses.fields(Faults))


def parse(words: Iterable[str]) -> dict[str, Any]:
    """``offline=true flap_seconds=30 corrupt=identity`` as a dictionary; ``none`` ends all that last."""
    found: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if word == "none":
            found |= dataclasses.asdict(Faults())
        elif name in ("drop", "reboot") and not separator:
            found[name] = True
        elif name in (*NAMES, *ONCE) and separator:
            found[name] = value
        else:
            raise InvalidInputError(
                f"{word!r} is no fault.",
                f"There are drop, reboot, corrupt=<{'|'.join(CORRUPTIBLE)}>, "
                f"{', '.join(f'{one}=<value>' for one in NAMES)}, and none.",
            )
    return check(found)


def check(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes that can be made, their values as they are meant."""
    return {name: _checked(name, value) for name, value in changes.items()}


def _checked(name: str, value: Any) -> Any:
    if name in ("drop", "reboot", "offline"):
        return _truth(name, value)
    if name == "corrupt":
        if value not in CORRUPTIBLE:
            raise InvalidInputError(f"corrupt is {value!r}; it can be {', '.join(CORRUPTIBLE)}.")
        return value
    if name not in NAMES:
        raise InvalidInputError(f"{name!r} is no fault; there are {', '.join((*NAMES, *ONCE))}.")
    most = 86_400.0 if name.endswith("_seconds") else 1.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= most:
        raise InvalidInputError(f"{name} is {value!r}; it can be a number from 0 to {most:g}.")
    return number


def _truth(name: str, value: Any) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    found = value if isinstance(value, bool) else known.get(str(value).lower())
    if found is None:
        raise InvalidInputError(f"{name} is {value!r}; it can be true or false.")
    return found


def corrupt(flash: Flash, what: str, slot: int = 0) -> None:
    """Damage one byte of a part of the flash, as a worn cell does."""
    table = None if what in ("chip", "table") else partition.read(flash)
    if what == "chip":
        at = 0x40
    elif what == "table" or table is None:
        at = partition.TABLE_OFFSET + 4
    elif what == "identity":
        at = table.named("identity").offset + 0x80
    else:
        at = table.app_slots[slot].offset + 0x40
    start = at - at % 4096
    sector = bytearray(flash.read(start, 4096))
    sector[at - start] ^= 0x10
    flash.write(start, bytes(sector))
