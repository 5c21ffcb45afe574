"""What the engine needs of the world. The real ones are in `fleetlib.rollout`, the tests have their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import FleetError
from .gate import Counts
from .plan import Wave
from .waves import Device


class ConflictError(FleetError):
    """Somebody else wrote the record in between."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What a device reports, as the index holds it."""

    connected: bool
    version: str = ""
    """Of the rollout's subject; empty when the device has none."""
    status: str = ""
    since: str = ""
    seen_at: str = ""
    """When its connection came or went last."""
    memory_bytes: float | None = None
    cpu_percent: float | None = None

    @property
    def confirmed(self) -> bool:
        """Whether it keeps the firmware that it runs; a program needs no confirmation."""
        return self.status != "Unconfirmed"

    @property
    def failed(self) -> bool:
        """Whether it reports the subject as failed."""
        return self.status == "Failed"


@dataclass(frozen=True, slots=True)
class Execution:
    """A device's part in a job."""

    thing: str
    status: str
    started: bool


class Store(Protocol):
    """Where a rollout's record is."""

    def load(self) -> tuple[dict[str, Any], str] | None:
        """The record and its version; nothing when there is none."""

    def save(self, data: Mapping[str, Any], version: str | None) -> str:
        """Write the record if it still has this version (``None``: if there is none); the new version.

        Raises `ConflictError`.
        """

    def put(self, name: str, data: Mapping[str, Any]) -> None:
        """Keep a list of devices beside the record."""

    def get(self, name: str) -> dict[str, Any] | None:
        """What `put` kept."""

    def wish(self) -> dict[str, str]:
        """What an operator asked for last: ``wish`` (run, pause, abort, close), ``by`` and ``why``."""


class Fleet(Protocol):
    """Devices, and the jobs that reach them."""

    def devices(self, group: str) -> list[Device]:
        """The devices of a group, with attributes and groups."""

    def states(self, group: str) -> dict[str, DeviceState]:
        """What the devices of a group report."""

    def gone(self, things: Sequence[str]) -> set[str]:
        """Which of these are in the registry no more. A call for each."""

    def make_group(self, name: str, things: Sequence[str]) -> None:
        """Make sure that a group exists and has these members. May be repeated."""

    def delete_group(self, name: str) -> None:
        """Delete a group, if it exists."""

    def create_job(
        self, job: str, group: str, document: Mapping[str, Any], wave: Wave, keep_open: bool
    ) -> None:
        """Start a job for a group; one of that id is left as it is. ``keep_open`` takes in later members."""

    def counts(self, job: str) -> Counts:
        """Executions of a job by status; none where there is no such job."""

    def executions(self, job: str) -> Iterable[Execution]:
        """The last execution of every device; none where there is no such job."""

    def cancel(self, job: str, why: str, running_too: bool) -> None:
        """Cancel a job's queued executions, with ``running_too`` also those in progress.

        May be repeated, also for a job that has ended or never was.
        """

    def alarms(self, names: Sequence[str]) -> tuple[str, ...]:
        """Which of these alarms are in ALARM; a name that ends with * is a prefix."""

    def error_logs(self, since: str) -> tuple[str, ...] | None:
        """Devices that logged errors since then; ``None`` where there are no logs."""

    def command(self, command: Sequence[str], facts: Mapping[str, str]) -> tuple[int, str]:
        """Run an operator's command with these facts in its environment: exit code and last line."""

    def calls(self) -> dict[str, int]:
        """Requests to AWS so far, by operation."""


class Documents(Protocol):
    """Job documents of the versions of a rollout's subject."""

    def of(self, version: str, jitter_seconds: int) -> dict[str, Any] | None:
        """Brings a device to a version (empty: removes it); ``None`` where it was never published."""
