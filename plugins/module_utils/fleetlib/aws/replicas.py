"""Objects that two regions shall have: replication by S3, its state, and copies where it does not reach."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Mapping
from typing import Any

from ..core.regions.objects import Listed

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError


def listed(s3: Any, bucket: str, pattern: str = "*") -> dict[str, Listed]:
    """s3:ListObjectsV2: the objects of a bucket whose keys are like a shell pattern."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {
        one["Key"]: Listed(one["Size"], one["LastModified"])
        for page in pages
        for one in page.get("Contents", ())
        if fnmatch.fnmatchcase(one["Key"], pattern)
    }


def copy(origin: Any, target: Any, key: str, from_bucket: str, to_bucket: str) -> None:
    """s3:GetObject, GetObjectTagging and PutObject. The bytes go through this host: two clients need not
    be of one account, or of one cloud."""
    found = origin.get_object(Bucket=from_bucket, Key=key)
    tags = origin.get_object_tagging(Bucket=from_bucket, Key=key)["TagSet"]
    given = {"ContentType": found["ContentType"]} if found.get("ContentType") else {}
    target.put_object(
        Bucket=to_bucket, Key=key, Body=found["Body"].read(), Metadata=found.get("Metadata", {}), **given
    )
    if tags:
        target.put_object_tagging(Bucket=to_bucket, Key=key, Tagging={"TagSet": tags})


def replication(s3: Any, bucket: str) -> dict[str, Any]:
    """s3:GetBucketReplication; empty where there is none."""
    try:
        found: dict[str, Any] = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ReplicationConfigurationNotFoundError":
            raise
        return {}
    return found


def set_replication(s3: Any, bucket: str, configuration: Mapping[str, Any]) -> None:
    """s3:PutBucketReplication: what is written from now on; what is there already is not replicated by it."""
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=dict(configuration))


def replication_status(s3: Any, bucket: str, key: str) -> str:
    """s3:HeadObject: COMPLETED, PENDING, FAILED, REPLICA, or empty where no rule saw the object."""
    return str(s3.head_object(Bucket=bucket, Key=key).get("ReplicationStatus", ""))
