"""Quarantine, release, revoke: from this host, with a journal that a killed run leaves to the next."""

from __future__ import annotations

import contextlib
import getpass
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .aws.pacing import Pacer
from .aws.quarantine import Registry
from .core import quarantine as core
from .core.clock import Clock, SystemClock
from .core.errors import FleetError
from .core.journal import Journal, read, sole_run
from .core.progress import Meter, Progress
from .core.quarantine import Incident, Scope, State, Step
from .core.quotas import Quotas
from .device_store import explained

with contextlib.suppress(ImportError):  # who makes the clients names the missing library first
    from botocore.exceptions import ClientError

INCIDENTS = "incidents"
JOURNAL = "journal.jsonl"
LOCK = "lock"

_OF_ONE_DEVICE = {"InvalidRequestException", "LimitExceededException", "ResourceNotFoundException"}
"""Such as a thing that does not exist, or is in ten groups already."""


def operator() -> str:
    """Who works here, for the record."""
    return f"{getpass.getuser()}@{platform.node()}"


@dataclass
class Result:
    """What a run did."""

    incident: Incident
    steps: dict[str, int] = field(default_factory=dict)
    """Calls that changed something, by what they do; in check mode those that would."""
    failures: dict[str, str] = field(default_factory=dict)
    """Thing → why it is not done."""
    remarks: dict[str, str] = field(default_factory=dict)
    """Thing → what a release could not bring back."""
    seconds: float = 0.0
    gate_seconds: float = 0.0
    """Until the gate stood, which is before all devices at once."""

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return bool(self.steps)


class Incidents:
    """The incidents of a fleet that this host keeps."""

    def __init__(self, directory: Path) -> None:
        """``directory`` is the fleet's private one."""
        self.directory = directory / INCIDENTS

    def path(self, incident: str) -> Path:
        """The directory of an incident."""
        core.check_id(incident)
        return self.directory / incident

    def load(self, incident: str) -> Incident | None:
        """One of them; None where there is none."""
        return core.tell(read(self.path(incident) / JOURNAL))

    def require(self, incident: str) -> Incident:
        """One that there is."""
        found = self.load(incident)
        if found is None:
            raise FleetError(
                f"There is no incident {incident} on this host ({self.directory}).",
                "It was opened on another host, or under another incident_id.",
            )
        return found

    def all(self) -> list[Incident]:
        """Every one, the oldest first."""
        names = sorted(path.parent.name for path in self.directory.glob(f"*/{JOURNAL}"))
        found = [self.load(name) for name in names]
        return sorted((one for one in found if one is not None), key=lambda one: one.opened)

    @contextlib.contextmanager
    def journal(self, incident: str, clock: Clock) -> Iterator[Journal]:
        """Work on an incident, alone."""
        path = self.path(incident)
        with explained(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with sole_run(self.directory / LOCK, clock), Journal(path / JOURNAL, clock) as journal:
            yield journal


class Responder:
    """Cuts the devices of an incident off, and brings them back."""

    def __init__(
        self,
        incidents: Incidents,
        iot: Any,
        data: Any = None,
        quotas: Quotas | None = None,
        concurrency: int = 32,
        show: Callable[[Progress], None] = lambda progress: None,
        clock: Clock | None = None,
        check_mode: bool = False,
    ) -> None:
        """Clients are boto3's; without ``data`` no session is ended. In check mode nothing is changed."""
        self._incidents, self._iot, self._data = incidents, iot, data
        self._clock = clock or SystemClock()
        pacer = Pacer(quotas or Quotas(), self._clock)
        for client in (iot, data):
            if client is not None:
                pacer.attach(client)
        self._concurrency = concurrency
        self._meter = Meter(show, self._clock.monotonic, "devices")
        self._dry = check_mode

    def quarantine(self, scope: Scope) -> Result:
        """Cut devices off; goes on with an incident of this id that was interrupted."""
        scope.check()
        start = self._clock.monotonic()
        with self._journal(scope.id) as journal:
            known = self._opened(journal, scope)
            result = Result(known)
            registry = Registry(self._iot, self._data, known.scope)
            gate, denied, _ = registry.gate()
            if known.gate is None:
                self._write(journal, "gate", **{**asdict(gate), "members": sorted(gate.members)})
            self._meter.phase("cutting off")
            self._each(registry, core.gate_steps(known.scope, gate), result)
            result.gate_seconds = self._clock.monotonic() - start

            def cut(thing: str) -> list[Step]:
                states, others = registry.certificates(thing, denied)
                new = core.remember(known, thing, states)
                if new:
                    self._write(journal, "found", thing=thing, certificates=[asdict(one) for one in new])
                if others:
                    result.failures[thing] = f"It has {', '.join(others)}, which is no certificate."
                steps = core.thing_steps(thing, states, cut=False)
                unfinished = bool(steps) or known.state is State.OPEN
                return core.thing_steps(thing, states, self._data is not None and unfinished)

            self._things(registry, known.scope.things, cut, result)
            self._end(journal, result, State.QUARANTINED)
        return self._finished(result, start)

    def release(self, incident: str) -> Result:
        """Bring devices back to what they were before the incident."""
        start = self._clock.monotonic()
        self._incidents.require(incident)
        with self._journal(incident) as journal:
            known = self._incidents.require(incident)
            core.may(known, "release")
            result = Result(known)
            if known.state is State.RELEASED:
                return self._finished(result, start)
            self._require_free(known)
            self._write(journal, "releasing", by=operator())
            registry = Registry(self._iot, self._data, known.scope)
            gate, denied, others = registry.gate()

            def back(thing: str) -> list[Step]:
                try:
                    now, _ = registry.certificates(thing, denied)
                except self._iot.exceptions.ResourceNotFoundException:
                    result.remarks[thing] = (
                        "It is no longer in the registry; its certificates stay switched off."
                    )
                    return []
                steps, troubles = core.thing_release(known.former.get(thing, ()), now)
                if troubles:
                    result.remarks[thing] = "; ".join(troubles)
                return steps

            self._things(registry, known.scope.things, back, result)
            steps = core.gate_release(known.scope, known.gate, gate, bool(others)) if known.gate else []
            # The policy leaves the group only when every device has.
            for do in (core.Do.REMOVE, core.Do.ALLOW_GROUP):
                self._each(registry, [one for one in steps if one.do is do], result)
            self._end(journal, result, State.RELEASED)
        return self._finished(result, start)

    def revoke(self, incident: str) -> Result:
        """Take the certificates of an incident's devices away for good; they stay in quarantine."""
        start = self._clock.monotonic()
        self._incidents.require(incident)
        with self._journal(incident) as journal:
            known = self._incidents.require(incident)
            core.may(known, "revoke")
            result = Result(known)
            if known.state is not State.REVOKED:
                self._write(journal, "revoking", by=operator())
            registry = Registry(self._iot, self._data, known.scope)
            self._things(
                registry,
                known.scope.things,
                lambda thing: core.thing_revocation(registry.certificates(thing, frozenset())[0]),
                result,
            )
            self._end(journal, result, State.REVOKED)
        return self._finished(result, start)

    def _opened(self, journal: Journal | None, scope: Scope) -> Incident:
        """The incident of this id, opened now where there is none."""
        known = self._incidents.load(scope.id)
        if known is None:
            self._write(journal, "opened", scope=asdict(scope))
            return Incident(scope, "")
        core.may(known, "quarantine")
        other = (
            known.scope.group != scope.group if scope.group else set(known.scope.things) != set(scope.things)
        )
        if other:
            raise FleetError(
                f"Incident {scope.id} is about other devices ({len(known.scope.things):,} of them).",
                "Give these ones an incident_id of their own.",
            )
        return known

    def _require_free(self, known: Incident) -> None:
        later = core.blockers(known, self._incidents.all())
        if later:
            raise FleetError(
                f"Devices of {known.scope.id} are in incident {', '.join(later)} as well, which came later.",
                "Release that one first: it knows them only as they are now.",
            )

    def _things(
        self, registry: Registry, things: Sequence[str], plan: Callable[[str], list[Step]], result: Result
    ) -> None:
        """Plan and carry out for each device, many at a time; one that fails does not stop the others."""
        self._meter.start(len(things))

        def one(thing: str) -> tuple[str, list[Step], str]:
            try:
                steps = plan(thing)
                self._carry_out(registry, steps)
            except ClientError as error:
                return thing, [], _one_devices_trouble(error)
            return thing, steps, ""

        with ThreadPoolExecutor(max_workers=self._concurrency) as pool:
            for thing, steps, why in pool.map(one, things):
                self._meter.count(failed=bool(why))
                if why:
                    result.failures[thing] = why
                _count(result, steps)

    def _each(self, registry: Registry, steps: Sequence[Step], result: Result) -> None:
        """Carry out steps that do not depend on each other, but for the first: it may be the policy."""

        def one(step: Step) -> tuple[Step, str]:
            try:
                self._carry_out(registry, [step])
            except ClientError as error:
                return step, _one_devices_trouble(error)
            return step, ""

        with ThreadPoolExecutor(max_workers=self._concurrency) as pool:
            for part in (steps[:1], steps[1:]):
                for step, why in list(pool.map(one, part)):
                    if why:
                        result.failures[step.what] = why
                    else:
                        _count(result, [step])

    def _carry_out(self, registry: Registry, steps: Sequence[Step]) -> None:
        for step in () if self._dry else steps:
            registry.carry_out(step)

    def _end(self, journal: Journal | None, result: Result, state: State) -> None:
        if result.failures or self._dry:
            return
        if result.incident.state is not state:
            self._write(journal, str(state), by=operator())
        result.incident.state = state

    @contextlib.contextmanager
    def _journal(self, incident: str) -> Iterator[Journal | None]:
        if self._dry:
            yield None
            return
        with self._incidents.journal(incident, self._clock) as journal:
            yield journal

    @staticmethod
    def _write(journal: Journal | None, event: str, **facts: Any) -> None:
        if journal is not None:
            journal.write(event, **facts)

    def _finished(self, result: Result, start: float) -> Result:
        result.seconds = self._clock.monotonic() - start
        if not self._dry:
            result.incident = self._incidents.require(result.incident.scope.id)
        return result


def _one_devices_trouble(error: ClientError) -> str:
    """What is wrong with one device; any other error, which all would have, is raised again."""
    if error.response["Error"]["Code"] not in _OF_ONE_DEVICE:
        raise error
    return str(error.response["Error"].get("Message", error))


def _count(result: Result, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.do is not core.Do.CUT:
            result.steps[str(step.do)] = result.steps.get(str(step.do), 0) + 1
