"""Are buckets private, encrypted, versioned and reachable over TLS only, and do keys rotate?

The rules are those of the security audit (`core.security.buckets`, `core.security.account`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..security import account, buckets
from ..security.buckets import Bucket
from ..security.model import Limits
from .checks import Check, absent, failed, passed

_ROWS: tuple[tuple[str, Callable[[Bucket, Limits], str]], ...] = (
    ("is encrypted", buckets.encrypted),
    ("is private", buckets.public_access_blocked),
    ("takes TLS only", buckets.tls_only),
    ("is versioned", buckets.versioned),
)


def bucket(bucket_name: str, found: Bucket | None, wanted_key: str, *, may_be_absent: bool) -> list[Check]:
    """The four rows about a bucket, or one that it does not exist.

    ``wanted_key`` is the ARN of the KMS key that has to encrypt; empty where any encryption will do.
    """
    name = f"Bucket {bucket_name}"
    if found is None:
        return [absent(f"{name} is protected", "It does not exist", may_be_absent)]
    whole = replace(found, name=bucket_name, wanted_key=wanted_key)
    spared = buckets.plain_text_allowed_from(whole.policy, bucket_name)
    seen = "but for loopback addresses, which never leave a machine" if spared else ""
    return [
        _row(f"{name} {holds}", judge(whole, Limits()), seen if judge is buckets.tls_only else "")
        for holds, judge in _ROWS
    ]


def key_rotation(key: str, rotates: bool | None, *, may_be_absent: bool) -> Check:
    """A KMS key and whether it gets new material every year; nothing: there is no such key."""
    name = f"Key {key} rotates"
    if rotates is None:
        return absent(name, "It does not exist", may_be_absent)
    return _row(name, account.key_rotates(rotates, Limits()))


def _row(name: str, trouble: str, seen: str = "") -> Check:
    return failed(name, trouble) if trouble else passed(name, seen)
