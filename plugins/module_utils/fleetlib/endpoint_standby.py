"""Devices told, while all is well, where to go when their endpoint is silent: one job that stays open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .aws import groups, jobs
from .core.clock import Clock
from .core.progress import Meter
from .core.regions import switch
from .core.regions.switch import Endpoint
from .core.rollout.plan import Wave


@dataclass(frozen=True)
class Standby:
    """The standby of a fleet's devices."""

    iot: Any
    fleet: str
    group: str
    """The thing group of the whole fleet; who joins it later is told, too."""
    clock: Clock
    meter: Meter

    def former(self, job: str) -> list[str]:
        """Jobs in flight that tell devices of another standby."""
        start = switch.standby_prefix(self.fleet)
        return [one for one in jobs.in_flight(self.iot) if one.startswith(start) and one != job]

    def is_told(self, job: str) -> bool:
        """Whether the job is in flight."""
        return job in jobs.in_flight(self.iot)

    def tell(self, job: str, endpoint: Endpoint, wave: Wave) -> None:
        """Have every device told, and none of another standby any more."""
        for one in self.former(job):
            jobs.cancel(self.iot, one, f"the standby is in {endpoint.region} now", running_too=True)
        document = switch.document(endpoint, wave.jitter_seconds, standby=True)
        target = groups.arn(self.iot, self.group)
        why = f"standby in {endpoint.region}"
        jobs.create(self.iot, job, target, document, wave, keep_open=True, comment=why)

    def wait(self, job: str, devices: int, timeout_seconds: float, poll_seconds: float) -> int:
        """Wait until so many devices know it, or the time is over; how many do."""
        began = self.clock.monotonic()
        self.meter.start(devices)
        while True:
            told = jobs.counts(self.iot, job).succeeded
            self.meter.reach(told, 0)
            if told >= devices or self.clock.monotonic() - began >= timeout_seconds:
                return told
            self.clock.sleep(poll_seconds)
