"""What the journal of teardowns tells: one that was begun and not ended, and what its runs did.

Events: ``started``; ``snapshot``; ``devices`` (their removal begins); ``stack`` with its resources, before it
is deleted; ``removed``; ``kept``; ``ended``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..journal import read
from .model import Resource

STARTED: Final = "started"
SNAPSHOT: Final = "snapshot"
DEVICES: Final = "devices"
STACK: Final = "stack"
REMOVED: Final = "removed"
KEPT: Final = "kept"
ENDED: Final = "ended"


@dataclass(frozen=True)
class History:
    """The last teardown."""

    started: str = ""
    """When it began (ISO 8601); empty where there never was one."""
    is_open: bool = False
    """Whether it has not ended."""
    snapshots: tuple[Mapping[str, Any], ...] = ()
    """Its snapshots: ``id``, ``things``, ``directory``; oldest first."""
    devices_begun: bool = False
    resources: tuple[Resource, ...] = ()
    """What its stacks held."""
    removed: tuple[Resource, ...] = ()
    kept: Mapping[str, str] | None = None
    """What stays, by name, and why."""
    devices: int = 0
    """How many devices were there when their removal began first."""

    @property
    def snapshot(self) -> Mapping[str, Any] | None:
        """The one to go back to: of those with most things the newest. One that was taken after a run was cut
        off may hold only what was left."""
        return max(self.snapshots, key=lambda one: (one["things"], one["id"]), default=None)


def tell(path: Path) -> History:
    """What the journal at ``path`` tells; nothing when there is none."""
    return told(read(path))


def told(records: Iterable[Mapping[str, Any]]) -> History:
    """What these records tell, oldest first."""
    last: list[Mapping[str, Any]] = []
    for record in records:
        if record["event"] == STARTED:
            last = []
        last.append(record)
    if not last:
        return History()
    events = {record["event"] for record in last}
    return History(
        started=str(last[0]["at"]),
        is_open=ENDED not in events,
        snapshots=tuple(one for one in last if one["event"] == SNAPSHOT),
        devices_begun=DEVICES in events,
        resources=tuple(
            dict.fromkeys(
                Resource(each["kind"], each["name"], one["name"], each["retained"])
                for one in last
                if one["event"] == STACK
                for each in one["resources"]
            )
        ),
        removed=tuple(
            dict.fromkeys(Resource(one["kind"], one["name"]) for one in last if one["event"] == REMOVED)
        ),
        kept={one["name"]: one["why"] for one in last if one["event"] == KEPT},
        devices=max((one["count"] for one in last if one["event"] == DEVICES), default=0),
    )
