"""Devices moved from one region's endpoint to another's, and watched until they are there."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from .aws import groups, jobs, registry
from .core.backup.manifest import snapshot_id
from .core.clock import Clock
from .core.errors import FleetError
from .core.progress import Meter
from .core.regions import serving, switch
from .core.regions.switch import Endpoint, Move, Region
from .core.rollout.plan import Rate, Wave

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import BotoCoreError, ClientError

POLLS_PER_TIMEOUT: Final = 400
"""A big fleet is looked at rarely: a look is one request for a hundred devices."""


@dataclass(frozen=True)
class Outcome:
    """How a move ended."""

    arrived: int
    missing: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Switcher:
    """Moves a fleet's devices."""

    origin: Any
    """IoT client of the region where they are; one that gives up soon."""
    destination: Any
    fleet: str
    group: str
    """The thing group of the whole fleet."""
    clock: Clock
    meter: Meter

    def look(self, origin: str, destination: str) -> Move:
        """Who is connected where. The destination has to answer, the origin need not."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            there = pool.submit(self._region, self.destination, destination)
            here = pool.submit(self._perhaps, self.origin, origin)
            return Move(here.result(), there.result())

    def move(self, move: Move, endpoint: Endpoint, wave: Wave) -> str:
        """Have the devices told by a job of the region where they are; its id, or empty where nobody is told.

        Jobs that would send devices away from the destination end first.
        """
        for one in self._in_flight(self.destination):
            if not switch.in_flight_to([one], self.fleet, endpoint.region):
                jobs.cancel(self.destination, one, "the fleet goes back", running_too=True)
        if not move.needs_job:
            return ""
        there = switch.in_flight_to(self._in_flight(self.origin), self.fleet, endpoint.region)
        if there:
            return there
        job = switch.job_id(self.fleet, endpoint.region, self.clock.now())
        target = groups.arn(self.origin, self.group)
        document = switch.document(endpoint, wave.jitter_seconds)
        why = f"to {endpoint.region}"
        jobs.create(self.origin, job, target, document, wave, keep_open=False, comment=why)
        return job

    def mark(self) -> None:
        """Write down that the destination serves the fleet from now on."""
        now = snapshot_id(self.clock.now())
        groups.set_attribute(self.destination, self.group, serving.SINCE, now)

    def watch(self, move: Move, timeout_seconds: float, poll_seconds: float) -> Outcome:
        """Look until everybody expected is connected at the destination, or the time is over."""
        began = self.clock.monotonic()
        self.meter.phase(f"waiting for devices in {move.destination.name}")
        self.meter.start(len(move.expected))
        pause = max(poll_seconds, timeout_seconds / POLLS_PER_TIMEOUT)
        while True:
            arrived = self._connected(self.destination) & move.expected
            self.meter.reach(len(arrived), 0)
            spent = self.clock.monotonic() - began
            if arrived == move.expected or spent >= timeout_seconds:
                missing = tuple(sorted(move.expected - arrived))
                return Outcome(len(arrived), missing, spent)
            self.clock.sleep(pause)

    def _perhaps(self, iot: Any, name: str) -> Region:
        """A region that may not answer, for whatever reason: that is what one moves away for."""
        try:
            return self._region(iot, name)
        except (BotoCoreError, ClientError) as error:
            return Region(name, False, why=str(error))

    def _region(self, iot: Any, name: str) -> Region:
        known = frozenset(registry.iter_things_in_group(iot, self.group))
        since = serving.since(groups.attributes(iot, self.group))
        return Region(name, True, known, self._connected(iot), serves_since=since)

    def _connected(self, iot: Any) -> frozenset[str]:
        query = f"thingName:{self.fleet}-* AND connectivity.connected:true"
        return frozenset(hit["thingName"] for hit in registry.search_things(iot, query))

    def _in_flight(self, iot: Any) -> list[str]:
        return [one for one in jobs.in_flight(iot) if one.startswith(switch.prefix(self.fleet))]


@dataclass(frozen=True)
class Standby:
    """Devices that know another endpoint, for when theirs does not answer."""

    iot: Any
    """Of the region where they are."""
    fleet: str
    group: str
    endpoint: Endpoint

    @property
    def job(self) -> str:
        """The job that tells them; it stays open for devices that come later."""
        return switch.standby_id(self.fleet, self.endpoint)

    def differs(self) -> bool:
        """Whether another job than this one, or none, tells them."""
        return self._there() != [self.job]

    def tell(self, wave: Wave) -> None:
        """End jobs that tell something else, and have the one that tells this."""
        there = self._there()
        for one in there:
            if one != self.job:
                jobs.cancel(self.iot, one, "another endpoint is the standby now", running_too=True)
        if self.job not in there:
            target = groups.arn(self.iot, self.group)
            document = switch.document(self.endpoint, 0)
            jobs.create(self.iot, self.job, target, document, wave, keep_open=True, comment="standby")

    def _there(self) -> list[str]:
        return [one for one in jobs.in_flight(self.iot) if one.startswith(switch.standby_prefix(self.fleet))]


def wave(per_minute: int, jitter_seconds: int, timeout_minutes: int) -> Wave:
    """How a job goes out: no failure stops it while others come, for who stays stays in a failed region."""
    if not 1 <= per_minute <= 1000:
        raise FleetError(f"per_minute is {per_minute}; AWS IoT Jobs take from 1 to 1,000.")
    return Wave(
        name="switch",
        selector="percent",
        value=100,
        rate=Rate(per_minute),
        jitter_seconds=jitter_seconds,
        timeout_minutes=timeout_minutes,
        abort_percent=100.0,
    )
