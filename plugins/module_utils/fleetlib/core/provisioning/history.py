"""What the journal tells about the runs before: how far they came, and which requests have no answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..clock import parse_iso


@dataclass(frozen=True)
class History:
    """The last run, and every request whose answer is not on record."""

    pid: int = 0
    started: str = ""
    total: int = 0
    done: int = 0
    ended: bool = True
    """Whether the last run came to its own end, with or without failures."""
    requests: Mapping[str, datetime] = field(default_factory=dict)
    """Thing → when its signing request left."""

    def lines(self) -> list[str]:
        """What a person who runs it again should know."""
        if self.ended:
            return []
        return [
            f"The run of process {self.pid}, started at {self.started}, was cut off with {self.done:,} of "
            f"{self.total:,} devices done; this run goes on from there."
        ]


def tell(records: Iterable[Mapping[str, Any]]) -> History:
    """Read a journal's records."""
    started: Mapping[str, Any] = {}
    done, ended = 0, True
    requests: dict[str, datetime] = {}
    for record in records:
        event = record["event"]
        if event == "started":
            started, done, ended = record, 0, False
        elif event == "request":
            requests[record["thing"]] = parse_iso(record["at"])
        elif event == "certificate":
            requests.pop(record["thing"], None)
        elif event == "done":
            done += 1
        elif event == "ended":
            ended = True
    return History(
        started.get("pid", 0), started.get("at", ""), started.get("total", 0), done, ended, requests
    )
