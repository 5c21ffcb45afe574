# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The period of a report, and how CloudWatch is asked for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ..errors import InvalidInputError

RETENTION_DAYS: Final = 455
"""So long CloudWatch keeps metrics (as hourly points; AWS documentation, “Metrics retention”)."""
_GRAINS: Final = ((63, 3600), (15, 300), (0, 60))
"""From so many days on only points of so many seconds are kept."""
_DAYS: Final = 7
_STEPS: Final = (300, 900, 3600, 6 * 3600, 86400, 7 * 86400)
_MOST_POINTS: Final = 170
"""Points of a curve: hours of a week."""


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` to before ``end``, in UTC."""

    start: datetime
    end: datetime

    @property
    def before(self) -> Period:
        """The period of the same length before it."""
        return Period(self.start - (self.end - self.start), self.start)

    def step(self, now: datetime) -> int:
        """Seconds between the points of a curve over it."""
        least = max((self.end - self.start).total_seconds() / _MOST_POINTS, _grain(self.start, now))
        return next((one for one in _STEPS if one >= least), _STEPS[-1])

    def whole(self, now: datetime) -> int:
        """A period for CloudWatch, in seconds, that makes one point of all of it.

        Where points begin at multiples of the period (as a local cloud has it) none may begin within it;
        where they begin at the start of the query, it only has to be long enough.
        """
        grain = _grain(self.start, now)
        first, last = self.start.timestamp(), self.end.timestamp()
        seconds = math.ceil((last - first) / grain) * grain
        while first // seconds != (last - 1) // seconds:
            seconds += grain
        return seconds


def period(start_date: str, end_date: str, now: datetime) -> Period:
    """The days from ``start_date`` to ``end_date``, both included; today only as far as it is over.

    Empty dates are today and the seven days before it. Raises `InvalidInputError` for what is no date, an end
    before the start, days to come, and days that CloudWatch does not know any more.
    """
    today = now.astimezone(UTC).date()
    last = _date("end_date", end_date) if end_date else today
    first = _date("start_date", start_date) if start_date else last - timedelta(days=_DAYS)
    if last > today:
        raise InvalidInputError(f"end_date is {last}, which is in the future; today is {today} (UTC).")
    if first > last:
        raise InvalidInputError(f"start_date is {first}, which is after end_date, {last}.")
    if (today - first).days > RETENTION_DAYS:
        oldest = today - timedelta(days=RETENTION_DAYS)
        raise InvalidInputError(
            f"start_date is {first}; CloudWatch keeps metrics for {RETENTION_DAYS} days: from {oldest} on."
        )
    start, end = (datetime.combine(one, time(), UTC) for one in (first, last + timedelta(days=1)))
    minute = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Period(start, min(end, minute))


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} is {text!r}; it must be a date like 2026-03-01.") from error


def _grain(start: datetime, now: datetime) -> int:
    age = (now - start) / timedelta(days=1)
    return next(seconds for days, seconds in _GRAINS if age > days)
