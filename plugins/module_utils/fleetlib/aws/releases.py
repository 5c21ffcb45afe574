"""Firmware releases in the firmware bucket: ``flash/<version>/``, immutable."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ..core.errors import FleetError
from ..core.firmware import manifest
from ..core.objects import digest
from .storage import put_new

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

BINARY = "application/octet-stream"
JSON = "application/json"


def find(s3: Any, bucket: str, version: str, file: str = manifest.FILE_NAME) -> bytes | None:
    """s3:GetObject: a file of a release; None where there is none."""
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=manifest.key(version, file))["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise


def publish(s3: Any, bucket: str, version: str, files: Mapping[str, bytes], body: bytes) -> None:
    """s3:PutObject of the images, then of the manifest (``body``), which says that all is there.

    Nothing is replaced. Images without a manifest are what an interrupted publication left: the same bytes
    are taken over.
    """
    for name, content in files.items():
        if not put_new(s3, bucket, manifest.key(version, name), content, BINARY):
            stored = find(s3, bucket, version, name)
            if stored is None or digest(stored) != digest(content):
                raise FleetError(
                    f"{manifest.key(version, name)} in {bucket} exists with other content.",
                    "Give the new release a new version.",
                )
    if not put_new(s3, bucket, manifest.key(version, manifest.FILE_NAME), body, JSON):
        raise FleetError(
            f"Somebody else published release {version} at the same time.",
            "Run again: what they published is compared then.",
        )
