"""Replication of a bucket to another region, as S3 is told it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import FleetError
from ..validation.checks import Check, failed, passed, warned

RULE: Final = "second-region"


@dataclass(frozen=True)
class Replica:
    """A bucket and where its objects are replicated to."""

    bucket: str
    destination: str
    key_arn: str
    """Key or alias in the destination's region that encrypts replicas; empty for the bucket's own."""


def wanted(replica: Replica, role_arn: str, partition: str = "aws") -> dict[str, Any]:
    """The configuration: everything that is written from now on, encrypted by the other region's key.

    Deletions are not replicated: who deletes programs or snapshots in one region shall not have deleted both.
    """
    destination: dict[str, Any] = {"Bucket": f"arn:{partition}:s3:::{replica.destination}"}
    rule: dict[str, Any] = {
        "ID": RULE,
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": destination,
    }
    if replica.key_arn:
        rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": replica.key_arn}
    return {"Role": role_arn, "Rules": [rule]}


def differs(bucket: str, found: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether the bucket's replication has to be set. Refuses to replace rules that somebody else made."""
    strange = [str(rule.get("ID")) for rule in found.get("Rules", ()) if rule.get("ID") != RULE]
    if strange:
        raise FleetError(
            f"Bucket {bucket} is replicated by a rule of another maker: {strange[0]}.",
            f"Remove it, or make it yours under the name {RULE}.",
        )
    return dict(found) != dict(desired)


def check(replica: Replica, statuses: Iterable[str]) -> Check:
    """How the replication of the newest objects stands, as a row of a report."""
    counts = Counter(one or "from before the rule" for one in statuses)
    name = f"{replica.bucket} is replicated"
    detail = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no objects yet"
    if counts["FAILED"]:
        return failed(name, f"{detail}: look at the role's rights and at the other region's bucket and key.")
    if counts["from before the rule"] or counts["PENDING"]:
        return warned(name, f"{detail}; what the other region lacks is copied by this run.")
    return passed(name, detail)
