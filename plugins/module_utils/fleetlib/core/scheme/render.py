"""Reports as text for people, and as JSON and SARIF for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .diagnostics import Diagnostic, Report
from .rules import RULES, Rule, Severity

FORMATS: Final = ("text", "json", "sarif")
_WIDTH: Final = 100
"""Columns of a shown line; of longer ones the part around the finding is shown."""


def render(reports: Sequence[Report], form: str) -> str:
    """The reports in one of `FORMATS`, with a line end behind the last line."""
    if form == "json":
        data: Any = {"programs": [report.as_dict() for report in reports]}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    if form == "sarif":
        return json.dumps(sarif(reports), indent=2, ensure_ascii=False) + "\n"
    return "".join(f"{line}\n" for report in reports for line in _text(report))


def _text(report: Report) -> Iterator[str]:
    for diagnostic in report.diagnostics:
        yield from _diagnostic(report, diagnostic)
        yield ""
    if report.omitted:
        yield f"{report.path}: {report.omitted} more findings are not shown."
    yield f"{report.path}: {summary(report)}"


def summary(report: Report) -> str:
    """How it went, in a few words."""
    counts = [(report.errors, "error"), (report.warnings, "warning")]
    found = [f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count]
    return ", ".join(found) or "ok"


def _diagnostic(report: Report, diagnostic: Diagnostic) -> Iterator[str]:
    """Head line, the line of the program with a caret line below, and the hint."""
    span = diagnostic.span
    place = f"{report.path}:{span.line}:{span.column}"
    yield f"{place}: {diagnostic.severity}: {diagnostic.message} [{diagnostic.code}]"
    line = report.source.line(span.line)
    end = span.end_column if span.end_line == span.line else len(line) + 1
    shown, first, last = _window(line, span.column - 1, max(end - 1, span.column))
    gutter = f"{span.line:5} | "
    yield (gutter + "".join(_visible(character) for character in shown)).rstrip()
    before = "".join("\t" if character == "\t" else " " * _columns(character) for character in shown[:first])
    width = sum(_columns(character) for character in shown[first:last])
    yield f"{' ' * (len(gutter) - 2)}| {before}{'^' * max(width, 1)}"
    if diagnostic.hint:
        yield f"{' ' * (len(gutter) - 2)}= {diagnostic.hint}"


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line to show, and where the finding begins and ends in it."""
    if len(line) <= _WIDTH:
        return line, start, end
    first = max(0, min(start - _WIDTH // 3, len(line) - _WIDTH))
    return line[first : first + _WIDTH], start - first, min(end - first, _WIDTH)


def _visible(character: str) -> str:
    """Control characters must not reach a terminal."""
    return character if character == "\t" or character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _columns(character: str) -> int:
    """Terminal columns of a character."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


_LEVELS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "info": "note"}


def sarif(reports: Sequence[Report]) -> dict[str, Any]:
    """A log of the Static Analysis Results Interchange Format 2.1.0, as code hosts read it."""
    used = sorted({one.code for report in reports for one in report.diagnostics})
    driver = {
        "name": "steel-check",
        "informationUri": "https://github.com/mattwparas/steel",
        "rules": [_rule(RULES[code]) for code in used],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "artifacts": [{"location": {"uri": report.path}} for report in reports],
                "results": [
                    _result(report.path, index, one, used.index(one.code))
                    for index, report in enumerate(reports)
                    for one in report.diagnostics
                ],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.summary},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(path: str, artifact: int, diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    span = diagnostic.span
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    text = f"{diagnostic.message}. {diagnostic.hint}".rstrip()
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": path, "index": artifact}, "region": region}}
        ],
    }
