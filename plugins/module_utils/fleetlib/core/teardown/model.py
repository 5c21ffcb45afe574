"""What a fleet consists of, as far as its removal is concerned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .names import (
    ALARM,
    BUCKET,
    BUCKET_POLICY,
    BUCKETS,
    FUNCTION,
    GROUP,
    KEY,
    LOG_GROUP,
    POLICY,
    TYPE,
    WORDS,
)

REMOVED_IN_ORDER = (POLICY, GROUP, BUCKET, FUNCTION, ALARM, LOG_GROUP, KEY, TYPE)
"""Kinds that teardown can remove itself. The type comes last: AWS makes one wait for it."""

GOES_WITH = {BUCKET_POLICY: BUCKET}
"""Kinds that go with another one."""

_RETAINING = ("Retain", "RetainExceptOnCreate")

_LOGICAL_NAME = re.compile(r"  ([A-Za-z0-9]+):")
_DELETION_POLICY = re.compile(r"    DeletionPolicy: *(\w+)")


@dataclass(frozen=True)
class Resource:
    """Something that AWS has."""

    kind: str
    """As CloudFormation calls it, such as ``AWS::S3::Bucket``."""
    name: str
    """Its physical id."""
    stack: str = field(default="", compare=False)
    """The stack that made it."""
    retained: bool = field(default=False, compare=False)
    """Whether CloudFormation leaves it when it deletes the stack."""

    @property
    def text(self) -> str:
        """For people."""
        return f"{WORDS.get(self.kind, self.kind)} {self.name}"


@dataclass(frozen=True)
class Stack:
    """A stack that is there."""

    name: str
    purpose: str
    status: str
    id: str = ""
    is_protected: bool = False
    resources: Sequence[Resource] = ()


def retained(template: str | Mapping[str, Any]) -> frozenset[str]:
    """Logical names of the resources that CloudFormation leaves; a template as GetTemplate answers it."""
    if not isinstance(template, str):
        given = template.get("Resources", {})
        return frozenset(name for name, one in given.items() if one.get("DeletionPolicy") in _RETAINING)
    name, found = "", set()
    for line in template.partition("\nResources:\n")[2].partition("\nOutputs:\n")[0].splitlines():
        logical, policy = _LOGICAL_NAME.fullmatch(line), _DELETION_POLICY.match(line)
        if logical:
            name = logical.group(1)
        elif policy and policy.group(1) in _RETAINING:
            found.add(name)
    return frozenset(found)


def in_order(resources: Sequence[Resource], parents: Mapping[str, str]) -> list[Resource]:
    """What can be removed, in the order in which AWS lets it go: a group after its children, the bucket that
    others write their access logs to after them."""

    def depth(group: str) -> int:
        seen: list[str] = []
        while parents.get(group) and group not in seen:
            seen.append(group)
            group = parents[group]
        return len(seen)

    def key(one: Resource) -> tuple[int, int, str]:
        within = -depth(one.name) if one.kind == GROUP else 0
        if one.kind == BUCKET:
            within = next((n for n, purpose in enumerate(BUCKETS) if f"-{purpose}-" in one.name), 0)
        return REMOVED_IN_ORDER.index(one.kind), within, one.name

    return sorted((one for one in dict.fromkeys(resources) if one.kind in REMOVED_IN_ORDER), key=key)
