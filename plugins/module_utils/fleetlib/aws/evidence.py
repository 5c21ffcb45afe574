"""What AWS knows of the devices of an incident."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

from .device_facts import DeviceReader

PATTERN_LENGTH = 1_000
"""Characters; CloudWatch Logs allows 1,024 in a filter pattern."""
CONCURRENCY = 16


def registry(iot: Any, things: Sequence[str]) -> dict[str, Any]:
    """Things with groups, certificates (public part) and policies; null for what may not be read."""
    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        found = dict(zip(things, pool.map(lambda thing: _thing(iot, thing), things), strict=True))
    names = {
        name
        for one in found.values()
        if one
        for holder in (*one["certificates"], *one["groups"])
        for name in holder["policies"]
    }
    reader = DeviceReader(iot)
    return {"things": found, "policies": {name: reader.document(name) for name in sorted(names)}}


def _thing(iot: Any, thing: str) -> dict[str, Any] | None:
    try:
        described = iot.describe_thing(thingName=thing)
    except iot.exceptions.ResourceNotFoundException:
        return None
    described.pop("ResponseMetadata", None)
    arns = _all(iot, "list_thing_principals", "principals", thingName=thing)
    groups = _all(iot, "list_thing_groups_for_thing", "thingGroups", thingName=thing)
    return {
        "description": described,
        "principals": sorted(arns),
        "certificates": [_certificate(iot, arn) for arn in sorted(arns) if ":cert/" in arn],
        "groups": [{**one, "policies": _policies(iot, one["groupArn"])} for one in groups],
    }


def _certificate(iot: Any, arn: str) -> dict[str, Any]:
    answer = iot.describe_certificate(certificateId=arn.rpartition("/")[2])
    return {**answer["certificateDescription"], "policies": _policies(iot, arn)}


def _policies(iot: Any, target: str) -> list[str]:
    return sorted(one["policyName"] for one in _all(iot, "list_attached_policies", "policies", target=target))


def _all(iot: Any, operation: str, key: str, **options: Any) -> list[Any]:
    return [one for page in iot.get_paginator(operation).paginate(**options) for one in page[key]]


def shadows(data: Any, things: Sequence[str]) -> dict[str, Any]:
    """iot:GetThingShadow: thing → its classic shadow; null where it has none."""

    def shadow(thing: str) -> Any:
        try:
            return json.loads(data.get_thing_shadow(thingName=thing)["payload"].read())
        except data.exceptions.ResourceNotFoundException:
            return None

    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        return dict(zip(things, pool.map(shadow, things), strict=True))


def log_events(
    logs: Any, group: str, name: str, things: Sequence[str], since: datetime, most: int
) -> list[dict[str, Any]] | None:
    """logs:FilterLogEvents: at most ``most`` events in which the field ``name`` is one of the things.

    None where there is no such log group.
    """
    found: list[dict[str, Any]] = []
    wanted = frozenset(things)
    try:
        for pattern in _patterns(name, things):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, filterPattern=pattern, startTime=int(since.timestamp() * 1000)
            )
            events = (
                event for page in pages for event in page["events"] if _names(event["message"], name, wanted)
            )
            found.extend(islice(events, most - len(found)))
    except logs.exceptions.ResourceNotFoundException:
        return None
    return found


def _names(message: str, name: str, things: frozenset[str]) -> bool:
    """What the pattern says, decided here: it only saves transfer, and an emulator may not know it."""
    try:
        event = json.loads(message)
    except ValueError:
        return False
    named = event.get(name) if isinstance(event, dict) else None
    return isinstance(named, str) and named in things


def _patterns(name: str, things: Sequence[str]) -> Iterator[str]:
    """As few filter patterns as possible that together name all things."""
    parts: list[str] = []
    for thing in things:
        part = f"($.{name} = {json.dumps(thing)})"
        if parts and sum(len(one) + 4 for one in [*parts, part]) > PATTERN_LENGTH:
            yield f"{{ {' || '.join(parts)} }}"
            parts = []
        parts.append(part)
    if parts:
        yield f"{{ {' || '.join(parts)} }}"


def trail_events(cloudtrail: Any, since: datetime, most: int) -> list[dict[str, Any]]:
    """cloudtrail:LookupEvents: what was done to AWS IoT in this account since then, the newest ``most``."""
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "iot.amazonaws.com"}],
        StartTime=since,
    )
    return list(islice((event for page in pages for event in page["Events"]), most))
