"""What an audit comes to: findings worst first, what somebody lives with for now, what nobody could check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

from .. import history
from ..errors import InvalidInputError
from ..validation.checks import Check, failed, not_checked, passed, some, warned
from .model import Finding, Look, Rule, Severity

NEVER: Final = "never"
FAIL_ON: Final = (*map(str, Severity), NEVER)
_STATUS: Final = {Severity.CRITICAL: "failed", Severity.HIGH: "failed"}
_SARIF_LEVEL: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SARIF_SCORE: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""``security-severity``, by which code hosts sort (above 9 critical, 7 high, 4 medium)."""
_KEYS: Final = ("rule", "resource", "reason", "expires")


@dataclass(frozen=True)
class Suppression:
    """A finding that somebody decided to live with for a while."""

    rule: str
    resource: str
    """In both ``*`` and ``?`` stand for any characters."""
    reason: str
    expires: date
    """The last day on which it counts (UTC)."""

    @classmethod
    def of(cls, raw: Mapping[str, Any], known: Iterable[str]) -> Suppression:
        """From the inventory. Raises `InvalidInputError` for what is missing, unknown or no date."""
        strange = sorted(set(raw) - set(_KEYS))
        if strange:
            raise InvalidInputError(
                f"A suppression has {', '.join(strange)}; it can have {', '.join(_KEYS)}."
            )
        rule = str(raw.get("rule") or "")
        if not any(fnmatchcase(one, rule) for one in known):
            raise InvalidInputError(
                f"A suppression names the rule {rule!r}; there is none of that name.",
                "docs/security-audit.md has them all.",
            )
        if not str(raw.get("reason") or "").strip():
            raise InvalidInputError(f"The suppression of {rule} gives no reason.", "Say why it is all right.")
        return cls(rule, str(raw.get("resource") or "*"), str(raw["reason"]).strip(), _day(rule, raw))

    def covers(self, finding: Finding) -> bool:
        """Whether it is about a finding, whenever."""
        return fnmatchcase(finding.rule.id, self.rule) and fnmatchcase(finding.resource, self.resource)

    def counts(self, now: datetime) -> bool:
        """Whether it has not ended yet."""
        return now.astimezone(UTC).date() <= self.expires


def _day(rule: str, raw: Mapping[str, Any]) -> date:
    given = raw.get("expires")
    try:
        return given if isinstance(given, date) else date.fromisoformat(str(given))
    except ValueError as error:
        raise InvalidInputError(
            f"The suppression of {rule} expires {given!r}; that is no date.", "Write it as 2027-03-31."
        ) from error


@dataclass(frozen=True)
class Audit:
    """Everything that was found out."""

    looks: tuple[Look, ...]
    suppressions: tuple[Suppression, ...]
    fail_on: str
    now: datetime

    def __post_init__(self) -> None:
        """Refuse a threshold that means nothing."""
        if self.fail_on not in FAIL_ON:
            raise InvalidInputError(f"fail_on is {self.fail_on!r}; it can be {', '.join(FAIL_ON)}.")

    @cached_property
    def every(self) -> tuple[Finding, ...]:
        """All findings, the worst first."""
        return tuple(sorted((one for look in self.looks for one in look.findings), key=lambda one: one.order))

    @cached_property
    def suppressed(self) -> tuple[tuple[Finding, Suppression], ...]:
        """Findings that somebody lives with, and why."""
        pairs = ((one, self._suppression_of(one)) for one in self.every)
        return tuple((one, why) for one, why in pairs if why is not None)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Those that nobody has agreed to, the worst first."""
        lived_with = {one for one, _ in self.suppressed}
        return tuple(one for one in self.every if one not in lived_with)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Findings by severity, the worst first."""
        found = Counter(one.rule.severity for one in self.findings)
        return {str(severity): found[severity] for severity in Severity}

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Findings that fail the run."""
        return tuple(one for one in self.findings if self._fails(one.rule.severity))

    @property
    def unchecked(self) -> tuple[Look, ...]:
        """Rules of which nothing, or not everything, could be looked at."""
        return tuple(look for look in self.looks if look.unchecked)

    def verdict(self) -> str:
        """The answer in a few sentences."""
        said = [f"{count:,} {severity}" for severity, count in self.counts.items() if count]
        facts = [f"{', '.join(said)}: {len(self.findings):,} findings." if said else "No findings."]
        if self.suppressed:
            facts.append(f"{len(self.suppressed):,} more are suppressed with a reason.")
        if self.unchecked:
            facts.append(
                f"{len(self.unchecked):,} of {len(self.looks):,} rules could not be checked in full."
            )
        if self.failing:
            worst = self.failing[0]
            facts.append(f"The worst: {worst.resource}: {worst.evidence}")
        return " ".join(facts)

    def figures(self) -> dict[str, int]:
        """The few numbers for the top of the page, which later runs look back on."""
        by_severity = {name.capitalize(): count for name, count in self.counts.items()}
        return {**by_severity, "Suppressed": len(self.suppressed), "Not checked": len(self.unchecked)}

    def checks(self) -> list[Check]:
        """A row for every rule; one that was kept where it could be looked at, but not everywhere, is
        not a pass."""
        return [self._row(look) for look in self.looks]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "counts": self.counts,
            "findings": [one.as_dict() for one in self.findings],
            "suppressed": [
                {**one.as_dict(), "reason": why.reason, "expires": why.expires.isoformat()}
                for one, why in self.suppressed
            ],
            "ended_suppressions": [_named(one) for one in self._ended()],
            "unused_suppressions": [_named(one) for one in self._unused()],
            "not_checked": [{"rule": one.rule.id, "why": one.unchecked} for one in self.unchecked],
            "rules": [
                {"rule": look.rule.id, "looked_at": look.looked_at, "findings": len(look.findings)}
                for look in self.looks
            ],
            "failing": [one.id for one in self.failing],
            "well": not self.failing,
        }

    def sections(self, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md); ``runs``: earlier runs, the oldest first."""
        bars = [{"name": severity, "value": count} for severity, count in self.counts.items()]
        curves = [str(severity).capitalize() for severity in Severity]
        return [
            {"title": "What was found", "kind": "text", "text": self.verdict()},
            {"title": "Findings by severity", "kind": "bars", "bars": bars, "unit": "findings"},
            *_table("Findings, worst first", _COLUMNS, [_cells(one) for one in self.findings]),
            *_table("How to fix it", _FIXES, self._fixes()),
            *self._suppressed_table(),
            *self._suppression_notes(),
            {
                "title": "Rules",
                "kind": "checks",
                "checks": [one.as_dict() for one in self.checks()],
            },
            *history.sections(runs, self.figures(), self.now, curves, "findings"),
        ]

    def sarif(self) -> dict[str, Any]:
        """A log of the Static Analysis Results Interchange Format 2.1.0, suppressed findings marked."""
        rules = {look.rule.id: look.rule for look in self.looks}
        order = list(rules)
        why = {one.id: suppression for one, suppression in self.suppressed}
        driver = {
            "name": "security_audit",
            "rules": [_sarif_rule(rule) for rule in rules.values()],
        }
        results = [_sarif_result(one, order.index(one.rule.id), why.get(one.id)) for one in self.every]
        return {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        }

    def _fails(self, severity: Severity) -> bool:
        return self.fail_on != NEVER and severity.rank <= Severity(self.fail_on).rank

    def _suppression_of(self, finding: Finding) -> Suppression | None:
        return next((one for one in self.suppressions if one.covers(finding) and one.counts(self.now)), None)

    def _ended(self) -> list[Suppression]:
        """Those that no longer count although there is still something that they were about."""
        return [
            one
            for one in self.suppressions
            if not one.counts(self.now) and any(map(one.covers, self.findings))
        ]

    def _unused(self) -> list[Suppression]:
        """Those about which nothing was found any more."""
        return [one for one in self.suppressions if not any(map(one.covers, self.every))]

    def _row(self, look: Look) -> Check:
        title = f"{look.rule.title} ({look.rule.severity})"
        lived_with = {one for one, _ in self.suppressed}
        open_ = [one.resource for one in look.findings if one not in lived_with]
        if open_:
            judged = failed if self._fails(look.rule.severity) else warned
            said = f"{len(open_):,} of {look.looked_at:,} do not: {some(open_)}."
            return judged(title, f"{said} {look.unchecked}".rstrip())
        if look.unchecked:
            return not_checked(title, look.unchecked)
        suppressed = f", {len(look.findings):,} of them suppressed" if look.findings else ""
        return passed(title, f"{look.looked_at:,} looked at{suppressed}")

    def _fixes(self) -> list[list[Any]]:
        """Once for each rule that something breaks, the worst first."""
        rules = dict.fromkeys(one.rule for one in self.findings)
        return [[rule.id, rule.fix, {"text": rule.source.name, "href": rule.source.url}] for rule in rules]

    def _suppressed_table(self) -> list[dict[str, Any]]:
        soon = self.now.astimezone(UTC).date() + timedelta(days=30)
        rows = [
            [
                str(one.rule.severity),
                one.resource,
                one.rule.title,
                why.reason,
                {"text": why.expires.isoformat(), "status": "warned" if why.expires <= soon else "passed"},
            ]
            for one, why in self.suppressed
        ]
        columns = ["Severity", "Resource", "Rule", "Reason", "Until"]
        return _table("Suppressed, with a reason", columns, rows)

    def _suppression_notes(self) -> list[dict[str, Any]]:
        notes = [
            *(
                f"The suppression of {one.rule} for {one.resource} ended {one.expires}."
                for one in self._ended()
            ),
            *(
                f"The suppression of {one.rule} for {one.resource} is about nothing."
                for one in self._unused()
            ),
        ]
        text = {"title": "Suppressions to look at", "kind": "text", "text": "\n\n".join(notes)}
        return [text] if notes else []


_COLUMNS: Final = ["Severity", "Resource", "What is wrong", "Rule"]
_FIXES: Final = ["Rule", "How to fix", "Who says so"]


def _cells(one: Finding) -> list[Any]:
    severity = one.rule.severity
    return [
        {"text": str(severity), "status": _STATUS.get(severity, "warned")},
        one.resource,
        one.evidence,
        one.rule.id,
    ]


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> list[dict[str, Any]]:
    return [{"title": title, "kind": "table", "columns": columns, "rows": rows}] if rows else []


def _named(one: Suppression) -> dict[str, str]:
    return {"rule": one.rule, "resource": one.resource, "expires": one.expires.isoformat()}


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.fix},
        "helpUri": rule.source.url,
        "defaultConfiguration": {"level": _SARIF_LEVEL[rule.severity]},
        "properties": {"security-severity": _SARIF_SCORE[rule.severity]},
    }


def _sarif_result(one: Finding, rule: int, suppression: Suppression | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": rule,
        "level": _SARIF_LEVEL[one.rule.severity],
        "message": {"text": f"{one.resource}: {one.evidence}"},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": one.resource, "kind": "resource"}]}],
        "partialFingerprints": {"id/v1": one.id},
    }
    if suppression:
        result["suppressions"] = [{"kind": "external", "justification": suppression.reason}]
    return result
