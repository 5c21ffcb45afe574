"""Buckets: private, encrypted, versioned, reachable over TLS only, with a log of who reads them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .model import Limits, Rule, Severity, Source, Table, as_list

PUBLIC_ACCESS_SWITCHES: Final = (
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
)
_DEPLOY: Final = "ansible-playbook deploy.yml sets it; the storage stack has it for every bucket."


@dataclass(frozen=True)
class Bucket:
    """A bucket's settings, as S3 returns them; an empty value is one that is not set."""

    name: str = ""
    encryption: str = ""
    """Algorithm that new objects are encrypted with: ``aws:kms``, ``AES256``, …"""
    key: str = ""
    """ARN or id of the KMS key that does it; empty for S3's own."""
    public_access: Mapping[str, bool] = field(default_factory=dict)
    policy: str = ""
    """The bucket policy, JSON."""
    versioning: str = ""
    log_bucket: str = ""
    """Where S3 writes who reads and writes objects."""
    wanted_key: str = ""
    """The key that has to encrypt; empty where any encryption will do."""
    is_log_bucket: bool = False
    """S3 writes access logs here; one of its own would never end."""


def encrypted(bucket: Bucket, _: Limits) -> str:
    """S3 encrypts everything with keys of its own; what matters is whether the fleet's key does."""
    if not bucket.encryption:
        return "There is no default encryption."
    if not bucket.wanted_key or bucket.key.rpartition("/")[2] == bucket.wanted_key.rpartition("/")[2]:
        return ""
    return f"{bucket.encryption} with {bucket.key or 'a key of S3'}, not with the fleet's key."


def public_access_blocked(bucket: Bucket, _: Limits) -> str:
    """All four switches, of which each closes another way to make objects public."""
    off = [switch for switch in PUBLIC_ACCESS_SWITCHES if not bucket.public_access.get(switch)]
    return f"Not blocked: {', '.join(off)}." if off else ""


def policy_is_not_public(bucket: Bucket, _: Limits) -> str:
    """A statement that allows something to everybody, without a condition."""
    for number, statement in enumerate(_statements(bucket.policy), 1):
        if statement.get("Effect") == "Allow" and _is_everybody(statement) and not statement.get("Condition"):
            actions = ", ".join(as_list(statement.get("Action")))
            return f"Statement {number} of its policy allows everybody {actions}."
    return ""


def tls_only(bucket: Bucket, _: Limits) -> str:
    """Requests without TLS are denied, but for those from loopback addresses, which never leave a machine."""
    spared = plain_text_allowed_from(bucket.policy, bucket.name)
    if spared is None:
        return "Its policy does not deny all requests without TLS (aws:SecureTransport)."
    outside = sorted({one for one in spared if not ipaddress.ip_network(one, strict=False).is_loopback})
    return f"Its policy lets requests without TLS in from {', '.join(outside)}." if outside else ""


def versioned(bucket: Bucket, _: Limits) -> str:
    """What is overwritten or deleted can be brought back."""
    return "" if bucket.versioning == "Enabled" else f"Versioning is {bucket.versioning or 'off'}."


def logged(bucket: Bucket, _: Limits) -> str:
    """S3 writes down who reads and writes."""
    return "" if bucket.log_bucket or bucket.is_log_bucket else "S3 writes no access log for it."


def plain_text_allowed_from(policy: str, bucket_name: str) -> list[str] | None:
    """The networks whose requests without TLS a bucket policy spares, when it denies all others.

    Nothing: it does not deny everybody every such request, to the bucket and to its objects.
    """
    needed = {f":::{bucket_name}", f":::{bucket_name}/*"}
    spared: list[str] = []
    for statement in _statements(policy):
        networks = _spared(statement.get("Condition", {}))
        if networks is None or not _denies_all(statement):
            continue
        denied = {end for end in needed if _covers(as_list(statement.get("Resource")), end)}
        needed -= denied
        spared += networks if denied else []
    return None if needed else spared


def _statements(policy: str) -> list[dict[str, Any]]:
    return as_list(json.loads(policy).get("Statement")) if policy else []


def _is_everybody(statement: Mapping[str, Any]) -> bool:
    return statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})


def _denies_all(statement: Mapping[str, Any]) -> bool:
    return (
        statement.get("Effect") == "Deny"
        and _is_everybody(statement)
        and any(action in ("*", "s3:*") for action in as_list(statement.get("Action")))
    )


def _spared(condition: Mapping[str, Mapping[str, Any]]) -> list[str] | None:
    """The networks left out of a condition that holds for every other request without TLS; else nothing."""
    left = {operator: dict(keys) for operator, keys in condition.items()}
    transport = as_list(left.get("Bool", {}).pop("aws:SecureTransport", None))
    networks = as_list(left.get("NotIpAddress", {}).pop("aws:SourceIp", None))
    further = any(left.values())
    return list(networks) if [str(one).lower() for one in transport] == ["false"] and not further else None


def _covers(resources: list[str], end: str) -> bool:
    return any(resource == "*" or resource.endswith(end) for resource in resources)


def _hub(control: str) -> Source:
    guide = "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html"
    return Source(f"AWS Security Hub {control}", f"{guide}#{control.lower().replace('.', '-')}")


TABLE: Final[Table[Bucket]] = (
    (
        Rule(
            "s3-public-access",
            Severity.CRITICAL,
            "Buckets block all public access",
            "aws s3api put-public-access-block --bucket BUCKET --public-access-block-configuration "
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
            _hub("S3.8"),
        ),
        public_access_blocked,
    ),
    (
        Rule(
            "s3-public-policy",
            Severity.CRITICAL,
            "No bucket policy allows everybody anything",
            "Take the statement out of the bucket policy (aws s3api put-bucket-policy). " + _DEPLOY,
            _hub("S3.2"),
        ),
        policy_is_not_public,
    ),
    (
        Rule(
            "s3-tls",
            Severity.MEDIUM,
            "Buckets take TLS only",
            "Deny s3:* where aws:SecureTransport is false. " + _DEPLOY,
            _hub("S3.5"),
        ),
        tls_only,
    ),
    (
        Rule(
            "s3-encryption",
            Severity.MEDIUM,
            "Buckets are encrypted with the fleet's key",
            "aws s3api put-bucket-encryption with the fleet's key. " + _DEPLOY,
            _hub("S3.17"),
        ),
        encrypted,
    ),
    (
        Rule(
            "s3-versioning",
            Severity.LOW,
            "Buckets keep earlier versions",
            "aws s3api put-bucket-versioning --versioning-configuration Status=Enabled --bucket BUCKET",
            _hub("S3.14"),
        ),
        versioned,
    ),
    (
        Rule(
            "s3-access-log",
            Severity.MEDIUM,
            "Buckets have an access log",
            "aws s3api put-bucket-logging --bucket BUCKET. " + _DEPLOY,
            _hub("S3.9"),
        ),
        logged,
    ),
)
