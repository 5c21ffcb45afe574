"""What fleet indexing says of a device, read for a rollout."""

from __future__ import annotations

import json
import math
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
    said = reported(hit)
    about = _about(said, subject)
    connection = mapping(hit.get("connectivity"))
    hardware = mapping(said.get("hardware_state"))
    return DeviceState(
        connected=bool(connection.get("connected")),
        version=str(about.get("version") or ""),
        status="Unconfirmed" if about.get("confirmed") is False else status_of(about),
        since=str(about.get("since") or ""),
        seen_at=moment(connection.get("timestamp")),
        memory_bytes=number(mapping(hardware.get("memory_usage")).get("used_bytes")),
        cpu_percent=number(hardware.get("cpu_percent")),
    )


def programs(hit: Mapping[str, Any]) -> list[str]:
    """Ids of the programs that the device reports."""
    return sorted(str(one) for one in mapping(reported(hit).get("programs")))


def memory_percent(hit: Mapping[str, Any]) -> float | None:
    """How much of its memory the device reports as used."""
    usage = mapping(mapping(reported(hit).get("hardware_state")).get("memory_usage"))
    used, total = number(usage.get("used_bytes")), number(usage.get("total_bytes"))
    return used * 100 / total if used is not None and total else None


def _about(said: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
    if subject == FIRMWARE:
        return mapping(said.get("firmware"))
    return mapping(mapping(said.get("programs")).get(subject.partition(":")[2]))


def status_of(about: Mapping[str, Any]) -> str:
    """``Failed`` also for ``{"Failed": …}``, as one of the runtimes writes it."""
    status = about.get("status")
    return str(next(iter(status), "")) if isinstance(status, Mapping) else str(status or "")


def shadow(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    """The indexed shadow: ``reported``, ``desired``, on AWS also ``metadata``. A damaged one is empty."""
    try:
        return mapping(json.loads(hit.get("shadow") or "{}"))
    except (ValueError, TypeError):
        return {}


def reported(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the device reported last."""
    return mapping(shadow(hit).get("reported"))


def moment(milliseconds: Any) -> str:
    """The time of a number of milliseconds since 1970; empty for anything else."""
    known = number(milliseconds)
    return iso(datetime.fromtimestamp(known / 1000, UTC)) if known else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping; devices report what they like."""
    return value if isinstance(value, Mapping) else {}


def number(value: Any) -> float | None:
    """The value where it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
