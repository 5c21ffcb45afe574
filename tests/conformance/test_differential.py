"""The validator beside the real engine: on the corpus anew, on names, on a sample of mutants.

The whole campaign of 20,000 mutants is `benchmarks/scheme.py`.
"""

from __future__ import annotations

import pytest
from fleetlib.core.scheme.second_opinion import verdict
from fleetlib.steel_engine import Engine

from tests.conformance import corpus, differential
from tests.conformance.known import KNOWN, MUTANTS


def test_the_corpus_still_holds_what_the_engine_says(engine: Engine):
    cases = corpus.cases()
    answers = engine.check_all(case.source for case in cases)
    changed = [
        f"{case.name}: {case.verdict}, now {verdict(answer)}"
        for case, answer in zip(cases, answers, strict=True)
        if case.verdict != verdict(answer)
    ]
    assert not changed, "\n".join(changed)


def test_both_know_the_same_names(engine: Engine):
    judged = differential.judge(differential.ask(engine, differential.names(engine)))
    faults = [differential.line(one) for one in judged if one.fault and one.source not in KNOWN]
    assert not faults, "\n".join(faults)


def test_both_agree_on_at_least_999_of_1000_mutants(engine: Engine):
    judged = list(differential.judge(differential.ask(engine, differential.mutants(1000, seed=4))))
    wrong = [differential.line(one) for one in judged if one.fault in ("false accept", "false reject")]
    assert len(wrong) <= 1, "\n".join(wrong)


@pytest.mark.parametrize("source", [source for source in KNOWN if source.startswith("(let")])
def test_a_known_difference_still_is_one(engine: Engine, source: str):
    (judgement,) = differential.judge(differential.ask(engine, {"known": source}))
    assert judgement.fault == "false reject"
    assert engine.run(source)["outcome"] == "crashed"


@pytest.mark.parametrize("source", MUTANTS)
def test_a_mutant_on_which_both_differ_still_is_one(engine: Engine, source: str):
    (judgement,) = differential.judge(differential.ask(engine, {"known": source}))
    assert judgement.fault in ("false accept", "false reject")
