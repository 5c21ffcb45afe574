"""A rule as timers write it. A timer may fire too often, never too seldom: the guard in front of the work
asks the calendar, which alone knows intervals, freezes and exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..clock import iso
from ..validation.checks import failed, not_checked, passed, some
from .rules import LAST, WEEKDAYS, Rule
from .windows import Moment, Window

_SYSTEMD_DAYS: Final = dict(zip(WEEKDAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
_AWS_DAYS: Final = dict(zip(WEEKDAYS, ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), strict=True))
_ICALENDAR_OCTETS: Final = 75
"""RFC 5545, section 3.1: longer lines are folded."""


def systemd(rule: Rule) -> list[str]:
    """``OnCalendar`` expressions (systemd.time(7)): the timer fires at each of them."""
    clock = f"{rule.hour:02d}:{rule.minute:02d}:00 UTC"
    months = ",".join(f"{one:02d}" for one in rule.months) or "*"
    return [f"{days}*-{months}{month_days} {clock}" for days, month_days in _systemd_days(rule)]


def _systemd_days(rule: Rule) -> list[tuple[str, str]]:
    if rule.month_days:
        positive = ",".join(f"{one:02d}" for one in rule.month_days if one > 0)
        last = [("", "~01")] if LAST in rule.month_days else []
        return [*([("", f"-{positive}")] if positive else []), *last]
    return [
        (f"{','.join(_SYSTEMD_DAYS[day] for day in days)} " if days else "", _systemd_week(number))
        for number, days in _by_number(rule)
    ]


def _systemd_week(number: int) -> str:
    if number == 0:
        return "-*"
    return "~07/1" if number == LAST else f"-{7 * number - 6:02d}..{min(7 * number, 31):02d}"


def aws_cron(rule: Rule) -> list[str]:
    """Expressions of EventBridge and of the maintenance windows of AWS IoT Jobs, which know UTC only."""
    months = ",".join(str(one) for one in rule.months) or "*"
    start = f"{rule.minute} {rule.hour}"
    if rule.month_days:
        positive = ",".join(str(one) for one in rule.month_days if one > 0)
        days = [*([positive] if positive else []), *(["L"] if LAST in rule.month_days else [])]
        return [f"cron({start} {day} {months} ? *)" for day in days]
    return [f"cron({start} {day} *)" for day in _aws_days(rule, months)]


def _aws_days(rule: Rule, months: str) -> list[str]:
    found = []
    for number, days in _by_number(rule):
        if not days:
            found.append(f"* {months} ?")
        elif number == 0:
            found.append(f"? {months} {','.join(_AWS_DAYS[day] for day in days)}")
        elif number == LAST:  # its days count from Sunday = 1
            found += [f"? {months} {(WEEKDAYS.index(day) + 1) % 7 + 1}L" for day in days]
        else:
            found += [f"? {months} {_AWS_DAYS[day]}#{number}" for day in days]
    return found


@dataclass(frozen=True)
class CronLine:
    """When cron runs something, and on which days of the week (1 is Monday) it then is to go on."""

    minute: str
    hour: str
    day: str
    month: str
    weekdays: tuple[int, ...] = ()
    """Cron takes day and weekday as either-or, so that the weekday is asked by the command."""

    def guard(self) -> str:
        """Shell words in front of the command; empty where cron itself decides. ``%`` is escaped for cron."""
        if not self.weekdays:
            return ""
        return f'case "$(date -u +\\%u)" in {"|".join(map(str, self.weekdays))}) ;; *) exit 0 ;; esac; '


def cron(rule: Rule) -> list[CronLine]:
    """Lines for a crontab of a host that runs in UTC."""
    start, months = (str(rule.minute), str(rule.hour)), ",".join(str(one) for one in rule.months) or "*"
    if rule.month_days:
        # The last day is one of four; the calendar knows which.
        days = [str(one) for one in rule.month_days if one > 0] + (
            ["28-31"] if LAST in rule.month_days else []
        )
        return [CronLine(*start, ",".join(days), months)]
    return [
        CronLine(*start, _cron_week(number), months, tuple(WEEKDAYS.index(day) + 1 for day in days))
        for number, days in _by_number(rule)
    ]


def _cron_week(number: int) -> str:
    if number == 0:
        return "*"
    return "22-31" if number == LAST else f"{7 * number - 6}-{min(7 * number, 31)}"


def _by_number(rule: Rule) -> list[tuple[int, list[str]]]:
    """Days of the week by which in the month they are; one entry without days where every day will do."""
    numbers = sorted({number for number, _ in rule.weekdays}) or [0]
    return [(number, [day for which, day in rule.weekdays if which == number]) for number in numbers]


def icalendar(windows: Sequence[Window], fleet: str, stamped: datetime) -> str:
    """The windows as an iCalendar file (RFC 5545): one event each, so that no reader needs our rules."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//steel.fleet//maintenance//EN"]
    for window in windows:
        begins = _utc(window.begins)
        lines += [
            "BEGIN:VEVENT",
            f"UID:{window.name}-{begins}@{fleet}",
            f"DTSTAMP:{_utc(stamped)}",
            f"DTSTART:{begins}",
            f"DTEND:{_utc(window.ends)}",
            f"SUMMARY:{_escaped(f'{fleet}: {window.name} maintenance')}",
            f"STATUS:{'CANCELLED' if window.frozen else 'CONFIRMED'}",
            *([f"DESCRIPTION:{_escaped(f'Frozen: {window.frozen}')}"] if window.frozen else []),
            "END:VEVENT",
        ]
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text.replace("\r", "")


def _folded(line: str) -> str:
    """Lines of at most 75 octets, never cut within a character."""
    parts, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _ICALENDAR_OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += character
        size += octets
    return "\r\n".join(parts)


def sections(
    moment: Moment, coming: Sequence[Window], missed: Sequence[Window], *, watched: bool
) -> list[dict[str, Any]]:
    """The calendar as sections of a report (docs/reports.md)."""
    name = "No maintenance window went by unused"
    names = [f"{one.name} of {iso(one.begins)}" for one in missed]
    check = failed(name, f"{len(missed):,} did: {some(names)}.") if missed else passed(name)
    if not watched:
        check = not_checked(name, "Nothing is scheduled yet; schedule.yml does that.")
    rows = [[one.name, iso(one.begins), one.minutes, one.frozen or "will be used"] for one in coming]
    return [
        {"title": "Maintenance windows", "kind": "checks", "checks": [check.as_dict()], "intro": moment.why},
        {
            "title": "Next windows",
            "kind": "table",
            "columns": ["Window", "Begins", "Minutes", "Note"],
            "rows": rows,
        },
    ]
