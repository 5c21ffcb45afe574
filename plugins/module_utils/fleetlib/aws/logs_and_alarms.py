"""What CloudWatch says of a fleet: alarms that ring, and devices that logged errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..core.clock import parse_iso
from ..core.errors import FleetError, InvalidInputError

ERRORS = '{ $.level = "error" }'
"""CloudWatch Logs filter pattern of what boards log as errors; the alarm `errors-logged` counts the same."""


def ringing(cloudwatch: Any, names: Sequence[str]) -> tuple[str, ...]:
    """cloudwatch:DescribeAlarms: which are in ALARM; a name that ends with * is a prefix."""
    return tuple(sorted({alarm for name in names for alarm in _ringing(cloudwatch, name)}))


def _ringing(cloudwatch: Any, name: str) -> Iterator[str]:
    chosen = {"AlarmNamePrefix": name[:-1]} if name.endswith("*") else {"AlarmNames": [name]}
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"], **chosen
    )
    for page in pages:
        for kind in ("MetricAlarms", "CompositeAlarms"):
            yield from (alarm["AlarmName"] for alarm in page.get(kind, []))


def devices_with_errors(logs: Any, log_group: str, since: str) -> tuple[str, ...] | None:
    """logs:FilterLogEvents: devices that logged errors since then; ``None`` without such a log group."""
    found = errors_by_device(logs, log_group, since)
    return None if found is None else tuple(sorted(found))


def errors_by_device(logs: Any, log_group: str, since: str) -> Counter[str] | None:
    """logs:FilterLogEvents: device → errors that it logged since then; ``None`` without such a log group."""
    start = int(parse_iso(since).timestamp() * 1000)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, startTime=start, filterPattern=ERRORS
    )
    try:
        events = ((event, _said(event)) for page in pages for event in page["events"])
        # An emulator may not know the pattern and answer with everything.
        return Counter(_device(event, said) for event, said in events if said.get("level") == "error")
    except logs.exceptions.ResourceNotFoundException:
        return None


def events(
    logs: Any, log_group: str, start: datetime, end: datetime, pattern: str
) -> Iterator[dict[str, Any]]:
    """logs:FilterLogEvents: what was logged in a period and fits a pattern of CloudWatch Logs (empty: all).

    Raises `FleetError` where there is no such log group, or the pattern is none.
    """
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group,
        startTime=int(start.timestamp() * 1000),
        endTime=int(end.timestamp() * 1000),
        **({"filterPattern": pattern} if pattern else {}),
    )
    try:
        for page in pages:
            yield from page["events"]
    except logs.exceptions.ResourceNotFoundException as error:
        raise FleetError(
            f"There is no log group {log_group}.", "The monitoring stack makes it: run deploy.yml."
        ) from error
    except logs.exceptions.InvalidParameterException as error:
        raise InvalidInputError(f"CloudWatch Logs refuses log_pattern {pattern!r}: {error}") from error


def latest_errors(
    logs: Any, log_group: str, since: datetime, most_pages: int
) -> list[tuple[datetime, str, str]]:
    """logs:FilterLogEvents: (time, device, message) of errors since then, from the first pages only.

    Nothing without such a log group.
    """
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, startTime=int(since.timestamp() * 1000), filterPattern=ERRORS
    )
    try:
        events = [event for page in islice(pages, most_pages) for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [
        (
            datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
            _device(event, said),
            str(said.get("message", "")),
        )
        for event, said in ((event, _said(event)) for event in events)
        if said.get("level") == "error"
    ]


def _said(event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says, where it is a JSON object."""
    try:
        message = json.loads(event["message"])
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _device(event: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """The thing that an event names, or its stream."""
    return str(said.get("thing") or said.get("device_id") or event.get("logStreamName", ""))
