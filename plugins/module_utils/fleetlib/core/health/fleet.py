"""A whole fleet: its devices worst first, the shares that decide, and the sections of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from .. import history
from ..errors import InvalidInputError
from ..rollout.devices import number
from ..validation.checks import Check, failed, not_checked, passed, some, warned
from . import devices
from .devices import Device, Evidence, Limits, Program

MISSING: Final = "missing"
MAP_WORDS: Final = {
    "failed": "in trouble",
    "warned": "to look at",
    "passed": "well",
    "not_checked": "never connected",
}
WORDS: Final = {
    devices.LOST: "lost",
    devices.PROGRAM_FAILED: "program failed",
    devices.CERTIFICATE: "no active certificate",
    devices.DRIFTED: "other version than assigned",
    devices.MEMORY: "memory high",
    devices.CPU: "CPU high",
    devices.ERRORS: "logged errors",
    devices.OLD_CERTIFICATE: "certificate old",
    devices.OFFLINE: "offline",
    devices.NEVER_CONNECTED: "never connected",
}
_NEEDS = {devices.MEMORY: "memory_percent", devices.CPU: "cpu_percent", devices.ERRORS: "errors"}
"""Troubles that can only be seen where somebody reports the figure."""


@dataclass(frozen=True)
class FailOn:
    """How many percent of the devices may have a trouble before the run fails. 100 never fails it."""

    missing: float = 5
    lost: float = 5
    program_failed: float = 5
    certificate: float = 0
    drifted: float = 100
    memory: float = 100
    cpu: float = 100
    errors: float = 100
    old_certificate: float = 100
    offline: float = 100
    never_connected: float = 100

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> FailOn:
        """From a dictionary; what it does not name keeps its default.

        Raises `InvalidInputError` for an unknown name, and for what is no percentage.
        """
        known = [one.name for one in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise InvalidInputError(f"fail_on has no {name!r}; it knows {', '.join(known)}.")
            if number(value) is None or not 0 <= value <= 100:
                raise InvalidInputError(
                    f"fail_on.{name} is {value!r}; it must be a share of the devices, 0 to 100 percent."
                )
        return cls(**{name: float(value) for name, value in given.items()})


@dataclass(frozen=True)
class Fleet:
    """What was found out about all devices."""

    devices: tuple[Device, ...]
    """Worst first."""
    expected: int
    """Devices that there should be; 0 where nobody says how many."""
    limits: Limits
    fail_on: FailOn
    at: datetime

    @property
    def missing(self) -> int:
        """Devices that should be there and are not in the index."""
        return max(0, self.expected - len(self.devices))

    def counts(self) -> dict[str, int]:
        """How many devices have each trouble."""
        found = Counter(trouble for one in self.devices for trouble in one.troubles)
        return {MISSING: self.missing, **{name: found[name] for name in devices.TROUBLES}}

    def statuses(self) -> dict[str, int]:
        """How many devices are well, to look at, in trouble, never connected."""
        found = Counter(one.status for one in self.devices)
        return {status: found[status] for status in MAP_WORDS}

    def figures(self) -> dict[str, int]:
        """The few numbers for the top of the page, which later runs look back on."""
        statuses = self.statuses()
        return {
            "Devices": len(self.devices),
            "Connected": sum(one.connected for one in self.devices),
            "In trouble": statuses["failed"],
            "To look at": statuses["warned"],
            "Lost": self.counts()[devices.LOST],
            "Never connected": self.counts()[devices.NEVER_CONNECTED],
        }

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain data."""
        return {
            "devices": len(self.devices),
            "expected": self.expected,
            "connected": sum(one.connected for one in self.devices),
            "statuses": self.statuses(),
            "troubles": self.counts(),
            "exceeded": self.exceeded(),
            "well": not self.exceeded(),
        }

    def exceeded(self) -> list[str]:
        """A sentence for each threshold that is exceeded."""
        counts = self.counts()
        return [
            f"{self._share(name, counts[name])} {_phrase(name)}; fail_on.{name} allows {limit:g} %"
            for name, limit in vars(self.fail_on).items()
            if self._percent(counts[name]) > limit
        ]

    def checks(self) -> list[Check]:
        """A row for every trouble that there can be."""
        if not self._all:
            return [not_checked("Devices", "There is no device.")]
        return [self._row(name) for name in (MISSING, *devices.TROUBLES)]

    @property
    def _all(self) -> int:
        return max(len(self.devices), self.expected)

    def _percent(self, count: int) -> float:
        return count * 100 / self._all if self._all else 0.0

    def _share(self, name: str, count: int) -> str:
        return f"{count:,} of {self._all:,} devices ({self._percent(count):.3g} %)"

    def _row(self, name: str) -> Check:
        allowed = getattr(self.fail_on, name)
        title = _TITLES[name].format(**vars(self.limits))
        known = [one for one in self.devices if getattr(one, _NEEDS.get(name, "thing")) is not None]
        if name in _NEEDS and not known:
            return not_checked(title, _UNKNOWN[name])
        having = [one.thing for one in self.devices if name in one.troubles]
        count = self.missing if name == MISSING else len(having)
        if not count:
            return passed(title, f"all {len(known):,} devices" if name != MISSING else f"{self._all:,}")
        names = f": {some(having)}" if having else ""
        detail = f"{self._share(name, count)} {_phrase(name)}{names}."
        if self._percent(count) > allowed:
            return failed(title, f"{detail} At most {allowed:g} % may (fail_on.{name}).")
        judged = not_checked if name == devices.NEVER_CONNECTED else warned
        return judged(title, detail)

    def verdict(self) -> str:
        """The answer, in a few sentences."""
        if not self._all:
            return "There is no device to look at."
        exceeded, figures = self.exceeded(), self.figures()
        said = [f"{figures['Connected']:,} of {self._all:,} devices are connected"]
        said += [f"{figures[name]:,} {words}" for name, words in _SAID.items() if figures[name]]
        facts = f"{', '.join(said)}."
        if exceeded:
            return f"No. {'. '.join(exceeded)}. {facts}"
        if not figures["Connected"]:
            return f"Nobody knows: no device is connected. {facts}"
        if figures["In trouble"] or figures["To look at"]:
            return f"Yes, and some devices need somebody to look. {facts}"
        return f"Yes. {facts}"

    def sections(self, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md); ``runs``: earlier runs, the oldest first."""
        return [
            {"title": "Is the fleet all right?", "kind": "text", "text": self.verdict()},
            *(self._map() if self.devices else []),
            {
                "title": "What was looked at",
                "kind": "checks",
                "checks": [one.as_dict() for one in self.checks()],
            },
            *history.sections(runs, self.figures(), self.at, ("Connected", "In trouble"), "devices"),
            *self._versions(),
            *self._use("Memory in use", "memory_percent", self.limits.memory_percent),
            *self._use("CPU in use", "cpu_percent", self.limits.cpu_percent),
            *(self._worst() if self.devices else []),
        ]

    def _map(self) -> list[dict[str, Any]]:
        in_order = sorted(self.devices, key=lambda one: one.thing)
        cells = [{"name": one.thing, "status": one.status, "detail": _detail(one)} for one in in_order]
        return [{"title": "Fleet map", "kind": "map", "cells": cells, "legend": dict(MAP_WORDS)}]

    def _worst(self) -> list[dict[str, Any]]:
        section = {"title": "Devices, worst first", "kind": "table", "columns": _COLUMNS}
        return [{**section, "rows": [_cells(one) for one in self.devices]}]

    def _versions(self) -> list[dict[str, Any]]:
        programs = Counter(
            f"{program.id} {program.version}" for one in self.devices for program in one.programs
        )
        firmware = Counter(f"firmware {one.firmware}" for one in self.devices if one.firmware)
        bars = [{"name": name, "value": found} for name, found in (*_most(firmware), *_most(programs))]
        return (
            [{"title": "What the devices run", "kind": "bars", "bars": bars, "unit": "devices"}]
            if bars
            else []
        )

    def _use(self, title: str, name: str, limit: float) -> list[dict[str, Any]]:
        values = [getattr(one, name) for one in self.devices if getattr(one, name) is not None]
        limits = [{"name": "limit", "value": limit}]
        return (
            [{"title": title, "kind": "histogram", "values": values, "unit": "%", "limits": limits}]
            if values
            else []
        )


def examine(
    hits: Iterable[Mapping[str, Any]],
    evidence: Evidence,
    limits: Limits,
    fail_on: FailOn,
    now: datetime,
    expected: int = 0,
) -> Fleet:
    """Judge every device that the index found."""
    judged = [devices.judge(hit, evidence, limits, now) for hit in hits]
    return Fleet(tuple(sorted(judged, key=lambda one: one.rank)), expected, limits, fail_on, now)


_SAID: Final = {
    "In trouble": "in trouble",
    "To look at": "to look at",
    "Never connected": "never connected",
}
_TITLES: Final = {
    MISSING: "Every device is in the fleet index",
    devices.LOST: "No device is lost",
    devices.PROGRAM_FAILED: "No device reports a failed program",
    devices.CERTIFICATE: "Every device has an active certificate",
    devices.DRIFTED: "Every device reports the versions that it was given",
    devices.MEMORY: "No device uses more than {memory_percent:g} % of its memory",
    devices.CPU: "No device uses more than {cpu_percent:g} % of its CPU",
    devices.ERRORS: "No device logged an error in the last {since_minutes:g} minutes",
    devices.OLD_CERTIFICATE: "No certificate is older than {max_age_days:g} days",
    devices.OFFLINE: "No device has just left",
    devices.NEVER_CONNECTED: "Every device was connected once",
}
_PHRASES: Final = {
    MISSING: "are not in the index",
    devices.LOST: "are lost",
    devices.PROGRAM_FAILED: "report a failed program",
    devices.CERTIFICATE: "have none",
    devices.DRIFTED: "differ",
    devices.MEMORY: "use more memory",
    devices.CPU: "use more CPU",
    devices.ERRORS: "logged errors",
    devices.OLD_CERTIFICATE: "have an older certificate",
    devices.OFFLINE: "left a short while ago",
    devices.NEVER_CONNECTED: "never connected",
}
_UNKNOWN: Final = {
    devices.MEMORY: "No device reports the use of its memory.",
    devices.CPU: "No device reports the use of its CPU.",
    devices.ERRORS: "There is no log group of the boards.",
}
_COLUMNS: Final = [
    "Device", "Status", "Trouble", "Connection", "Programs", "Firmware",
    "Memory %", "CPU %", "Errors", "Certificate, days",
]  # fmt: skip


def _phrase(name: str) -> str:
    return _PHRASES[name]


def _detail(one: Device) -> str:
    """What a cell of the map says."""
    return ", ".join(WORDS[name] for name in one.troubles)


def _cells(one: Device) -> list[Any]:
    trouble = [WORDS[name] for name in one.troubles if name != devices.DRIFTED]
    return [
        one.thing,
        {"text": MAP_WORDS[one.status], "status": one.status},
        ", ".join([*trouble, *one.drifts]),
        _connection(one),
        ", ".join(map(_program, one.programs)),
        one.firmware,
        one.memory_percent,
        one.cpu_percent,
        one.errors,
        one.certificate_age_days,
    ]


def _program(one: Program) -> str:
    """Its state only where it is not what one expects."""
    return f"{one.id} {one.version}" + (f" ({one.status})" if one.status not in ("", "Running") else "")


def _connection(one: Device) -> str:
    if not one.ever_connected:
        return "never"
    when = one.last_seen[:16].replace("T", " ") or "an unknown time"
    return f"since {when}" if one.connected else f"last seen {when}"


def _most(found: Counter[str]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
