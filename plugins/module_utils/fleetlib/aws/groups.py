"""Thing groups that a rollout makes for its waves, and what fleet indexing knows of a group's devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..core.errors import FleetError
from . import registry
from .things import describe

CONCURRENCY = 16


def arn(iot: Any, group: str) -> str:
    """iot:DescribeThingGroup. Raises `FleetError` where there is no such group."""
    try:
        return str(iot.describe_thing_group(thingGroupName=group)["thingGroupArn"])
    except iot.exceptions.ResourceNotFoundException:
        raise FleetError(
            f"There is no thing group {group}.", "rollout_target and waves by group name existing groups."
        ) from None


def attributes(iot: Any, group: str) -> dict[str, str]:
    """iot:DescribeThingGroup: its attributes; none where there is no such group."""
    try:
        found = iot.describe_thing_group(thingGroupName=group)
    except iot.exceptions.ResourceNotFoundException:
        return {}
    return dict(found.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {}))


def set_attribute(iot: Any, group: str, name: str, value: str) -> None:
    """iot:DescribeThingGroup, UpdateThingGroup: all else as it is, or an error if it changed meanwhile."""
    found = iot.describe_thing_group(thingGroupName=group)
    properties = found.get("thingGroupProperties", {})
    known = properties.get("attributePayload", {}).get("attributes", {})
    payload = {"attributes": {**known, name: value}, "merge": True}
    iot.update_thing_group(
        thingGroupName=group,
        thingGroupProperties={**properties, "attributePayload": payload},
        expectedVersion=found["version"],
    )


def make(iot: Any, group: str, things: Iterable[str]) -> None:
    """iot:CreateThingGroup and iot:AddThingToThingGroup for who is not in it yet. May be repeated."""
    with contextlib.suppress(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_thing_group(thingGroupName=group)
    members = set(registry.iter_things_in_group(iot, group))
    missing = [thing for thing in things if thing not in members]

    def add(thing: str) -> None:
        iot.add_thing_to_thing_group(thingGroupName=group, thingName=thing)

    with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
        for _ in pool.map(add, missing):
            pass


def delete(iot: Any, group: str) -> None:
    """iot:DeleteThingGroup; nothing where there is none."""
    iot.delete_thing_group(thingGroupName=group)


def search(iot: Any, group: str) -> Iterator[dict[str, Any]]:
    """iot:SearchIndex: the devices of a group with attributes, groups, shadow and connectivity."""
    try:
        yield from registry.search_things(iot, f"thingGroupNames:{group}")
    except (iot.exceptions.IndexNotReadyException, iot.exceptions.ResourceNotFoundException) as error:
        raise FleetError(
            f"Fleet indexing cannot answer: {error}.",
            "Role fleet_indexing switches it on (registry, shadows, connectivity); deploy.yml runs it.",
        ) from error


def gone(iot: Any, things: Iterable[str]) -> set[str]:
    """iot:DescribeThing for each: those that are in the registry no more."""
    return {thing for thing in things if describe(iot, thing) is None}
