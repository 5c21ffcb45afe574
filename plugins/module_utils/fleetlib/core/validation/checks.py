"""One row of the report, and how rows are judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

NAMED = 3
"""How many of many offenders a row names."""


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    """It works, but somebody should look."""
    NOT_CHECKED = "not_checked"
    """The detail says why not; it is never a silent pass."""


@dataclass(frozen=True)
class Check:
    """A row: what was checked, how it ended, what was seen."""

    name: str
    status: Status
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        """The row as plain data, in the shape of `docs/reports.md`."""
        return asdict(self)


def passed(name: str, detail: str = "") -> Check:
    """A row that holds."""
    return Check(name, Status.PASSED, detail)


def failed(name: str, detail: str) -> Check:
    """A row that does not hold."""
    return Check(name, Status.FAILED, detail)


def warned(name: str, detail: str) -> Check:
    """A row that holds, with something to look at."""
    return Check(name, Status.WARNED, detail)


def not_checked(name: str, why: str) -> Check:
    """A row that could not be looked at."""
    return Check(name, Status.NOT_CHECKED, why)


def absent(name: str, what: str, may_be_absent: bool) -> Check:
    """A row about something that is not there; in check mode (``may_be_absent``) it may come yet."""
    return not_checked(name, f"{what} yet.") if may_be_absent else failed(name, f"{what}.")


def all_of(name: str, looked_at: int, what: str, offenders: Sequence[str], trouble: str) -> Check:
    """A row about many alike: passed when there are no offenders, else it counts and names some.

    ``what`` is the plural of what was looked at, ``trouble`` says what is wrong with the offenders.
    """
    if offenders:
        return failed(name, f"{len(offenders):,} of {looked_at:,} {what} {trouble}: {some(offenders)}.")
    return passed(name, f"all {looked_at:,} {what}")


def some(names: Sequence[str]) -> str:
    """A few of many names, and how many more there are."""
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED:,} more"


def before_changes(rows: Iterable[Check]) -> list[Check]:
    """Rows seen in check mode: the run that would change things first has not, so a failure is a warning."""
    return [
        warned(row.name, f"As it is now: {row.detail}") if row.status is Status.FAILED else row
        for row in rows
    ]
