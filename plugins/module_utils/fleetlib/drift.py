"""Assigned and reported versions of whole fleets: every last rollout against one reading of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import rollout
from .aws import jobs
from .core.rollout import devices, drift
from .core.rollout.record import Record, from_dict

Hits = Callable[[str], Iterable[Mapping[str, Any]]]
"""Gives what the index has of the devices of a group."""


@dataclass(frozen=True)
class Compared:
    """A subject's last rollout, and who differs from it."""

    record: Record
    rollout_id: str
    report: drift.Report


def compare(
    client: Callable[..., Any], bucket: str, hits: Hits, wanted: frozenset[str]
) -> Iterator[Compared]:
    """Every subject that was ever rolled out, or those of ``wanted`` where it names some.

    ``client(service)`` makes a boto3 client. Without a ``bucket`` there are none.
    """
    if not bucket:
        return
    s3, iot = client("s3"), client("iot")

    def outcomes(job: str) -> dict[str, str]:
        return {one.thing: one.status for one in jobs.executions(iot, job)}

    for subject, rollout_id in rollout.all_latest(s3, bucket):
        store = rollout.S3Store(s3, bucket, rollout_id)
        found = store.load()
        if found is None or (wanted and subject not in wanted):
            continue
        record = from_dict(found[0])
        states = {hit["thingName"]: devices.state(hit, subject) for hit in hits(record.target)}
        yield Compared(record, rollout_id, drift.look(record, store.get, outcomes, states))
