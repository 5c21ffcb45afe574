"""The list of devices that may register themselves: read it and the registry, plan, write it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .aws import documents, registry
from .core.errors import FleetError
from .core.naming import device_id_of
from .core.provisioning import claim
from .core.provisioning.claim import Expectations, Plan
from .core.provisioning.model import CERTIFICATE_ATTRIBUTE
from .core.quotas import Quotas


@dataclass(frozen=True)
class ClaimList:
    """The list of one fleet, an object in S3. ``s3`` and ``iot`` are boto3 clients."""

    prefix: str
    environment: str
    bucket: str
    key: str
    s3: Any
    iot: Any

    def expect(self, wanted: Collection[str], again: Collection[str], quotas: Quotas) -> tuple[Plan, str]:
        """What becomes of the list when these devices are expected, and the ETag that it has now."""
        before, etag = self._read()
        return claim.expect(wanted, again, self._registered(), before, quotas), etag

    def forget(self, unwanted: Collection[str]) -> tuple[Plan, str]:
        """What becomes of the list when these devices are not expected any more, and its ETag."""
        before, etag = self._read()
        return claim.forget(unwanted, before), etag

    def write(self, plan: Plan, etag: str) -> None:
        """Write the list. Raises `ConflictError` when somebody else wrote it since it was read."""
        if not self.bucket:
            raise FleetError(
                "The bucket of the list has no name yet.",
                "The storage stack creates the buckets of an environment: run deploy.yml first.",
            )
        documents.replace(self.s3, self.bucket, self.key, plan.after.document(), etag or None)

    def _read(self) -> tuple[Expectations, str]:
        """The list, empty where there is none, and its ETag."""
        found = documents.read(self.s3, self.bucket, self.key) if self.bucket else None
        return (Expectations.read(found[0]), found[1]) if found else (Expectations(), "")

    def _registered(self) -> dict[str, str]:
        """Device id → certificate id of the environment's registered devices."""
        registered = {}
        for one in registry.iter_things(self.iot, attribute=("environment", self.environment)):
            device_id = device_id_of(one["thingName"], self.prefix, self.environment)
            if device_id is not None:
                registered[device_id] = one.get("attributes", {}).get(CERTIFICATE_ATTRIBUTE, "")
        return registered
