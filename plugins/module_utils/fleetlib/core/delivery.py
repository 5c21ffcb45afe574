"""One program to one device over MQTT: topics, payloads, and what the device's answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

ACTIONS: Final = ("load", "execute", "stop", "remove", "status")
_GOOD: Final = {
    "load": ("Running", "Completed"),
    "execute": ("Running", "Completed"),
    "stop": ("Stopped",),
    "remove": ("Stopped",),
}
_LOADED: Final = ("Pending", "Stopped", *_GOOD["load"])
"""Of a program that is not to start by itself."""


def topic(thing: str, action: str) -> str:
    """Where a device takes an action."""
    return f"steel-programs/{thing}/{action}"


def listened_to(thing: str) -> tuple[str, ...]:
    """Where a device answers."""
    return (
        f"steel-programs/{thing}/status/report",
        f"steel-programs/{thing}/status/full-report",
        f"steel-telemetry/{thing}/logs",
    )


def request(program_id: str, action: str, timeout_seconds: int | None = None) -> dict[str, Any]:
    """ProgramExecutionRequest of the device's protocol."""
    body: dict[str, Any] = {"program_id": program_id, "action": action.capitalize()}
    return body | ({"timeout_seconds": timeout_seconds} if timeout_seconds else {})


@dataclass(frozen=True)
class Heard:
    """What a device said since it was asked."""

    reports: tuple[Mapping[str, Any], ...] = ()
    """ProgramDeliveryStatus of the program, oldest first."""
    full: Mapping[str, Any] | None = None
    """Its ProgramStatusReport."""
    logs: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """What it reported last; empty before its first word."""
        return _status(self.reports[-1]) if self.reports else ""

    @property
    def message(self) -> str:
        """What it said about that."""
        last = self.reports[-1] if self.reports else {}
        status = last.get("status")
        said = next(iter(status.values()), "") if isinstance(status, Mapping) else ""
        return str(last.get("message") or said or "")


def heard(messages: Iterable[tuple[str, bytes]], program_id: str) -> Heard:
    """Sort what arrived; what cannot be read or is about another program is left out."""
    reports, full, logs = [], None, []
    for where, payload in messages:
        body = _read(payload)
        if body is None:
            continue
        if where.endswith("/status/report") and body.get("program_id") == program_id:
            reports.append(body)
        elif where.endswith("/status/full-report"):
            full = body
        elif where.endswith("/logs") and body.get("program_id") in (None, program_id):
            logs.append(
                f"{body.get('timestamp', '')} {body.get('level', '')}: {body.get('message', '')}".strip()
            )
    return Heard(tuple(reports), full, tuple(logs))


def is_answered(action: str, said: Heard, auto_start: bool) -> bool:
    """Whether the device has answered for good: well or badly."""
    if action == "status":
        return said.full is not None
    return said.status == "Failed" or is_good(action, said, auto_start)


def is_good(action: str, said: Heard, auto_start: bool) -> bool:
    """Whether the answer is what was asked for."""
    if action == "status":
        return said.full is not None
    if action == "load" and not auto_start:
        return said.status in _LOADED
    return said.status in _GOOD[action]


def _status(report: Mapping[str, Any]) -> str:
    """``Failed`` also for ``{"Failed": …}``, as one of the runtimes writes it."""
    status = report.get("status")
    return str(next(iter(status), "")) if isinstance(status, Mapping) else str(status or "")


def _read(payload: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    return body if isinstance(body, Mapping) else None
