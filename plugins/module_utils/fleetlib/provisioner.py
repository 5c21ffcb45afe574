"""Provision a fleet from this host: lock, read, plan, and carry the plan out with keys that stay here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .aws.pacing import Pacer
from .aws.provisioning import DirectCloud, read_registry
from .bulk_registrar import BulkRegistrar, BulkSettings, require_no_task
from .core.clock import Clock, SystemClock
from .core.errors import FleetError
from .core.journal import Journal, read, sole_run
from .core.progress import Meter, Progress
from .core.provisioning import bulk, history, plan
from .core.provisioning.bulk import Task
from .core.provisioning.engine import Engine, Outcome, Settings
from .core.provisioning.estimate import Estimate
from .core.provisioning.model import Fleet, LocalDevice
from .core.quotas import Quotas
from .crypto import keys
from .device_store import DeviceStore, Protection, explained

JOURNAL = "provisioning.jsonl"
LOCK = "provisioning.lock"
DEVICES = "devices"


@dataclass(frozen=True)
class DeviceKeys:
    """The engine's keys: of one type, made by `crypto.keys`."""

    key_type: keys.KeyType = keys.KeyType.EC_P256

    def new(self) -> bytes:
        """A new private key."""
        return keys.new_key(self.key_type)

    def signing_request(self, key: bytes, thing: str) -> str:
        """A request to have the key certified."""
        return keys.signing_request(key, thing)

    def key_id(self, key: bytes) -> str:
        """Identifies the public half."""
        return keys.public_key_id(key)

    def certificate_key_id(self, certificate_pem: str) -> str:
        """Identifies the public key that a certificate certifies."""
        return keys.certificate_key_id(certificate_pem)


@dataclass(frozen=True)
class Result:
    """What a run found, did and cost."""

    plan: plan.Plan
    outcome: Outcome
    resumed: list[str]
    """What the journal told about a run that was cut off, for people."""
    attempts: dict[str, int]
    """Requests sent, by operation."""
    throttled: dict[str, int]
    """Requests that were refused for being too many."""
    seconds: float
    estimate: Estimate
    """What the plan was going to take."""
    encrypted: int
    """Devices whose keys lay in the clear and are encrypted now."""
    task: Task | None = None
    """The registration task, with strategy bulk."""


class Provisioner:
    """A fleet, the private directory where this host keeps its devices, and the registry it is in."""

    def __init__(
        self,
        fleet: Fleet,
        directory: Path,
        iot: Any,
        quotas: Quotas | None = None,
        key_type: keys.KeyType = keys.KeyType.EC_P256,
        settings: Settings | None = None,
        show: Callable[[Progress], None] = lambda progress: None,
        clock: Clock | None = None,
        bulk_settings: BulkSettings | None = None,
        protection: Protection | None = None,
    ) -> None:
        """``iot`` is a boto3 client; from now on its calls are paced, and it repeats no request blindly.

        With ``bulk_settings`` a registration task of AWS registers the new devices.
        """
        keys.require()
        fleet.check()
        self._fleet = fleet
        self._directory = directory
        self._iot = iot
        self._quotas = quotas or Quotas()
        self._keys = DeviceKeys(key_type)
        self._settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._meter = Meter(show, self._clock.monotonic, "devices")
        self._store = DeviceStore(directory / DEVICES, protection)
        self._pacer = Pacer(self._quotas, self._clock)
        self._pacer.attach(iot)
        self._cloud = DirectCloud(iot, fleet)
        self._registrar: BulkRegistrar | None = None
        if bulk_settings is not None:
            self._registrar = BulkRegistrar(
                bulk_settings, fleet, directory, self._store, self._keys, self._clock, self._meter
            )

    def look(self) -> tuple[plan.Plan, Estimate]:
        """The plan and what it takes. Nothing is changed, and no other run is waited for."""
        made = self._plan(self._store.scan(self._fleet.devices))
        return made, self._estimate(made, history.tell(read(self._directory / JOURNAL)))

    def in_the_clear(self) -> list[str]:
        """Things whose keys a run would encrypt. Raises `FleetError` when other keys have another secret."""
        self._store.check_protection()
        return self._store.in_the_clear(self._fleet.devices)

    def provision(self) -> Result:
        """Make the fleet complete, going on from where a run before this one was cut off.

        Raises `FleetBusyError` while another run is at work, and `FleetError` where something is missing
        that has to exist first. What became of single devices is in the result.
        """
        with explained(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        start = self._clock.monotonic()
        with explained_lock(self._directory / LOCK, self._clock):
            local = self._store.scan(self._fleet.devices)
            made = self._plan(local)
            _require_nothing_missing(made)
            clear = self.in_the_clear()
            if clear:
                self._meter.phase(f"encrypting the keys of {len(clear):,} devices")
            for thing in clear:
                self._store.encrypt_keys(thing)
            told = history.tell(read(self._directory / JOURNAL))
            estimate = self._estimate(made, told)
            rest, unregistered = made, dict[str, str]()
            if self._registrar is None:
                require_no_task(self._directory)
            else:
                unregistered = self._registrar.register(made, told.requests, self._registered)
                local = self._store.scan(self._fleet.devices)
                rest = self._plan(local).without(unregistered)
            outcome = self._carry_out(rest, told, local) if rest.changed else Outcome()
            outcome.failed.update(unregistered)
        return Result(
            made,
            outcome,
            told.lines(),
            dict(self._pacer.attempts),
            dict(self._pacer.throttled),
            self._clock.monotonic() - start,
            estimate,
            len(clear),
            self._registrar.last if self._registrar is not None else None,
        )

    def _estimate(self, made: plan.Plan, told: history.History) -> Estimate:
        if self._registrar is None:
            return made.estimate
        return bulk.estimate(made, bulk.candidates(made, told.requests))

    def _registered(self) -> Container[str]:
        """Names of the wanted things that are in the registry now."""
        return read_registry(self._iot, self._fleet).things

    def _plan(self, local: dict[str, LocalDevice]) -> plan.Plan:
        self._meter.phase("reading the registry")
        return plan.make(self._fleet, local, read_registry(self._iot, self._fleet), self._quotas)

    def _carry_out(self, made: plan.Plan, told: history.History, local: dict[str, LocalDevice]) -> Outcome:
        path = self._directory / JOURNAL
        with explained(path):
            _put_aside(path, told)
            journal = Journal(path, self._clock)
        with journal:
            left = sum(len(names) for names in made.groups.values())
            journal.write("started", pid=os.getpid(), total=left, calls=dict(made.estimate.calls))
            engine = Engine(
                made, self._cloud, self._keys, self._store, journal, self._clock, self._meter, self._settings
            )
            outcome = engine.run(told, local)
            journal.write(
                "ended",
                done=outcome.done,
                failed=len(outcome.failed),
                adopted=len(outcome.adopted),
                stopped=str(outcome.stopped or ""),
            )
        return outcome


@contextlib.contextmanager
def explained_lock(path: Path, clock: Clock) -> Iterator[None]:
    """Be the only run at work on the fleet. Raises `FleetBusyError`, or says why the file cannot be used."""
    with contextlib.ExitStack() as held:
        with explained(path):
            held.enter_context(sole_run(path, clock))
        yield


def _require_nothing_missing(made: plan.Plan) -> None:
    if made.registry.missing:
        raise FleetError(
            f"Missing in AWS IoT: {', '.join(made.registry.missing)}.",
            "Deploy the infrastructure first (ansible-playbook deploy.yml), or correct the name.",
        )


def _put_aside(path: Path, told: history.History) -> None:
    """Begin a new journal once the old one has nothing left to tell; it stays under the time of its run."""
    if told.started and told.ended and not told.requests:
        os.replace(path, path.with_name(f"{path.stem}-{told.started.replace(':', '')}{path.suffix}"))
