"""Carries a rollout out, step by step. Every step can be repeated, and the record is written between steps.

A kill at any moment loses nothing: what a step is about to do is in the record before it is done, names of
jobs and groups follow from the rollout's id, and AWS keeps one job per name. Whoever runs the engine next
goes on from there.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ..clock import Clock, iso, parse_iso
from ..errors import FleetError
from . import gate
from .gate import Counts, Measured
from .plan import Plan, Wave
from .ports import ConflictError, DeviceState, Documents, Execution, Fleet, Store
from .record import ENDED, Part, Record, WaveRecord, from_dict, table
from .waves import assign

NOW = 0.0
"""A step that need not be waited for."""

FEW = 50
"""Up to so many devices that the index lacks are looked up one by one."""

RETURN_RETRIES = 3
"""A device that fails to go back is asked again this often."""


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


def start(
    store: Store,
    fleet: Fleet,
    clock: Clock,
    plan: Plan,
    *,
    rollout_id: str,
    subject: str,
    version: str,
    sha256: str,
    target: str,
    by: str,
) -> Record:
    """Fix who is in which wave and write the record. If it is there already, that one."""
    found = store.load()
    if found is not None:
        return from_dict(found[0])
    assignment = assign(plan, fleet.devices(target))
    for number, things in enumerate(assignment.waves):
        store.put(f"waves/{number}", {"things": list(things)})
    record = Record(
        id=rollout_id,
        subject=subject,
        version=version,
        sha256=sha256,
        target=target,
        plan=plan,
        waves=[
            WaveRecord(wave.name, len(things))
            for wave, things in zip(plan.waves, assignment.waves, strict=True)
        ],
        created_at=iso(clock.now()),
        created_by=by,
        left_out=len(assignment.left_out),
    )
    record.decide(record.created_at, by, "start", f"{version} to {assignment.devices} devices of {target}")
    try:
        store.save(record.as_dict(), None)
    except ConflictError:  # somebody started the same one at this moment: theirs counts
        found = store.load()
        if found is None:
            raise
        return from_dict(found[0])
    return record


class Engine:
    """One run over a rollout."""

    def __init__(
        self, store: Store, fleet: Fleet, documents: Documents, clock: Clock, settings: Settings
    ) -> None:
        """Nothing is read before `run`."""
        self._store, self._fleet, self._documents = store, fleet, documents
        self._clock, self._settings = clock, settings
        self._record: Record
        self._version = ""
        self._saved_at = 0.0
        self._calls_before: dict[str, int] = {}
        self._steps: dict[str, Callable[[], float | None]] = {
            "running": self._run_wave,
            "paused": lambda: None,
            "waiting": self._settle,
            "aborting": self._close_jobs,
            "returning": self._return,
            "return_open": self._settle_returns,
            **dict.fromkeys(ENDED, lambda: None),
        }

    def run(self) -> Record:
        """Go on until the rollout has ended, is paused, or only waits for devices that are offline."""
        self._acquire()
        try:
            while (wait := self._step()) is not None:
                if wait:
                    self._look_alive(wait)
                    self._clock.sleep(wait)
        except ConflictError:
            raise
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to see
                self._release()
            raise
        self._release()
        return self._record

    # The record

    def _acquire(self) -> None:
        found = self._store.load()
        if found is None:
            raise FleetError("There is no record of this rollout.", "Start it first.")
        self._record, self._version = from_dict(found[0]), found[1]
        lease = self._record.lease
        mine = lease.get("holder") == self._settings.holder
        if lease and not mine and not self._is_over(lease):
            raise BusyError(self._record)
        self._calls_before = dict(self._record.calls)
        self._save()

    def _is_over(self, lease: dict[str, str]) -> bool:
        return self._clock.now() > parse_iso(lease["until"]) or self._settings.is_dead(lease["holder"])

    def _look_alive(self, wait: float) -> None:
        self._settings.show(table(self._record))
        if self._clock.monotonic() - self._saved_at + wait > self._settings.lease_seconds / 3:
            self._save()

    def _save(self) -> None:
        until = self._clock.now() + timedelta(seconds=self._settings.lease_seconds)
        self._record.lease = {"holder": self._settings.holder, "until": iso(until)}
        self._write()

    def _release(self) -> None:
        self._record.lease = {}
        self._write()
        self._settings.show(table(self._record))

    def _write(self) -> None:
        calls = self._fleet.calls()
        self._record.calls = {
            name: self._calls_before.get(name, 0) + calls.get(name, 0)
            for name in sorted({*self._calls_before, *calls})
        }
        self._version = self._store.save(self._record.as_dict(), self._version)
        self._saved_at = self._clock.monotonic()

    def _now(self) -> str:
        return iso(self._clock.now())

    def _decide(self, what: str, why: str, by: str = "") -> None:
        self._record.decide(self._now(), by or self._settings.holder, what, why)

    def _since(self, moment: str) -> float:
        return (self._clock.now() - parse_iso(moment)).total_seconds()

    # Steps

    def _step(self) -> float | None:
        record, asked = self._record, self._store.wish()
        wish, by, why = asked.get("wish", ""), asked.get("by", ""), asked.get("why", "")
        if wish == "abort" and record.state in ("running", "paused", "waiting", "finished"):
            return self._abort(f"asked for: {why}" if why else "asked for", by)
        if wish == "close" and record.state in ("waiting", "return_open"):
            return self._close(why, by)
        if wish == "pause" and record.state == "running":
            return self._pause(why, by)
        if wish == "run" and record.state == "paused":
            self._decide("resume", why or "asked for", by)
            record.state = "running"
            self._save()
            return NOW
        return self._steps[record.state]()

    def _current(self) -> tuple[int, WaveRecord, Wave] | None:
        for number, (wave, planned) in enumerate(
            zip(self._record.waves, self._record.plan.waves, strict=True)
        ):
            if wave.state != "passed":
                return number, wave, planned
        return None

    def _run_wave(self) -> float | None:
        current = self._current()
        if current is None:
            self._record.state = "waiting"
            self._decide("all waves are through", f"{self._record.finished} devices have finished")
            self._save()
            return NOW
        steps = {
            "pending": self._prepare,
            "prepared": self._deploy,
            "deploying": self._watch,
            "pausing": self._cut,
            "baking": self._bake,
        }
        return steps[current[1].state](*current)

    def _prepare(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        """Write down what every device of the wave has now: the way back, and what the gate compares with."""
        now = self._clock.now()
        second = (now.hour * 60 + now.minute) * 60 + now.second
        closed = self._record.plan.seconds_to_window(second)
        if closed:
            return min(closed, max(self._settings.poll_seconds, self._settings.lease_seconds / 4))
        things = self._things(f"waves/{number}")
        states = self._fleet.states(self._record.target)
        versions: dict[str, list[str]] = {}
        for thing in things:
            version = states[thing].version if thing in states else ""
            versions.setdefault(version, []).append(thing)
        known = [states[thing] for thing in things if thing in states]
        already = [thing for thing in versions.get(self._record.version, []) if not states[thing].failed]
        self._store.put(
            f"before/{number}",
            {
                "versions": versions,
                "already": already,
                "connected": [thing for thing in things if thing in states and states[thing].connected],
                "memory_bytes": _median(state.memory_bytes for state in known),
                "cpu_percent": _median(state.cpu_percent for state in known),
            },
        )
        wave.already, wave.started_at, wave.state = len(already), self._now(), "prepared"
        names = ", ".join(
            f"{len(those)} with {version or 'none'}" for version, those in sorted(versions.items())
        )
        self._decide(
            f"wave {wave.name}: prepared", f"{wave.devices} devices: {names}" if things else "no device"
        )
        self._save()
        return NOW

    def _deploy(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        """Make the job for those devices of the wave that no job has reached yet."""
        part = wave.parts[-1] if wave.parts and not wave.parts[-1].closed else None
        if part is None:
            todo = self._todo(number, wave)
            if not todo:
                self._begin_baking(wave, "no device is left to reach")
                return NOW
            part = self._new_part(
                f"{self._record.id}-w{number + 1}-{len(wave.parts) + 1}", todo, planned, wave
            )
            wave.parts.append(part)
            self._save()
        self._start_job(part, self._record.version, planned, keep_open=False)
        wave.state = "deploying"
        self._decide(f"wave {wave.name}: started", f"job {part.job} for {part.devices} devices")
        self._save()
        return NOW

    def _todo(self, number: int, wave: WaveRecord) -> list[str]:
        before = self._store.get(f"before/{number}") or {}
        done = set(before.get("already", ()))
        for part in wave.parts:
            done.update(self._reached(part))
        return [thing for thing in self._things(f"waves/{number}") if thing not in done]

    def _new_part(self, name: str, things: Sequence[str], planned: Wave, wave: WaveRecord) -> Part:
        """A group's whole wave uses that group; any other gets one of its own."""
        whole = planned.selector == "group" and len(things) == wave.devices
        if whole and set(things) == set(self._fleet.states(str(planned.value))):
            return Part(name, str(planned.value), len(things), own_group=False)
        self._store.put(f"parts/{name}", {"things": list(things)})
        return Part(name, name, len(things))

    def _start_job(self, part: Part, version: str, planned: Wave, keep_open: bool) -> None:
        document = self._documents.of(version, planned.jitter_seconds)
        if document is None:
            raise FleetError(
                f"{self._record.subject} {version} is not published any more.",
                "Restore its object in the bucket (it is versioned), then resume.",
            )
        if part.own_group:
            self._fleet.make_group(part.group, self._things(f"parts/{part.job}"))
        self._fleet.create_job(part.job, part.group, document, planned, keep_open)
        part.created_at = self._now()

    def _watch(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        counts = self._count(wave)
        stopped = gate.job_stops(planned, counts)
        if stopped:
            return self._fail(wave, stopped)
        if counts.canceled:
            return self._fail(
                wave,
                f"{counts.canceled} executions were cancelled by AWS IoT's abort criteria or by somebody",
            )
        if not counts.waiting and counts.finished + counts.removed >= self._asked(wave):
            self._begin_baking(wave, f"{counts.succeeded} of {self._asked(wave)} devices have it")
            return NOW
        if self._since(wave.parts[-1].created_at) < planned.patience_seconds(wave.devices):
            return self._settings.poll_seconds
        needed = wave.devices * planned.needed_percent / 100
        if counts.finished + wave.already < needed:
            return self._fail(
                wave,
                f"only {counts.finished + wave.already} of {wave.devices} devices have finished after "
                f"{planned.patience_minutes:g} minutes; {planned.needed_percent:g} % are needed",
            )
        self._begin_baking(wave, f"{counts.waiting} devices are still awaited; enough have finished")
        return NOW

    def _asked(self, wave: WaveRecord) -> int:
        """Devices of the wave's open job, and those that earlier ones reached before they were cut short."""
        return sum(
            part.counts.finished + part.counts.removed if part.closed else part.devices for part in wave.parts
        )

    def _begin_baking(self, wave: WaveRecord, why: str) -> None:
        wave.state, wave.bake_from = "baking", self._now()
        self._decide(f"wave {wave.name}: watched", why)
        self._save()

    def _bake(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        left = planned.bake_minutes * 60 - self._since(wave.bake_from)
        if left > 0:
            seen = self._measured(number, wave, planned, at_gate=False)
            early = gate.judge(replace(planned.gate, command=()), seen)
            if not gate.is_open(early):
                return self._judge(wave, early)
            pause = planned.bake_minutes * 60 / planned.bake_looks(wave.devices)
            return min(left, max(self._settings.poll_seconds, pause))
        return self._judge(
            wave, gate.judge(planned.gate, self._measured(number, wave, planned, at_gate=True))
        )

    def _judge(self, wave: WaveRecord, checks: tuple[gate.Check, ...]) -> float:
        wave.checks = [check.as_dict() for check in checks]
        if not gate.is_open(checks):
            closed = [f"{check.name}: {check.reason}" for check in checks if check.passed is False]
            return self._fail(wave, "; ".join(closed))
        wave.state, wave.ended_at = "passed", self._now()
        self._decide(f"wave {wave.name}: passed", "; ".join(f"{one.name}: {one.reason}" for one in checks))
        self._save()
        return NOW

    def _measured(self, number: int, wave: WaveRecord, planned: Wave, at_gate: bool) -> Measured:
        wanted, counts = planned.gate, self._count(wave)
        before = self._store.get(f"before/{number}") or {}
        states = self._states(part.group for part in wave.parts)
        reached = [thing for thing, state in states.items() if state.version == self._record.version]
        connected = [thing for thing in before.get("connected", ()) if thing in states]
        wrong = [
            thing for thing in self._succeeded(wave, at_gate) if _is_wrong(states.get(thing), self._record)
        ]
        facts = {
            "ROLLOUT_ID": self._record.id,
            "ROLLOUT_WAVE": wave.name,
            "ROLLOUT_VERSION": self._record.version,
            "ROLLOUT_SUBJECT": self._record.subject,
        }
        code, said = self._fleet.command(wanted.command, facts) if wanted.command and at_gate else (None, "")
        return Measured(
            counts=counts,
            connected_before=len(connected),
            lost=tuple(thing for thing in connected if not states[thing].connected),
            program_failed=tuple(wrong)
            if at_gate
            else tuple(thing for thing in reached if states[thing].failed),
            error_logs=self._fleet.error_logs(wave.started_at)
            if wanted.error_log_percent is not None
            else None,
            memory_before=before.get("memory_bytes"),
            memory_now=_median(states[thing].memory_bytes for thing in reached),
            cpu_before=before.get("cpu_percent"),
            cpu_now=_median(states[thing].cpu_percent for thing in reached),
            alarms=self._fleet.alarms(wanted.alarms) if wanted.alarms else None,
            command_code=code,
            command_output=said,
        )

    def _succeeded(self, wave: WaveRecord, at_gate: bool) -> list[str]:
        if not at_gate:
            return []
        found = (one for part in wave.parts for one in self._fleet.executions(part.job))
        return [one.thing for one in found if one.status == "SUCCEEDED"]

    def _fail(self, wave: WaveRecord, why: str) -> float:
        wave.state, wave.ended_at = "failed", self._now()
        return self._abort(f"wave {wave.name}: {why}")

    # Pause, abort and the way back

    def _pause(self, why: str, by: str) -> float | None:
        """Jobs cannot be paused: what is queued is cancelled, and a later job is for those devices."""
        current = self._current()
        if current is not None:
            _, wave, _ = current
            begun = wave.state == "prepared" and wave.parts and not wave.parts[-1].closed
            if wave.state == "deploying" or begun:  # begun: its job may exist without anybody knowing
                wave.state = "pausing"
                self._save()
            if wave.state == "pausing":
                self._cut(*current)
        self._record.state = "paused"
        self._decide("pause", why or "asked for", by)
        self._save()
        return None

    def _cut(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        part = wave.parts[-1]
        self._fleet.cancel(part.job, "paused", running_too=False)
        self._keep_outcome(part)
        wave.state = "prepared"
        self._save()
        return NOW

    def _close(self, why: str, by: str) -> float | None:
        """Wait for nobody any more: devices that are still offline keep what they have."""
        back = self._record.state == "return_open"
        for wave in self._record.waves:
            for part in wave.returns if back else wave.parts:
                if not part.closed:
                    self._fleet.cancel(part.job, "the rollout is closed", running_too=False)
                    self._keep_outcome(part)
        self._decide("closed", why or "asked for", by)
        self._end("returned" if back else "finished")
        self._save()
        return None

    def _abort(self, why: str, by: str = "") -> float:
        self._record.state = "aborting"
        self._decide("abort", why, by)
        self._save()
        return NOW

    def _close_jobs(self) -> float:
        """Cancel every job, then see which devices had begun: those queued at that moment never begin."""
        for wave in self._record.waves:
            for part in wave.parts:
                if not part.closed or part.counts.in_progress:
                    self._fleet.cancel(part.job, "the rollout is aborted", running_too=True)
                    self._keep_outcome(part)
        self._record.state = "returning" if self._record.plan.rollback else "stopped"
        self._record.plot(self._now())
        reached = sum(len(self._reached(part)) for wave in self._record.waves for part in wave.parts)
        self._decide(
            "jobs are cancelled",
            f"{reached} devices had begun"
            + ("" if self._record.plan.rollback else "; the plan takes none back"),
        )
        if self._record.state == "stopped":
            self._end("stopped")
        self._save()
        return NOW

    def _return(self) -> float | None:
        """Take the waves back, the last first."""
        for number in reversed(range(len(self._record.waves))):
            wave, planned = self._record.waves[number], self._record.plan.waves[number]
            if not wave.parts or wave.state in ("returned", "return_open"):
                continue
            if wave.state != "returning":
                self._begin_return(number, wave, planned)
                return NOW
            return self._watch_return(number, wave, planned)
        away = sum(len(wave.not_returned) for wave in self._record.waves)
        lost = sum(len(wave.not_returnable) for wave in self._record.waves)
        self._end("return_open" if away or lost else "returned")
        open_ends = [
            f"{away} devices are not back yet; jobs wait for them" if away else "",
            f"{lost} devices had a version that was never published; somebody has to decide" if lost else "",
        ]
        self._decide("taken back", "; ".join(filter(None, open_ends)) or "every device is back")
        self._save()
        return None

    def _begin_return(self, number: int, wave: WaveRecord, planned: Wave) -> None:
        former = self._former(number, wave)
        if not wave.returns:
            wave.to_return = sum(map(len, former.values()))
            for place, (version, things) in enumerate(sorted(former.items()), 1):
                if self._documents.of(version, 0) is None:
                    wave.not_returnable = sorted({*wave.not_returnable, *things})
                    continue
                name = f"{self._record.id}-r{number + 1}-{place}"
                self._store.put(f"parts/{name}", {"things": things, "version": version})
                wave.returns.append(Part(name, name, len(things)))
            self._save()
        patient = replace(planned, retries=RETURN_RETRIES, abort_percent=100)
        for part in wave.returns:
            if not part.created_at:
                version = (self._store.get(f"parts/{part.job}") or {}).get("version", "")
                self._start_job(part, version, patient, keep_open=True)
        wave.state, wave.return_from = "returning", self._now()
        what = ", ".join(
            f"{len(things)} to {version or 'none'}" for version, things in sorted(former.items())
        )
        self._decide(f"wave {wave.name}: goes back", what or "no device had begun")
        self._save()

    def _former(self, number: int, wave: WaveRecord) -> dict[str, list[str]]:
        """Version before the wave → devices of the wave that had begun."""
        before = self._store.get(f"before/{number}") or {"versions": {}}
        reached = {thing for part in wave.parts for thing in self._reached(part)}
        former = {
            version: [thing for thing in things if thing in reached]
            for version, things in before["versions"].items()
        }
        return {version: things for version, things in former.items() if things}

    def _watch_return(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        offline = self._look_back(wave)
        patience = planned.patience_seconds(wave.to_return)
        if wave.not_returned and self._since(wave.return_from) < patience:
            return self._settings.poll_seconds
        self._end_return(wave)
        if wave.not_returned:
            self._decide(
                f"wave {wave.name}: still open",
                f"{len(wave.not_returned)} devices are not back, {offline} of them offline; their job waits",
            )
        else:
            self._decide(
                f"wave {wave.name}: is back", f"{wave.to_return} devices report their former version"
            )
        self._save()
        return NOW

    def _end_return(self, wave: WaveRecord) -> None:
        if wave.not_returned or wave.not_returnable:
            wave.state = "return_open"
        if wave.not_returned:
            return
        for part in wave.returns:
            if not part.closed:
                part.counts = self._fleet.counts(part.job)
                self._fleet.cancel(part.job, "every device is back", running_too=False)
                part.closed = True
        if not wave.not_returnable:
            wave.state = "returned"

    def _look_back(self, wave: WaveRecord) -> int:
        """Note who does not report its former version yet; how many of those are offline."""
        waiting: list[str] = []
        offline = 0
        for part in wave.returns:
            wanted = self._store.get(f"parts/{part.job}") or {}
            states = self._fleet.states(part.group)
            ended = {one.thing for one in self._fleet.executions(part.job) if one.status in _ENDED}
            things = wanted.get("things", ())
            gone = self._gone([thing for thing in things if thing not in states])
            late = [
                thing
                for thing in things
                if thing not in gone and not _is_back(thing in ended, states.get(thing), wanted["version"])
            ]
            offline += sum(thing not in states or not states[thing].connected for thing in late)
            waiting += late
            part.counts = self._fleet.counts(part.job)
        wave.not_returned = waiting
        return offline

    def _gone(self, unknown: Sequence[str]) -> set[str]:
        """Which of these were deleted from the registry. Many at once only means that the index is behind."""
        return self._fleet.gone(unknown) if 0 < len(unknown) <= FEW else set()

    def _settle_returns(self) -> float | None:
        """Look again at waves that were left open; the end when everybody is accounted for."""
        for wave in self._record.waves:
            if wave.state == "return_open":
                self._look_back(wave)
                self._end_return(wave)
        if not any(wave.state == "return_open" for wave in self._record.waves):
            self._decide("taken back", "every device is back")
            self._end("returned")
        self._save()
        return None

    def _settle(self) -> float | None:
        """All waves are through: finished once no device is awaited any more."""
        waiting = sum(self._count(wave).waiting for wave in self._record.waves)
        if not waiting:
            for wave in self._record.waves:
                for part in wave.parts:
                    if not part.closed:
                        self._keep_outcome(part)
            self._decide("finished", f"{self._record.finished} devices have ended, none is awaited")
            self._end("finished")
        self._save()
        return None

    def _end(self, state: str) -> None:
        self._record.state = state
        if state in ENDED:
            self._record.ended_at = self._now()
            for wave in self._record.waves:
                for part in (*wave.parts, *wave.returns):
                    if part.own_group:
                        self._fleet.delete_group(part.group)

    # What was reached

    def _count(self, wave: WaveRecord) -> Counts:
        for part in wave.parts:
            if part.created_at and not (part.closed and not part.counts.in_progress):
                counts = self._fleet.counts(part.job)
                part.counts = replace(counts, canceled=0, queued=0) if part.closed else counts
        self._record.plot(self._now())
        return wave.counts

    def _keep_outcome(self, part: Part) -> None:
        found = list(self._fleet.executions(part.job))
        by_status: dict[str, list[str]] = {}
        for one in found:
            by_status.setdefault(one.status, []).append(one.thing)
        self._store.put(
            f"outcomes/{part.job}",
            {"by_status": by_status, "reached": [one.thing for one in found if _has_begun(one)]},
        )
        part.counts = self._fleet.counts(part.job)
        part.counts = replace(part.counts, canceled=0, queued=0)
        part.closed = True

    def _reached(self, part: Part) -> list[str]:
        return list((self._store.get(f"outcomes/{part.job}") or {}).get("reached", ()))

    def _things(self, name: str) -> list[str]:
        return list((self._store.get(name) or {}).get("things", ()))

    def _states(self, groups: Iterable[str]) -> dict[str, DeviceState]:
        found: dict[str, DeviceState] = {}
        for group in groups:
            found.update(self._fleet.states(group))
        return found


_ENDED = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT")


def _has_begun(one: Execution) -> bool:
    return one.started or one.status in ("IN_PROGRESS", *_ENDED)


def _is_wrong(state: DeviceState | None, record: Record) -> bool:
    return state is not None and (state.failed or not state.confirmed or state.version != record.version)


def _is_back(ended: bool, state: DeviceState | None, version: str) -> bool:
    """It has ended its way back, and reports the former version; before, it may still take the new one."""
    return ended and state is not None and state.version == version


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
