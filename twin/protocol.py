"""Topics and payloads of a board, as pure functions: ../docs/twin.md names where each is decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fleetlib.core.clock import iso

STEEL_VERSION = "0.7.0"
DETAIL_LENGTH = 256


def now() -> str:
    """The time of day as payloads have it."""
    return iso(datetime.now(UTC))


def filters(thing: str) -> list[str]:
    """Everything that a board subscribes to: few filters, for one SUBSCRIBE and little cost to a broker."""
    own = f"$aws/things/{thing}"
    return [
        f"steel-programs/{thing}/+",
        "steel-programs/broadcast/+",
        f"{own}/jobs/notify-next",
        f"{own}/jobs/start-next/accepted",
        f"{own}/jobs/+/update/+",
        f"{own}/shadow/get/accepted",
        f"{own}/shadow/update/delta",
    ]


def encoded(body: Mapping[str, Any]) -> bytes:
    """A payload."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def decoded(payload: bytes) -> dict[str, Any] | None:
    """What a payload says; none where it is no JSON object."""
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    """Only what has a value."""
    return {name: value for name, value in body.items() if value is not None}


def detail(text: str) -> str:
    """A text as statusDetails of a job may have it: one line, not too long."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:DETAIL_LENGTH]


def details(code: str, message: str, version: str) -> dict[str, str]:
    """statusDetails: values may not be empty."""
    made = {"code": code, "message": detail(message), "version": version}
    return {name: value for name, value in made.items() if value}
