"""The answer to "how long will it do?", and the sections of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from .. import history, prices
from ..errors import InvalidInputError
from ..validation.checks import Check, failed, not_checked, passed, warned
from .cost import Line
from .forecast import CONFIDENCE, FEWEST
from .limits import EPOCH, HORIZON_YEARS, Use, day_of

MOST_PLOTS: Final = 6
AHEAD: Final = 1.0
"""How far a plot looks ahead, in parts of the days behind."""
NOT_SOON: Final = f"not reached within {HORIZON_YEARS} years"


@dataclass(frozen=True)
class Thresholds:
    """When a limit needs attention."""

    warn_percent: float = 70
    fail_percent: float = 90
    warn_days: float = 90
    """Where it may be reached within so many days."""

    def __post_init__(self) -> None:
        """Refuse thresholds that mean nothing."""
        if not 0 < self.warn_percent <= self.fail_percent:
            raise InvalidInputError(
                f"warn_percent is {self.warn_percent:g} and fail_percent {self.fail_percent:g}; "
                "both must be above 0, and the second not below the first."
            )
        if self.warn_days < 0:
            raise InvalidInputError(f"warn_days is {self.warn_days:g}; it must be 0 or more.")


@dataclass(frozen=True)
class Capacity:
    """Everything that was found out."""

    uses: tuple[Use, ...]
    bill: tuple[Line, ...]
    devices: int
    thresholds: Thresholds
    now: datetime

    @property
    def known(self) -> list[Use]:
        """Limits of which the use is known, the fullest first."""
        known = [one for one in self.uses if one.percent is not None]
        return sorted(known, key=lambda one: (-(one.percent or 0.0), one.limit.id))

    @property
    def full(self) -> list[Use]:
        """Those that fail the run."""
        return [one for one in self.known if (one.percent or 0.0) >= self.thresholds.fail_percent]

    @property
    def dollars_per_1000(self) -> float | None:
        """A month; nothing without a device."""
        return sum(one.dollars for one in self.bill) * 1000 / self.devices if self.devices else None

    def verdict(self) -> str:
        """The answer in a few sentences."""
        if not self.known:
            return "Nobody knows: no use of any limit could be read."
        fullest = self.known[0]
        said = [f"{_title(fullest)} is the fullest limit: {_share(fullest)}."]
        soon = min(
            (one for one in self.known if one.days_left() is not None),
            key=lambda one: one.days_left() or 0.0,
            default=None,
        )
        if soon is not None:
            said.append(f"{_title(soon)}: {_when(soon)}.")
        elif any(one.trend for one in self.known):
            said.append(f"No limit is reached within {HORIZON_YEARS} years, as things go.")
        else:
            said.append(f"There is no trend yet: it takes figures of {FEWEST} days.")
        dollars = self.dollars_per_1000
        if dollars is not None:
            said.append(f"1,000 devices cost about {dollars:,.2f} US dollars a month at list prices.")
        return " ".join(said)

    def figures(self) -> dict[str, Any]:
        """The few numbers for the top of the page, which later runs look back on."""
        dollars = self.dollars_per_1000
        return {
            "Devices": self.devices,
            "Fullest limit, %": round(self.known[0].percent or 0.0, 2) if self.known else None,
            "Limits not known": len(self.uses) - len(self.known),
            "US dollars per 1,000 devices": None if dollars is None else round(dollars, 2),
        }

    def checks(self) -> list[Check]:
        """A row for every limit."""
        return [self._row(one) for one in self.uses]

    def as_dict(self) -> dict[str, Any]:
        """Plain data; later runs read the days of ``limits``."""
        return {
            "devices": self.devices,
            "limits": [one.as_dict() for one in self.uses],
            "cost": [one.as_dict(self.devices) for one in self.bill] if self.devices else [],
            "dollars_per_1000": self.dollars_per_1000,
            "prices": {"region": prices.REGION, "looked_up": prices.LOOKED_UP},
            "confidence": CONFIDENCE,
            "full": [one.limit.id for one in self.full],
            "well": not self.full,
        }

    def sections(self, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md); ``runs``: earlier runs, the oldest first."""
        bars = [{"name": one.limit.title, "value": round(one.percent or 0.0, 4)} for one in self.known]
        limits = [{"name": "too full", "value": self.thresholds.fail_percent}]
        near = bool(self.known) and (self.known[0].percent or 0.0) * 10 >= self.thresholds.warn_percent
        checks = [one.as_dict() for one in self.checks()]
        whole = {name: value for name, value in self.figures().items() if value is not None}
        return [
            {"title": "How long will it do?", "kind": "text", "text": self.verdict()},
            {
                "title": "Use of the limits",
                "kind": "bars",
                "bars": bars,
                "unit": "%",
                "limits": limits if near else [],
            },
            {"title": "Limits", "kind": "checks", "checks": checks},
            *self._forecast(),
            *(self._plot(one) for one in self._worth_a_plot()),
            *self._cost(),
            *history.sections(runs, whole, self.now, ("Devices",), "devices"),
        ]

    def _row(self, one: Use) -> Check:
        title = f"{one.limit.title}: less than {self.thresholds.fail_percent:g} %"
        if one.percent is None:
            return not_checked(title, one.reading.why)
        left, detail = one.days_left(), f"{_share(one)}, {_when(one)}"
        if one.percent >= self.thresholds.fail_percent:
            return failed(title, f"{detail}.")
        soon = left is not None and left <= self.thresholds.warn_days
        if one.percent >= self.thresholds.warn_percent or soon:
            return warned(title, f"{detail}.")
        return passed(title, detail)

    def _forecast(self) -> list[dict[str, Any]]:
        rows = [
            [
                one.limit.title,
                _number(one.reading.used),
                _number(one.reading.allowed),
                one.limit.unit,
                {"text": one.reading.allowed_by, "href": one.limit.source},
                None if one.trend is None else round(one.trend.slope, 4),
                _when(one),
            ]
            for one in self.known
        ]
        columns = ["Limit", "Used", "Allowed", "Unit", "Says who", "More each day", "Reached"]
        intro = (
            f"Lines through the days that are known, {CONFIDENCE:.0%} confidence; rates are those of the "
            "busiest hour of a day."
        )
        section = {"title": "Forecast", "kind": "table", "intro": intro, "columns": columns, "rows": rows}
        return [section] if rows else []

    def _worth_a_plot(self) -> list[Use]:
        """Limits that are not nearly empty, or may be reached."""
        near = [one for one in self.known if (one.percent or 0.0) >= 1 or one.days_left() is not None]
        return [one for one in near if len(one.reading.days) > 1][:MOST_PLOTS]

    def _plot(self, one: Use) -> dict[str, Any]:
        days = sorted(one.reading.days.items())
        title = f"{one.limit.title}, day by day"
        points: list[list[Any]] = [[day.isoformat(), value] for day, value in days]
        section: dict[str, Any] = {
            "title": title,
            "kind": "series",
            "unit": one.limit.unit,
            "series": [{"name": "used", "points": points}],
        }
        if one.trend is None:
            return section
        first, today = (days[0][0] - EPOCH.date()).days, day_of(self.now)
        ahead = [today + (today - first) * AHEAD * part / 10 for part in range(11)]
        lines = [(_iso(day), *one.trend.at(day)) for day in ahead]
        section["series"].append(
            {"name": "expected", "points": [[day, middle] for day, _, middle, _ in lines]}
        )
        section["bands"] = [
            {
                "name": f"{CONFIDENCE:.0%} of lines",
                "points": [[day, low, high] for day, low, _, high in lines],
            }
        ]
        highest = max(high for _, _, _, high in lines)
        if highest * 3 >= one.reading.allowed:
            section["limits"] = [{"name": "allowed", "value": one.reading.allowed}]
        return section

    def _cost(self) -> list[dict[str, Any]]:
        if not self.devices:
            return []
        rows = [
            [
                one.name,
                _number(one.quantity),
                one.price.unit,
                one.basis,
                f"{one.price.dollars:g} for {one.price.per:,.0f}",
                round(one.dollars * 1000 / self.devices, 2),
                {"text": "pricing page", "href": one.price.source},
            ]
            for one in self.bill
        ]
        intro = (
            f"{self.dollars_per_1000:,.2f} US dollars for 1,000 of {self.devices:,} devices. List prices "
            f"of {prices.REGION} as of {prices.LOOKED_UP}, first tier, without free tiers, taxes, jobs and "
            "Device Defender."
        )
        columns = ["Part", "A month", "Unit", "Basis", "Price", "For 1,000 devices", "Source"]
        return [{"title": "Cost a month", "kind": "table", "intro": intro, "columns": columns, "rows": rows}]


def _title(one: Use) -> str:
    return f"“{one.limit.title}”"


def _share(one: Use) -> str:
    used, allowed = _number(one.reading.used), _number(one.reading.allowed)
    return f"{used:,} of {allowed:,} {one.limit.unit} ({one.percent:.3g} %)"


def _when(one: Use) -> str:
    """``reached 2027-03-01 (2027-01-15 to 2027-07-30)``, or that it is not, or that nobody knows."""
    reached = one.reached()
    if one.percent is not None and one.percent >= 100:
        return "reached"
    if one.trend is None and reached["expected"] is None:
        return f"nobody knows how it goes on: figures of {len(one.reading.days)} of {FEWEST} days"
    if reached["earliest"] is None:
        return NOT_SOON
    if reached["expected"] is None:
        return f"{NOT_SOON}, at the earliest {reached['earliest']}"
    latest = f"to {reached['latest']}" if reached["latest"] else "or much later"
    return f"reached {reached['expected']} ({reached['earliest']} {latest})"


def _number(value: float | None) -> float:
    """Whole where it is large, with four digits that say something where it is not."""
    if value is None:
        return 0
    return round(value) if abs(value) >= 1000 or value == round(value) else float(f"{value:.4g}")


def _iso(day: float) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()
