"""Collect what is known about an incident's devices, hashed; prove later that nobody touched it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .aws import evidence as aws
from .aws.pacing import Pacer
from .core import evidence
from .core.clock import Clock, SystemClock, iso
from .core.errors import FleetError
from .core.journal import read, sync_directory
from .core.quotas import Quotas
from .device_store import explained
from .quarantine import JOURNAL, Incidents, operator

with contextlib.suppress(ImportError):  # who makes the clients names the missing library first
    from botocore.exceptions import BotoCoreError, ClientError

EVIDENCE = "evidence"
MOST_EVENTS = 10_000
"""Of one log group, or of the trail; the manifest says where there were more."""


@dataclass(frozen=True)
class Sources:
    """Where to look."""

    client: Callable[[str], Any]
    """``client("iot")`` makes a boto3 client."""
    log_groups: Sequence[tuple[str, str]]
    """Log group and the field that names the device there."""
    since_minutes: int
    quotas: Quotas


@dataclass(frozen=True)
class Collection:
    """What was collected."""

    directory: Path
    manifest_sha256: str
    items: tuple[evidence.Item, ...]
    missing: dict[str, str]


def collect(incidents: Incidents, incident: str, sources: Sources, clock: Clock | None = None) -> Collection:
    """Keep what is known now in a directory of its own, which appears whole or not at all."""
    clock = clock or SystemClock()
    known = incidents.require(incident)
    collected = clock.now()
    with incidents.journal(incident, clock) as journal:
        files, incomplete, missing = _gather(sources, known.scope.things, collected)
        path = incidents.path(incident)
        before = path / JOURNAL
        files["journal.jsonl"] = (before.read_bytes(), len(list(read(before))))
        items = tuple(
            evidence.item(name, data, records, name not in incomplete)
            for name, (data, records) in files.items()
        )
        listed = evidence.manifest(incident, iso(collected), operator(), items, missing)
        directory = path / EVIDENCE / collected.strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        with explained(directory):
            _keep(directory, {**{name: one[0] for name, one in files.items()}, evidence.MANIFEST: listed})
        sha256 = hashlib.sha256(listed).hexdigest()
        journal.write("evidence", directory=directory.name, manifest_sha256=sha256)
    return Collection(directory, sha256, items, missing)


def verify(incidents: Incidents, incident: str) -> dict[str, list[str]]:
    """Directory of each collection → what is no longer as it was collected."""
    incidents.require(incident)
    path = incidents.path(incident)
    found = {}
    for record in read(path / JOURNAL):
        if record["event"] != "evidence":
            continue
        directory = path / EVIDENCE / record["directory"]
        names = [one.name for one in directory.iterdir()] if directory.is_dir() else []
        found[str(directory)] = evidence.differences(
            _content(directory / evidence.MANIFEST),
            record["manifest_sha256"],
            names,
            lambda name, directory=directory: _content(directory / name),  # type: ignore[misc]
        )
    return found


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _gather(
    sources: Sources, things: Sequence[str], now: datetime
) -> tuple[dict[str, tuple[bytes, int]], set[str], dict[str, str]]:
    """Files with their number of records, which of them are incomplete, and what could not be had."""
    pacer = Pacer(sources.quotas, SystemClock())
    since = now - timedelta(minutes=sources.since_minutes)
    iot, data = sources.client("iot"), sources.client("iot-data")
    pacer.attach(iot)
    found = {
        "registry.json": (evidence.document(aws.registry(iot, things)), len(things)),
        "shadows.json": (evidence.document(aws.shadows(data, things)), len(things)),
    }
    incomplete, missing = set(), {}
    for name, read_events in _event_sources(sources, things, since):
        try:
            events = read_events()
        except (ClientError, BotoCoreError) as error:
            missing[name] = str(error)
            continue
        if events is None:
            missing[name] = "There is no such log group."
            continue
        file = f"{name.strip('/').replace('/', '-')}.jsonl"
        found[file] = (evidence.lines(events), len(events))
        if len(events) >= MOST_EVENTS:
            incomplete.add(file)
    return found, incomplete, missing


def _event_sources(
    sources: Sources, things: Sequence[str], since: datetime
) -> list[tuple[str, Callable[[], list[dict[str, Any]] | None]]]:
    logs, trail = sources.client("logs"), sources.client("cloudtrail")

    def of_group(group: str, field: str) -> Callable[[], list[dict[str, Any]] | None]:
        return lambda: aws.log_events(logs, group, field, things, since, MOST_EVENTS)

    return [
        *((group, of_group(group, field)) for group, field in sources.log_groups),
        ("cloudtrail", lambda: aws.trail_events(trail, since, MOST_EVENTS)),
    ]


def _keep(directory: Path, files: dict[str, bytes]) -> None:
    """Write the files of a new directory, and bring them to the disk before it gets its name."""
    if directory.exists():
        raise FleetError(f"{directory} is there already.", "Wait a moment and collect again.")
    directory.parent.mkdir(mode=0o700, exist_ok=True)
    draft = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    for name, data in files.items():
        file = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    sync_directory(draft)
    draft.rename(directory)
    sync_directory(directory.parent)
