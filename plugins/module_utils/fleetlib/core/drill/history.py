"""What the journal of drills tells: when each scenario was drilled last, and when it is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..clock import iso, parse_iso
from ..errors import InvalidInputError
from .scenarios import SCENARIOS

PASSED, FAILED, UNDONE = "passed", "failed", "undone"
"""How drills end. One that was cut off is undone by the next run, and counts as none."""
INTERVAL_DAYS: Final = 90
"""The guide: quarterly."""


@dataclass(frozen=True)
class Drilled:
    """The last drill of a scenario."""

    at: datetime
    outcome: str
    rto_seconds: float | None
    rpo_seconds: float | None
    boards: int


def last_of_each(records: Iterable[Mapping[str, Any]]) -> dict[str, Drilled]:
    """Scenario → its last drill that was not cut off."""
    found: dict[str, Drilled] = {}
    name = ""
    for record in records:
        if record["event"] == "started":
            name = str(record.get("scenario", ""))
        elif record["event"] == "ended" and record.get("outcome") in (PASSED, FAILED):
            found[name] = Drilled(
                parse_iso(record["at"]),
                str(record["outcome"]),
                record.get("rto_seconds"),
                record.get("rpo_seconds"),
                int(record.get("boards", 0)),
            )
    return found


def next_due(last: Drilled | None, now: datetime, interval_days: int = INTERVAL_DAYS) -> datetime:
    """When a scenario is to be drilled: at once, if it never passed; else an interval after the last time."""
    if interval_days < 1:
        raise InvalidInputError(f"disaster_recovery_interval_days is {interval_days}; it must be 1 or more.")
    if last is None or last.outcome != PASSED:
        return now
    return last.at + timedelta(days=interval_days)


def table(found: Mapping[str, Drilled], now: datetime, interval_days: int) -> list[list[Any]]:
    """A row for each scenario: name, last drill, outcome, recovery time, loss, boards, next due."""
    rows: list[list[Any]] = []
    for name in SCENARIOS:
        last = found.get(name)
        due = next_due(last, now, interval_days)
        when: Any = {"text": "now", "status": "warned"} if due <= now else iso(due)[:10]
        if last is None:
            rows.append([name, "never", None, None, None, None, when])
            continue
        outcome = {"text": last.outcome, "status": "passed" if last.outcome == PASSED else "failed"}
        rows.append(
            [name, iso(last.at)[:16] + "Z", outcome, last.rto_seconds, last.rpo_seconds, last.boards, when]
        )
    return rows
