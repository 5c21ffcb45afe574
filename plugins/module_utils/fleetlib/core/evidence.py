"""What was collected about an incident, and whether it is still what was collected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class Item:
    """One file of evidence."""

    name: str
    bytes: int
    sha256: str
    records: int
    complete: bool
    """False where there was more than was kept."""


def item(name: str, data: bytes, records: int, complete: bool = True) -> Item:
    """What the manifest says of a file."""
    return Item(name, len(data), hashlib.sha256(data).hexdigest(), records, complete)


def manifest(
    incident: str, collected: str, by: str, items: Sequence[Item], missing: Mapping[str, str]
) -> bytes:
    """The list of all files with their hashes, and of what could not be had and why."""
    facts = {
        "format": 1,
        "incident": incident,
        "collected": collected,
        "by": by,
        "files": [asdict(one) for one in sorted(items, key=lambda one: one.name)],
        "missing": dict(sorted(missing.items())),
    }
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()


def differences(
    written: bytes | None, sha256: str, names: Sequence[str], read: Callable[[str], bytes | None]
) -> list[str]:
    """What is no longer as it was collected; ``sha256`` is the manifest's in the journal."""
    if written is None:
        return [f"{MANIFEST} is gone"]
    if hashlib.sha256(written).hexdigest() != sha256:
        return [f"{MANIFEST} was changed: its hash is not the one in the journal"]
    listed: dict[str, Any] = {one["name"]: one for one in json.loads(written)["files"]}
    found = [f"{name} does not belong to it" for name in sorted(set(names) - set(listed) - {MANIFEST})]
    for name, one in listed.items():
        data = read(name)
        if data is None:
            found.append(f"{name} is gone")
        elif hashlib.sha256(data).hexdigest() != one["sha256"]:
            found.append(f"{name} was changed")
    return found


def lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Records as JSON lines."""
    return "".join(json.dumps(one, sort_keys=True, default=str) + "\n" for one in records).encode()


def document(data: Any) -> bytes:
    """One JSON document."""
    return (json.dumps(data, indent=1, sort_keys=True, default=str) + "\n").encode()
