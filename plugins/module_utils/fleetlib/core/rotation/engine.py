"""Give devices new certificates, wave by wave, so that no device is ever without one that works.

A device makes its new key itself; the key never travels. Over a job it sends a signing request, gets the
certificate in its shadow, connects with it, and says so. Only then the old certificate is switched off, and
only when the device stayed connected after that is it deleted. Until then everything can be undone.

Where each device of the wave stands is on the disk before the next call, in a line of its own: a run that was
killed goes on there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from ..clock import Clock, iso, parse_iso
from ..crew import Crew
from ..progress import Meter
from ..provisioning.engine import stopped_by
from ..provisioning.model import Certificate
from ..provisioning.orphans import CLOCK_DIFFERENCE
from ..provisioning.ports import AnswerLostError, DeviceError
from .model import CERTIFICATE_DETAIL, REQUEST_DETAIL, Member, Phase, Rules, Step, Wave, stopped
from .ports import Cloud, Files, Requests

_WAITED_FOR = (Step.ASKED, Step.ANSWERED, Step.ISSUED)
_LOST = ("FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED")


@dataclass
class Outcome:
    """What a run did."""

    rotated: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    waves: int = 0


class Rotation:
    """One run. Make a new one for the next."""

    def __init__(
        self,
        cloud: Cloud,
        files: Files,
        requests: Requests,
        clock: Clock,
        meter: Meter,
        rules: Rules,
        crew: Callable[[], Crew],
    ) -> None:
        """Nothing happens before `carry_on`, `run` or `undo`."""
        self._cloud, self._files, self._requests = cloud, files, requests
        self._clock, self._meter, self._rules, self._crew = clock, meter, rules, crew
        self._lock = threading.Lock()
        self._lost: set[str] = set()
        self.outcome = Outcome()

    def run(self, candidates: Sequence[tuple[str, str]], first_number: int = 1) -> None:
        """Rotate the certificates of these devices (thing, certificate), wave after wave.

        Raises `FleetError` where a wave is stopped.
        """
        self._meter.start(len(candidates))
        for number, part in enumerate(self._waves(candidates), first_number):
            if self._rules.waves and number - first_number >= self._rules.waves:
                return
            now = self._clock.now()
            members = {thing: Member(thing, old) for thing, old in part}
            wave = Wave(f"{now:%Y%m%dT%H%M%S}-{number}", number, iso(now), members)
            self._files.save(wave)
            self.carry_on(wave)

    def carry_on(self, wave: Wave) -> None:
        """Take a wave to its end, from wherever it is. Raises `FleetError` where it is stopped."""
        self._lost = {one.thing for one in wave.of(Step.ANSWERED)}
        if wave.phase is Phase.ASKING:
            self._cloud.ask(wave)
            self._listen(wave)
            self._gate(wave, Phase.SWITCHING)
        if wave.phase is Phase.SWITCHING:
            self._check_connected(wave, Step.CONNECTED, "it said so, but it is not connected")
            self._side_by_side(wave.of(Step.CONNECTED), self._switch)
            wave.switched = iso(self._clock.now())
            self._gate(wave, Phase.BAKING)
        if wave.phase is Phase.BAKING:
            self._bake(wave)
            self._gate(wave, Phase.ENDING)
        if wave.phase is Phase.ENDING:
            self._side_by_side(wave.of(Step.FAILED), partial(self._drop, wave))
            self._side_by_side(wave.of(Step.SWITCHED), self._finish)
            self._end(wave, "the rotation has ended")

    def accept(self, wave: Wave) -> None:
        """Go on with the devices of a stopped wave that did not fail."""
        wave.phase, wave.reason = (Phase.ENDING if wave.switched else Phase.SWITCHING), ""
        wave.accepted = len(wave.of(Step.FAILED))
        for one in wave.of(Step.SWITCHED):
            self._cloud.set_active(one.old, False)
        self._files.save(wave)
        self.carry_on(wave)

    def undo(self, wave: Wave) -> None:
        """Give the devices of a wave that has not ended their old certificates back.

        A device that cannot connect with its newest certificate takes the one before.
        """
        members = [one for one in wave.members.values() if one.step is not Step.DONE]
        self._meter.start(len(members))
        self._cloud.end(wave, "the rotation is undone")

        def back(one: Member) -> None:
            self._cloud.set_active(one.old, True)
            self._drop(wave, one)
            with self._lock:
                self.outcome.undone.append(one.thing)
                self._meter.count()

        self._side_by_side(members, back)
        wave.phase, wave.reason = Phase.ENDED, "undone"
        self._files.close(wave)

    def _waves(self, candidates: Sequence[tuple[str, str]]) -> Iterable[Sequence[tuple[str, str]]]:
        canary = self._rules.canary_size
        if candidates:
            yield candidates[:canary]
        for start in range(canary, len(candidates), self._rules.wave_size):
            yield candidates[start : start + self._rules.wave_size]

    def _listen(self, wave: Wave) -> None:
        """Answer the devices until each is connected with its new certificate, or has failed."""
        deadline = parse_iso(wave.started) + timedelta(seconds=self._rules.timeout_seconds)
        while waiting := wave.of(*_WAITED_FOR):
            here, total = len(wave.of(Step.CONNECTED)), len(wave.members)
            self._meter.phase(f"wave {wave.number}: {here} of {total} connected with the new certificate")
            statuses = self._cloud.statuses(wave)
            self._side_by_side(waiting, partial(self._hear, wave, statuses))
            if self._clock.now() >= deadline:
                minutes = self._rules.timeout_seconds / 60
                for one in wave.of(*_WAITED_FOR):
                    self._fail(one, f"it did not come back within {minutes:g} minutes ({one.step})")
            if wave.of(*_WAITED_FOR):
                self._clock.sleep(self._rules.poll_seconds)

    def _hear(self, wave: Wave, statuses: Mapping[str, str], one: Member) -> None:
        status = statuses.get(one.thing, "")
        try:
            if status in _LOST:
                said = self._cloud.details(wave, one.thing).get("message", "")
                self._fail(one, f"its job ended {status}{': ' if said else ''}{said}")
            elif one.step is Step.ASKED and status in ("IN_PROGRESS", "SUCCEEDED"):
                self._take_request(wave, one)
            elif one.step is Step.ISSUED and status == "SUCCEEDED":
                self._check_word(wave, one)
            if one.step is Step.ANSWERED:
                self._issue(wave, one)
        except DeviceError as error:
            self._fail(one, str(error))

    def _take_request(self, wave: Wave, one: Member) -> None:
        encoded = self._cloud.details(wave, one.thing).get(REQUEST_DETAIL, "")
        if not encoded:
            return
        signing = self._requests.look_through(encoded)
        if signing.common_name != one.thing[-64:]:
            raise DeviceError(f"its signing request is for {signing.common_name!r}.")
        one.request, one.key, one.step = signing.pem, signing.key_id, Step.ANSWERED
        self._files.note(one)  # on the disk before a certificate can exist

    def _issue(self, wave: Wave, one: Member) -> None:
        try:
            certificate = self._adopted(wave, one) if one.thing in self._lost else None
            certificate = certificate or self._cloud.issue(one.request)
        except AnswerLostError:
            self._lost.add(one.thing)
            return
        one.new, one.new_arn = certificate.id, certificate.arn
        self._files.note(one)
        self._cloud.tie(one.thing, certificate.arn)
        self._cloud.offer(one.thing, certificate)
        self._reach(one, Step.ISSUED)

    def _adopted(self, wave: Wave, one: Member) -> Certificate | None:
        """The certificate that a lost answer had announced: it has the key of the request."""
        if one.new:
            return self._cloud.describe(one.new)
        since = parse_iso(wave.started) - CLOCK_DIFFERENCE
        known = {other.new for other in wave.members.values()} | {
            other.old for other in wave.members.values()
        }
        for listed in self._cloud.certificates():
            if listed.created >= since and listed.id not in known:
                found = self._cloud.describe(listed.id)
                if self._requests.certificate_key_id(found.pem) == one.key:
                    return found
        return None

    def _check_word(self, wave: Wave, one: Member) -> None:
        said = self._cloud.details(wave, one.thing).get(CERTIFICATE_DETAIL, "")
        if said != one.new:
            self._fail(one, f"it says that it uses certificate {said or '(none)'}, not the new one")
        else:
            self._reach(one, Step.CONNECTED)

    def _check_connected(self, wave: Wave, step: Step, trouble: str) -> None:
        """Devices fail that are not connected. The index may be a little behind: it is asked again."""
        deadline = self._clock.now() + timedelta(seconds=max(self._rules.poll_seconds * 3, 1))
        while True:
            here = self._cloud.connected(wave)
            absent = [one for one in wave.of(step) if one.thing not in here]
            if not absent or self._clock.now() >= deadline:
                break
            self._clock.sleep(self._rules.poll_seconds)
        for one in absent:
            self._fail(one, trouble)

    def _switch(self, one: Member) -> None:
        self._cloud.set_active(one.old, False)
        self._reach(one, Step.SWITCHED)

    def _bake(self, wave: Wave) -> None:
        ends = parse_iso(wave.switched) + timedelta(seconds=self._rules.bake_seconds)
        while (left := (ends - self._clock.now()).total_seconds()) > 0:
            self._meter.phase(f"wave {wave.number}: watching without the old certificates, {left:.0f} s left")
            self._clock.sleep(min(left, self._rules.poll_seconds))
        self._check_connected(wave, Step.SWITCHED, "it lost its connection with the new certificate")

    def _gate(self, wave: Wave, onward: Phase) -> None:
        """Go on, or stop where too many have failed; old certificates are on again then."""
        failed = wave.of(Step.FAILED)
        for one in failed:
            if wave.switched:
                self._cloud.set_active(one.old, True)
        share = max(0, len(failed) - wave.accepted) * 100 / len(wave.members)
        if share <= self._rules.max_failed_percent:
            wave.phase = onward
            self._files.save(wave)
            return
        for one in wave.of(Step.SWITCHED):
            self._cloud.set_active(one.old, True)
        wave.phase = Phase.STOPPED
        wave.reason = f"{len(failed)} of {len(wave.members)} devices failed ({share:.0f} %)"
        self._files.save(wave)
        raise stopped(wave)

    def _drop(self, wave: Wave, one: Member) -> None:
        """Take the new certificate away from a device that keeps its old one."""
        if one.key and not one.new:  # its answer may have been lost
            found = self._adopted(wave, one)
            one.new, one.new_arn = (found.id, found.arn) if found else ("", "")
        if one.new:
            self._cloud.withdraw(one.thing)
            self._cloud.set_active(one.new, False)
            self._cloud.remove(one.thing, one.new, one.new_arn)
        if one.step is Step.FAILED:
            with self._lock:
                self.outcome.failed[one.thing] = one.reason
                self._meter.count(failed=True)

    def _finish(self, one: Member) -> None:
        self._cloud.certificate_of(one.thing, one.new)
        self._files.keep_certificate(one.thing, self._cloud.describe(one.new))
        self._cloud.remove(one.thing, one.old, one.old_arn)
        self._cloud.withdraw(one.thing)
        self._reach(one, Step.DONE)
        with self._lock:
            self.outcome.rotated.append(one.thing)
            self._meter.count()

    def _end(self, wave: Wave, why: str) -> None:
        self._cloud.end(wave, why)
        wave.phase = Phase.ENDED
        self._files.close(wave)
        self.outcome.waves += 1

    def _fail(self, one: Member, reason: str) -> None:
        one.reason = reason
        self._reach(one, Step.FAILED)

    def _reach(self, one: Member, step: Step) -> None:
        """A device is this far; on the disk when it returns."""
        one.step = step
        self._files.note(one)

    def _side_by_side(self, members: Sequence[Member], action: Callable[[Member], None]) -> None:
        crew = self._crew()
        crew.work(members, action)
        error = stopped_by(crew)
        if error is not None:
            raise error
