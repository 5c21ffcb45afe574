"""Objects in S3: look, write, tag, and wait until somebody else has tagged."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..core.errors import FleetError
from ..core.objects import HASH_METADATA, Action, Step, Stored

try:
    from botocore.exceptions import ClientError
except ImportError:  # the module runner names the missing library before anything here is called
    ClientError = Exception

POLL_SECONDS = 0.5
"""Pause between two looks at the tags of objects that are not tagged yet."""

_CHUNK_BYTES = 1 << 20


def bucket_exists(s3: Any, bucket: str) -> bool:
    """s3:HeadBucket. A bucket of another account answers 403, which is raised."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if _is_missing(error):
            return False
        raise
    return True


def look(s3: Any, bucket: str, key: str, *, with_tags: bool = False) -> Stored | None:
    """The object, or ``None``. Its hash comes from its metadata; the bytes are read where it is not there."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if _is_missing(error):
            return None
        raise
    metadata = head.get("Metadata", {})
    return Stored(
        key=key,
        sha256=metadata.get(HASH_METADATA) or hash_of(s3, bucket, key),
        size_bytes=head["ContentLength"],
        etag=head["ETag"],
        content_type=head.get("ContentType", ""),
        metadata=metadata,
        tags=tags(s3, bucket, key) if with_tags else {},
    )


def hash_of(s3: Any, bucket: str, key: str) -> str:
    """SHA-256 of the object's bytes, read in chunks."""
    answer = s3.get_object(Bucket=bucket, Key=key)
    running = hashlib.sha256()
    for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
        running.update(chunk)
    return running.hexdigest()


def tags(s3: Any, bucket: str, key: str) -> dict[str, str]:
    """s3:GetObjectTagging."""
    return {one["Key"]: one["Value"] for one in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def put_tags(s3: Any, bucket: str, key: str, values: dict[str, str]) -> None:
    """s3:PutObjectTagging; replaces every tag."""
    tag_set = [{"Key": name, "Value": value} for name, value in sorted(values.items())]
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_set})


def write(s3: Any, bucket: str, step: Step, body: bytes, *, immutable: bool = False) -> None:
    """Carry out one step of the plan.

    With ``immutable`` the write holds only if the key is still as it was when the plan was made, so that of
    two writers at once one gets an error instead of overwriting the other.
    """
    desired = step.desired
    if step.action is Action.NONE:
        return
    if step.action is Action.TAG:
        put_tags(s3, bucket, desired.key, step.tags)
        return
    options: dict[str, str] = {"Tagging": urlencode(step.tags)} if step.tags else {}
    if immutable:
        options |= {"IfMatch": step.stored.etag} if step.stored else {"IfNoneMatch": "*"}
    try:
        s3.put_object(
            Bucket=bucket,
            Key=desired.key,
            Body=body,
            ContentType=desired.content_type,
            Metadata=desired.all_metadata,
            **options,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        raise FleetError(
            f"Somebody else wrote {desired.key} in {bucket} at the same time; it was not replaced.",
            "Run again: what they wrote is compared then.",
        ) from error


def put_new(s3: Any, bucket: str, key: str, body: bytes, content_type: str) -> bool:
    """s3:PutObject only where nothing is; whether it was written."""
    metadata = {HASH_METADATA: hashlib.sha256(body).hexdigest()}
    try:
        s3.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata=metadata, IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return False
    return True


def upload(s3: Any, path: Path, bucket: str, key: str) -> None:
    """s3:PutObject, or its parts: a file of any size, without holding it in memory."""
    s3.upload_file(str(path), bucket, key)


def wait_for_tag(
    s3: Any,
    bucket: str,
    keys: Iterable[str],
    name: str,
    timeout_seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, dict[str, str]]:
    """Wait until each object has the tag ``name``; key → its tags. A key still without it is absent."""
    deadline = now() + timeout_seconds
    waiting, found = list(keys), {}
    while True:
        for key in tuple(waiting):
            values = tags(s3, bucket, key)
            if name in values:
                found[key] = values
                waiting.remove(key)
        if not waiting or now() >= deadline:
            return found
        sleep(POLL_SECONDS)


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
