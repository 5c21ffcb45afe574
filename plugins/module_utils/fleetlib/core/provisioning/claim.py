"""Devices that register themselves: who is expected, and what the hook answers to the one that comes.

The list of expected devices is an object in S3, which the hook reads for every device that comes. It lets a
device in once: what is registered is refused, unless the list names the certificate that may be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from typing import Any

from ..errors import FleetError, InvalidInputError
from ..naming import thing_name
from ..quotas import Quotas
from .estimate import Estimate, Strategy, compared, for_new_devices
from .model import CERTIFICATE_ATTRIBUTE

SERIAL = "SerialNumber"
"""The parameter of the provisioning template in which a device gives its id."""

FORMAT = 1
"""Of the list."""

SHOWN = 50
"""Devices that a diff names; the others it counts."""

Attributes = Mapping[str, str]


@dataclass(frozen=True)
class Expectations:
    """The list: ids of devices that may register themselves."""

    devices: frozenset[str] = frozenset()
    """Ids that may come once, as nobody of that id is registered."""
    again: Mapping[str, str] = field(default_factory=dict)
    """Id → the certificate that the device has and may replace; it holds as long as it has that one."""

    def document(self) -> dict[str, Any]:
        """The list as it is kept."""
        return {
            "format": FORMAT,
            "devices": sorted(self.devices),
            "again": dict(sorted(self.again.items())),
        }

    @classmethod
    def read(cls, document: Any) -> Expectations:
        """The list out of what is kept. Raises `FleetError` for anything else: nobody is let in then."""
        try:
            if document["format"] != FORMAT:
                raise ValueError
            return cls(frozenset(document["devices"]), dict(document["again"]))
        except (KeyError, TypeError, ValueError) as error:
            raise FleetError(
                "The list of expected devices cannot be understood.",
                "Restore an earlier version of the object, or delete it and provision again.",
            ) from error


@dataclass(frozen=True)
class Decision:
    """What the hook says to one device."""

    allow: bool
    reason: str
    device_id: str = ""


def decide(parameters: Any, expected: Expectations, look: Callable[[str], Attributes | None]) -> Decision:
    """Whether a device may register itself.

    ``parameters`` is what the device sent, so anything at all. ``look`` gives the attributes of the
    registered device of an id, or None; it is only asked about devices on the list.
    """
    given = parameters.get(SERIAL) if isinstance(parameters, Mapping) else None
    if not isinstance(given, str) or not given:
        return Decision(False, f"the request has no {SERIAL}")
    if given not in expected.devices and given not in expected.again:
        return Decision(False, "not expected", given)
    registered = look(given)
    if registered is None:
        return Decision(True, "expected", given)
    if expected.again.get(given) == registered.get(CERTIFICATE_ATTRIBUTE, ""):
        return Decision(True, "registered, and may replace the certificate that it has", given)
    return Decision(False, "registered before", given)


@dataclass(frozen=True)
class Plan:
    """What becomes of the list."""

    before: Expectations
    after: Expectations
    wanted: int
    """Devices that were named."""
    registered: int
    """Those of them that are registered."""
    quotas: Quotas = field(default_factory=Quotas)

    @property
    def changed(self) -> bool:
        """Whether the list has to be written."""
        return self.before != self.after

    @cached_property
    def added(self) -> frozenset[str]:
        """Ids that come onto the list."""
        return self.after.devices - self.before.devices

    @cached_property
    def removed(self) -> frozenset[str]:
        """Ids that leave the list."""
        return self.before.devices - self.after.devices

    @property
    def estimate(self) -> Estimate:
        """What it takes until every device on the list is registered."""
        return for_new_devices(len(self.after.devices), Strategy.CLAIM, self.quotas)

    def lines(self) -> list[str]:
        """The plan for a terminal."""
        lines = [
            f"{self.wanted:,} devices named: {self.registered:,} are registered. {len(self.after.devices):,} "
            f"devices are expected, {len(self.added):,} of them new on the list."
        ]
        if self.removed:
            lines.append(f"{len(self.removed):,} leave the list.")
        lines += [
            f"{device_id} may replace certificate {certificate_id}."
            for device_id, certificate_id in sorted(self.after.again.items())
        ]
        if not self.after.devices:
            return lines
        return [*lines, *self.estimate.lines(), *compared(self.estimate, len(self.after.devices))]

    def diff(self) -> dict[str, str]:
        """Before and after, as text that Ansible shows as a diff."""
        return {
            "before_header": "expected devices",
            "after_header": "expected devices",
            "before": _listed(self.removed, _shown_again(self.before)),
            "after": _listed(self.added, _shown_again(self.after)),
        }

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "counts": {
                "wanted": self.wanted,
                "registered": self.registered,
                "expected": len(self.after.devices),
                "added": len(self.added),
                "removed": len(self.removed),
                "again": len(self.after.again),
            },
            "estimate": self.estimate.as_dict(),
        }


def expect(
    wanted: Collection[str],
    again: Collection[str],
    registered: Mapping[str, str],
    before: Expectations,
    quotas: Quotas | None = None,
) -> Plan:
    """Put devices on the list, and take off those that have come.

    ``registered``: id → certificate id of the devices in the registry. ``again``: ids that may come another
    time; raises `InvalidInputError` for one that is not registered, since that needs no permission.
    """
    strangers = sorted(set(again) - registered.keys())
    if strangers:
        raise InvalidInputError(
            f"claim_again names {strangers[0]!r}, which is not registered.",
            "A device that is not registered needs to be expected only (device_ids, or count).",
        )
    still = {one: held for one, held in before.again.items() if registered.get(one) == held}
    allowed = still | {one: registered[one] for one in again}
    devices = (before.devices | frozenset(wanted)) - registered.keys()
    known = sum(one in registered for one in wanted)
    return Plan(before, Expectations(devices, allowed), len(wanted), known, quotas or Quotas())


def forget(unwanted: Collection[str], before: Expectations) -> Plan:
    """Take devices off the list, whatever the registry says."""
    gone = frozenset(unwanted)
    again = {one: held for one, held in before.again.items() if one not in gone}
    return Plan(before, Expectations(before.devices - gone, again), len(gone), 0)


def client_id(prefix: str, environment: str, device_id: str) -> str:
    """What a device calls itself while it connects with the claim certificate: never the name of a thing."""
    return f"{thing_name(prefix, environment, '').removesuffix('-')}.claim.{device_id}"


def _shown_again(expected: Expectations) -> list[str]:
    return [f"{one} (again)" for one in expected.again]


def _listed(devices: Collection[str], others: list[str]) -> str:
    total = len(devices) + len(others)
    names = [*nsmallest(SHOWN, devices), *sorted(others)][:SHOWN]
    hidden = [f"… and {total - SHOWN:,} more"] if total > SHOWN else []
    return "".join(f"{name}\n" for name in [*names, *hidden])
