"""Programs examined by everything that is there: the validator, the real engine, the tests beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .core.errors import FleetError, InvalidInputError
from .core.golden import shortcomings
from .core.program_folder import read_tests
from .core.scheme.diagnostics import Report
from .core.scheme.rules import NOT_UTF8
from .core.scheme.second_opinion import disagreement, verdict
from .steel_engine import Answer, Engine


@dataclass(frozen=True)
class Trial:
    """One test of a program, run on the engine's simulated board."""

    name: str
    shortcomings: tuple[str, ...]
    """What was not as expected, each in a sentence."""


@dataclass(frozen=True)
class Examination:
    """What was found out about one program."""

    report: Report
    engine: str | None = None
    """The engine's verdict; None where there is no engine."""
    engine_message: str = ""
    tests: tuple[Trial, ...] = field(default=())

    @property
    def problems(self) -> list[str]:
        """What the validator's report does not say: disagreements, and tests that failed."""
        path = self.report.path
        found = []
        errors = _codes(self.report)
        # Kinds may differ where one fault has two names; whether the program loads may not.
        if self.engine and disagreement(errors, self.engine) in ("false accept", "false reject"):
            mine = "refuses it" if errors else "accepts it"
            found.append(
                f"{path}: the validator {mine}, but on the engine it {self.engine}"
                f"{f' ({self.engine_message})' if self.engine_message else ''}. One of them is wrong: "
                "the program must not go to a device, and steel.fleet has a bug to report."
            )
        for test in self.tests:
            found.extend(f"{path}: test {test.name!r}: {one}" for one in test.shortcomings)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            **self.report.as_dict(),
            "engine": self.engine or "not available",
            "tests": [{"name": one.name, "ok": not one.shortcomings} for one in self.tests],
        }


def examine(reports: Sequence[Report], engine: Engine | None, *, run_tests: bool) -> list[Examination]:
    """Have programs in files that the validator has seen judged by the engine too, if there is one.

    With ``run_tests`` the tests beside the files are run, for programs that load. Raises InvalidInputError
    where tests.toml is wrong.
    """
    if engine is None:
        return [Examination(report) for report in reports]
    # The engine is only asked about text; bytes that are none the validator has refused.
    texts = {
        report.path: Path(report.path).read_bytes().decode()
        for report in reports
        if NOT_UTF8.code not in _codes(report)
    }
    answers = dict(zip(texts, engine.check_all(texts.values()), strict=True))
    return [
        _examined(report, texts[report.path], answers[report.path], engine if run_tests else None)
        if report.path in texts
        else Examination(report)
        for report in reports
    ]


def _examined(report: Report, text: str, answer: Answer, tester: Engine | None) -> Examination:
    message = str((answer.get("diagnostic") or {}).get("message", ""))
    tests = _test(report.path, text, tester) if tester and report.ok and answer["ok"] else ()
    return Examination(report, verdict(answer), message, tests)


def _codes(report: Report) -> list[str]:
    return [one.code for one in report.diagnostics if one.severity == "error"]


def _test(path: str, text: str, engine: Engine) -> tuple[Trial, ...]:
    tests = read_tests(Path(path))
    try:
        answers = engine.ask_all([{"op": "run", "source": text, **test.scenario} for test in tests])
    except FleetError as error:
        raise InvalidInputError(f"{path}: its tests cannot be run: {error}") from error
    return tuple(
        Trial(test.name, tuple(shortcomings(test, answer)))
        for test, answer in zip(tests, answers, strict=True)
    )


def sections(found: Sequence[Examination], about_engine: str) -> list[dict[str, Any]]:
    """The report's tables of what was found (docs/reports.md)."""
    checks = {
        "title": "Checks of the programs",
        "kind": "table",
        "intro": f"Engine: {about_engine}.",
        "columns": ["Program", "For", "Errors", "Warnings", "Engine", "Tests passed"],
        "rows": [_row(one) for one in found],
    }
    findings = [
        [one.report.path, f"{it.span.line}:{it.span.column}", it.severity, it.code, it.message, it.hint]
        for one in found
        for it in one.report.diagnostics
    ]
    problems = [[problem] for one in found for problem in one.problems]
    return [
        checks,
        *_table("Findings", ["Program", "Place", "Severity", "Code", "Finding", "What to do"], findings),
        *_table("Disagreements and failed tests", ["Problem"], problems),
    ]


def _row(one: Examination) -> list[Any]:
    good = sum(not test.shortcomings for test in one.tests)
    tests = f"{good} of {len(one.tests)}" if one.tests else "none run"
    report = one.report
    engine = one.engine or "not available"
    return [report.path, report.profile, report.errors, report.warnings, engine, tests]


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> list[dict[str, Any]]:
    return [{"title": title, "kind": "table", "columns": columns, "rows": rows}] if rows else []
