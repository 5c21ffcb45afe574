"""What fleet indexing says of a device, read for a rollout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..clock import iso
from .ports import DeviceState
from .waves import Device

FIRMWARE: Final = "firmware"
"""The subject of a firmware rollout; others are ``program:<id>``."""


def subject_of(program_id: str) -> str:
    """The subject of a program's rollout."""
    return f"program:{program_id}"


def device(hit: Mapping[str, Any]) -> Device:
    """Name, attributes and groups."""
    return Device(hit["thingName"], hit.get("attributes") or {}, frozenset(hit.get("thingGroupNames") or ()))


def state(hit: Mapping[str, Any], subject: str) -> DeviceState:
    """What the device reports about a subject. A shadow of another shape reports nothing."""
    reported = _reported(hit)
    about = _about(reported, subject)
    connection = _mapping(hit.get("connectivity"))
    hardware = _mapping(reported.get("hardware_state"))
    return DeviceState(
        connected=bool(connection.get("connected")),
        version=str(about.get("version") or ""),
        status="Unconfirmed" if about.get("confirmed") is False else _status(about),
        since=str(about.get("since") or ""),
        seen_at=_moment(connection.get("timestamp")),
        memory_bytes=_number(_mapping(hardware.get("memory_usage")).get("used_bytes")),
        cpu_percent=_number(hardware.get("cpu_percent")),
    )


def programs(hit: Mapping[str, Any]) -> list[str]:
    """Ids of the programs that the device reports."""
    return sorted(str(one) for one in _mapping(_reported(hit).get("programs")))


def memory_percent(hit: Mapping[str, Any]) -> float | None:
    """How much of its memory the device reports as used."""
    usage = _mapping(_mapping(_reported(hit).get("hardware_state")).get("memory_usage"))
    used, total = _number(usage.get("used_bytes")), _number(usage.get("total_bytes"))
    return used * 100 / total if used is not None and total else None


def _about(reported: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
    if subject == FIRMWARE:
        return _mapping(reported.get("firmware"))
    return _mapping(_mapping(reported.get("programs")).get(subject.partition(":")[2]))


def _status(about: Mapping[str, Any]) -> str:
    """``Failed`` also for ``{"Failed": …}``, as one of the runtimes writes it."""
    status = about.get("status")
    return str(next(iter(status), "")) if isinstance(status, Mapping) else str(status or "")


def _reported(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        shadow = json.loads(hit.get("shadow") or "{}")
    except ValueError:
        return {}
    return _mapping(_mapping(shadow).get("reported"))


def _moment(milliseconds: Any) -> str:
    known = _number(milliseconds)
    return iso(datetime.fromtimestamp(known / 1000, UTC)) if known else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
