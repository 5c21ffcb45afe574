"""What a board writes down of its connections: the evidence by which a drill is measured (docs/drills.md)."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

SPELLS_KEPT = 50


@dataclass
class Spell:
    """One time that a board was connected."""

    began: str
    endpoint: str
    """``host:port`` that it was connected to."""
    ended: str | None = None
    """None while it lasts."""
    arrived: str | None = None
    """Time stamp of the last report that the cloud acknowledged in it."""
    found: str | None = None
    """Time stamp of the report that the cloud still had when the board came; none: it had no report."""


@dataclass
class Diary:
    """The last times that a board was connected, oldest first.

    In memory only: a drill is one life of the process.
    """

    spells: deque[Spell] = field(default_factory=lambda: deque(maxlen=SPELLS_KEPT))

    def connected(self, now: str, endpoint: str) -> None:
        """A connection is open."""
        self.spells.append(Spell(now, endpoint))

    def lost(self, now: str) -> None:
        """It is not open any more."""
        if self.spells and self.spells[-1].ended is None:
            self.spells[-1].ended = now

    def arrived(self, report: str) -> None:
        """The cloud acknowledged a report with this time stamp."""
        if self.spells:
            self.spells[-1].arrived = report

    def found(self, report: str | None) -> None:
        """The cloud answered what it had; only the first answer of a spell is from before it."""
        if self.spells and self.spells[-1].found is None:
            self.spells[-1].found = report

    def as_list(self) -> list[dict[str, Any]]:
        """For the status."""
        return [asdict(one) for one in self.spells]
