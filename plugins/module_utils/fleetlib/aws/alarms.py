"""Silencing alarms so that nothing can leave them silent unnoticed.

Which alarms are silent is written to the deployment bucket *before* any is touched, and taken out *after* all
are on again: whatever is killed, and on whichever host the next run is, the document names the silent ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from ..core.errors import FleetError
from ..core.monitoring.page import State
from . import documents

KEY: Final = "maintenance/silenced.json"
BATCH: Final = 100
"""Alarm names that one call takes."""


@dataclass(frozen=True)
class Alarms:
    """The alarms of a fleet."""

    on: tuple[str, ...]
    """Those whose actions are switched on."""
    off: tuple[str, ...]
    ringing: tuple[str, ...]


def look(cloudwatch: Any, prefix: str) -> Alarms:
    """Which alarms are on, off, ringing."""
    on: list[str] = []
    off: list[str] = []
    ringing: list[str] = []
    for one in described(cloudwatch, prefix):
        (on if one.get("ActionsEnabled") else off).append(one["AlarmName"])
        if one["StateValue"] == "ALARM":
            ringing.append(one["AlarmName"])
    return Alarms(tuple(sorted(on)), tuple(sorted(off)), tuple(sorted(ringing)))


def described(cloudwatch: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """cloudwatch:DescribeAlarms, in pages: alarms whose names begin with ``prefix``."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    for page in pages:
        yield from (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))


def states(cloudwatch: Any, prefix: str) -> list[State]:
    """cloudwatch:DescribeAlarms, in pages: how each alarm of a fleet is, by what follows the prefix."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [
        State(
            one["AlarmName"].removeprefix(prefix),
            one["StateValue"],
            one["StateUpdatedTimestamp"].astimezone(UTC) if one.get("StateUpdatedTimestamp") else None,
            one.get("StateReason", ""),
            one.get("AlarmDescription", ""),
            one.get("Threshold"),
            bool(one.get("ActionsEnabled")),
        )
        for page in pages
        for one in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))
    ]


def recorded(s3: Any, bucket: str) -> tuple[list[str], str | None]:
    """Alarms that maintenance silenced and did not switch on again yet, and the document's version."""
    found = documents.read(s3, bucket, KEY)
    return (list(found[0]["alarms"]), found[1]) if found else ([], None)


def silence(cloudwatch: Any, s3: Any, bucket: str, names: Sequence[str], facts: Mapping[str, str]) -> None:
    """cloudwatch:DisableAlarmActions for these alarms, once they are written down."""
    before, etag = recorded(s3, bucket)
    both = sorted({*before, *names})
    documents.replace(s3, bucket, KEY, {**facts, "alarms": both}, etag)
    for start in range(0, len(names), BATCH):
        cloudwatch.disable_alarm_actions(AlarmNames=list(names[start : start + BATCH]))


def restore(cloudwatch: Any, s3: Any, bucket: str, prefix: str) -> list[str]:
    """cloudwatch:EnableAlarmActions for every alarm that is written down; those that were switched on."""
    names, etag = recorded(s3, bucket)
    if not names:
        return []
    there = look(cloudwatch, prefix)
    wanted = [name for name in names if name in there.off]  # one that was deleted meanwhile cannot be silent
    for start in range(0, len(wanted), BATCH):
        cloudwatch.enable_alarm_actions(AlarmNames=wanted[start : start + BATCH])
    still = sorted(set(look(cloudwatch, prefix).off) & set(names))
    if still:
        raise FleetError(
            f"These alarms stay silent: {', '.join(still)}.",
            f"Switch them on: aws cloudwatch enable-alarm-actions --alarm-names {' '.join(still)}",
        )
    documents.replace(s3, bucket, KEY, {"alarms": []}, etag)
    return wanted
