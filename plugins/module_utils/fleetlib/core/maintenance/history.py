"""What the journal of maintenance tells: since when windows are watched, when work began, what was left open.

Events: ``scheduled`` (from then on a window without work is a missed one), ``started``, ``step``, ``ended``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ..clock import parse_iso
from ..journal import read

SCHEDULED: Final = "scheduled"
STARTED: Final = "started"
STEP: Final = "step"
ENDED: Final = "ended"
EVENTS: Final = (SCHEDULED, STARTED, STEP, ENDED)


@dataclass(frozen=True)
class History:
    """A journal, told."""

    since: datetime | None = None
    """From when on windows are expected to be used; nothing before the first schedule or work."""
    began: tuple[datetime, ...] = ()
    """When work began, each time."""
    open: Mapping[str, Any] | None = None
    """The ``started`` record of work that has not ended."""
    steps: tuple[str, ...] = ()
    """Names of the steps that the open work, or else the last, has done."""
    snapshot_id: str = ""
    """The snapshot that it can go back to; empty before there is one."""

    def is_overdue(self, now: datetime) -> bool:
        """Whether open work should have ended by now: its record names a ``deadline``, or should have."""
        return self.open is not None and now >= parse_iso(self.open.get("deadline") or self.open["at"])


NOTHING: Final = History()


def tell(path: Path) -> History:
    """What the journal at ``path`` tells; nothing when there is none."""
    return told(read(path))


def told(records: Iterable[Mapping[str, Any]]) -> History:
    """What these records tell, oldest first."""
    since: datetime | None = None
    began: list[datetime] = []
    left: Mapping[str, Any] | None = None
    steps: list[str] = []
    snapshot = ""
    for record in records:
        at = parse_iso(record["at"])
        if record["event"] in (SCHEDULED, STARTED):
            since = since or at
        if record["event"] == STARTED:
            began.append(at)
            left, steps, snapshot = record, [], ""
        elif record["event"] == STEP:
            steps.append(str(record["name"]))
            snapshot = str(record.get("snapshot_id") or snapshot)
        elif record["event"] == ENDED:
            left = None
    return History(since, tuple(began), left, tuple(steps), snapshot)
