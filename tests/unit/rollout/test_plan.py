"""A rollout plan as an operator writes it."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.rollout import plan


@pytest.mark.parametrize("name", plan.READY)
def test_a_ready_plan_survives_the_way_through_the_record(name):
    ready = plan.parse(name)
    assert plan.parse(ready.as_dict()) == ready
    assert ready.waves[-1].selector == "rest"


def test_defaults_hold_for_every_wave_and_a_wave_wins_over_them():
    parsed = plan.parse(
        {
            "defaults": {"bake_minutes": 1, "gate": {"lost_percent": 3}},
            "waves": [{"count": 2, "gate": {"failed_percent": 1}}, {"rest": True, "bake_minutes": 5}],
        }
    )
    first, second = parsed.waves
    assert (first.name, first.bake_minutes, first.gate.lost_percent, first.gate.failed_percent) == (
        "wave-1",
        1,
        3,
        1,
    )
    assert (second.bake_minutes, second.gate.lost_percent) == (5, 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("brave", "there is no plan 'brave'. Ready plans: cautious, standard, urgent."),
        ({"waves": []}, "rollout_plan.waves must be a list of at least one wave."),
        ({"waves": [{"count": 1, "percent": 2}]}, r"waves\[0\] must have exactly one of"),
        ({"waves": [{"bake_minutes": 1}]}, "it has none"),
        ({"waves": [{"count": 0}]}, r"waves\[0\].count is 0; it must be at least 1."),
        ({"waves": [{"count": 1.5}]}, "must be a whole number"),
        ({"waves": [{"count": True}]}, "must be a number"),
        ({"waves": [{"percent": 101}]}, "must be from 0.01 to 100"),
        ({"waves": [{"rest": False}]}, "can only be true"),
        ({"waves": [{"rest": True}, {"count": 1}]}, "only the last wave"),
        ({"waves": [{"count": 1, "name": "a"}, {"count": 1, "name": "a"}]}, "same name"),
        ({"waves": [{"count": 1, "bake": 1}]}, "bake is not known. Allowed: "),
        ({"waves": [{"count": 1, "gate": {"losses": 1}}]}, r"waves\[0\].gate: losses is not known"),
        ({"waves": [{"count": 1, "gate": {"command": "date"}}]}, "must be a list of texts"),
        ({"waves": [{"count": 1, "rate": {"per_minute": 1001}}]}, "must be from 1 to 1000"),
        ({"waves": [{"count": 1, "rate": {"growth": 2}}]}, "belong together"),
        (
            {"waves": [{"count": 1, "rate": {"growth": 2, "start_per_minute": 9, "per_minute": 3}}]},
            "is more than",
        ),
        ({"waves": [{"attribute": {"name": "ring"}}]}, "must have name and value"),
        ({"waves": [{"count": 1}], "rollback": "no"}, "must be true or false"),
        ({"waves": [{"count": 1}], "windows": [{"start": "24:00", "minutes": 5}]}, 'such as "22:30"'),
        ({"waves": [{"count": 1}], "windows": [{"start": "22:00", "minutes": 0}]}, "must be from 1 to 1440"),
        ({"waves": ["canary"]}, "must be a dictionary"),
    ],
)
def test_a_mistake_is_named_with_its_place(given, says):
    with pytest.raises(InvalidInputError, match=says):
        plan.parse(given)


def test_a_window_may_go_over_midnight():
    windows = [{"start": "23:30", "minutes": 60}]
    nightly = plan.parse({"waves": [{"rest": True}], "windows": windows})
    assert nightly.as_dict()["windows"] == windows
    assert nightly.seconds_to_window(20 * 3600) == 3.5 * 3600
    assert nightly.seconds_to_window(23.5 * 3600) == 0
    assert nightly.seconds_to_window(1799) == 0
    assert nightly.seconds_to_window(1800) == 23 * 3600
