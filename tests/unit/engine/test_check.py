"""Checking: what does not load on a device is refused, with Steel's own code and the place."""

from __future__ import annotations

import pytest
from fleetlib.steel_engine import Engine


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("(led-on)\n  (frobnicate 1)", "E02", 2, 4),
        ("(define (f)\n  (g))", "E02", 2, 4),
        ("(set! unknown 1)", "E02", 1, 7),
        ("(if)", "E09", 1, 2),
        ("(define x 1)\n)", "E09", 2, 1),
        ("(f 1 2))", "E09", 1, 8),
        ("(define (f) (if #t (define x 1) 2))", "E06", 1, 21),
        ("(define x 1)\n(define x 2)", "E06", 2, 2),
        ("((lambda (a) a) 1 2)", "E01", 1, 3),
        ('(log-info "héé")  (oops)', "E02", 1, 20),
    ],
)
def test_refuses_at_the_place(engine: Engine, source: str, code: str, line: int, column: int) -> None:
    answer = engine.check(source)
    assert (answer["ok"], answer["outcome"]) == (False, "refused")
    found = answer["diagnostic"]
    assert (found["code"], found["location"]["line"], found["location"]["column"]) == (code, line, column)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "; nothing but a comment",
        "(define (f x) (* x 2)) (f 21)",
        "(define (even x) (if (= x 0) #t (odd (- x 1)))) (define (odd x) (if (= x 0) #f (even (- x 1))))",
        "(define-syntax twice (syntax-rules () ((_ e) (begin e e)))) (twice (led-on))",
        "(match (list 1 2) [(list a b) (+ a b)] [else 0])",
        "(struct point (x y)) (point-x (point 1 2))",
        "(let loop ((n 3)) (when (> n 0) (led-on) (loop (- n 1))))",
        "(car 1)",
    ],
)
def test_accepts_what_loads(engine: Engine, source: str) -> None:
    assert engine.check(source)["outcome"] == "loads"


def test_runs_nothing_of_the_program(engine: Engine) -> None:
    answer = engine.check('(led-on) (displayln "x") (while #t 1)')
    assert (answer["outcome"], answer["events"], answer["board"]["led"]) == ("loads", [], False)


def test_an_unclosed_list_has_no_place_in_steel_and_says_so(engine: Engine) -> None:
    answer = engine.check("(define (f)\n  (led-on)")
    assert answer["diagnostic"]["code"] == "E09"
    assert "EOF" in answer["diagnostic"]["message"]


def test_a_program_that_breaks_the_reader_is_refused_and_the_engine_lives_on(engine: Engine) -> None:
    assert not engine.check("(" * 60_000)["ok"]
    assert engine.check("(" * 30_000 + ")" * 30_000)["outcome"] in {"refused", "crashed"}
    assert engine.check("1")["ok"]


def test_what_one_program_defines_is_unknown_to_the_next(engine: Engine) -> None:
    macro = "(define-syntax mine (syntax-rules () ((_ x) x)))"
    assert engine.check(f"{macro} (define here 1) (mine here)")["ok"]
    assert not engine.check("(define mine 1) here")["ok"]
    assert not engine.check("(mine 1)")["ok"]


def test_answers_come_in_the_order_of_the_requests(engine: Engine) -> None:
    sources = ["1", "(", "(f)", '(log-info "x")'] * 25
    assert [answer["ok"] for answer in engine.check_all(sources)] == [True, False, False, True] * 25
