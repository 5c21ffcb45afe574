"""Are buckets private, encrypted, versioned and reachable over TLS only, and do keys rotate?"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .checks import Check, absent, failed, passed

PUBLIC_ACCESS_SWITCHES = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Bucket:
    """A bucket's settings, as S3 returns them; an empty value is one that is not set."""

    encryption: str = ""
    """Algorithm that new objects are encrypted with: ``aws:kms``, ``AES256``, …"""
    key: str = ""
    """ARN or id of the KMS key that does it; empty for S3's own."""
    public_access: Mapping[str, bool] = field(default_factory=dict)
    policy: str = ""
    """The bucket policy, JSON."""
    versioning: str = ""


def bucket(bucket_name: str, found: Bucket | None, wanted_key: str, *, may_be_absent: bool) -> list[Check]:
    """The four rows about a bucket, or one that it does not exist.

    ``wanted_key`` is the ARN of the KMS key that has to encrypt; empty where any encryption will do.
    """
    name = f"Bucket {bucket_name}"
    if found is None:
        return [absent(f"{name} is protected", "It does not exist", may_be_absent)]
    open_switches = [switch for switch in PUBLIC_ACCESS_SWITCHES if not found.public_access.get(switch)]
    return [
        _encrypted(f"{name} is encrypted", found, wanted_key),
        _row(
            f"{name} is private",
            not open_switches,
            "all public access is blocked",
            f"Not blocked: {', '.join(open_switches)}.",
        ),
        _tls_only(f"{name} takes TLS only", found.policy, bucket_name),
        _row(
            f"{name} is versioned",
            found.versioning == "Enabled",
            "",
            f"Versioning is {found.versioning or 'off'}.",
        ),
    ]


def key_rotation(key: str, rotates: bool | None, *, may_be_absent: bool) -> Check:
    """A KMS key and whether it gets new material every year; nothing: there is no such key."""
    name = f"Key {key} rotates"
    if rotates is None:
        return absent(name, "It does not exist", may_be_absent)
    return _row(name, rotates, "", "Automatic rotation is off.")


def plain_text_allowed_from(policy: str, bucket_name: str) -> list[str] | None:
    """The networks whose requests without TLS a bucket policy spares, when it denies all others.

    Nothing: it does not deny everybody every such request, to the bucket and to its objects.
    """
    if not policy:
        return None
    needed = {f":::{bucket_name}", f":::{bucket_name}/*"}
    spared: list[str] = []
    for statement in _as_list(json.loads(policy).get("Statement")):
        networks = _spared(statement.get("Condition", {}))
        if networks is None or not _denies_all(statement):
            continue
        denied = {end for end in needed if _covers(_as_list(statement.get("Resource")), end)}
        needed -= denied
        spared += networks if denied else []
    return None if needed else spared


def _encrypted(name: str, found: Bucket, wanted_key: str) -> Check:
    """S3 encrypts everything with keys of its own; what matters is whether the fleet's key does."""
    if not found.encryption:
        return failed(name, "There is no default encryption.")
    if not wanted_key:
        return passed(name, f"{found.encryption}; the fleet's key is not asked for")
    if found.key and found.key.rpartition("/")[2] == wanted_key.rpartition("/")[2]:
        return passed(name, f"{found.encryption} with the fleet's key")
    return failed(name, f"{found.encryption} with {found.key or 'a key of S3'}, not with the fleet's key.")


def _tls_only(name: str, policy: str, bucket_name: str) -> Check:
    spared = plain_text_allowed_from(policy, bucket_name)
    if spared is None:
        return failed(name, "Its policy does not deny all requests without TLS (aws:SecureTransport).")
    outside = sorted({one for one in spared if not ipaddress.ip_network(one, strict=False).is_loopback})
    if outside:
        return failed(name, f"Its policy lets requests without TLS in from {', '.join(outside)}.")
    return passed(name, "but for loopback addresses, which never leave a machine" if spared else "")


def _denies_all(statement: Mapping[str, Any]) -> bool:
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and any(action in ("*", "s3:*") for action in _as_list(statement.get("Action")))
    )


def _spared(condition: Mapping[str, Mapping[str, Any]]) -> list[str] | None:
    """The networks left out of a condition that holds for every other request without TLS; else nothing."""
    left = {operator: dict(keys) for operator, keys in condition.items()}
    transport = _as_list(left.get("Bool", {}).pop("aws:SecureTransport", None))
    networks = _as_list(left.get("NotIpAddress", {}).pop("aws:SourceIp", None))
    further = any(left.values())
    return list(networks) if [str(one).lower() for one in transport] == ["false"] and not further else None


def _covers(resources: Sequence[str], end: str) -> bool:
    return any(resource == "*" or resource.endswith(end) for resource in resources)


def _as_list(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _row(name: str, holds: bool, seen: str, trouble: str) -> Check:
    return passed(name, seen) if holds else failed(name, trouble)
