"""The validator says of every program what the real engine said, also where the engine is not built."""

from __future__ import annotations

from collections import Counter

from fleetlib.core.scheme.api import BY_NAME
from fleetlib.core.scheme.core_forms import CORE_FORMS
from fleetlib.core.scheme.prelude_forms import PRELUDE_FORMS

from tests.conformance import corpus, differential
from tests.conformance.known import KNOWN


def test_the_validator_agrees_with_the_engine_on_every_program():
    judged = differential.judge((case.name, case.source, case.verdict) for case in corpus.cases())
    faults = [differential.line(one) for one in judged if one.fault and one.source not in KNOWN]
    assert not faults, "\n".join(faults)


def test_the_corpus_has_good_and_bad_programs_of_every_kind():
    cases = corpus.cases()
    kinds = Counter(case.verdict.split()[-1] for case in cases)
    assert len(cases) >= 300
    assert {"loads", "Parse", "BadSyntax", "FreeIdentifier", "ArityMismatch"} <= set(kinds)
    assert kinds["loads"] > 100
    assert len(cases) - kinds["loads"] > 100


def test_every_case_is_a_program_of_its_own():
    twice = [source for source, count in Counter(case.source for case in corpus.cases()).items() if count > 1]
    assert not twice


def test_every_device_call_and_every_form_is_in_it():
    words = {word for case in corpus.cases() for word in differential.TOKEN.findall(case.source)}
    assert {*BY_NAME, *CORE_FORMS, *PRELUDE_FORMS} <= words
