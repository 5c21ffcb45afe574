# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings, verdicts and trends, and the page of them.

CloudWatch adds counts up. A percentile is its own statistic over all values of the whole period, read as one
point: percentiles of parts cannot be put together to that of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..clock import iso
from ..errors import FleetError
from ..validation.checks import Check, failed, not_checked, passed
from .figures import Curve, Figure, Plan, Query
from .period import RETENTION_DAYS, Period

Answers = Mapping["Query", Sequence[tuple[datetime, float]]]
"""Query → its points, the oldest first."""


class Verdict(StrEnum):
    """Whether a target is met."""

    MET = "met"
    MISSED = "missed"
    NO_DATA = "no data"


@dataclass(frozen=True)
class Finding:
    """A figure in the period, and in the one before."""

    figure: Figure
    value: float | None
    samples: int
    previous: float | None
    previous_samples: int

    @property
    def verdict(self) -> Verdict | None:
        """Whether the target is met; None without a target."""
        if self.figure.target is None:
            return None
        if self.value is None:
            return Verdict.NO_DATA
        return Verdict.MET if self.figure.target.holds(self.value) else Verdict.MISSED

    @property
    def change(self) -> float | None:
        """By how much it is more than before, in the figure's own unit; None where one has no data."""
        return None if self.value is None or self.previous is None else self.value - self.previous

    @property
    def trend(self) -> str:
        """``better``, ``worse``, ``same``, ``more``, ``less`` or ``no data``, compared with before."""
        change = self.change
        if change is None:
            return "no data"
        if round(change, 3) == 0:
            return "same"
        if self.figure.less_is_better is None:
            return "more" if change > 0 else "less"
        return "better" if (change < 0) == self.figure.less_is_better else "worse"

    def as_dict(self) -> dict[str, Any]:
        """Plain data; figures have three decimals, the verdict is of the exact one."""
        target = self.figure.target
        return {
            "id": self.figure.id,
            "title": self.figure.title,
            "unit": self.figure.unit,
            "value": _rounded(self.value),
            "samples": self.samples,
            "previous": _rounded(self.previous),
            "previous_samples": self.previous_samples,
            "change": _rounded(self.change),
            "trend": self.trend,
            "target": f"{'>' if target.above else '<'} {target.limit:g}" if target else None,
            "verdict": str(self.verdict) if self.verdict else None,
        }

    def check(self) -> Check | None:
        """A row of the report; None without a target."""
        verdict, data = self.verdict, self.as_dict()
        if verdict is None:
            return None
        name = f"{self.figure.title} {data['target']} {self.figure.unit}"
        if verdict is Verdict.NO_DATA:
            return not_checked(name, "no data in this period")
        before = "no data before" if self.previous is None else f"before {data['previous']:g}: {self.trend}"
        detail = f"{data['value']:g} {self.figure.unit} of {self.samples:,} values; {before}"
        return passed(name, detail) if verdict is Verdict.MET else failed(name, detail)


@dataclass(frozen=True)
class Performance:
    """What was found of a period."""

    period: Period
    findings: tuple[Finding, ...]
    curves: tuple[tuple[Curve, tuple[tuple[str, tuple[tuple[datetime, float], ...]], ...]], ...]
    step_seconds: int
    compared: bool
    """Whether CloudWatch still knows the period before."""

    def checks(self) -> list[Check]:
        """The targets, as rows of a report."""
        return [row for row in (one.check() for one in self.findings) if row]

    def verdicts(self) -> dict[str, int]:
        """How many targets are met, missed, and without data."""
        found = [one.verdict for one in self.findings]
        return {str(verdict): found.count(verdict) for verdict in Verdict}

    def verdict(self) -> str:
        """The answer in a sentence or two."""
        missed = [one.figure.title for one in self.findings if one.verdict is Verdict.MISSED]
        counts = self.verdicts()
        said = ", ".join(f"{count} {words}" for words, count in counts.items())
        return f"Targets: {said}.{' Missed: ' if missed else ''}{'; '.join(missed)}{'.' if missed else ''}"

    def exceeded(self, fail_on: Sequence[str]) -> list[str]:
        """Why the run has to fail: titles of targets with one of these verdicts (``missed``, ``no_data``)."""
        words = {one.replace("_", " ") for one in fail_on}
        return [f"{one.figure.title}: {one.verdict}" for one in self.findings if one.verdict in words]

    def as_dict(self) -> dict[str, Any]:
        """Plain data: everything that is on the page."""
        return {
            "start": iso(self.period.start),
            "end": iso(self.period.end),
            "previous_start": iso(self.period.before.start),
            "step_seconds": self.step_seconds,
            "compared": self.compared,
            "verdicts": self.verdicts(),
            "figures": [one.as_dict() for one in self.findings],
        }

    def sections(self) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md)."""
        return [
            {"title": "Targets", "kind": "checks", "checks": [one.as_dict() for one in self.checks()]},
            *(section for curve, lines in self.curves if (section := _plot(curve, lines))),
            self._table(),
            {
                "title": "How it was measured",
                "kind": "facts",
                "facts": {
                    "Period": f"{iso(self.period.start)} to {iso(self.period.end)}",
                    "Compared with": f"{iso(self.period.before.start)} to {iso(self.period.start)}"
                    if self.compared
                    else f"nothing: CloudWatch keeps metrics for {RETENTION_DAYS} days",
                    "Percentiles": "CloudWatch's statistics p50, p95 and p99 over all values of the period",
                    "A point of a curve": f"{self.step_seconds // 60} minutes",
                    "Delivery latency": "from the time stamp that a board gives a message to its arrival",
                },
            },
        ]

    def _table(self) -> dict[str, Any]:
        shown = ("title", "unit", "value", "samples", "previous", "change", "trend")
        columns = ["Figure", "Unit", "Value", "Values behind it", "Before", "Change", "Trend"]
        return {
            "title": "All figures",
            "kind": "table",
            "columns": [*columns, "Target", "Verdict"],
            "rows": [
                [*(one[name] for name in shown), one["target"] or "", _cell(one["verdict"])]
                for one in (finding.as_dict() for finding in self.findings)
            ],
        }


def _cell(verdict: str | None) -> Any:
    if verdict is None:
        return ""
    return {"text": verdict, "status": {"met": "passed", "missed": "failed"}.get(verdict, "not_checked")}


def _plot(
    curve: Curve, lines: Sequence[tuple[str, Sequence[tuple[datetime, float]]]]
) -> dict[str, Any] | None:
    """A plot of the lines that have data; None where none has."""
    series = [
        {"name": name, "points": [[iso(at), _rounded(value)] for at, value in points]}
        for name, points in lines
        if points
    ]
    if not series:
        return None
    section = {"title": curve.title, "kind": "series", "unit": curve.unit, "series": series}
    return (
        section if curve.limit is None else section | {"limits": [{"name": "target", "value": curve.limit}]}
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def report(
    wanted: Plan, when: Period, now: datetime, read: Callable[[Sequence[Query], Period, int], Answers]
) -> Performance:
    """Put the report together. ``read(queries, period, seconds between points)`` gives points.

    Raises `FleetError` where CloudWatch gives more than one point for what was asked as one.
    """
    compared = (now - when.before.start) / timedelta(days=1) <= RETENTION_DAYS + 1
    current = _numbers(read(wanted.numbers(), when, when.whole(now)))
    before = _numbers(read(wanted.numbers(), when.before, when.before.whole(now))) if compared else {}
    step = when.step(now)
    points = read(wanted.points(), when, step)
    findings = tuple(
        Finding(one, one.value(current), one.samples(current), one.value(before), one.samples(before))
        for one in wanted.figures
    )
    curves = tuple(
        (curve, tuple((name, tuple(points.get(query, ()))) for name, query in curve.lines))
        for curve in wanted.curves
    )
    return Performance(when, findings, curves, step, compared)


def _numbers(answers: Answers) -> dict[Query, float]:
    several = [one for one, points in answers.items() if len(points) > 1]
    if several:
        raise FleetError(
            f"CloudWatch gave {len(answers[several[0]])} points of {several[0].name} for one period.",
            "Its percentiles cannot be put together; report this, with the dates.",
        )
    return {query: points[0][1] for query, points in answers.items() if points}
