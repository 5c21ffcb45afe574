"""What holds for every text: the check ends and never raises; what was read can be written and read again."""

from __future__ import annotations

import random

import pytest
from fleetlib.core.scheme import check, reader
from fleetlib.core.scheme.datum import Datum, walk, write
from fleetlib.core.scheme.diagnostics import Findings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance import corpus, differential

LONGEST = 64 * 1024

WORDS = [
    r"|a\ b|",
    "#(",
    "#u8(",
    "#|",
    "|#",
    "#:k",
    "-1/2",
    "1e3",
    "quasiquote",
    "unquote",
    "match",
    "cond",
    "else",
    "λ",
]
TOKENS = st.sampled_from([*differential.SPARES, *WORDS])
PROGRAMS = st.lists(TOKENS, max_size=60).map(" ".join) | st.text(max_size=300)


def read(text: str) -> tuple[list[Datum], Findings]:
    findings = Findings()
    return list(reader.read(text, findings).data), findings


@settings(max_examples=400, deadline=None)
@given(PROGRAMS)
def test_no_text_makes_the_check_raise(text: str):
    lines = text.split("\n")
    for found in check(text).as_dict()["diagnostics"]:
        assert 1 <= found["line"] <= len(lines) + 1
        assert found["column"] >= 1


@settings(max_examples=400, deadline=None)
@given(PROGRAMS)
def test_what_was_read_reads_the_same_when_it_is_written(text: str):
    data, findings = read(text)
    if findings.has_errors:
        return
    again, broken = read("\n".join(write(datum) for datum in data))
    assert not broken.has_errors
    assert shape(again) == shape(data)


def shape(data: list[Datum]) -> list[tuple[type[Datum], str]]:
    """Every datum in data, with its kind; prefixes count as what they stand for."""
    return [(type(one), write(one)) for datum in data for one in walk(datum)]


def test_every_loading_program_of_the_corpus_reads_the_same_when_it_is_written():
    for case in corpus.cases():
        data, findings = read(case.source)
        if not findings.has_errors:
            again, _ = read("\n".join(write(datum) for datum in data))
            assert shape(again) == shape(data), case.name


@pytest.mark.parametrize(
    "text",
    [
        "(" * 60_000,
        ")" * 60_000,
        "'" * 60_000,
        "#|" * 30_000,
        "#;" * 30_000,
        "(" * 30_000 + ")" * 30_000,
        "(let ((x " * 7_000 + "1" + ")) x)" * 7_000,
        '"' * 60_001,
        "#(" * 30_000,
        "`," * 30_000 + "x",
        "(define-syntax m (syntax-rules () ((_ x) (m (x x))))) (m 1)",
        "(-> 1 " + "(+ 1) " * 8_000 + ")",
        "(cons 1 " * 7_000 + "'()" + ")" * 7_000,
        "\x00" * 60_000,
        "1" * 60_000,
    ],
    ids=lambda text: f"{text[:12]!r}… {len(text)}",
)
def test_a_program_made_to_hurt_is_answered(text: str):
    report = check(text[:LONGEST], profile="linux")
    assert report.errors or report.warnings or report.ok


def test_random_bytes_as_long_as_the_largest_program_are_answered():
    chance = random.Random(1)
    alphabet = "()[]{}'`,;#|\\\"@. \n\t0123456789abcdefxyzλé"
    for _ in range(4):
        assert not check("".join(chance.choices(alphabet, k=LONGEST)), profile="linux").ok
