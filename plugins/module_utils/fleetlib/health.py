"""The state of a whole fleet from AWS: the index is read once, everything else in pages beside it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from . import drift
from .aws import certificates, groups, logs_and_alarms
from .core.clock import iso
from .core.health.devices import Evidence
from .core.rollout.drift import Drift

Hits = list[dict[str, Any]]


def read(
    client: Callable[..., Any], group: str, bucket: str, log_group: str, since_minutes: float, now: datetime
) -> tuple[Hits, Evidence]:
    """What the index has of a group's devices, and what else is known of them.

    ``client(service)`` makes a boto3 client. An empty ``bucket`` or ``log_group`` counts as one without
    rollouts or logs.
    """
    iot, logs = client("iot"), client("logs")
    since = iso(now - timedelta(minutes=since_minutes))
    with ThreadPoolExecutor(max_workers=3) as pool:
        found = pool.submit(lambda: list(groups.search(iot, group)))
        listed = pool.submit(
            lambda: {one.id: (one.status, one.created) for one in certificates.iter_certificates(iot)}
        )
        errors = pool.submit(logs_and_alarms.errors_by_device, logs, log_group, since) if log_group else None
        hits = found.result()
        drifts = _drifts(client, bucket, hits)
        return hits, Evidence(listed.result(), errors.result() if errors else None, drifts)


def _drifts(client: Callable[..., Any], bucket: str, hits: Hits) -> Mapping[str, list[Drift]]:
    def of_group(target: str) -> Iterator[dict[str, Any]]:
        return (hit for hit in hits if target in hit.get("thingGroupNames", ()))

    by_thing: dict[str, list[Drift]] = defaultdict(list)
    for compared in drift.compare(client, bucket, of_group, frozenset()):
        for one in compared.report.drifts:
            by_thing[one.thing].append(one)
    return by_thing


def earlier_runs(directory: Path) -> Iterator[dict[str, Any]]:
    """The summaries of earlier runs of a playbook, from its directory below the reports.

    One that is damaged, or goes while it is read, tells nothing.
    """
    for path in directory.glob("*/summary.json"):
        if path.parent.is_symlink():
            continue  # `latest` is one of the others
        try:
            summary = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(summary, dict):
            yield summary
