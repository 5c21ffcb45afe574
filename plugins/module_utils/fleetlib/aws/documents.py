"""JSON documents in S3 that several hosts write: every write says which version it replaces."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..core.rollout.ports import ConflictError

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

_LOST = ("PreconditionFailed", "ConditionalRequestConflict")
_MISSING = ("NoSuchKey", "404")


def read(s3: Any, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
    """s3:GetObject: the document and its ETag; nothing where there is none."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    return json.loads(answer["Body"].read()), answer["ETag"]


def replace(s3: Any, bucket: str, key: str, data: Mapping[str, Any], etag: str | None) -> str:
    """s3:PutObject if the object still has this ETag (``None``: if there is none); the new one.

    Raises `ConflictError` when somebody else wrote it in between.
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        return str(_put(s3, bucket, key, data, condition))
    except ClientError as error:
        if error.response["Error"]["Code"] not in (*_LOST, *_MISSING):
            raise
        found = read(s3, bucket, key)
        if found is not None and found[0] == json.loads(_body(data)):
            return found[1]  # it was this very write; only its answer was lost and botocore repeated it
        raise ConflictError(
            f"Somebody else wrote {key} in {bucket} in between.",
            "Nothing of theirs was replaced. Look at the status, then run again.",
        ) from error


def write(s3: Any, bucket: str, key: str, data: Mapping[str, Any]) -> None:
    """s3:PutObject, whatever is there."""
    _put(s3, bucket, key, data, {})


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """The keys below a prefix."""
    return [key for key, _ in written(s3, bucket, prefix)]


def written(s3: Any, bucket: str, prefix: str) -> list[tuple[str, datetime]]:
    """s3:ListObjectsV2: the keys below a prefix, and when each was written last."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [(one["Key"], one["LastModified"]) for page in pages for one in page.get("Contents", [])]


def _put(s3: Any, bucket: str, key: str, data: Mapping[str, Any], condition: Mapping[str, str]) -> Any:
    body = _body(data)
    return s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)[
        "ETag"
    ]


def _body(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
