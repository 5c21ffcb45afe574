"""Classic shadows of single things."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any


def read(iot_data: Any, name: str) -> dict[str, Any] | None:
    """iot:GetThingShadow: the document; None where there is none."""
    try:
        answer = iot_data.get_thing_shadow(thingName=name)
    except iot_data.exceptions.ResourceNotFoundException:
        return None
    document: dict[str, Any] = json.loads(answer["payload"].read())
    return document


def delete(iot_data: Any, name: str) -> None:
    """iot:DeleteThingShadow; nothing where there is none."""
    with contextlib.suppress(iot_data.exceptions.ResourceNotFoundException):
        iot_data.delete_thing_shadow(thingName=name)


def desire(iot_data: Any, name: str, desired: Mapping[str, Any]) -> None:
    """iot:UpdateThingShadow: merge into the desired state; a value of None takes a key out."""
    payload = json.dumps({"state": {"desired": dict(desired)}}, separators=(",", ":"))
    iot_data.update_thing_shadow(thingName=name, payload=payload)
