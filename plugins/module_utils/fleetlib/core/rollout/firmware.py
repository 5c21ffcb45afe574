"""Firmware over the air: what is published of an image, and the job that brings it to a device.

The device downloads the image into its other slot, checks hash and signature, starts it, and confirms it once
it is well; otherwise it goes back by itself and reports its former version, which the gate counts as failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..errors import FleetError, InvalidInputError
from ..programs import SCHEMA, Signature, canonical, check_version

PREFIX: Final = "ota"
"""Where images are in the firmware bucket."""

SLOT_BYTES: Final = 1_572_864
"""What an image may take at most: the 1.5 MiB of an app slot."""

_MAGIC = 0xE9
_CHIP_ESP32C3 = 5
_HEADER_BYTES = 24


@dataclass(frozen=True)
class Release:
    """An image that is published. The signature is over its bytes (ECDSA P-256 with SHA-256)."""

    version: str
    sha256: str
    size_bytes: int
    signature: Signature
    compatibility_version: str
    """Oldest version from which a device may update to it."""
    description: str = ""
    critical: bool = False
    published_at: str = ""

    def as_bytes(self) -> bytes:
        """The object in S3."""
        return canonical({"schema": SCHEMA, **asdict(self)})


def check_image(where: str, image: bytes, slot_bytes: int = SLOT_BYTES) -> None:
    """Refuse bytes that an ESP32-C3 could not start, or that its slot could not hold."""
    if len(image) > slot_bytes:
        raise InvalidInputError(f"{where} has {len(image):,} bytes; an app slot holds {slot_bytes:,}.")
    if len(image) < _HEADER_BYTES or image[0] != _MAGIC:
        raise InvalidInputError(f"{where} is no application image: it does not begin with 0xE9.")
    chip = int.from_bytes(image[12:14], "little")
    if chip != _CHIP_ESP32C3:
        raise InvalidInputError(f"{where} is an image for chip id {chip}, not for the ESP32-C3 (5).")


def image_key(version: str) -> str:
    """Where an image is."""
    return f"{PREFIX}/{check_version('firmware_version', version)}/image.bin"


def release_key(version: str) -> str:
    """Where its description is; written last, so it means that the image is there."""
    return f"{PREFIX}/{check_version('firmware_version', version)}/release.json"


def read(body: bytes, where: str) -> Release:
    """The release of an object."""
    try:
        data = json.loads(body)
        del data["schema"]
        return Release(**{**data, "signature": Signature(**data["signature"])})
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{where} describes no firmware: {error}.", "Publish that version again.") from error


def update_document(release: Release, url: str, *, jitter_seconds: int = 0) -> dict[str, Any]:
    """The document of a job: FirmwareUpdateRequest of the device's protocol, with a presigned address."""
    request: Mapping[str, Any] = {
        "request_id": f"ota-{release.version}",
        "firmware_version": release.version,
        "compatibility_version": release.compatibility_version,
        "download_url": url,
        "checksum": release.sha256,
        "checksum_algorithm": "sha256",
        "size_bytes": release.size_bytes,
        "signature": release.signature.value,
        "public_key_id": release.signature.key_id,
        "metadata": {"description": release.description, "critical_update": release.critical},
        "requested_at": release.published_at,
    }
    jitter = {"jitter_seconds": jitter_seconds} if jitter_seconds else {}
    return {"schema": SCHEMA, "operation": "firmware.update", "request": request, **jitter}


def is_same(mine: Release, published: Release) -> bool:
    """Whether nothing but the moment and the (never repeated) signature differ."""
    ignored = ("signature", "published_at")
    pairs = (asdict(mine), asdict(published))
    first, second = ({name: value for name, value in one.items() if name not in ignored} for one in pairs)
    return first == second
