"""Who is in which wave: stable, so that everybody computes the same, and spread over the kinds of device."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import InvalidInputError
from .plan import Plan, Wave


@dataclass(frozen=True, slots=True)
class Device:
    """A device as a plan sees it."""

    name: str
    """The thing's name."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Assignment:
    """Names by wave, in the plan's order, and who is in none."""

    waves: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...] = ()

    @property
    def devices(self) -> int:
        """How many devices are in a wave."""
        return sum(map(len, self.waves))


def spread(devices: Iterable[Device], over: Sequence[str], salt: str = "") -> list[str]:
    """Names in an order of which every beginning is spread over the attributes' values.

    First comes one device of every kind, the most frequent kinds first, then each kind by its share. Within a
    kind the hash of the name decides, so that the order does not change when other devices come or go.
    """
    kinds: dict[tuple[str, ...], list[tuple[bytes, str]]] = {}
    for device in devices:
        kind = tuple(device.attributes.get(name, "") for name in over)
        kinds.setdefault(kind, []).append((_hash(salt, device.name), device.name))
    placed: list[tuple[float, int, bytes, str]] = []
    for members in kinds.values():
        members.sort()
        size = len(members)
        placed.extend((place / size, -size, *member) for place, member in enumerate(members))
    placed.sort()
    return [name for *_, name in placed]


def assign(plan: Plan, devices: Sequence[Device]) -> Assignment:
    """Put every device into the first wave that takes it. A wave may be empty, but not all of them."""
    order = spread(devices, plan.spread_over, plan.salt)
    known = {device.name: device for device in devices}
    taken: set[str] = set()
    waves = []
    for wave in plan.waves:
        free = [name for name in order if name not in taken] if taken else order
        members = _members(wave, free, known, len(order))
        taken.update(members)
        waves.append(tuple(members))
    if not any(waves):
        raise InvalidInputError("No device is in any wave.", "See rollout_target and rollout_plan.")
    return Assignment(tuple(waves), tuple(name for name in order if name not in taken))


def _members(wave: Wave, free: Sequence[str], known: Mapping[str, Device], total: int) -> Sequence[str]:
    match wave.selector:
        case "count":
            return free[: wave.value]
        case "percent":
            size = max(wave.at_least, math.ceil(total * wave.value / 100 - 1e-9))
            return free[: min(size, wave.at_most or size)]
        case "group":
            return [name for name in free if wave.value in known[name].groups]
        case "attribute":
            name, value = wave.value["name"], wave.value["value"]
            return [one for one in free if known[one].attributes.get(name) == value]
        case "things":
            return _listed(wave, free, known)
        case _:
            return free


def _listed(wave: Wave, free: Sequence[str], known: Mapping[str, Device]) -> Sequence[str]:
    strangers = [name for name in wave.value if name not in known]
    if strangers:
        raise InvalidInputError(
            f"Wave {wave.name}: {', '.join(strangers[:5])} is not among the devices of rollout_target."
        )
    wanted = set(wave.value)
    return [name for name in free if name in wanted]


def _hash(salt: str, name: str) -> bytes:
    return hashlib.sha256(f"{salt}\0{name}".encode()).digest()
