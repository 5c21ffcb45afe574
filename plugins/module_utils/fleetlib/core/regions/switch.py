"""Moving devices to another region's endpoint: the jobs that tell them, and who has come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..objects import digest
from ..programs import SCHEMA, canonical

OPERATION: Final = "endpoint.switch"


@dataclass(frozen=True)
class Endpoint:
    """Where devices shall connect."""

    host: str
    port: int
    region: str
    root_ca: str = ""
    """PEM that vouches for it, where it is not the authority that devices know already."""
    standby: bool = False
    """Whether devices only keep it, for when their own does not answer."""


@dataclass(frozen=True)
class Region:
    """Where devices are, as one region sees it."""

    name: str
    answers: bool
    things: frozenset[str] = frozenset()
    connected: frozenset[str] = frozenset()
    why: str = ""
    """Why it does not answer."""
    serves_since: str = ""
    """When the fleet was moved there, as the id of a snapshot; empty where it never was."""


@dataclass(frozen=True)
class Move:
    """From one region to another."""

    origin: Region
    destination: Region

    @property
    def expected(self) -> frozenset[str]:
        """Who shall be connected at the destination in the end.

        Those that are connected now, here or there; of an origin that says nothing, every device that the
        destination knows.
        """
        if self.origin.answers:
            return self.origin.connected | self.destination.connected
        return self.destination.things

    @property
    def needs_job(self) -> bool:
        """Whether there is anybody to tell, and somebody who tells them."""
        return bool(self.origin.answers and self.origin.connected)

    def moved(self, origin_as_of: str = "") -> bool:
        """Whether the fleet was moved here before, so that the destination holds what is newer.

        ``origin_as_of`` is the id of the snapshot that stands for an origin that does not answer. Of one that
        answers and has most of the devices what it holds is newer: the move was cut off, or undone by hand.
        """
        if not self.origin.answers:
            return self.destination.serves_since > origin_as_of
        here, there = len(self.origin.connected), len(self.destination.connected)
        return self.destination.serves_since > self.origin.serves_since and there >= here

    def unknown(self) -> list[str]:
        """Devices that are connected at the origin, and that the destination would refuse."""
        return sorted(self.origin.connected - self.destination.things)


def document(endpoint: Endpoint, jitter_seconds: int) -> dict[str, Any]:
    """The document of the job. A device keeps its endpoint until it is connected with the new one."""
    request: dict[str, Any] = {
        "endpoint": endpoint.host,
        "mqtt_port": endpoint.port,
        "region": endpoint.region,
    }
    if endpoint.root_ca:
        request["root_ca"] = endpoint.root_ca
    if endpoint.standby:
        request["standby"] = True
    jitter = {"jitter_seconds": jitter_seconds} if jitter_seconds else {}
    return {"schema": SCHEMA, "operation": OPERATION, "request": request, **jitter}


def standby_prefix(fleet: str) -> str:
    """How the ids of all jobs begin that let devices know another endpoint."""
    return f"{fleet}-standby-"


def standby_id(fleet: str, endpoint: Endpoint) -> str:
    """The one job that tells this; another endpoint, or another authority, is another job."""
    told = canonical(document(endpoint, 0))
    return f"{standby_prefix(fleet)}{endpoint.region}-{digest(told)[:8]}"


def prefix(fleet: str) -> str:
    """How the ids of all such jobs begin."""
    return f"{fleet}-switch-"


def job_id(fleet: str, region: str, now: datetime) -> str:
    """A job to switch to a region; at most 64 characters."""
    return f"{prefix(fleet)}{region}-{now:%Y%m%d%H%M%S}"


def in_flight_to(jobs: Collection[str], fleet: str, region: str) -> str:
    """The job that switches to a region already; empty where there is none."""
    return max((one for one in jobs if one.startswith(f"{prefix(fleet)}{region}-")), default="")
