"""What a drill took: its steps from the journal, and what happened to the boards from their own diaries.

Times are ISO 8601 in UTC throughout. A board's diary (``spells``) is a list of the times that it was
connected: ``began``, ``ended``, and of its reports ``arrived`` (the last one that the cloud acknowledged) and
``found`` (the one that the cloud still had when the board came).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from ..clock import parse_iso
from .scenarios import STEPS, Phase

BEGIN, DONE = "begin ", "done "
"""How the names of a journal's steps start."""
SLACK_SECONDS: Final = 2.0
"""A connection that ended so shortly before the failure was noted belongs to it."""


@dataclass(frozen=True)
class Took:
    """A step that was begun."""

    name: str
    began: datetime
    ended: datetime | None

    @property
    def phase(self) -> Phase:
        """What it was for."""
        return STEPS[self.name].phase

    @property
    def seconds(self) -> float | None:
        """How long it took; None for one that never ended."""
        return (self.ended - self.began).total_seconds() if self.ended else None


@dataclass(frozen=True)
class Timeline:
    """The steps of one drill."""

    steps: tuple[Took, ...] = ()

    @property
    def failed_at(self) -> datetime | None:
        """When the failure began; None for a drill that did not come so far."""
        return next((step.began for step in self.steps if step.phase is Phase.FAIL), None)

    @property
    def recovered_at(self) -> datetime | None:
        """When the last step after the failure had been done; None while one has not."""
        after = [step for step in self.steps if step.phase in (Phase.RECOVER, Phase.VERIFY)]
        ends = [step.ended for step in after]
        return max((one for one in ends if one), default=None) if after and all(ends) else None

    @property
    def unfinished(self) -> list[str]:
        """Steps that were begun and not done."""
        return [step.name for step in self.steps if step.ended is None]


@dataclass(frozen=True)
class BoardStory:
    """What a failure did to one board, as it saw it itself."""

    name: str
    back: bool
    away_seconds: float
    lost_seconds: float
    """Between its last report that the cloud had acknowledged and the one that it found again."""
    endpoint: str
    """Where it was connected last."""


@dataclass(frozen=True)
class Lost:
    """Something that was there before the failure and is not there any more."""

    kind: str
    name: str
    seconds: float
    """How long before the failure it had been written."""


def timeline(records: Iterable[Mapping[str, Any]]) -> Timeline:
    """The steps of the last drill in a journal."""
    steps: dict[str, Took] = {}
    for record in records:
        if record["event"] == "started":
            steps = {}
        elif record["event"] == "step":
            at, name = parse_iso(record["at"]), str(record["name"])
            if name.startswith(BEGIN):
                name = name.removeprefix(BEGIN)
                steps[name] = Took(name, at, None)
            elif name.startswith(DONE):
                name = name.removeprefix(DONE)
                steps[name] = Took(name, steps[name].began, at)
    return Timeline(tuple(steps.values()))


def story(name: str, spells: Sequence[Mapping[str, Any]], failed_at: datetime, now: datetime) -> BoardStory:
    """What happened to a board since the failure; a board that never was connected was away all the time."""
    if not spells:
        return BoardStory(name, False, (now - failed_at).total_seconds(), 0.0, "")
    last = spells[-1]
    return BoardStory(
        name,
        last["ended"] is None,
        sum(_gaps(spells, failed_at, now)),
        max([0.0, *_losses(spells, failed_at)]),
        str(last["endpoint"]),
    )


def _gaps(spells: Sequence[Mapping[str, Any]], failed_at: datetime, now: datetime) -> Iterable[float]:
    starts = [parse_iso(one["began"]) for one in spells[1:]] + [now]
    for spell, back in zip(spells, starts, strict=True):
        if spell["ended"] is None:
            continue
        away = parse_iso(spell["ended"])
        if (away - failed_at).total_seconds() >= -SLACK_SECONDS:
            yield (back - away).total_seconds()


def _losses(spells: Sequence[Mapping[str, Any]], failed_at: datetime) -> Iterable[float]:
    for before, after in pairwise(spells):
        if before["arrived"] is None or parse_iso(after["began"]) < failed_at:
            continue
        # A cloud that had nothing of the board has lost all that it told in that time.
        kept = parse_iso(after["found"] or before["began"])
        yield (parse_iso(before["arrived"]) - kept).total_seconds()


def lost_objects(before: Mapping[str, str], after: Iterable[str], failed_at: datetime) -> list[Lost]:
    """Objects (key → time of writing) that are not there any more."""
    gone = sorted(before.keys() - set(after))
    return [Lost("object", key, (failed_at - parse_iso(before[key])).total_seconds()) for key in gone]


@dataclass(frozen=True)
class Measured:
    """A drill in figures."""

    timeline: Timeline
    boards: tuple[BoardStory, ...]
    lost: tuple[Lost, ...]

    @property
    def service_seconds(self) -> float | None:
        """From the failure to the end of the last step."""
        failed, recovered = self.timeline.failed_at, self.timeline.recovered_at
        return (recovered - failed).total_seconds() if failed and recovered else None

    @property
    def rto_seconds(self) -> float | None:
        """The recovery time: of the service, or of the board that was away longest; None: not recovered."""
        if self.service_seconds is None or not all(board.back for board in self.boards):
            return None
        return round(max([self.service_seconds, *(board.away_seconds for board in self.boards)]), 1)

    @property
    def rpo_seconds(self) -> float:
        """How old the oldest loss was: a report of a board, or an object."""
        losses = [*(board.lost_seconds for board in self.boards), *(one.seconds for one in self.lost)]
        return round(max([0.0, *losses]), 1)


def connected_over_time(
    diaries: Iterable[Sequence[Mapping[str, Any]]], began: datetime, now: datetime
) -> list[tuple[str, int]]:
    """How many boards were connected, as points of a stepped line: (time, boards)."""
    changes: list[tuple[datetime, int]] = []
    for spells in diaries:
        for spell in spells:
            changes.append((max(parse_iso(spell["began"]), began), 1))
            if spell["ended"] is not None and parse_iso(spell["ended"]) >= began:
                changes.append((parse_iso(spell["ended"]), -1))
            elif spell["ended"] is not None:
                changes.pop()
    points: list[tuple[datetime, int]] = [(began, 0)]
    for at, change in sorted(changes):
        count = points[-1][1]
        points += [(at, count), (at, count + change)]
    points.append((now, points[-1][1]))
    return [(at.isoformat(), count) for at, count in points]
