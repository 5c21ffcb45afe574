"""The windows of a calendar: the next ones, whether it is one now, and which went by unused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from ..clock import iso
from ..errors import InvalidInputError
from .rules import Rule, parse

MOST_MINUTES: Final = 1_430
"""The longest window, AWS IoT's limit for a maintenance window of a job."""

FIRST_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday; rules with INTERVAL count from here unless the window says ``starts``."""

LOOK_AHEAD: Final = timedelta(days=3 * 366)
"""How far next windows are looked for."""

GUIDE: Final[Mapping[str, Any]] = {
    "windows": [
        {"name": "monthly", "rule": "FREQ=MONTHLY;BYDAY=1SU", "start": "02:00", "minutes": 120},
        {
            "name": "quarterly",
            "rule": "FREQ=MONTHLY;BYMONTH=1,4,7,10;BYDAY=1SU",
            "start": "02:00",
            "minutes": 240,
            "replaces": ["monthly"],
        },
    ]
}
"""The guide's maintenance schedule, which an empty calendar stands for."""


class State(StrEnum):
    """What may be done at a moment."""

    OPEN = "open"
    CLOSED = "closed"
    FROZEN = "frozen"


@dataclass(frozen=True)
class Freeze:
    """A time in which nothing is changed, whatever the rules say."""

    begins: datetime
    ends: datetime
    reason: str


@dataclass(frozen=True)
class Recurring:
    """A kind of window."""

    name: str
    rule: Rule
    minutes: int
    replaces: frozenset[str] = frozenset()
    anchor: datetime = FIRST_DAY


@dataclass(frozen=True)
class Change:
    """An exception: the window of that name and day does not take place, or takes place at another time."""

    name: str
    day: date
    to: datetime | None = None
    minutes: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Window:
    """One window."""

    name: str
    begins: datetime
    minutes: int
    frozen: str = ""
    """Why it is not used although the rules have it; empty when it is."""

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return self.begins + timedelta(minutes=self.minutes)

    def holds(self, moment: datetime) -> bool:
        """Whether it is this window then."""
        return self.begins <= moment < self.ends

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        times = {"begins": iso(self.begins), "ends": iso(self.ends)}
        return {"name": self.name, **times, "minutes": self.minutes, "frozen": self.frozen}


@dataclass(frozen=True)
class Moment:
    """What the calendar says of a moment."""

    at: datetime
    state: State
    window: Window | None
    """The window it is, where it is open."""
    seconds_left: float
    """Until the window ends; 0 where none is open."""
    why: str
    """For people."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        window = self.window.as_dict() if self.window else None
        left = {"seconds_left": self.seconds_left, "why": self.why}
        return {"at": iso(self.at), "state": str(self.state), "window": window, **left}


@dataclass(frozen=True)
class Calendar:
    """All rules of a fleet."""

    recurring: tuple[Recurring, ...]
    freezes: tuple[Freeze, ...] = ()
    changes: tuple[Change, ...] = ()

    def between(self, first: datetime, last: datetime) -> list[Window]:
        """Every window that begins from ``first`` to ``last``, in order; frozen ones say why."""
        margin = timedelta(days=2)  # what replaces a window may begin a little earlier or later
        regular = [
            Window(kind.name, begins, kind.minutes)
            for kind in self.recurring
            for begins in kind.rule.between(kind.anchor, first - margin, last + margin)
        ]
        found = [self._frozen(window) for window in self._changed(self._without_replaced(regular))]
        moved = [self._frozen(Window(one.name, one.to, self._minutes(one))) for one in self.changes if one.to]
        chosen = [window for window in (*found, *moved) if first <= window.begins <= last]
        return sorted(chosen, key=lambda window: (window.begins, window.name))

    def coming(self, now: datetime, count: int) -> list[Window]:
        """The next windows that begin after ``now``, frozen ones among them."""
        reach = timedelta(days=100)
        while True:
            found = [window for window in self.between(now, now + reach) if window.begins > now]
            if len(found) >= count or reach >= LOOK_AHEAD:
                return found[:count]
            reach = min(reach * 2, LOOK_AHEAD)

    def at(self, now: datetime) -> Moment:
        """What may be done at ``now``. Of two windows at once the one that ends later counts."""
        current = [one for one in self.between(now - timedelta(minutes=MOST_MINUTES), now) if one.holds(now)]
        usable = sorted((one for one in current if not one.frozen), key=lambda one: one.ends)
        if usable:
            window = usable[-1]
            left = (window.ends - now).total_seconds()
            return Moment(
                now, State.OPEN, window, left, f"The {window.name} window is open until {iso(window.ends)}."
            )
        freeze = next((one for one in self.freezes if one.begins <= now < one.ends), None)
        if freeze or current:
            why = freeze.reason if freeze else current[0].frozen
            return Moment(now, State.FROZEN, None, 0.0, f"A freeze is in force: {why}.")
        following = next((one for one in self.coming(now, 20) if not one.frozen), None)
        then = (
            f"The next is {following.name} at {iso(following.begins)}"
            if following
            else "There is none to come"
        )
        return Moment(now, State.CLOSED, None, 0.0, f"No window is open. {then}.")

    def missed(self, since: datetime, now: datetime, runs: Iterable[datetime]) -> list[Window]:
        """Windows since then that are over, were not frozen, and in which none of the runs began."""
        began = list(runs)
        over = [one for one in self.between(since, now) if one.ends <= now and not one.frozen]
        return [window for window in over if not any(window.holds(run) for run in began)]

    def _without_replaced(self, windows: Sequence[Window]) -> list[Window]:
        kinds = {kind.name: kind for kind in self.recurring}

        def replaced(one: Window) -> bool:
            return any(
                one.name in kinds[other.name].replaces and other.begins < one.ends and one.begins < other.ends
                for other in windows
            )

        return [window for window in windows if not replaced(window)]

    def _changed(self, windows: Sequence[Window]) -> list[Window]:
        away = {(one.name, one.day) for one in self.changes}
        return [one for one in windows if (one.name, one.begins.date()) not in away]

    def _frozen(self, window: Window) -> Window:
        """A window that a freeze touches is not used at all: half a window is how updates end half done."""
        freeze = next((f for f in self.freezes if f.begins < window.ends and window.begins < f.ends), None)
        return replace(window, frozen=freeze.reason) if freeze else window

    def _minutes(self, change: Change) -> int:
        return change.minutes or next(kind.minutes for kind in self.recurring if kind.name == change.name)


def from_config(given: Mapping[str, Any]) -> Calendar:
    """The calendar of the variable ``maintenance_calendar``; an empty one is the guide's."""
    _only(given, {"windows", "freezes", "exceptions"}, "maintenance_calendar")
    recurring = tuple(_recurring(one) for one in given.get("windows") or GUIDE["windows"])
    names = [one.name for one in recurring]
    twice = sorted({name for name in names if names.count(name) > 1})
    strangers = sorted({other for one in recurring for other in one.replaces} - set(names))
    changes = tuple(_change(one) for one in given.get("exceptions") or ())
    strangers += sorted({one.name for one in changes} - set(names))
    if twice or strangers:
        what = (
            f"{twice[0]!r} is there twice"
            if twice
            else f"{strangers[0]!r} is named, but there is no such window"
        )
        raise InvalidInputError(f"maintenance_calendar.windows: {what}.", f"Windows are: {', '.join(names)}.")
    return Calendar(recurring, tuple(_freeze(one) for one in given.get("freezes") or ()), changes)


def moment(value: object, what: str, *, end_of_day: bool = False) -> datetime:
    """A time in UTC from ``2027-01-03T02:00:00Z``, or a day from ``2027-01-03``."""
    try:
        text = value.isoformat() if isinstance(value, date) else str(value)
        if len(text) == len("2027-01-03"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if end_of_day else day
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise InvalidInputError(
            f"{what} is {value!r}; it must be a day (2027-01-03) or a time in UTC (2027-01-03T02:00:00Z)."
        )
    return found.astimezone(UTC)


def _recurring(given: Mapping[str, Any]) -> Recurring:
    _only(given, {"name", "rule", "start", "minutes", "replaces", "starts"}, "maintenance_calendar.windows")
    name = str(given.get("name") or "")
    if not name.replace("_", "").isalnum():
        raise InvalidInputError(
            f"maintenance_calendar.windows: the name {name!r} is none.", "Use letters, digits and _."
        )
    anchor = moment(given["starts"], f"starts of {name}") if given.get("starts") else FIRST_DAY
    rule = parse(given.get("rule"), given.get("start"))
    return Recurring(
        name, rule, _minutes(given.get("minutes"), name), frozenset(given.get("replaces") or ()), anchor
    )


def _freeze(given: Mapping[str, Any]) -> Freeze:
    _only(given, {"from", "until", "reason"}, "maintenance_calendar.freezes")
    begins = moment(given.get("from"), "from of a freeze")
    ends = moment(given.get("until"), "until of a freeze", end_of_day=True)
    if ends <= begins:
        raise InvalidInputError(
            f"maintenance_calendar.freezes: it is until {given['until']}, which is not after {given['from']}."
        )
    return Freeze(begins, ends, str(given.get("reason") or "no reason given"))


def _change(given: Mapping[str, Any]) -> Change:
    _only(given, {"window", "day", "to", "minutes", "reason"}, "maintenance_calendar.exceptions")
    name = str(given.get("window") or "")
    day = moment(given.get("day"), f"day of an exception of {name or 'no window'}").date()
    to = moment(given["to"], f"to of the exception of {name} on {day}") if given.get("to") else None
    minutes = _minutes(given["minutes"], name) if given.get("minutes") is not None else None
    return Change(name, day, to, minutes, str(given.get("reason") or ""))


def _minutes(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_MINUTES:
        raise InvalidInputError(
            f"minutes of window {name} is {value!r}; it must be from 1 to {MOST_MINUTES:,}."
        )
    return value


def _only(given: object, allowed: set[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{where}: {given!r} is no dictionary.")
    strangers = sorted(str(name) for name in given if name not in allowed and given[name] is not None)
    if strangers:
        raise InvalidInputError(
            f"{where}: {strangers[0]!r} is not known.", f"Allowed are {', '.join(sorted(allowed))}."
        )
