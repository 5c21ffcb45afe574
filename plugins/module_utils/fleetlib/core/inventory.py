"""Things as inventory hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

VARIABLES = frozenset(
    {"iot_thing_name", "iot_device_id", "iot_type", "iot_attributes", "iot_groups"}
    | {"iot_connected", "iot_connected_at", "iot_shadow_reported"}
)
"""The names of `host_variables`."""


def from_index(found: Mapping[str, Any]) -> dict[str, Any]:
    """One thing of a fleet indexing answer as plain data; what is not indexed is null."""
    connectivity = found.get("connectivity") or {}
    return {
        "name": found["thingName"],
        "type": found.get("thingTypeName"),
        "attributes": dict(found.get("attributes") or {}),
        "groups": sorted(found.get("thingGroupNames") or []),
        "connected": connectivity.get("connected"),
        "connected_at": _moment(connectivity.get("timestamp")),
        "reported": _reported(found.get("shadow")),
    }


def from_registry(found: Mapping[str, Any], groups: Iterable[str]) -> dict[str, Any]:
    """One thing of a ListThings answer; the registry knows neither shadow nor connectivity."""
    return {
        "name": found["thingName"],
        "type": found.get("thingTypeName"),
        "attributes": dict(found.get("attributes") or {}),
        "groups": sorted(groups),
        "connected": None,
        "connected_at": None,
        "reported": None,
    }


def host_variables(thing: Mapping[str, Any], name_prefix: str) -> dict[str, Any]:
    """The variables of a thing's host; all begin with ``iot_``."""
    name = thing["name"]
    return {
        "iot_thing_name": name,
        "iot_device_id": thing["attributes"].get("device_id") or name.removeprefix(name_prefix),
        "iot_type": thing["type"],
        "iot_attributes": thing["attributes"],
        "iot_groups": thing["groups"],
        "iot_connected": thing["connected"],
        "iot_connected_at": thing["connected_at"],
        "iot_shadow_reported": thing["reported"],
    }


def own_groups(thing: Mapping[str, Any]) -> list[str]:
    """The groups that a thing is in by its connectivity; one that nobody knows of was never seen."""
    groups = ["connected"] if thing["connected"] else []
    return groups if thing["connected_at"] else [*groups, "never_seen"]


def _reported(shadow: str | None) -> dict[str, Any] | None:
    """The reported state within the text of an indexed shadow; a damaged text counts as none."""
    if not shadow:
        return None
    try:
        document = json.loads(shadow)
    except ValueError:
        return None
    state = document.get("reported") if isinstance(document, dict) else None
    return state if isinstance(state, dict) else None


def _moment(milliseconds: int | None) -> str | None:
    """AWS's milliseconds since 1970 as RFC 3339, null where there is none."""
    if not milliseconds:
        return None
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
