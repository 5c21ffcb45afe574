"""The way forward: one wave after another, each prepared, reached, watched and judged."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from . import gate
from .desk import NOW, Desk
from .gate import Measured
from .plan import Gate, Wave
from .ports import DeviceState
from .record import Part, Record, WaveRecord


class Forward:
    """Steps of a rollout that runs. Each returns the seconds to wait, or nothing when that was the last."""

    def __init__(self, desk: Desk) -> None:
        """On the record of a desk."""
        self._desk = desk

    def run_wave(self) -> float | None:
        """The next step of the first wave that has not passed."""
        current = self._current()
        if current is None:
            self._desk.record.state = "waiting"
            self._desk.decide("all waves are through", f"{self._desk.record.finished} devices have finished")
            self._desk.save()
            return NOW
        steps = {
            "pending": self._prepare,
            "prepared": self._deploy,
            "deploying": self._watch,
            "pausing": self._cut,
            "baking": self._bake,
        }
        return steps[current[1].state](*current)

    def pause(self, why: str, by: str) -> float | None:
        """Jobs cannot be paused: what is queued is cancelled, and a later job is for those devices."""
        current = self._current()
        if current is not None:
            _, wave, _ = current
            begun = wave.state == "prepared" and wave.parts and not wave.parts[-1].closed
            if wave.state == "deploying" or begun:  # begun: its job may exist without anybody knowing
                wave.state = "pausing"
                self._desk.save()
            if wave.state == "pausing":
                self._cut(*current)
        self._desk.record.state = "paused"
        self._desk.decide("pause", why or "asked for", by)
        self._desk.save()
        return None

    def settle(self) -> float | None:
        """All waves are through: finished once no device is awaited any more."""
        waiting = sum(self._desk.count(wave).waiting for wave in self._desk.record.waves)
        if not waiting:
            for wave in self._desk.record.waves:
                for part in wave.parts:
                    if not part.closed:
                        self._desk.keep_outcome(part)
            self._desk.decide("finished", f"{self._desk.record.finished} devices have ended, none is awaited")
            self._desk.end("finished")
        self._desk.save()
        return None

    def _current(self) -> tuple[int, WaveRecord, Wave] | None:
        for number, (wave, planned) in enumerate(
            zip(self._desk.record.waves, self._desk.record.plan.waves, strict=True)
        ):
            if wave.state != "passed":
                return number, wave, planned
        return None

    def _prepare(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        """Write down what every device of the wave has now: the way back, and what the gate compares with."""
        now = self._desk.clock.now()
        second = (now.hour * 60 + now.minute) * 60 + now.second
        closed = self._desk.record.plan.seconds_to_window(second)
        if closed:
            return min(closed, max(self._desk.settings.poll_seconds, self._desk.settings.lease_seconds / 4))
        things = self._desk.things(f"waves/{number}")
        states = self._desk.fleet.states(self._desk.record.target)
        versions: dict[str, list[str]] = {}
        for thing in things:
            version = states[thing].version if thing in states else ""
            versions.setdefault(version, []).append(thing)
        known = [states[thing] for thing in things if thing in states]
        already = [thing for thing in versions.get(self._desk.record.version, []) if not states[thing].failed]
        self._desk.store.put(
            f"before/{number}",
            {
                "versions": versions,
                "already": already,
                "connected": [thing for thing in things if thing in states and states[thing].connected],
                "memory_bytes": _median(state.memory_bytes for state in known),
                "cpu_percent": _median(state.cpu_percent for state in known),
            },
        )
        wave.already, wave.started_at, wave.state = len(already), self._desk.now(), "prepared"
        names = ", ".join(
            f"{len(those)} with {version or 'none'}" for version, those in sorted(versions.items())
        )
        self._desk.decide(
            f"wave {wave.name}: prepared", f"{wave.devices} devices: {names}" if things else "no device"
        )
        self._desk.save()
        return NOW

    def _deploy(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        """Make the job for those devices of the wave that no job has reached yet."""
        part = wave.parts[-1] if wave.parts and not wave.parts[-1].closed else None
        if part is None:
            todo = self._todo(number, wave)
            if not todo and not wave.parts:
                return self._judge(wave, ())
            if not todo:
                self._begin_baking(wave, "no device is left to reach")
                return NOW
            part = self._new_part(
                f"{self._desk.record.id}-w{number + 1}-{len(wave.parts) + 1}", todo, planned, wave
            )
            wave.parts.append(part)
            self._desk.save()
        self._desk.start_job(part, self._desk.record.version, planned, keep_open=False)
        wave.state = "deploying"
        self._desk.decide(f"wave {wave.name}: started", f"job {part.job} for {part.devices} devices")
        self._desk.save()
        return NOW

    def _todo(self, number: int, wave: WaveRecord) -> list[str]:
        before = self._desk.store.get(f"before/{number}") or {}
        done = set(before.get("already", ()))
        for part in wave.parts:
            done.update(self._desk.reached(part))
        return [thing for thing in self._desk.things(f"waves/{number}") if thing not in done]

    def _new_part(self, name: str, things: Sequence[str], planned: Wave, wave: WaveRecord) -> Part:
        """A group's whole wave uses that group; any other gets one of its own."""
        whole = planned.selector == "group" and len(things) == wave.devices
        if whole and set(things) == set(self._desk.fleet.states(str(planned.value))):
            return Part(name, str(planned.value), len(things), own_group=False)
        self._desk.store.put(f"parts/{name}", {"things": list(things)})
        return Part(name, name, len(things))

    def _watch(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        counts = self._desk.count(wave)
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
        if self._desk.since(wave.parts[-1].created_at) < planned.patience_seconds(wave.devices):
            return self._desk.settings.poll_seconds
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
        wave.state, wave.bake_from = "baking", self._desk.now()
        self._desk.decide(f"wave {wave.name}: watched", why)
        self._desk.save()

    def _bake(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        left = planned.bake_minutes * 60 - self._desk.since(wave.bake_from)
        if left > 0:
            seen = self._measured(number, wave, planned, at_gate=False)
            early = gate.judge(replace(planned.gate, command=()), seen)
            if not gate.is_open(early):
                return self._judge(wave, early)
            pause = planned.bake_minutes * 60 / planned.bake_looks(wave.devices)
            return min(left, max(self._desk.settings.poll_seconds, pause))
        return self._judge(
            wave, gate.judge(planned.gate, self._measured(number, wave, planned, at_gate=True))
        )

    def _judge(self, wave: WaveRecord, checks: tuple[gate.Check, ...]) -> float:
        wave.checks = [check.as_dict() for check in checks]
        if not gate.is_open(checks):
            closed = [f"{check.name}: {check.reason}" for check in checks if check.passed is False]
            return self._fail(wave, "; ".join(closed))
        wave.state, wave.ended_at = "passed", self._desk.now()
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in checks)
        self._desk.decide(f"wave {wave.name}: passed", reasons or "no device needs it")
        self._desk.save()
        return NOW

    def _measured(self, number: int, wave: WaveRecord, planned: Wave, at_gate: bool) -> Measured:
        wanted, counts = planned.gate, self._desk.count(wave)
        before = self._desk.store.get(f"before/{number}") or {}
        states = self._desk.states(part.group for part in wave.parts)
        reached = [thing for thing, state in states.items() if state.version == self._desk.record.version]
        connected = [thing for thing in before.get("connected", ()) if thing in states]
        wrong = [
            thing
            for thing in self._succeeded(wave, at_gate)
            if _is_wrong(states.get(thing), self._desk.record)
        ]
        facts = {
            "ROLLOUT_ID": self._desk.record.id,
            "ROLLOUT_WAVE": wave.name,
            "ROLLOUT_VERSION": self._desk.record.version,
            "ROLLOUT_SUBJECT": self._desk.record.subject,
        }
        code, said = (
            self._desk.fleet.command(wanted.command, facts) if wanted.command and at_gate else (None, "")
        )
        return Measured(
            counts=counts,
            connected_before=len(connected),
            lost=tuple(thing for thing in connected if self._is_lost(states[thing], wanted)),
            program_failed=tuple(wrong)
            if at_gate
            else tuple(thing for thing in reached if states[thing].failed),
            error_logs=self._desk.fleet.error_logs(wave.started_at)
            if wanted.error_log_percent is not None
            else None,
            memory_before=before.get("memory_bytes"),
            memory_now=_median(states[thing].memory_bytes for thing in reached),
            cpu_before=before.get("cpu_percent"),
            cpu_now=_median(states[thing].cpu_percent for thing in reached),
            alarms=self._desk.fleet.alarms(wanted.alarms) if wanted.alarms else None,
            command_code=code,
            command_output=said,
        )

    def _is_lost(self, state: DeviceState, wanted: Gate) -> bool:
        if state.connected:
            return False
        return not state.seen_at or self._desk.since(state.seen_at) >= wanted.lost_after_seconds

    def _succeeded(self, wave: WaveRecord, at_gate: bool) -> list[str]:
        if not at_gate:
            return []
        found = (one for part in wave.parts for one in self._desk.fleet.executions(part.job))
        return [one.thing for one in found if one.status == "SUCCEEDED"]

    def _fail(self, wave: WaveRecord, why: str) -> float:
        wave.state, wave.ended_at = "failed", self._desk.now()
        return self._desk.abort(f"wave {wave.name}: {why}")

    def _cut(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        part = wave.parts[-1]
        self._desk.fleet.cancel(part.job, "paused", running_too=False)
        self._desk.keep_outcome(part)
        wave.state = "prepared"
        self._desk.save()
        return NOW


def _is_wrong(state: DeviceState | None, record: Record) -> bool:
    return state is not None and (state.failed or not state.confirmed or state.version != record.version)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
