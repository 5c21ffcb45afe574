"""Which programs and devices use most memory and processor, and which of them stand out.

A device stands out by the modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993):
0.6745 times its distance from the median in median absolute deviations is above 3.5. It also has to be 5
percentage points away. Neither median nor that deviation is moved by the outliers themselves, as mean and
standard deviation are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any, Final

from .clock import parse_iso
from .errors import InvalidInputError
from .health.devices import Device
from .validation.checks import Check, failed, not_checked, passed

OUTLYING: Final = 3.5
LEAST_AWAY: Final = 5.0
"""Percentage points: where all others are alike the statistic would find every trifle."""
FEWEST: Final = 10
"""Values below which nothing stands out: a spread of so few says nothing."""
FEWEST_APART: Final = 3
"""Devices with and without a program below which they are not compared."""
FIGURES: Final = {"memory_percent": "Memory", "cpu_percent": "CPU"}


@dataclass(frozen=True)
class Outlier:
    """A device that uses far more than the others."""

    thing: str
    figure: str
    value: float
    score: float
    programs: tuple[str, ...]


@dataclass(frozen=True)
class ProgramUse:
    """What the devices with a program use, in percent of a device."""

    program: str
    devices: int
    failed: int
    memory: float | None
    """Median."""
    memory_more: float | None
    """Above the median of the devices without it; nothing where too few are to be compared."""
    cpu: float | None
    cpu_more: float | None


@dataclass(frozen=True)
class Usage:
    """What was found out."""

    devices: tuple[Device, ...]
    """That said something lately."""
    silent: int
    """Others, whose figures are too old to count or which never gave any."""
    outliers: tuple[Outlier, ...]
    """The farthest out first."""
    programs: tuple[ProgramUse, ...]
    """The one with the most additional memory first."""
    memory_percent: float
    cpu_percent: float
    """What the mean of the fleet has to stay below."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "devices": len(self.devices),
            "silent": self.silent,
            "mean": {name: _mean(self.values(name)) for name in FIGURES},
            "outliers": [asdict(one) for one in self.outliers],
            "programs": [asdict(one) for one in self.programs],
        }

    def values(self, figure: str) -> list[float]:
        """A figure of every device that gives it."""
        return [getattr(one, figure) for one in self.devices if getattr(one, figure) is not None]

    def checks(self) -> list[Check]:
        """The guide's targets, and whether a device stands out."""
        return [
            *(self._target(figure, words) for figure, words in FIGURES.items()),
            *(self._apart(figure, words) for figure, words in FIGURES.items()),
        ]

    def _target(self, figure: str, words: str) -> Check:
        limit = getattr(self, figure)
        name, values = f"{words}: the fleet's mean is below {limit:g} %", self.values(figure)
        if not values:
            return not_checked(name, "No device reports it.")
        detail = f"{fmean(values):.1f} %, of {len(values):,} devices"
        return passed(name, f"Met: {detail}") if fmean(values) < limit else failed(name, f"Missed: {detail}.")

    def _apart(self, figure: str, words: str) -> Check:
        name, values = f"{words}: no device stands out", self.values(figure)
        if len(values) < FEWEST:
            return not_checked(name, f"{len(values)} devices report it; {FEWEST} are needed to compare them.")
        found = [one for one in self.outliers if one.figure == figure]
        if not found:
            return passed(name, f"all {len(values):,} devices")
        worst = found[0]
        return failed(name, f"{len(found):,} do, most of all {worst.thing} with {worst.value:g} %.")

    def sections(self) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md)."""
        checks = [one.as_dict() for one in self.checks()]
        return [
            {"title": "Targets and outliers", "kind": "checks", "checks": checks},
            *self._histograms(),
            *_table(
                "Devices that stand out",
                ["Device", "Figure", "Percent", "Modified z-score", "Programs"],
                [
                    [one.thing, FIGURES[one.figure], one.value, one.score, ", ".join(one.programs)]
                    for one in self.outliers
                ],
            ),
            *_table(
                "Programs",
                ["Program", "Devices", "Failed", "Memory %", "more than others", "CPU %", "more than others"],
                [list(asdict(one).values()) for one in self.programs],
                "Medians of the devices that have it, and by how much they are above those that do not.",
            ),
        ]

    def _histograms(self) -> list[dict[str, Any]]:
        return [
            {
                "title": f"{words} in use",
                "kind": "histogram",
                "values": self.values(figure),
                "unit": "%",
                "limits": [{"name": "target", "value": getattr(self, figure)}],
            }
            for figure, words in FIGURES.items()
            if self.values(figure)
        ]


def examine(
    devices: Iterable[Device],
    now: datetime,
    since_minutes: float,
    memory_percent: float = 80,
    cpu_percent: float = 70,
) -> Usage:
    """Compare devices that are connected, or were seen in the last ``since_minutes``."""
    if since_minutes <= 0:
        raise InvalidInputError(f"since_minutes is {since_minutes:g}; it must be above 0.")
    every = list(devices)
    lately = [one for one in every if _is_fresh(one, now - timedelta(minutes=since_minutes))]
    outliers = [found for figure in FIGURES for found in _outliers(lately, figure)]
    return Usage(
        tuple(lately),
        len(every) - len(lately),
        tuple(sorted(outliers, key=lambda one: (-one.score, one.thing))),
        tuple(_programs(lately)),
        memory_percent,
        cpu_percent,
    )


def scores(values: Sequence[float]) -> list[float]:
    """The modified z-score of each value; 0 for all where they are alike, or too few.

    Where more than half are the same the median deviation is 0, and the mean deviation takes its place.
    """
    if len(values) < FEWEST:
        return [0.0] * len(values)
    middle = median(values)
    away = [abs(value - middle) for value in values]
    spread = median(away) / 0.6745 or fmean(away) * 1.253314
    return [(value - middle) / spread if spread else 0.0 for value in values]


def _is_fresh(one: Device, since: datetime) -> bool:
    if one.memory_percent is None and one.cpu_percent is None:
        return False
    return one.connected or (bool(one.last_seen) and parse_iso(one.last_seen) >= since)


def _outliers(devices: Sequence[Device], figure: str) -> list[Outlier]:
    known = [(one, getattr(one, figure)) for one in devices if getattr(one, figure) is not None]
    middle = median(value for _, value in known) if known else 0.0
    return [
        Outlier(one.thing, figure, value, round(score, 1), tuple(_names(one)))
        for (one, value), score in zip(known, scores([value for _, value in known]), strict=True)
        if score > OUTLYING and value - middle >= LEAST_AWAY
    ]


def _names(one: Device) -> list[str]:
    return [f"{program.id} {program.version}" for program in one.programs]


def _programs(devices: Sequence[Device]) -> list[ProgramUse]:
    having: dict[str, set[str]] = defaultdict(set)
    failing: dict[str, int] = defaultdict(int)
    for one in devices:
        for program in one.programs:
            name = f"{program.id} {program.version}"
            having[name].add(one.thing)
            failing[name] += program.status == "Failed"
    found = [_use(name, things, failing[name], devices) for name, things in having.items()]
    return sorted(found, key=lambda one: (-(one.memory_more or 0), -(one.cpu_more or 0), one.program))


def _use(name: str, things: set[str], failing: int, devices: Sequence[Device]) -> ProgramUse:
    figures = []
    for figure in FIGURES:
        known = [(one.thing in things, getattr(one, figure)) for one in devices]
        with_it = [value for has, value in known if has and value is not None]
        without = [value for has, value in known if not has and value is not None]
        comparable = min(len(with_it), len(without)) >= FEWEST_APART
        own = round(median(with_it), 1) if with_it else None
        more = round(median(with_it) - median(without), 1) if comparable else None
        figures += [own, more]
    return ProgramUse(name, len(things), failing, *figures)


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 1) if values else None


def _table(title: str, columns: list[str], rows: list[list[Any]], intro: str = "") -> list[dict[str, Any]]:
    if not rows:
        return []
    section = {"title": title, "kind": "table", "columns": columns, "rows": rows}
    return [{**section, "intro": intro} if intro else section]
