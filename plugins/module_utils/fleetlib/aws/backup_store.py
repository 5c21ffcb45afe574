"""The backup bucket as a place for snapshots."""

from __future__ import annotations

from typing import Any

from ..core.errors import FleetError
from . import documents, storage


class BucketStore:
    """See `core.backup.ports.Store`."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """Raises `FleetError` where there is no such bucket."""
        if not bucket or not storage.bucket_exists(s3, bucket):
            raise FleetError(
                f"There is no backup bucket {bucket or '(none named)'}.",
                "deploy.yml makes it (stack storage).",
            )
        self._s3, self._bucket = s3, bucket
        self.name = f"s3://{bucket}"

    def keys(self, prefix: str) -> list[str]:
        """s3:ListObjectsV2."""
        return documents.keys(self._s3, self._bucket, prefix)

    def get(self, key: str) -> bytes | None:
        """s3:GetObject."""
        try:
            return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except self._s3.exceptions.NoSuchKey:
            return None

    def put(self, key: str, data: bytes) -> None:
        """s3:PutObject."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """s3:DeleteObject; the bucket keeps the old version for as long as its lifecycle says."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)
