"""What a board remembers beside its flash image: programs, what they stored, how often it started.

In a file and not in the ``nvs`` partition: that has 24 KiB, and a board may hold eight programs of 4 KiB.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .files import write_private

FILE = "state.json"


@dataclass
class Program:
    """A program that is on a board."""

    id: str
    name: str
    version: str
    code: str
    checksum: str
    auto_start: bool = True
    timeout_seconds: float | None = None
    """Processor time between two waits, where the program asks for less than the profile allows."""
    status: str = "Pending"
    """As in ProgramDeliveryStatus of the device's protocol."""
    message: str = ""
    since: str = ""


@dataclass
class Memory:
    """Everything that outlives a restart."""

    thing: str = ""
    boots: int = 0
    programs: dict[str, Program] = field(default_factory=dict)
    storage: dict[str, str] = field(default_factory=dict)
    """Of ``(store key value)``."""
    properties: dict[str, Any] = field(default_factory=dict)
    """Of ``(shadow-update key value)``."""
    desired: dict[str, Any] = field(default_factory=dict)
    """What the shadow asked for and the board does: ``configuration``, ``led_control``."""
    update: dict[str, str] = field(default_factory=dict)
    """``job`` and ``version`` of an update that is under way."""
    identities: list[dict[str, str]] = field(default_factory=list)
    """Certificates and keys since the board was flashed, the newest first."""
    rotation: str = ""
    """The job that the newest of them came with."""
    endpoint: dict[str, Any] = field(default_factory=dict)
    """Where a job has sent the board; empty while it is where it was flashed to."""
    standby: dict[str, Any] = field(default_factory=dict)
    """Where it goes when that does not answer."""

    def save(self, folder: Path) -> None:
        """Write it to the board's directory."""
        write_private(folder / FILE, json.dumps(asdict(self), ensure_ascii=False).encode())


def load(folder: Path, thing: str) -> Memory:
    """What a board remembers. Nothing, where it has another identity now, or its memory cannot be read."""
    try:
        data = json.loads((folder / FILE).read_bytes())
        programs = {name: Program(**one) for name, one in data.pop("programs").items()}
        found = Memory(**data, programs=programs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory(thing)
    return found if found.thing == thing else Memory(thing)
