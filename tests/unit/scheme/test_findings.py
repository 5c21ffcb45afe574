"""Every kind of finding: a program that has it, at its place, and the same put right, which has it not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from fleetlib.core.scheme import check
from fleetlib.core.scheme.files import check_bytes
from fleetlib.core.scheme.profiles import find_profile
from fleetlib.core.scheme.rules import RULES

EXAMPLES = tomllib.loads(Path(__file__).with_name("findings.toml").read_text())


def found(source: str, example: dict) -> dict[str, str]:
    """The places of the findings by their code."""
    limits = {name: example[name] for name in ("max_bytes", "max_depth") if name in example}
    profile = find_profile("esp32-c3").with_limits(**limits)
    report = check(source, profile=profile, topics=example.get("topics"))
    return {one.code: f"{one.span.line}:{one.span.column}" for one in report.diagnostics}


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_finding_is_reported_at_its_place_and_alone(code: str):
    example = EXAMPLES[code]
    places = found(example["bad"], example)
    assert places.pop(code, "not found") == example["at"]
    assert list(places) == example.get("also", [])


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_program_put_right_has_no_finding_at_all(code: str):
    assert found(EXAMPLES[code]["good"], EXAMPLES[code]) == {}


def test_every_kind_of_finding_has_an_example():
    assert set(EXAMPLES) | {"not-utf-8"} == set(RULES)


def test_bytes_that_are_no_text_are_a_finding_with_its_place():
    report = check_bytes(b"(led-on)\n\xff", path="x.scm", profile="esp32-c3")
    assert [(one.code, one.span.line, one.span.column) for one in report.diagnostics] == [("not-utf-8", 2, 1)]


ENDLESS = [
    "(define (f) (g)) (define (g) (led-on) (f)) (f)",
    "(define (f n) (if (> n 1) (f 1) (f 2))) (f 1)",
    "(let loop ((i 0)) (led-on) (loop (+ i 1)))",
    "(do ((i 0 (+ i 1))) (#f) (led-on))",
    '(define (f) (led-on) (f)) (set-timer "x" 1 f)',
]
ENDING = [
    "(define (f n) (if (> n 1) 1 (f 2))) (f 1)",
    "(do ((i 0 (+ i 1))) ((> i 3)) (led-on))",
    "(define pause sleep) (while #t (pause 1))",
    "(define (f p) (p) (f p)) (f (lambda () (sleep 1)))",
    "(define (f) (for-each (lambda (x) (sleep x)) (list 1)) (f)) (f)",
    "(define (f) (for-each sleep (list 1)) (f)) (f)",
    "(define (f g xs) (for-each g xs) (f g xs)) (f sleep (list 1))",
    "(define (f) (return! 1) (f)) (f)",
    '(define (f) (error "enough") (f)) (f)',
    "(define (f) (and (led-on) (f))) (f)",
    "(call/cc (lambda (k) (let loop ((i 0)) (k i) (loop 1))))",
    "(define (f) (lambda () (f))) ((f))",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_a_loop_that_surely_never_ends_or_waits_is_refused(source: str):
    assert "endless-loop" in found(source, {})


@pytest.mark.parametrize("source", ENDING)
def test_a_loop_that_may_end_or_wait_is_left_alone(source: str):
    assert "endless-loop" not in found(source, {})
