"""Program packages in their bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..core import programs
from ..core.errors import FleetError
from ..core.objects import HASH_METADATA, digest

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError


def find(s3: Any, bucket: str, key: str) -> programs.Package | None:
    """s3:GetObject: the package under a key."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return programs.read(body, f"s3://{bucket}/{key}")


def versions(s3: Any, bucket: str, prefix: str, program_id: str) -> list[str]:
    """s3:ListObjectsV2: the published versions of a program, oldest first."""
    return sorted(_versions(s3, bucket, f"{prefix}/{program_id}/"), key=programs.version_order)


def _versions(s3: Any, bucket: str, start: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start, Delimiter="/")
    for page in pages:
        for one in page.get("CommonPrefixes", []):
            yield one["Prefix"].removeprefix(start).rstrip("/")


def publish(s3: Any, bucket: str, key: str, package: programs.Package) -> None:
    """s3:PutObject, only where nothing is: of two who publish at once, one gets an error.

    Code that is too large for a job comes first, as an object that devices fetch; the package says that it is
    there.
    """
    body = package.as_bytes()
    if package.manifest.size_bytes > programs.INLINE_BYTES:
        code_key = f"{key.rpartition('/')[0]}/{programs.CODE_NAME}"
        s3.put_object(Bucket=bucket, Key=code_key, Body=package.code.encode(), ContentType="text/plain")
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType="application/json",
            Metadata={HASH_METADATA: digest(body)},
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        raise FleetError(
            f"Somebody else published {package.manifest.id} {package.manifest.version} at the same time.",
            "Run again: what they published is compared then.",
        ) from error
