"""The record on the desk of the one who works on it: reading, writing, the lease, and what a step needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ..clock import Clock, iso, parse_iso
from ..errors import FleetError
from .gate import Counts
from .plan import Wave
from .ports import DeviceState, Documents, Execution, Fleet, Store
from .record import ENDED, Part, Record, WaveRecord, from_dict, table

NOW = 0.0
"""A step after which there is nothing to wait for."""

EXECUTED = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT")
"""Ends of an execution that a device took part in."""


class BusyError(FleetError):
    """Somebody else works on this rollout."""

    def __init__(self, record: Record) -> None:
        """Name who."""
        super().__init__(
            f"{record.lease['holder']} works on rollout {record.id}, at least until {record.lease['until']}.",
            "Wait for it to end; rollout_action=status looks on, pause and abort reach it.",
        )


@dataclass(frozen=True)
class Settings:
    """How the engine works, not what it does."""

    holder: str
    """Who runs it: ``user@host:pid``."""
    poll_seconds: float = 10.0
    lease_seconds: float = 120.0
    is_dead: Callable[[str], bool] = lambda holder: False
    """Whether a holder is known to be gone, so that its lease need not run out."""
    show: Callable[[Sequence[str]], None] = lambda lines: None
    """Gets the table of waves whenever it changed."""


class Desk:
    """One record, its devices, and whoever holds its lease."""

    def __init__(
        self, store: Store, fleet: Fleet, documents: Documents, clock: Clock, settings: Settings
    ) -> None:
        """Nothing is read before `acquire`."""
        self.store, self.fleet, self.documents = store, fleet, documents
        self.clock, self.settings = clock, settings
        self.record: Record
        self._version = ""
        self._saved_at = 0.0
        self._calls_before: dict[str, int] = {}

    def acquire(self) -> None:
        """Read the record and take its lease. Raises `BusyError` while somebody else has it."""
        found = self.store.load()
        if found is None:
            raise FleetError("There is no record of this rollout.", "Start it first.")
        self.record, self._version = from_dict(found[0]), found[1]
        lease = self.record.lease
        mine = lease.get("holder") == self.settings.holder
        if lease and not mine and not self._is_over(lease):
            raise BusyError(self.record)
        self._calls_before = dict(self.record.calls)
        self.save()

    def look_alive(self, wait: float) -> None:
        """Show the waves, and renew the lease before it runs out during a wait."""
        self.settings.show(table(self.record))
        if self.clock.monotonic() - self._saved_at + wait > self.settings.lease_seconds / 3:
            self.save()

    def save(self) -> None:
        """Write the record and renew the lease. Raises `ConflictError` when somebody else wrote it."""
        until = self.clock.now() + timedelta(seconds=self.settings.lease_seconds)
        self.record.lease = {"holder": self.settings.holder, "until": iso(until)}
        self._write()

    def release(self) -> None:
        """Write the record and give the lease back."""
        self.record.lease = {}
        self._write()
        self.settings.show(table(self.record))

    def now(self) -> str:
        """The time, as records write it."""
        return iso(self.clock.now())

    def decide(self, what: str, why: str, by: str = "") -> None:
        """Write a decision down."""
        self.record.decide(self.now(), by or self.settings.holder, what, why)

    def since(self, moment: str) -> float:
        """Seconds since a time of the record."""
        return (self.clock.now() - parse_iso(moment)).total_seconds()

    def abort(self, why: str, by: str = "") -> float:
        """Stop going forward; the next step is the way back."""
        self.record.state = "aborting"
        self.decide("abort", why, by)
        self.save()
        return NOW

    def end(self, state: str) -> None:
        """Put the rollout into a state; in one that is an end its groups go."""
        self.record.state = state
        if state in ENDED:
            self.record.ended_at = self.now()
            for wave in self.record.waves:
                for part in (*wave.parts, *wave.returns):
                    if part.own_group:
                        self.fleet.delete_group(part.group)

    def start_job(self, part: Part, version: str, planned: Wave, keep_open: bool) -> None:
        """Make the part's group and job. May be repeated."""
        document = self.documents.of(version, planned.jitter_seconds)
        if document is None:
            raise FleetError(
                f"{self.record.subject} {version} is not published any more.",
                "Restore its object in the bucket (it is versioned), then resume.",
            )
        if part.own_group:
            self.fleet.make_group(part.group, self.things(f"parts/{part.job}"))
        self.fleet.create_job(part.job, part.group, document, planned, keep_open)
        part.created_at = self.now()

    def count(self, wave: WaveRecord) -> Counts:
        """Ask for the executions of a wave's jobs that may still change."""
        for part in wave.parts:
            if part.created_at and not (part.closed and not part.counts.in_progress):
                counts = self.fleet.counts(part.job)
                part.counts = replace(counts, canceled=0, queued=0) if part.closed else counts
        self.record.plot(self.now())
        return wave.counts

    def keep_outcome(self, part: Part) -> None:
        """Write down what became of every device of a job that reaches nobody any more."""
        found = list(self.fleet.executions(part.job))
        by_status: dict[str, list[str]] = {}
        for one in found:
            by_status.setdefault(one.status, []).append(one.thing)
        self.store.put(
            f"outcomes/{part.job}",
            {"by_status": by_status, "reached": [one.thing for one in found if _has_begun(one)]},
        )
        part.counts = self.fleet.counts(part.job)
        part.counts = replace(part.counts, canceled=0, queued=0)
        part.closed = True

    def reached(self, part: Part) -> list[str]:
        """Devices that had begun, of a job whose outcome is kept."""
        return list((self.store.get(f"outcomes/{part.job}") or {}).get("reached", ()))

    def things(self, name: str) -> list[str]:
        """Devices of a list beside the record."""
        return list((self.store.get(name) or {}).get("things", ()))

    def states(self, groups: Iterable[str]) -> dict[str, DeviceState]:
        """What the devices of some groups report."""
        found: dict[str, DeviceState] = {}
        for group in groups:
            found.update(self.fleet.states(group))
        return found

    def _is_over(self, lease: dict[str, str]) -> bool:
        return self.clock.now() > parse_iso(lease["until"]) or self.settings.is_dead(lease["holder"])

    def _write(self) -> None:
        calls = self.fleet.calls()
        self.record.calls = {
            name: self._calls_before.get(name, 0) + calls.get(name, 0)
            for name in sorted({*self._calls_before, *calls})
        }
        self._version = self.store.save(self.record.as_dict(), self._version)
        self._saved_at = self.clock.monotonic()


def _has_begun(one: Execution) -> bool:
    return one.started or one.status in ("IN_PROGRESS", *EXECUTED)
