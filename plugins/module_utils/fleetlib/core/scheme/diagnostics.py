"""What the checks found, and the report made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from .rules import SEVERITIES, Rule, Severity
from .source import Source, Span

MOST_SHOWN: Final = 100
"""A text that is no program at all would otherwise fill a report."""


@dataclass(frozen=True, slots=True)
class _Finding:
    rule: Rule
    start: int
    end: int
    message: str
    hint: str
    see: int | None

    def diagnostic(self, source: Source) -> Diagnostic:
        """The finding with lines and columns."""
        see = "" if self.see is None else f" (see line {source.place(self.see)[0]})"
        span = source.span(self.start, self.end)
        return Diagnostic(self.rule.code, self.rule.severity, self.message + see, self.hint, span)


@dataclass
class Findings:
    """Collects what the checks find, with offsets; the same finding at the same place counts once."""

    _found: dict[tuple[str, int, int], _Finding] = field(default_factory=dict)

    def add(
        self, rule: Rule, start: int, end: int, message: str, hint: str = "", see: int | None = None
    ) -> None:
        """Note a finding about the text from ``start`` up to ``end``; ``see`` is another place it speaks
        of."""
        self._found.setdefault((rule.code, start, end), _Finding(rule, start, end, message, hint, see))

    def extend(self, other: Findings) -> None:
        """Note everything that others found."""
        for key, finding in other._found.items():
            self._found.setdefault(key, finding)

    @property
    def has_errors(self) -> bool:
        """Whether anything found so far is an error."""
        return any(one.rule.severity == "error" for one in self._found.values())

    def report(self, source: Source, profile: str) -> Report:
        """The findings by place in the text, at one place the gravest first; no more than `MOST_SHOWN`."""
        ordered = sorted(
            self._found.values(), key=lambda one: (one.start, SEVERITIES.index(one.rule.severity))
        )
        shown = [one.diagnostic(source) for one in ordered[:MOST_SHOWN]]
        counts = Counter(one.rule.severity for one in ordered)
        source = source.without([(one.start, one.end) for one in ordered if one.rule.confidential])
        return Report(source, profile, shown, counts["error"], counts["warning"], len(ordered) - len(shown))


@dataclass(frozen=True)
class Diagnostic:
    """One finding as an author sees it."""

    code: str
    severity: Severity
    message: str
    """What is wrong."""
    hint: str
    """What to do about it; may be empty."""
    span: Span

    def as_dict(self) -> dict[str, Any]:
        """Plain data, the span's numbers beside the rest."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            **vars(self.span),
        }


@dataclass(frozen=True)
class Report:
    """Everything that was found in one program."""

    source: Source = field(repr=False)
    profile: str
    diagnostics: list[Diagnostic]
    """The findings by their place, `MOST_SHOWN` at most."""
    errors: int
    warnings: int
    omitted: int
    """Findings beyond those in ``diagnostics``."""

    @property
    def path(self) -> str:
        """The name under which the program was checked."""
        return self.source.path

    @property
    def ok(self) -> bool:
        """Whether a device takes the program: there is no error. Warnings do not matter."""
        return not self.errors

    def render(self, form: str = "text") -> str:
        """The report for people (``text``) or for programs (``json``, ``sarif``)."""
        from .render import render  # it shows reports, so it needs this module first

        return render([self], form)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as the JSON has it."""
        return {
            "path": self.path,
            "profile": self.profile,
            "ok": self.ok,
            "errors": self.errors,
            "warnings": self.warnings,
            "omitted": self.omitted,
            "diagnostics": [one.as_dict() for one in self.diagnostics],
        }
