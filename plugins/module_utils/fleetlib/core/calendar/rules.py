"""Recurrence rules that a calendar and every timer can hold: a part of RFC 5545, section 3.3.10.

What no timer knows (``COUNT``, ``BYSETPOS``, the second last Friday, …) is refused when the rule is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dateutil.rrule import rrulestr

from ..errors import InvalidInputError

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY")
LAST: Final = -1

_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_START = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_EXAMPLE = "For example FREQ=MONTHLY;BYDAY=1SU, or FREQ=WEEKLY;BYDAY=TU,TH (docs/maintenance.md)."


@dataclass(frozen=True)
class Rule:
    """On which days, and at what time. Empty lists restrict nothing."""

    text: str
    frequency: str
    hour: int
    minute: int
    interval: int = 1
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    """1 to 31, or -1 for the last day of the month."""
    weekdays: tuple[tuple[int, str], ...] = ()
    """(which in the month, day): (1, "SU") is the first Sunday, (-1, "SU") the last, (0, "SU") every one."""

    def between(self, anchor: datetime, first: datetime, last: datetime) -> list[datetime]:
        """The moments from ``first`` to ``last``, both included. Intervals count from ``anchor``."""
        begins = anchor.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        found: list[datetime] = rrulestr(self.text, dtstart=begins).between(first, last, inc=True)
        return found


def parse(text: object, start: object) -> Rule:
    """The rule of a text such as ``FREQ=MONTHLY;BYDAY=1SU`` and a time such as ``02:00``."""
    hour, minute = _time(start)
    parts = _parts(text)
    frequency = parts.pop("FREQ", "")
    if frequency not in FREQUENCIES:
        raise _refused(text, f"FREQ has to be one of {', '.join(FREQUENCIES)}")
    values: dict[str, Any] = {_FIELD[name]: _READ[name](text, value) for name, value in parts.items()}
    rule = Rule(str(text).upper(), frequency, hour, minute, **values)
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    numbered = any(number for number, _ in rule.weekdays)
    if numbered and rule.frequency != "MONTHLY":
        raise _refused(rule.text, "a numbered day such as 1SU needs FREQ=MONTHLY")
    if numbered and not all(number for number, _ in rule.weekdays):
        raise _refused(rule.text, "BYDAY either numbers all of its days or none")
    if rule.frequency == "MONTHLY" and not (rule.weekdays or rule.month_days):
        raise _refused(rule.text, "FREQ=MONTHLY needs BYDAY or BYMONTHDAY")
    if rule.frequency == "WEEKLY" and not rule.weekdays:
        raise _refused(rule.text, "FREQ=WEEKLY needs BYDAY")
    if rule.month_days and (rule.weekdays or rule.frequency != "MONTHLY"):
        raise _refused(rule.text, "BYMONTHDAY goes with FREQ=MONTHLY and without BYDAY")


def _time(start: object) -> tuple[int, int]:
    match = _START.fullmatch(start) if isinstance(start, str) else None
    if match is None:
        raise InvalidInputError(
            f"start is {start!r}; it must be a time in UTC from 00:00 to 23:59.",
            'Write it in quotes, as start: "02:00"; without them YAML makes a number of it.',
        )
    return int(match[1]), int(match[2])


def _parts(text: object) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in str(text).upper().split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts or (name != "FREQ" and name not in _READ):
            allowed = ", ".join(["FREQ", *_READ])
            raise _refused(text, f"{part!r} is not one of its parts, each once: {allowed}")
        parts[name] = value
    return parts


def _numbers(
    name: str, allowed: Callable[[int], bool], words: str
) -> Callable[[object, str], tuple[int, ...]]:
    def read(text: object, value: str) -> tuple[int, ...]:
        numbers = []
        for one in value.split(","):
            if not re.fullmatch(r"[+-]?[0-9]{1,3}", one) or not allowed(int(one)):
                raise _refused(text, f"{name} has {one!r}; it must be {words}")
            numbers.append(int(one))
        return tuple(sorted(set(numbers)))

    return read


def _interval(text: object, value: str) -> int:
    return _numbers("INTERVAL", lambda one: 1 <= one <= 52, "from 1 to 52")(text, value)[0]


def _weekdays(text: object, value: str) -> tuple[tuple[int, str], ...]:
    found = []
    for one in value.split(","):
        match = _DAY.fullmatch(one)
        if match is None or int(match[1] or 0) < LAST:
            raise _refused(text, f"BYDAY has {one!r}; it must be a day (SU), or 1 to 5 or -1 and a day (1SU)")
        found.append((int(match[1] or 0), match[2]))
    return tuple(sorted(set(found), key=lambda day: (day[0], WEEKDAYS.index(day[1]))))


def _refused(text: object, why: str) -> InvalidInputError:
    return InvalidInputError(f"The rule {str(text)!r} cannot be used: {why}.", _EXAMPLE)


_FIELD: Mapping[str, str] = {
    "INTERVAL": "interval",
    "BYMONTH": "months",
    "BYMONTHDAY": "month_days",
    "BYDAY": "weekdays",
}
_READ: Mapping[str, Callable[[object, str], object]] = {
    "INTERVAL": _interval,
    "BYMONTH": _numbers("BYMONTH", lambda one: 1 <= one <= 12, "from 1 to 12"),
    "BYMONTHDAY": _numbers("BYMONTHDAY", lambda one: 1 <= one <= 31 or one == LAST, "1 to 31, or -1"),
    "BYDAY": _weekdays,
}
