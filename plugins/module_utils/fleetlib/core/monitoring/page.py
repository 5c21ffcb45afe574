# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet's alarms and plots as they are now: the page of playbooks/monitoring.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..clock import iso
from ..performance.figures import Query
from .alarms import ALARMS, COMPOSITES, ELSEWHERE
from .dashboard import PLOTS, Line, Plot

RINGING: Final = "ALARM"
UNKNOWN: Final = "INSUFFICIENT_DATA"
Data = Mapping[Query, Sequence[tuple[datetime, float]]]
"""Query → its points, the oldest first."""


@dataclass(frozen=True, slots=True)
class State:
    """An alarm as CloudWatch has it, by what follows the fleet's name."""

    name: str
    value: str
    since: datetime | None = None
    reason: str = ""
    description: str = ""
    threshold: float | None = None
    is_on: bool = True
    """Whether it tells anybody."""

    @property
    def runbook(self) -> str:
        """The page that its description names; empty where it names none."""
        found = re.search(r"docs/runbooks/[\w-]+\.md", self.description)
        return found[0] if found else ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "name": self.name,
            "state": self.value,
            "since": iso(self.since) if self.since else None,
            "reason": self.reason,
            "description": self.description,
            "threshold": self.threshold,
            "is_on": self.is_on,
            "runbook": self.runbook,
        }


def query(line: Line, names: Mapping[str, str]) -> Query:
    """What to ask CloudWatch for a line; ``names``: values of the template's parameters."""
    dimensions = tuple((name, _filled(value, names)) for name, value in line.metric.dimensions)
    return Query(line.metric.namespace, line.metric.name, line.statistic, dimensions)


def queries(names: Mapping[str, str]) -> list[Query]:
    """What to ask CloudWatch for all plots, each once."""
    return list(dict.fromkeys(query(line, names) for plot in PLOTS for line in plot.lines))


@dataclass(frozen=True)
class Monitoring:
    """What was found."""

    states: tuple[State, ...]
    data: Data
    names: Mapping[str, str]

    @property
    def ringing(self) -> list[State]:
        """Alarms that ring, the one that rings longest first."""
        found = [one for one in self.states if one.value == RINGING]
        return sorted(found, key=lambda one: (one.since is None, one.since, one.name))

    @property
    def missing(self) -> list[str]:
        """Alarms of the monitoring stack that are not there."""
        there = {one.name for one in self.states}
        return [one.name for one in ALARMS if one.name not in there]

    def verdict(self) -> str:
        """The answer in a sentence or two."""
        ringing, silent = self.ringing, [one.name for one in self.states if not one.is_on]
        counts = f"{len(self.states)} alarms, {len(ringing)} ringing"
        parts = [f"{counts}: {', '.join(one.name for one in ringing)}." if ringing else f"{counts}."]
        if silent:
            parts.append(f"Switched off: {', '.join(silent)}.")
        if self.missing:
            parts.append(f"Not there: {', '.join(self.missing)}; deploy the monitoring stack.")
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "alarms": [one.as_dict() for one in self.states],
            "ringing": [one.name for one in self.ringing],
            "missing": self.missing,
        }

    def sections(self) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md)."""
        plots = [self._plot(plot) for plot in PLOTS]
        empty = [plot.title for plot, shown in zip(PLOTS, plots, strict=True) if not shown]
        sections = [self._table(), *(one for one in plots if one)]
        if empty:
            text = f"CloudWatch has no values in this time for: {', '.join(empty)}."
            sections.append({"title": "Without data", "kind": "text", "text": text})
        return sections

    def _table(self) -> dict[str, Any]:
        order = [one.name for one in (*COMPOSITES, *ALARMS, *ELSEWHERE)]
        known = {name: place for place, name in enumerate(order)}
        rank = {RINGING: 0, UNKNOWN: 2}
        rows = sorted(
            self.states, key=lambda one: (rank.get(one.value, 1), known.get(one.name, len(known)), one.name)
        )
        return {
            "title": "Alarms",
            "kind": "table",
            "intro": "What rings comes first. “No data” is normal for what has not happened yet.",
            "columns": ["Alarm", "State", "Since", "Threshold", "Reason", "Runbook"],
            "rows": [_row(one) for one in rows],
        }

    def _plot(self, plot: Plot) -> dict[str, Any] | None:
        series = []
        for line in plot.lines:
            points = self.data.get(query(line, self.names), ())
            if points:
                shown = [[iso(at), round(value, 3)] for at, value in points]
                series.append({"name": line.name, "points": shown})
        if not series:
            return None
        there = {one.name: one.threshold for one in self.states}
        limits = [
            {"name": one.name, "value": there[one.name]}
            for one in plot.alarms()
            if one.period == 300 and there.get(one.name) is not None
        ]
        section = {"title": plot.title, "kind": "series", "series": series}
        return section | ({"unit": plot.unit} if plot.unit else {}) | ({"limits": limits} if limits else {})


def _row(one: State) -> list[Any]:
    words = {RINGING: "rings", UNKNOWN: "no data", "OK": "quiet"}.get(one.value, one.value)
    status = {RINGING: "failed", "OK": "passed"}.get(one.value, "not_checked")
    state = {"text": words if one.is_on else f"{words}, switched off", "status": status}
    reason = one.reason if one.value == RINGING else ""
    since = f"{one.since:%Y-%m-%d %H:%M}" if one.since else ""
    runbook = one.runbook.removeprefix("docs/runbooks/").removesuffix(".md")
    return [one.name, state, since, one.threshold, reason, runbook]


def _filled(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: names[found[1]], text)
