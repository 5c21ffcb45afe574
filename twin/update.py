"""Firmware over the air: download into the other slot, check, and have it started once."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.programs import check_version, version_order
from fleetlib.crypto import signatures

from . import boot, image, partition
from .boot import Booted
from .flash import SECTOR_BYTES, DamagedError, Flash
from .programs import FailedError, RejectedError

TIMEOUT_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_AT_ONCE = 16 * SECTOR_BYTES


def fetch(url: str, most: int) -> bytes:
    """What is at an address, ``most`` bytes of it at most: HTTPS, or HTTP on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise RejectedError("insecure_url", f"{parts.scheme}://{parts.hostname}: only https:// is allowed")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # checked above
            data: bytes = answer.read(most + 1)
    except (OSError, urllib.error.URLError) as error:
        raise FailedError("download", f"{parts.hostname}: {error}") from error
    if len(data) > most:
        raise RejectedError("too_large", f"more than {most:,} bytes")
    return data


def install(flash: Flash, booted: Booted, request: Mapping[str, Any], public_key: Path | None) -> None:
    """Bring a FirmwareUpdateRequest into the other slot and select it. Runs in a thread.

    ``public_key`` is the file of the key (PEM) that the image must be signed by; none for no check.
    """
    try:
        version, checksum, url = (
            str(request[name]) for name in ("firmware_version", "checksum", "download_url")
        )
        check_version("firmware_version", version)
    except (KeyError, InvalidInputError) as error:
        raise RejectedError("invalid", f"FirmwareUpdateRequest: {error}") from error
    _require_compatible(booted, str(request.get("compatibility_version") or ""))
    table = partition.read(flash)
    slot = (booted.slot + 1) % len(table.app_slots)
    where = table.app_slots[slot]
    data = fetch(url, where.size)
    found = hashlib.sha256(data).hexdigest()
    if found != checksum:
        raise FailedError("checksum", f"the image has the SHA-256 {found}, not {checksum}")
    if public_key is not None:
        _require_signed(public_key, data, str(request.get("signature") or ""))
    for at in range(0, len(data), _AT_ONCE):
        flash.write(where.offset + at, data[at : at + _AT_ONCE])
    try:
        written = image.check(flash, where.offset, where.size, "app image")
    except DamagedError as damaged:
        raise RejectedError("image", str(damaged)) from damaged
    if written.version != version:
        raise RejectedError(
            "version", f"the image says that it is {written.version or 'nothing'}, not {version}"
        )
    boot.select_slot(flash, slot)


def _require_compatible(booted: Booted, oldest: str) -> None:
    try:
        if oldest and version_order(booted.image.version) < version_order(oldest):
            raise RejectedError("incompatible", f"only from {oldest} on; this is {booted.image.version}")
    except ValueError:
        return  # a version that is no semantic one has no order


def _require_signed(public_key: Path, data: bytes, signature: str) -> None:
    try:
        der = base64.b64decode(signature, validate=True)
        good = signatures.verify(public_key.read_text(), data, der)
    except (OSError, FleetError) as error:
        raise FailedError("no_key", f"the key in this board's firmware cannot be read: {error}") from error
    except ValueError:
        good = False
    if not good:
        raise RejectedError("signature", "the image is not signed by the key in this board's firmware")
