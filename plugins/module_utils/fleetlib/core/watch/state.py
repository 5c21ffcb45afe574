"""What the live view knows of a fleet at one moment, made from answers of AWS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..clock import parse_iso
from ..rollout import devices
from ..rollout.record import OPEN, Record

FIRMWARE: Final = "firmware"
KEPT_SECONDS: Final = 3600
"""A rollout that ended is shown for as long as this; then only its devices' versions tell of it."""


@dataclass(frozen=True)
class Version:
    """Devices that report one version of a program or of the firmware."""

    name: str
    version: str
    devices: int
    failed: int = 0
    """Those of them that report that it failed."""


@dataclass(frozen=True)
class Fleet:
    """Counts of devices."""

    devices: int
    connected: int
    versions: tuple[Version, ...] = ()
    note: str = ""
    """What these counts leave out; empty for nothing."""


@dataclass(frozen=True)
class Alarm:
    """An alarm of CloudWatch."""

    name: str
    state: str
    """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``."""
    since: datetime
    reason: str = ""
    silent: bool = False
    """Its actions are switched off."""


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True)
class State:
    """Everything on the screen. ``None`` was not read; `troubles` says why, by the name of the part."""

    at: datetime
    fleet: Fleet | None = None
    rollouts: tuple[Record, ...] | None = None
    alarms: tuple[Alarm, ...] | None = None
    events: tuple[Event, ...] | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    """To AWS, for this state."""


def count(hits: Iterable[Mapping[str, Any]], note: str = "") -> Fleet:
    """The counts of devices that the fleet index found."""
    total = connected = 0
    running: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for hit in hits:
        total += 1
        connected += bool(devices.mapping(hit.get("connectivity")).get("connected"))
        for name, about in _reported(hit):
            key = (name, str(about.get("version") or "?"))
            running[key] += 1
            failed[key] += devices.status_of(about) == "Failed"
    versions = (Version(*key, number, failed[key]) for key, number in running.items())
    return Fleet(total, connected, in_order(versions), note)


def in_order(versions: Iterable[Version]) -> tuple[Version, ...]:
    """Programs by name and the firmware last; of each the version that most devices have first."""
    return tuple(
        sorted(versions, key=lambda one: (one.name == FIRMWARE, one.name, -one.devices, one.version))
    )


def worth_showing(records: Iterable[Record], now: datetime) -> tuple[Record, ...]:
    """Rollouts that are open or ended a short while ago: open ones first, then the latest first."""
    shown = [
        one
        for one in records
        if one.state in OPEN or (now - parse_iso(one.ended_at)).total_seconds() <= KEPT_SECONDS
    ]
    by_age = sorted(shown, key=lambda one: one.created_at, reverse=True)
    return tuple(sorted(by_age, key=lambda one: one.state not in OPEN))


def is_left_alone(record: Record, now: datetime) -> bool:
    """Whether a rollout is to go on and nobody works on it: its operator's lease ran out."""
    if record.state not in OPEN or record.state in ("paused", "waiting"):
        return False
    until = record.lease.get("until", "")
    return not until or parse_iso(until) < now


def happened(
    records: Iterable[Record], alarms: Iterable[Alarm], logged: Iterable[Event], since: datetime
) -> tuple[Event, ...]:
    """What happened since then, the latest first: decisions, alarms that changed, errors of devices."""
    decided = (
        Event(parse_iso(one.at), "rollout", f"{_subject(record)} {record.version} {one.what}: {one.why}")
        for record in records
        for one in record.decisions
    )
    changed = (
        Event(one.since, "alarm", f"{one.name} is {one.state}: {one.reason}")
        for one in alarms
        if one.state != "INSUFFICIENT_DATA"
    )
    events = [one for one in (*decided, *changed, *logged) if one.at >= since]
    return tuple(sorted(events, key=lambda one: one.at, reverse=True))


def _subject(record: Record) -> str:
    return record.subject.removeprefix("program:")


def _reported(hit: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    said = devices.reported(hit)
    programs = devices.mapping(said.get("programs"))
    found = [(str(name), devices.mapping(about)) for name, about in programs.items()]
    firmware = devices.mapping(said.get(FIRMWARE))
    return [*found, (FIRMWARE, firmware)] if firmware else found
