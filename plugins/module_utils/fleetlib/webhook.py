"""POST JSON to an address that may itself be a secret."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final

from .core.errors import FleetError

TIMEOUT_SECONDS: Final = 15


def post(address: str, data: Mapping[str, Any], headers: Mapping[str, str], who: str) -> None:
    """Send ``data``. The caller has seen to it that nobody else reads it (`core.escalation.is_private`).

    Raises `FleetError` that names ``who``, never the address: its path may be a secret.
    """
    request = urllib.request.Request(  # noqa: S310  # https, or http on this host only
        address,
        json.dumps(data, default=str).encode(),
        {"Content-Type": "application/json", "User-Agent": "steel.fleet", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        raise FleetError(f"{who} answered {error.code} {error.reason}.") from None
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else type(error).__name__
        raise FleetError(f"{who} cannot be reached: {reason}.") from None
