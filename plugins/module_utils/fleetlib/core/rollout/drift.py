"""Assigned and reported version of every device: who differs, why, and since when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .ports import DeviceState
from .record import Record, WaveRecord

Lists = Callable[[str], Mapping[str, Any] | None]
"""Gets a list of devices that is kept beside the record: ``waves/0``, ``before/0``, ``outcomes/<job>``."""

Outcomes = Callable[[str], Mapping[str, str]]
"""Thing → status of an open job's executions."""

_BACK = ("returning", "return_open", "returned")


@dataclass(frozen=True)
class Drift:
    """A device that does not report what it was assigned."""

    thing: str
    subject: str
    assigned: str
    """Empty for none."""
    reported: str
    why: str
    since: str
    """Time (UTC); empty where nothing says it."""

    def as_dict(self) -> dict[str, str]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """A subject's devices."""

    subject: str
    devices: int
    """With a version assigned by the last rollout."""
    drifts: tuple[Drift, ...]


def look(record: Record, lists: Lists, outcomes: Outcomes, states: Mapping[str, DeviceState]) -> Report:
    """Compare what the last rollout left every device with, and what the devices report."""
    devices, drifts = 0, []
    for number, wave in enumerate(record.waves):
        for thing, assigned, outcome in _assigned(record, number, wave, lists, outcomes):
            state = states.get(thing)
            if state is None:  # deleted from the registry, or left the group: nobody expects anything of it
                continue
            devices += 1
            if state.version != assigned or state.failed:
                why, since = _reason(wave, outcome, state, assigned)
                drifts.append(
                    Drift(thing, record.subject, assigned, state.version, why, since or wave.started_at)
                )
    return Report(record.subject, devices, tuple(sorted(drifts, key=lambda one: one.thing)))


def _assigned(
    record: Record, number: int, wave: WaveRecord, lists: Lists, outcomes: Outcomes
) -> Iterator[tuple[str, str, str]]:
    """(thing, version that it should have, how its job ended): only devices whose wave has begun."""
    before = lists(f"before/{number}")
    if before is None:
        return
    was = {thing: version for version, things in before["versions"].items() for thing in things}
    ended = _ended(wave, lists, outcomes)
    stopped = record.state in ("aborting", "stopped")
    for thing in (lists(f"waves/{number}") or {"things": ()})["things"]:
        outcome = ended.get(thing, "")
        goes_back = wave.state in _BACK or (stopped and outcome in ("", "CANCELED"))
        yield thing, was.get(thing, "") if goes_back else record.version, outcome


def _ended(wave: WaveRecord, lists: Lists, outcomes: Outcomes) -> dict[str, str]:
    ended: dict[str, str] = {}
    for part in wave.parts:
        kept = lists(f"outcomes/{part.job}")
        if kept is None:
            ended.update(outcomes(part.job))
        else:
            ended.update({thing: status for status, things in kept["by_status"].items() for thing in things})
    return ended


def _reason(wave: WaveRecord, outcome: str, state: DeviceState, assigned: str) -> tuple[str, str]:
    if state.failed and state.version == assigned:
        return "it reports that the program failed", state.since
    if wave.state in _BACK:
        where = "it is offline; a job waits for it" if not state.connected else "its way back has not ended"
        return where, state.seen_at if not state.connected else wave.return_from
    if not state.connected and outcome in ("", "QUEUED", "IN_PROGRESS"):
        return "it is offline; its job waits", state.seen_at
    if outcome in ("", "QUEUED", "IN_PROGRESS"):
        return "its job has not ended", wave.started_at
    if outcome == "SUCCEEDED":
        return "its job succeeded, and it was changed since then by other means", state.since
    return f"its job ended {outcome}", wave.ended_at
