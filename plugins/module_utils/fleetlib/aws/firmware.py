"""Firmware images in their bucket."""

from __future__ import annotations

import contextlib
from typing import Any

from ..core.errors import FleetError
from ..core.objects import digest
from ..core.rollout import firmware
from .storage import put_new

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError


def find(s3: Any, bucket: str, version: str) -> firmware.Release | None:
    """s3:GetObject: what is published of a version."""
    key = firmware.release_key(version)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return firmware.read(body, f"s3://{bucket}/{key}")


def image(s3: Any, bucket: str, version: str) -> bytes:
    """s3:GetObject: the image itself."""
    return bytes(s3.get_object(Bucket=bucket, Key=firmware.image_key(version))["Body"].read())


def publish(s3: Any, bucket: str, release: firmware.Release, image: bytes) -> None:
    """s3:PutObject of the image, then of its description; each only where nothing is.

    An image without a description is what an interrupted publication left: the same bytes are taken over.
    """
    key = firmware.image_key(release.version)
    if not put_new(s3, bucket, key, image, "application/octet-stream"):
        stored = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if digest(stored) != release.sha256:
            raise FleetError(
                f"{key} in {bucket} exists with other content.", "Give the new image a new version."
            )
    if not put_new(s3, bucket, firmware.release_key(release.version), release.as_bytes(), "application/json"):
        raise FleetError(
            f"Somebody else published firmware {release.version} at the same time.",
            "Run again: what they published is compared then.",
        )
