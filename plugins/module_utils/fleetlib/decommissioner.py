"""Take devices out of service from this host: lock, look, confirm, archive, and remove them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .aws.decommissioning import Registry
from .aws.pacing import Pacer
from .core.clock import Clock, SystemClock
from .core.crew import Crew
from .core.journal import Journal
from .core.progress import Meter, Progress
from .core.provisioning import decommission
from .core.provisioning.decommission import Order, Outcome, Plan, Remover
from .core.quotas import Quotas
from .device_archive import DeviceArchive
from .device_store import DeviceStore, explained
from .provisioner import DEVICES, LOCK, explained_lock

ARCHIVE = "decommissioned"
JOURNAL = "decommissioning.jsonl"


@dataclass(frozen=True)
class Result:
    """What a run found, did and cost."""

    plan: Plan
    outcome: Outcome
    attempts: dict[str, int]
    """Requests sent, by operation."""
    throttled: dict[str, int]
    """Requests that were refused for being too many."""
    seconds: float


class Decommissioner:
    """Devices, the private directory where this host keeps them, and the registry they are in."""

    def __init__(
        self,
        order: Order,
        directory: Path,
        iot: Any,
        iot_data: Any,
        quotas: Quotas | None = None,
        concurrency: int = 32,
        show: Callable[[Progress], None] = lambda progress: None,
        clock: Clock | None = None,
        described: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """``iot`` and ``iot_data`` are boto3 clients; from now on their calls are paced.

        ``described`` are the registry's records of the devices, where its pages have told them already.
        """
        self._order = order
        self._directory = directory
        self._quotas = quotas or Quotas()
        self._concurrency = concurrency
        self._clock = clock or SystemClock()
        self._described = described
        self._meter = Meter(show, self._clock.monotonic, "devices")
        self._store = DeviceStore(directory / DEVICES)
        self._archive = DeviceArchive(directory / ARCHIVE, directory / DEVICES)
        self._pacer = Pacer(self._quotas, self._clock)
        for client in (iot, iot_data):
            self._pacer.attach(client)
        self._cloud = Registry(iot, iot_data, self._clock)

    def look(self) -> Plan:
        """The plan. Nothing is changed, here or there, and no other run is waited for."""
        things = self._order.things
        return Plan(
            self._order,
            self._look_up() if self._described is None else self._described,
            self._store.scan(frozenset(things)),
            self._archive.all_pending(things),
            self._quotas,
        )

    def _look_up(self) -> Mapping[str, Mapping[str, Any]]:
        self._meter.phase("looking for the devices in the registry")
        return decommission.look(self._order, self._cloud, Crew(self._concurrency))

    def remove(self, confirm: str) -> Result:
        """Remove what is left of the devices, going on from where a run before this one was cut off.

        Raises `InvalidInputError` without the exact confirmation while anything is left to remove, and
        `FleetBusyError` while another run works on the fleet.
        """
        start = self._clock.monotonic()
        with explained(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with explained_lock(self._directory / LOCK, self._clock):
            plan = self.look()
            outcome = Outcome()
            if plan.changed:
                self._order.require(confirm)
                outcome = self._carry_out(plan)
        seconds = self._clock.monotonic() - start
        return Result(plan, outcome, dict(self._pacer.attempts), dict(self._pacer.throttled), seconds)

    def _carry_out(self, plan: Plan) -> Outcome:
        path = self._directory / JOURNAL
        with explained(path):
            journal = Journal(path, self._clock)
        with journal:
            journal.write("started", pid=os.getpid(), things=plan.work)
            crew = Crew(self._concurrency)
            outcome = Remover(plan, self._cloud, self._archive, journal, self._clock, self._meter, crew).run()
            journal.write(
                "ended",
                done=len(outcome.archived),
                failed=len(outcome.failed),
                stopped=str(outcome.stopped or ""),
            )
        return outcome
