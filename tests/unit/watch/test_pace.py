"""How often the live view asks."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.watch.pace import Pace


def test_the_pause_doubles_while_things_go_wrong_up_to_five_minutes():
    pace, pauses = Pace(10.0), []
    for _ in range(7):
        pace.went_wrong()
        pauses.append(pace.seconds)
    assert pauses == [20, 40, 80, 160, 300, 300, 300]


def test_one_good_answer_brings_the_usual_pace_back():
    pace = Pace(10.0)
    pace.went_wrong()
    pace.went_well()
    assert pace.seconds == 10.0


@pytest.mark.parametrize("every", [0, 1.9, -5, 301, float("nan")])
def test_a_pause_that_is_too_short_or_too_long_is_refused(every):
    with pytest.raises(InvalidInputError, match="--every"):
        Pace(every)
