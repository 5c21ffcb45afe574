"""Carries a rollout out, step by step. Every step can be repeated, and the record is written between steps.

A kill at any moment loses nothing: what a step is about to do is in the record before it is done, names of
jobs and groups follow from the rollout's id, and AWS keeps one job per name. Whoever runs the engine next
goes on from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ..clock import Clock, iso
from .back import Back
from .desk import NOW, BusyError, Desk, Settings
from .forward import Forward
from .plan import Plan
from .ports import ConflictError, Documents, Fleet, Store
from .record import ENDED, Record, WaveRecord, from_dict
from .waves import assign

__all__ = ["BusyError", "Engine", "Settings", "start"]


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
        self._desk = Desk(store, fleet, documents, clock, settings)
        self._forward, self._back = Forward(self._desk), Back(self._desk)
        self._steps: dict[str, Callable[[], float | None]] = {
            "running": self._forward.run_wave,
            "paused": lambda: None,
            "waiting": self._forward.settle,
            "aborting": self._back.close_jobs,
            "returning": self._back.take_back,
            "return_open": self._back.settle,
            **dict.fromkeys(ENDED, lambda: None),
        }

    def run(self) -> Record:
        """Go on until the rollout has ended, is paused, or only waits for devices that are offline."""
        desk = self._desk
        desk.acquire()
        try:
            while (wait := self._step()) is not None:
                if wait:
                    desk.look_alive(wait)
                    desk.clock.sleep(wait)
        except ConflictError:
            raise
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to see
                desk.release()
            raise
        desk.release()
        return desk.record

    def _step(self) -> float | None:
        record, asked = self._desk.record, self._desk.store.wish()
        wish, by, why = asked.get("wish", ""), asked.get("by", ""), asked.get("why", "")
        if wish == "abort" and record.state in ("running", "paused", "waiting", "finished"):
            return self._desk.abort(f"asked for: {why}" if why else "asked for", by)
        if wish == "close" and record.state in ("waiting", "return_open"):
            return self._close(why, by)
        if wish == "pause" and record.state == "running":
            return self._forward.pause(why, by)
        if wish == "run" and record.state == "paused":
            self._desk.decide("resume", why or "asked for", by)
            record.state = "running"
            self._desk.save()
            return NOW
        return self._steps[record.state]()

    def _close(self, why: str, by: str) -> float | None:
        """Wait for nobody any more: devices that are still offline keep what they have."""
        back = self._desk.record.state == "return_open"
        for wave in self._desk.record.waves:
            for part in wave.returns if back else wave.parts:
                if not part.closed:
                    self._desk.fleet.cancel(part.job, "the rollout is closed", running_too=False)
                    self._desk.keep_outcome(part)
        self._desk.decide("closed", why or "asked for", by)
        self._desk.end("returned" if back else "finished")
        self._desk.save()
        return None
