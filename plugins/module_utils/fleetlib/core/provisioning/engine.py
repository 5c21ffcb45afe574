"""Carry a plan out: many devices side by side, each step on the disk or in the registry before the next.

The engine can be killed at any moment: what it leaves behind is what `steps.decide` starts from. A signing
request whose answer is lost is never sent again blindly; its certificate is looked for first, so that no
certificate exists that belongs to no device.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from ..clock import Clock
from ..crew import Crew
from ..errors import FleetError
from ..journal import Journal
from ..progress import Meter
from . import orphans
from .history import History
from .model import CERTIFICATE_ATTRIBUTE, NO_THING, ListedCertificate, LocalDevice
from .plan import Plan, Steps
from .ports import AnswerLostError, Cloud, DeviceError, HeldCertificate, Keys, Store
from .steps import Step

ROUNDS = 10
"""How often lost answers are looked for before the devices count as failed."""

JOURNAL_SECONDS = 10.0
"""How often the journal notes how far the run is."""


@dataclass(frozen=True)
class Settings:
    """How the engine goes about it."""

    concurrency: int = 32
    """Devices worked on at the same time."""
    settle_seconds: float = 5.0
    """How long a new certificate may take to appear in lists."""


@dataclass
class Outcome:
    """What became of a plan."""

    done: int = 0
    adopted: list[str] = field(default_factory=list)
    """Things that got the certificate which a lost answer had announced."""
    surplus: dict[str, str] = field(default_factory=dict)
    """Certificate → thing whose key it has, although the thing uses another one."""
    failed: dict[str, str] = field(default_factory=dict)
    """Thing → why it is not complete."""
    stopped: FleetError | None = None
    """What ended the run before its time."""


def stopped_by(crew: Crew) -> FleetError | None:
    """What ended a crew's run before its time, for people. An error that nobody foresaw is raised again."""
    if isinstance(crew.error, OSError):
        return FleetError(f"The journal cannot be written: {crew.error}.", "Make room, and run again.")
    if crew.error is None or isinstance(crew.error, FleetError):
        return crew.error
    raise crew.error


class Engine:
    """One run. Make a new one for the next."""

    def __init__(
        self,
        plan: Plan,
        cloud: Cloud,
        keys: Keys,
        store: Store,
        journal: Journal,
        clock: Clock,
        meter: Meter,
        settings: Settings | None = None,
    ) -> None:
        """Nothing happens before `run`."""
        self._plan = plan
        self._fleet = plan.fleet
        self._cloud = cloud
        self._keys = keys
        self._store = store
        self._journal = journal
        self._clock = clock
        self._meter = meter
        self._settings = settings or Settings()
        self._lock = threading.Lock()
        self._crew = Crew(self._settings.concurrency)
        self._outcome = Outcome()
        self._lost: list[tuple[str, Steps]] = []
        self._taken = orphans.taken(plan.registry)
        self._noted = clock.monotonic()
        self._actions: dict[Step, Callable[[str, HeldCertificate], None]] = {
            Step.POLICY: lambda name, certificate: cloud.attach_policy(certificate.arn),
            Step.CREATE: self._create,
            Step.PRINCIPAL: lambda name, certificate: cloud.attach_certificate(name, certificate.arn),
            Step.UPDATE: self._update,
            Step.GROUP: lambda name, certificate: cloud.add_to_group(name),
        }

    def run(self, history: History, local: dict[str, LocalDevice]) -> Outcome:
        """Do what the plan says; ``history`` and ``local`` tell how old a lost answer can be."""
        started = self._clock.now()
        uncertain = self._plan.uncertain
        keys = {name: datetime.fromtimestamp(local[name].key_time, UTC) for name in uncertain}
        self._adopt(uncertain, orphans.since_when(uncertain, history.requests, keys, started))
        self._meter.start(sum(len(names) for names in self._plan.groups.values()))
        self._crew.work(self._plan.work, self._attempt)
        for _ in range(ROUNDS):
            if self._crew.halted or not self._lost:
                break
            lost, self._lost = self._lost, []
            self._clock.sleep(self._settings.settle_seconds)
            self._adopt([name for name, _ in lost], started)
            self._crew.work(lost, self._attempt)
        for name, _ in self._lost if self._crew.error is None else ():
            self._failed(
                name, "the answer to its signing request was lost. Run again: it is looked for first."
            )
        self._outcome.stopped = stopped_by(self._crew)
        return self._outcome

    def _attempt(self, work: tuple[str, Steps]) -> None:
        """Take one device all the way, or put down why not."""
        name, steps = work
        try:
            if Step.KEY in steps:
                self._store.keep_key(name, self._keys.new())
            certificate = self._certificate(name, steps)
            for step in steps:
                if step in self._actions:
                    self._actions[step](name, certificate)
        except AnswerLostError:
            with self._lock:
                self._lost.append((name, (Step.FIND, *steps[steps.index(Step.CERTIFICATE) :])))
        except DeviceError as error:
            self._failed(name, str(error))
        else:
            self._done(name)

    def _certificate(self, name: str, steps: Steps) -> HeldCertificate:
        """The certificate the device has, was found to have, or gets."""
        held = self._store.certificate(name)
        if Step.CERTIFICATE in steps and not (Step.FIND in steps and held):
            return self._issue(name)
        if held is None:
            raise DeviceError(
                "the certificate that the registry names is not one of the key here.",
                "Find out which one the device uses; nothing was changed.",
            )
        return held

    def _issue(self, name: str) -> HeldCertificate:
        key = self._store.key(name)
        request = self._keys.signing_request(key, name)
        self._store.retire_certificate(name)
        self._journal.write("request", thing=name, key=self._keys.key_id(key))
        certificate = self._cloud.issue(request)
        self._store.keep_certificate(name, certificate)
        self._journal.note("certificate", thing=name, certificate_id=certificate.id)
        with self._lock:
            self._taken.add(certificate.id)
        return HeldCertificate(certificate.id, certificate.arn)

    def _create(self, name: str, certificate: HeldCertificate) -> None:
        attributes = self._fleet.attributes_for(name, NO_THING, certificate.id)
        if not self._cloud.create_thing(name, attributes):
            self._cloud.update_thing(name, attributes)

    def _update(self, name: str, certificate: HeldCertificate) -> None:
        thing = self._plan.registry.things.get(name, NO_THING)
        self._cloud.update_thing(name, self._fleet.attributes_for(name, thing, certificate.id))

    def _adopt(self, names: list[str], since: datetime) -> None:
        """Find the certificates of these devices among those that nothing refers to."""
        if not names:
            return
        self._meter.phase(f"looking for certificates of {len(names):,} devices whose answer may be lost")
        things = self._plan.registry.things
        named = {things.get(name, NO_THING).attributes.get(CERTIFICATE_ATTRIBUTE, "") for name in names}
        owners = self._owners(names)
        try:
            listed = orphans.suspects(self._cloud.certificates(), self._taken, since, named)
        except FleetError as error:
            self._crew.halt(error)
            return
        self._crew.work(listed, partial(self._look, owners))

    def _owners(self, names: Iterable[str]) -> dict[str, str]:
        """Key id → thing. A device whose key is damaged is left out: it fails when its turn comes."""
        owners = {}
        for name in names:
            try:
                owners[self._keys.key_id(self._store.key(name))] = name
            except DeviceError:
                continue
        return owners

    def _look(self, owners: dict[str, str], listed: ListedCertificate) -> None:
        """Give a certificate to the device whose key it has, if it is one of these."""
        certificate = self._cloud.describe(listed.id)
        name = owners.get(self._keys.certificate_key_id(certificate.pem))
        if name is None:
            return
        with self._lock:
            self._taken.add(certificate.id)
            if self._store.certificate(name) is not None:
                self._outcome.surplus[certificate.id] = name
                return
            self._store.keep_certificate(name, certificate)
            self._outcome.adopted.append(name)
        self._journal.write("certificate", thing=name, certificate_id=certificate.id, adopted=True)

    def _done(self, name: str) -> None:
        self._journal.note("done", thing=name)
        self._crew.succeeded()
        with self._lock:
            self._outcome.done += 1
            self._meter.count()
            self._note_progress()

    def _failed(self, name: str, reason: str) -> None:
        self._journal.note("failed", thing=name, reason=reason)
        with self._lock:
            self._outcome.failed[name] = reason
            self._meter.count(failed=True)
            self._note_progress()
        self._crew.failed(name, reason)

    def _note_progress(self) -> None:
        now = self._clock.monotonic()
        if now - self._noted >= JOURNAL_SECONDS:
            self._noted = now
            self._journal.note("progress", done=self._outcome.done, failed=len(self._outcome.failed))
