"""Whether a run was as a test expects, and what is said when it was not."""

from __future__ import annotations

import pytest
from fleetlib.core.golden import matches, shortcomings
from fleetlib.core.program_folder import Expectation

ON, OFF = {"kind": "led", "on": True, "t": 0.0}, {"kind": "led", "on": False, "t": 1.0}
RUN = {"ok": True, "outcome": "finished", "clock": 1.0, "board": {"led": False}, "events": [ON, OFF]}


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        (Expectation("x", expect=(ON, OFF)), []),
        (Expectation("x", expect=({"on": True}, {"t": 1.0})), []),
        (
            Expectation("x", expect=(OFF, ON)),
            [
                'there was no {"kind": "led", "on": true, "t": 0.0} '
                'after {"kind": "led", "on": false, "t": 1.0}'
            ],
        ),
        (Expectation("x", never=({"on": True},)), ['there was {"on": true}']),
        (Expectation("x", never=({"kind": "log"},)), []),
        (Expectation("x", once=({"kind": "led"},)), ['{"kind": "led"} was there 2 times, not once']),
        (Expectation("x", once=({"on": True},)), []),
        (Expectation("x", outcome="stopped"), ["outcome is finished, not stopped"]),
        (Expectation("x", clock=2.0), ["clock is 1.0, not 2.0"]),
        (Expectation("x", board={"led": True}), ["at the end led is false, not true"]),
        (Expectation("x", board={"led": False}), []),
    ],
)
def test_what_was_not_as_expected_is_said(test: Expectation, wrong: list[str]):
    assert shortcomings(test, RUN) == wrong


def test_a_program_that_failed_is_said_with_its_message():
    answer = {"ok": False, "outcome": "failed", "message": "car of an empty list"}
    assert shortcomings(Expectation("x"), answer) == ["the program failed: car of an empty list"]


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, '{"a": 1}', True),
        ({"a": 1}, "no JSON", False),
        ({"a": {"b": 1}}, {"a": '{"b": 1, "c": 2}'}, True),
        ([1, {"a": 1}], [1, {"a": 1, "b": 1}], True),
        ([1], [1, 2], False),
        (1, True, False),
        (1, 1.0, True),
    ],
)
def test_a_table_may_have_more_than_is_expected_of_it(expected, found, same: bool):
    assert matches(expected, found) is same
