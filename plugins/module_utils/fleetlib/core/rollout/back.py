"""The way back: every device that had begun gets the version that it had, the last wave first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .desk import EXECUTED, NOW, Desk
from .plan import Wave
from .ports import DeviceState
from .record import Part, WaveRecord

FEW = 50
"""Up to so many devices that the index lacks are looked up one by one."""

RETRIES = 3
"""A device that fails to go back is asked again this often."""


class Back:
    """Steps of a rollout that was aborted. Each returns the seconds to wait, or nothing when it is over."""

    def __init__(self, desk: Desk) -> None:
        """On the record of a desk."""
        self._desk = desk

    def close_jobs(self) -> float:
        """Cancel every job, then see which devices had begun: those queued at that moment never begin."""
        for wave in self._desk.record.waves:
            for part in wave.parts:
                if not part.closed or part.counts.in_progress:
                    self._desk.fleet.cancel(part.job, "the rollout is aborted", running_too=True)
                    self._desk.keep_outcome(part)
        self._desk.record.state = "returning" if self._desk.record.plan.rollback else "stopped"
        self._desk.record.plot(self._desk.now())
        reached = sum(
            len(self._desk.reached(part)) for wave in self._desk.record.waves for part in wave.parts
        )
        self._desk.decide(
            "jobs are cancelled",
            f"{reached} devices had begun"
            + ("" if self._desk.record.plan.rollback else "; the plan takes none back"),
        )
        if self._desk.record.state == "stopped":
            self._desk.end("stopped")
        self._desk.save()
        return NOW

    def take_back(self) -> float | None:
        """Take the waves back, the last first."""
        for number in reversed(range(len(self._desk.record.waves))):
            wave, planned = self._desk.record.waves[number], self._desk.record.plan.waves[number]
            if not wave.parts or wave.state in ("returned", "return_open"):
                continue
            if wave.state != "returning":
                self._begin_return(number, wave, planned)
                return NOW
            return self._watch_return(number, wave, planned)
        away = sum(len(wave.not_returned) for wave in self._desk.record.waves)
        lost = sum(len(wave.not_returnable) for wave in self._desk.record.waves)
        self._desk.end("return_open" if away or lost else "returned")
        open_ends = [
            f"{away} devices are not back yet; jobs wait for them" if away else "",
            f"{lost} devices had a version that was never published; somebody has to decide" if lost else "",
        ]
        self._desk.decide("taken back", "; ".join(filter(None, open_ends)) or "every device is back")
        self._desk.save()
        return None

    def settle(self) -> float | None:
        """Look again at waves that were left open; the end when everybody is accounted for."""
        for wave in self._desk.record.waves:
            if wave.state == "return_open":
                self._look_back(wave)
                self._end_return(wave)
        if not any(wave.state == "return_open" for wave in self._desk.record.waves):
            self._desk.decide("taken back", "every device is back")
            self._desk.end("returned")
        self._desk.save()
        return None

    def _begin_return(self, number: int, wave: WaveRecord, planned: Wave) -> None:
        former = self._former(number, wave)
        if not wave.returns:
            wave.to_return = sum(map(len, former.values()))
            for place, (version, things) in enumerate(sorted(former.items()), 1):
                if self._desk.documents.of(version, 0) is None:
                    wave.not_returnable = sorted({*wave.not_returnable, *things})
                    continue
                name = f"{self._desk.record.id}-r{number + 1}-{place}"
                self._desk.store.put(f"parts/{name}", {"things": things, "version": version})
                wave.returns.append(Part(name, name, len(things)))
            self._desk.save()
        patient = replace(planned, retries=RETRIES, abort_percent=100)
        for part in wave.returns:
            if not part.created_at:
                version = (self._desk.store.get(f"parts/{part.job}") or {}).get("version", "")
                self._desk.start_job(part, version, patient, keep_open=True)
        wave.state, wave.return_from = "returning", self._desk.now()
        what = ", ".join(
            f"{len(things)} to {version or 'none'}" for version, things in sorted(former.items())
        )
        self._desk.decide(f"wave {wave.name}: goes back", what or "no device had begun")
        self._desk.save()

    def _former(self, number: int, wave: WaveRecord) -> dict[str, list[str]]:
        """Version before the wave → devices of the wave that had begun."""
        before = self._desk.store.get(f"before/{number}") or {"versions": {}}
        reached = {thing for part in wave.parts for thing in self._desk.reached(part)}
        former = {
            version: [thing for thing in things if thing in reached]
            for version, things in before["versions"].items()
        }
        return {version: things for version, things in former.items() if things}

    def _watch_return(self, number: int, wave: WaveRecord, planned: Wave) -> float:
        offline = self._look_back(wave)
        patience = planned.patience_seconds(wave.to_return)
        if wave.not_returned and self._desk.since(wave.return_from) < patience:
            return self._desk.settings.poll_seconds
        self._end_return(wave)
        if wave.not_returned:
            self._desk.decide(
                f"wave {wave.name}: still open",
                f"{len(wave.not_returned)} devices are not back, {offline} of them offline; their job waits",
            )
        else:
            self._desk.decide(
                f"wave {wave.name}: is back", f"{wave.to_return} devices report their former version"
            )
        self._desk.save()
        return NOW

    def _end_return(self, wave: WaveRecord) -> None:
        if wave.not_returned or wave.not_returnable:
            wave.state = "return_open"
        if wave.not_returned:
            return
        for part in wave.returns:
            if not part.closed:
                part.counts = self._desk.fleet.counts(part.job)
                self._desk.fleet.cancel(part.job, "every device is back", running_too=False)
                part.closed = True
        if not wave.not_returnable:
            wave.state = "returned"

    def _look_back(self, wave: WaveRecord) -> int:
        """Note who does not report its former version yet; how many of those are offline."""
        waiting: list[str] = []
        offline = 0
        for part in wave.returns:
            wanted = self._desk.store.get(f"parts/{part.job}") or {}
            states = self._desk.fleet.states(part.group)
            ended = {one.thing for one in self._desk.fleet.executions(part.job) if one.status in EXECUTED}
            things = wanted.get("things", ())
            gone = self._gone([thing for thing in things if thing not in states])
            late = [
                thing
                for thing in things
                if thing not in gone and not _is_back(thing in ended, states.get(thing), wanted["version"])
            ]
            offline += sum(thing not in states or not states[thing].connected for thing in late)
            waiting += late
            part.counts = self._desk.fleet.counts(part.job)
        wave.not_returned = waiting
        return offline

    def _gone(self, unknown: Sequence[str]) -> set[str]:
        """Which of these were deleted from the registry. Many at once only means that the index is behind."""
        return self._desk.fleet.gone(unknown) if 0 < len(unknown) <= FEW else set()


def _is_back(ended: bool, state: DeviceState | None, version: str) -> bool:
    """It has ended its way back, and reports the former version; before, it may still take the new one."""
    return ended and state is not None and state.version == version
