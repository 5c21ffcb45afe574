"""One device: what index, certificates, logs and the last rollouts say of it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..certificates import DAY_SECONDS
from ..clock import iso, parse_iso
from ..errors import InvalidInputError
from ..provisioning.model import ACTIVE, CERTIFICATE_ATTRIBUTE
from ..rollout import devices as index
from ..rollout.drift import Drift

LOST: Final = "lost"
PROGRAM_FAILED: Final = "program_failed"
CERTIFICATE: Final = "certificate"
DRIFTED: Final = "drifted"
MEMORY: Final = "memory"
CPU: Final = "cpu"
ERRORS: Final = "errors"
OLD_CERTIFICATE: Final = "old_certificate"
OFFLINE: Final = "offline"
NEVER_CONNECTED: Final = "never_connected"
FAILURES: Final = (LOST, PROGRAM_FAILED, CERTIFICATE)
"""Troubles with which a device does not do its work; the others only want somebody to look."""
TROUBLES: Final = (*FAILURES, DRIFTED, MEMORY, CPU, ERRORS, OLD_CERTIFICATE, OFFLINE, NEVER_CONNECTED)
"""Everything that can be wrong with a device, worst first."""


@dataclass(frozen=True)
class Limits:
    """What is wrong with a device, in figures."""

    since_minutes: float = 60
    """A device that is away for longer is lost; errors are counted since then."""
    memory_percent: float = 80
    cpu_percent: float = 70
    max_age_days: float = 365
    """Of a certificate."""

    def __post_init__(self) -> None:
        """Refuse limits that would flag everything or nothing."""
        for name, value in vars(self).items():
            if value <= 0 or (name.endswith("percent") and value > 100):
                upper = " and at most 100" if name.endswith("percent") else ""
                raise InvalidInputError(f"{name} is {value:g}; it must be above 0{upper}.")


@dataclass(frozen=True)
class Evidence:
    """What is known of the fleet besides the index."""

    certificates: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    """Certificate id → its status, and when it was made."""
    errors: Mapping[str, int] | None = None
    """Device → errors that it logged; nothing where there are no logs."""
    drifts: Mapping[str, Sequence[Drift]] = field(default_factory=dict)
    """Device → where it differs from what it was given."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program as its device reports it."""

    id: str
    version: str
    status: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device and what is wrong with it."""

    thing: str
    status: str
    """``failed``, ``warned``, ``passed``, or ``not_checked`` for one that never connected."""
    troubles: tuple[str, ...]
    """Of `TROUBLES`, worst first."""
    connected: bool
    ever_connected: bool
    last_seen: str
    """UTC; of one that is connected since when, as far as known. Empty when nothing says it."""
    programs: tuple[Program, ...]
    firmware: str
    memory_percent: float | None
    cpu_percent: float | None
    errors: int | None
    certificate_id: str
    certificate_status: str
    certificate_age_days: float | None
    drifts: tuple[str, ...]
    """Sentences: what it should have, what it reports, and why."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return asdict(self)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Orders devices, worst first; what is away for long comes before what just left."""
        worst = TROUBLES.index(self.troubles[0]) if self.troubles else len(TROUBLES)
        return worst, -len(self.troubles), self.last_seen or "0", self.thing


def judge(hit: Mapping[str, Any], evidence: Evidence, limits: Limits, now: datetime) -> Device:
    """Everything about a device that the index found."""
    thing = hit["thingName"]
    connection = index.mapping(hit.get("connectivity"))
    said = index.reported(hit)
    connected = bool(connection.get("connected"))
    # AWS forgets when a device left after about an hour, so what it reported must tell that it was there.
    ever = connected or bool(connection.get("timestamp")) or bool(said)
    seen = index.moment(connection.get("timestamp")) or _last_report(hit, said, now)
    certificate_id = str(index.mapping(hit.get("attributes")).get(CERTIFICATE_ATTRIBUTE) or "")
    status, made = evidence.certificates.get(certificate_id, ("not in the registry", None))
    drifts = tuple(evidence.drifts.get(thing, ())) if ever else ()
    hardware = index.mapping(said.get("hardware_state"))
    facts: dict[str, Any] = {
        "programs": _programs(said),
        "memory_percent": _memory(index.mapping(hardware.get("memory_usage"))),
        "cpu_percent": _rounded(index.number(hardware.get("cpu_percent"))),
        "errors": None if evidence.errors is None else evidence.errors.get(thing, 0),
        "certificate_status": status,
        "certificate_age_days": _rounded((now - made).total_seconds() / DAY_SECONDS) if made else None,
        "drifts": tuple(_sentence(one) for one in drifts),
    }
    away = not connected and ever
    found = {
        LOST: away and _is_long_ago(seen, now, limits),
        OFFLINE: away and not _is_long_ago(seen, now, limits),
        NEVER_CONNECTED: not ever,
        **_troubles(facts, limits),
    }
    troubles = tuple(name for name in TROUBLES if found[name])
    return Device(
        thing=thing,
        status=_status(troubles),
        troubles=troubles,
        connected=connected,
        ever_connected=ever,
        last_seen=seen,
        firmware=str(index.mapping(said.get("firmware")).get("version") or ""),
        certificate_id=certificate_id,
        **facts,
    )


def _troubles(facts: Mapping[str, Any], limits: Limits) -> dict[str, bool]:
    return {
        PROGRAM_FAILED: any(one.status == "Failed" for one in facts["programs"]),
        CERTIFICATE: facts["certificate_status"] != ACTIVE,
        DRIFTED: bool(facts["drifts"]),
        MEMORY: (facts["memory_percent"] or 0) > limits.memory_percent,
        CPU: (facts["cpu_percent"] or 0) > limits.cpu_percent,
        ERRORS: bool(facts["errors"]),
        OLD_CERTIFICATE: (facts["certificate_age_days"] or 0) > limits.max_age_days,
    }


def _status(troubles: Sequence[str]) -> str:
    if not troubles:
        return "passed"
    if troubles[0] in FAILURES:
        return "failed"
    return "not_checked" if troubles == (NEVER_CONNECTED,) else "warned"


def _programs(said: Mapping[str, Any]) -> tuple[Program, ...]:
    """Programs that the device has; one that it was told to remove is reported without a version."""
    found = sorted(index.mapping(said.get("programs")).items())
    about = [(str(name), index.mapping(one)) for name, one in found]
    return tuple(
        Program(name, str(one["version"]), index.status_of(one)) for name, one in about if one.get("version")
    )


def _memory(usage: Mapping[str, Any]) -> float | None:
    used, total = index.number(usage.get("used_bytes")), index.number(usage.get("total_bytes"))
    return None if used is None or not total or total < 0 else _rounded(used / total * 100)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _last_report(hit: Mapping[str, Any], said: Mapping[str, Any], now: datetime) -> str:
    """When the device reported last, by AWS's clock where the index has it, else by the device's own.

    A device's clock may be wrong; a time to come is none.
    """
    stamps = list(_stamps(index.mapping(index.shadow(hit).get("metadata")).get("reported")))
    if stamps:
        return iso(datetime.fromtimestamp(max(stamps), UTC))
    try:
        own = parse_iso(str(said.get("timestamp") or ""))
    except ValueError:
        return ""
    own = own if own.tzinfo else own.replace(tzinfo=UTC)
    return iso(own) if own <= now else ""


def _stamps(metadata: Any) -> list[float]:
    """Every ``timestamp`` (seconds since 1970) in a shadow's metadata."""
    inner = list(metadata.values()) if isinstance(metadata, Mapping) else metadata
    if not isinstance(inner, list):
        return []
    own = index.number(metadata.get("timestamp")) if isinstance(metadata, Mapping) else None
    return [*([own] if own else []), *(stamp for one in inner for stamp in _stamps(one))]


def _is_long_ago(seen: str, now: datetime, limits: Limits) -> bool:
    """Nothing that says when counts as long ago: AWS forgets it after about an hour."""
    return not seen or now - parse_iso(seen) > timedelta(minutes=limits.since_minutes)


def _sentence(one: Drift) -> str:
    assigned = f"should have {one.assigned}" if one.assigned else "should not have it"
    reported = f"reports {one.reported}" if one.reported else "does not report it"
    return f"{one.subject}: {assigned}, {reported}; {one.why}"
