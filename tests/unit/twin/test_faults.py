"""What can be asked to go wrong."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError

from twin import boot, faults
from twin.faults import Faults
from twin.flash import DamagedError


def test_words_become_changes():
    assert faults.parse(["drop", "offline=true", "refuse_jobs=0.5", "corrupt=app"]) == {
        "drop": True,
        "offline": True,
        "refuse_jobs": 0.5,
        "corrupt": "app",
    }


def test_none_ends_everything_that_lasts():
    assert Faults(offline=True, slow_seconds=3).with_changes(faults.parse(["none"])) == Faults()


def test_what_is_not_named_stays():
    assert Faults(slow_seconds=3).with_changes({"refuse_jobs": 1}) == Faults(slow_seconds=3, refuse_jobs=1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sleepy"], "'sleepy' is no fault"),
        (["refuse_jobs"], "'refuse_jobs' is no fault"),
        (["refuse_jobs=2"], "it can be a number from 0 to 1"),
        (["refuse_jobs=often"], "it can be a number from 0 to 1"),
        (["refuse_jobs=nan"], "it can be a number from 0 to 1"),
        (["flap_seconds=-1"], "from 0 to 86400"),
        (["offline=maybe"], "it can be true or false"),
        (["corrupt=everything"], "it can be chip, table, identity, app"),
    ],
)
def test_mistakes_are_named(words, why):
    with pytest.raises(InvalidInputError, match=why):
        faults.parse(words)


@pytest.mark.parametrize(
    ("what", "part"),
    [("chip", "chip image"), ("table", "partition table"), ("identity", "identity"), ("app", "app image")],
)
def test_a_corrupted_part_is_what_the_board_stops_at(flash, what, part):
    faults.corrupt(flash, what)
    with pytest.raises(DamagedError) as stopped:
        boot.boot(flash)
    assert stopped.value.what == part
