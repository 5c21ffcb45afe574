"""Rotate the certificates of a fleet from this host: lock, examine, and take wave after wave."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .aws import fleet_state, groups
from .aws.pacing import Pacer
from .aws.rotation import Rotator
from .core import certificates
from .core.certificates import Limits
from .core.clock import Clock, SystemClock
from .core.crew import Crew
from .core.errors import FleetError, InvalidInputError
from .core.journal import Journal, read, sync_directory
from .core.naming import check_device_ids, fleet_name, thing_name
from .core.progress import Meter, Progress
from .core.provisioning.model import Certificate
from .core.provisioning.ports import DeviceError
from .core.quotas import Quotas
from .core.rollout import devices
from .core.rotation.engine import Outcome, Rotation
from .core.rotation.model import NOTED, SAVED, Member, Phase, Rules, Wave, stopped, told
from .core.rotation.plan import Plan, whose_turn
from .core.rotation.ports import Signing
from .crypto import keys
from .device_store import DeviceStore, explained
from .provisioner import DEVICES, LOCK, explained_lock

DIRECTORY = "rotation"
CURRENT = "wave.jsonl"


class RotationFiles:
    """See `core.rotation.Files`: a journal for each wave, and the devices' certificates.

    A wave is written whole where it enters a phase; in between, a line for every step of a device.
    """

    def __init__(self, directory: Path, store: DeviceStore, clock: Clock) -> None:
        """``directory`` is made when the first wave is kept."""
        self._directory, self._store, self._clock = directory, store, clock
        self._path = directory / CURRENT
        self._journal: Journal | None = None

    def current(self) -> Wave | None:
        """The wave that a run began and did not end."""
        with explained(self._path):
            try:
                return told(read(self._path))
            except (KeyError, TypeError, ValueError) as error:
                raise FleetError(
                    f"{self._path} is damaged.", "Restore it from a backup of this directory."
                ) from error

    def number(self) -> int:
        """The number of the next wave."""
        with explained(self._directory):
            return 1 + len(list(self._directory.glob("*-*.jsonl")))

    def save(self, wave: Wave) -> None:
        """See `core.rotation.Files`."""
        with explained(self._path):
            self._opened().write(SAVED, wave=wave.as_dict())

    def note(self, member: Member) -> None:
        """See `core.rotation.Files`."""
        with explained(self._path):
            self._opened().write(NOTED, member=member.as_dict())

    def close(self, wave: Wave) -> None:
        """See `core.rotation.Files`."""
        self.save(wave)
        self.release()
        with explained(self._directory):
            os.replace(self._path, self._directory / f"{wave.id}.jsonl")
            sync_directory(self._directory)

    def release(self) -> None:
        """Close the journal; whatever is written next opens it again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def keep_certificate(self, thing: str, certificate: Certificate) -> None:
        """See `core.rotation.Files`."""
        self._store.keep_rotated(thing, certificate)

    def _opened(self) -> Journal:
        if self._journal is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._journal = Journal(self._path, self._clock)
        return self._journal


class DeviceRequests:
    """See `core.rotation.Requests`."""

    def look_through(self, encoded: str) -> Signing:
        """Read a signing request as devices send it: DER in base64."""
        try:
            der = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise DeviceError("what it sent is no base64.") from None
        return Signing(*keys.look_through(der))

    def certificate_key_id(self, certificate_pem: str) -> str:
        """Identifies the public key that a certificate certifies."""
        return keys.certificate_key_id(certificate_pem)


@dataclass(frozen=True)
class Place:
    """Which fleet."""

    prefix: str
    environment: str
    policy: str
    group: str
    directory: Path
    """Private directory of the fleet on this host."""


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    iot: Any
    data: Any
    jobs: Any


class CertificateRotation:
    """The certificates of a fleet, and the wave at hand."""

    def __init__(
        self,
        place: Place,
        clients: Clients,
        rules: Rules,
        quotas: Quotas,
        concurrency: int = 32,
        show: Callable[[Progress], None] = lambda progress: None,
        clock: Clock | None = None,
    ) -> None:
        """From now on the clients' calls are paced."""
        keys.require()
        self._place, self._iot, self._rules, self._quotas = place, clients.iot, rules, quotas
        self._clock = clock or SystemClock()
        self._concurrency = concurrency
        self._meter = Meter(show, self._clock.monotonic, "devices")
        self._pacer = Pacer(quotas, self._clock)
        for client in (clients.iot, clients.data, clients.jobs):
            self._pacer.attach(client)
        name = fleet_name(place.prefix, place.environment)
        self._cloud = Rotator(
            clients.iot, clients.data, clients.jobs, place.policy, name, self._clock, rules.timeout_seconds
        )
        self._store = DeviceStore(place.directory / DEVICES)
        self._files = RotationFiles(place.directory / DIRECTORY, self._store, self._clock)

    def look(self, limits: Limits, device_ids: Sequence[str] = ()) -> Plan:
        """Whose turn it is: certificates beyond the limits, or of the devices named, whatever their age."""
        check_device_ids(device_ids, self._place.prefix, self._place.environment)
        self._meter.phase("reading the registry")
        fleet = fleet_state.read_fleet(self._iot, self._place.environment, self._place.policy, "")
        found = certificates.examine(fleet, self._store.expiries(fleet.things), self._clock.now(), limits)
        named = {thing_name(self._place.prefix, self._place.environment, one) for one in device_ids}
        _require_known(named, fleet.things)
        due = [
            (one.thing, one.certificate_id)
            for one in found.entries
            if one.is_usable and (one.thing in named if named else one.is_due)
        ]
        connected = {
            hit["thingName"]
            for hit in (groups.search(self._iot, self._place.group) if due else ())
            if devices.state(hit, "").connected
        }
        now, later = whose_turn(due, connected)
        return Plan(now, later, self._rules, self._quotas, self._files.current())

    def rotate(self, limits: Limits, device_ids: Sequence[str] = ()) -> tuple[Plan, Outcome]:
        """End the wave that was begun, then rotate what is due."""
        with self._alone():
            begun = self._files.current()
            if begun is not None and begun.phase is Phase.STOPPED:
                raise stopped(begun)
            run = self._rotation()
            if begun is not None:
                run.carry_on(begun)
            plan = self.look(limits, device_ids)
            run.run(plan.now, self._files.number())
        return plan, run.outcome

    def accept(self) -> Outcome:
        """Go on with a stopped wave, without its failed devices."""
        with self._alone():
            run = self._rotation()
            run.accept(self._stopped())
        return run.outcome

    def undo(self) -> Outcome:
        """Give the devices of the wave at hand their old certificates back."""
        with self._alone():
            wave = self._files.current()
            if wave is None:
                raise InvalidInputError("There is no wave to take back: none was begun, or it has ended.")
            run = self._rotation()
            run.undo(wave)
        return run.outcome

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests sent, by operation."""
        return dict(self._pacer.attempts)

    def current(self) -> Wave | None:
        """The wave that was begun and has not ended."""
        return self._files.current()

    def _stopped(self) -> Wave:
        wave = self._files.current()
        if wave is None or wave.phase is not Phase.STOPPED:
            raise InvalidInputError(
                "There is no stopped wave to accept.", "Rotate: certificate_action=rotate."
            )
        return wave

    def _rotation(self) -> Rotation:
        return Rotation(
            self._cloud,
            self._files,
            DeviceRequests(),
            self._clock,
            self._meter,
            self._rules,
            lambda: Crew(self._concurrency),
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with explained(self._place.directory):
            self._place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with explained_lock(self._place.directory / LOCK, self._clock):
            try:
                yield
            finally:
                self._files.release()


def _require_known(named: set[str], things: Mapping[str, str]) -> None:
    strangers = sorted(named - things.keys())
    if strangers:
        raise InvalidInputError(f"device_ids names {strangers[0]}, which is not in the registry.")
