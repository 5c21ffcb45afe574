"""The device API of the engine is the catalogue's, and does what docs/api-reference.md says."""

from __future__ import annotations

from typing import Any

import pytest
from fleetlib.core.scheme import catalogue
from fleetlib.steel_engine import Engine

FUNCTIONS = catalogue.as_list()
OFFERED = [function for function in FUNCTIONS if function["status"] != "internal"]
INTERNAL = [function for function in FUNCTIONS if function["status"] == "internal"]

SAMPLES = {
    "any": "1",
    "boolean": "#true",
    "number": "1",
    "integer": "1",
    "string": '"1"',
    "symbol": "'a",
    "procedure": "(lambda arguments 1)",
    "list": "(list)",
    "alist": "(list)",
}


def call(function: dict[str, Any], count: int) -> str:
    """A call with so many arguments, each of the type and within the limits that the catalogue states."""
    arguments = [sample(argument) for argument in function["arguments"]]
    return f"({' '.join([function['name'], *(arguments + ['1'] * count)[:count]])})"


def sample(argument: dict[str, Any]) -> str:
    if argument.get("choices"):
        return f'"{argument["choices"][0]}"'
    return {"cron": '"* * * * *"', "template": '""'}.get(
        argument.get("format", ""), SAMPLES[argument["type"]]
    )


def test_offers_exactly_what_the_catalogue_offers(engine: Engine) -> None:
    stated = [{key: function[key] for key in ("name", "min", "max")} for function in OFFERED]
    assert engine.about()["functions"] == stated


@pytest.mark.parametrize("function", OFFERED, ids=lambda function: function["name"])
def test_takes_as_many_arguments_as_the_catalogue_says(engine: Engine, function: dict[str, Any]) -> None:
    least, most = function["min"], function["max"]
    source = call(function, least)
    assert engine.run(source)["ok"], source
    wrong = [least - 1] * (least > 0) + ([] if most is None else [most + 1])
    for count in wrong:
        source = call(function, count)
        answer = engine.run(source)
        assert answer["outcome"] == "failed", source
        assert answer["diagnostic"]["kind"] == "ArityMismatch", source
        assert answer["diagnostic"]["location"]["column"] == 2, source


@pytest.mark.parametrize("function", INTERNAL, ids=lambda function: function["name"])
def test_does_not_offer_what_belongs_to_the_runtime(engine: Engine, function: dict[str, Any]) -> None:
    assert engine.check(f"({function['name']})")["diagnostic"]["kind"] == "FreeIdentifier"


@pytest.mark.parametrize(
    "source",
    [
        "(sleep -1)",
        "(sleep 3601)",
        '(sleep "1")',
        "(sleep +inf.0)",
        '(log "INFO" "x")',
        "(log-info 1)",
        "(log-info (make-string 1025 #\\a))",
        '(mqtt-publish "a/#" "x")',
        '(mqtt-publish "/a" "x")',
        '(mqtt-publish "" "x")',
        '(store "" "x")',
        '(set-timer "x" 0 led-on)',
        '(set-timer "x" 86401 led-on)',
        '(set-timer "x" 1 "led-on")',
        '(schedule "* * * *" led-on)',
        "(schedule-interval 0 led-on)",
        "(blink-led 21 1)",
        "(blink-led 1 0.05)",
        "(repeat -1 led-on)",
        "(repeat 1.5 led-on)",
        '(led "dim")',
        '(get 1 "x")',
        '(json-decode "{")',
        "(json-encode car)",
        '(format "~a")',
        '(format "~a" 1 2)',
        '(format "~q" 1)',
    ],
)
def test_refuses_what_breaks_a_limit_and_names_the_function(engine: Engine, source: str) -> None:
    answer = engine.run(source)
    assert answer["outcome"] == "failed"
    assert answer["diagnostic"]["kind"] == "TypeMismatch"
    assert answer["diagnostic"]["message"].startswith(source[1:].split()[0] + ": ")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("(led-on)", "#true"),
        ("(led-off)", "#false"),
        ('(led-on) (led "off") (led-state)', "#false"),
        ("(sleep 1)", "#true"),
        ("(sleep 1.5) (uptime)", "1.5"),
        ("(sleep 1.5) (get (uptime-info) 'uptime-seconds)", "1.5"),
        ("(sleep 90) (current-time)", "1767225690"),
        ("(get (device-info) 'platform)", '"esp32-c3"'),
        ("(get (device-info) 'steel-version)", '"0.7.0"'),
        ("(get (memory-info) 'free-bytes)", "196608"),
        ("(get (read-sensors) 'temperature)", "21.5"),
        ("(get (read-sensors) 'timestamp)", "1767225600"),
        ("(get (list (cons 'a 1)) 'b)", "#false"),
        ("(get (list (list 'a 1 2)) 'a)", "(1 2)"),
        ("(get (hash 'a 1) 'a)", "1"),
        ('(store "k" "v") (load "k")', '"v"'),
        ('(load "k")', "#false"),
        ('(store "k" "v") (delete "k")', "#true"),
        ('(delete "k")', "#false"),
        ('(set-timer "t" 5 led-on) (cancel-timer "t")', "#true"),
        ('(cancel-timer "t")', "#false"),
        ('(format "~a ~s~~~%" "a" "b")', '"a \\"b\\"~\\n"'),
        ("(->string (list 1 2))", '"(1 2)"'),
        ("(with-exception-handler (lambda (problem) 42) (lambda () (car 1)))", "42"),
        ("(json-encode (list (cons 'a 1.5) (list 'b #true void)))", '"{\\"a\\":1.5,\\"b\\":[true,null]}"'),
        ('(get (get (json-decode "{\\"a\\": {\\"b\\": [1, 2]}}") \'a) \'b)', "(1 2)"),
        ("(define n 0) (repeat 3 (lambda () (set! n (+ n 1)))) n", "3"),
    ],
)
def test_answers_as_the_reference_says(engine: Engine, source: str, value: str) -> None:
    answer = engine.run(source, limits={"until": 100})
    assert answer.get("diagnostic") is None
    assert answer["value"] == value
