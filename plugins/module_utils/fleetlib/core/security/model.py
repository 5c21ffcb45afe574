"""A rule, what it found, and how rules of one kind are held against what there is.

A rule is a `Rule` beside a function in a table of its room: the function gets one thing that was read, and
the `Limits`, and answers with the evidence of what is wrong, or with nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from ..errors import InvalidInputError


class Severity(StrEnum):
    """How urgent a finding is, in the words of AWS IoT Device Defender ("Issue severity"), worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Source:
    """Who says so."""

    name: str
    url: str


@dataclass(frozen=True)
class Rule:
    """What has to hold."""

    id: str
    severity: Severity
    title: str
    """What holds where the rule is kept."""
    fix: str
    """A command or a playbook."""
    source: Source


@dataclass(frozen=True)
class Limits:
    """What rules compare with. Days, where nothing else is said."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    access_key_days: float = 90
    """AWS Security Hub, control IAM.3."""
    unused_days: float = 90
    """A role or a user that did nothing for longer is not used."""
    certificate_age_days: int = 365
    """AWS IoT Device Defender: the default of DEVICE_CERTIFICATE_AGE_CHECK."""
    certificate_expiring_days: int = 30
    """AWS IoT Device Defender: DEVICE_CERTIFICATE_EXPIRING_CHECK."""
    log_retention_days: int = 30
    """The least that a log group has to keep."""

    def days_since(self, moment: datetime) -> float:
        """Days from ``moment`` to now."""
        return (self.now - moment).total_seconds() / 86_400


@dataclass(frozen=True)
class Finding:
    """A rule that something breaks."""

    rule: Rule
    resource: str
    evidence: str

    @property
    def id(self) -> str:
        """The same in every run, for whoever tracks it elsewhere."""
        return f"{self.rule.id}-{hashlib.sha256(self.resource.encode()).hexdigest()[:8]}"

    @property
    def order(self) -> tuple[int, str, str]:
        """The worst first."""
        return self.rule.severity.rank, self.rule.id, self.resource

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "id": self.id,
            "rule": self.rule.id,
            "severity": str(self.rule.severity),
            "resource": self.resource,
            "evidence": self.evidence,
            "fix": self.rule.fix,
            "source": self.rule.source.name,
            "source_url": self.rule.source.url,
        }


@dataclass(frozen=True)
class Look:
    """What came of one rule."""

    rule: Rule
    looked_at: int = 0
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
    """Why something could not be looked at."""

    @property
    def unchecked(self) -> str:
        """Why nothing, or not everything, was looked at; it is never a silent pass."""
        nothing = not self.looked_at and not self.findings
        return self.unreadable or ("There is nothing that it is about." if nothing else "")


T = TypeVar("T")
Judge = Callable[[T, Limits], str]
"""The evidence of what is wrong with one thing; empty where nothing is."""
Table = tuple[tuple[Rule, Judge[T]], ...]


@dataclass(frozen=True)
class Unreadable:
    """In place of what could not be read: why not."""

    why: str


def judge(table: Table[T], subjects: Mapping[str, T | Unreadable] | Unreadable, limits: Limits) -> list[Look]:
    """Hold every rule of a table against every subject; one that cannot be read is named, not passed."""
    if isinstance(subjects, Unreadable):
        return not_looked_at((rule for rule, _ in table), subjects.why)
    return [_judge(rule, function, subjects, limits) for rule, function in table]


def not_looked_at(rules: Iterable[Rule], why: str) -> list[Look]:
    """Rules of which nobody knows whether they are kept."""
    return [Look(rule, unreadable=why) for rule in rules]


def _judge(rule: Rule, function: Judge[T], subjects: Mapping[str, T | Unreadable], limits: Limits) -> Look:
    findings, unreadable = [], []
    for name, subject in subjects.items():
        if isinstance(subject, Unreadable):
            unreadable.append(f"{name}: {subject.why}")
            continue
        try:
            evidence = function(subject, limits)
        except InvalidInputError as error:
            unreadable.append(f"{name}: {error.message}")
            continue
        if evidence:
            findings.append(Finding(rule, name, evidence))
    return Look(rule, len(subjects) - len(unreadable), tuple(findings), " ".join(unreadable))


def as_list(value: Any) -> list[Any]:
    """What a policy document may write as one or as several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
