"""From a plan and the real fleet to a forecast."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.rollout import forecast, plan, summary, waves
from fleetlib.core.rollout.ports import DeviceState

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_who_is_offline_now_the_time_of_day_and_the_poll_interval_go_into_the_model():
    model = forecast.model({}, [DeviceState(True), DeviceState(True), DeviceState(False)], NOW, 2.0)
    assert (model.offline_share, model.start_minute, model.poll_seconds) == (1 / 3, 570, 2.0)
    assert forecast.model({"offline_share": 0.5}, [DeviceState(True)], NOW, 2.0).offline_share == 0.5


def test_a_model_with_an_unknown_key_is_refused():
    with pytest.raises(InvalidInputError, match=r"rollout_model: latency is not known\. Allowed: "):
        forecast.model({"latency": 1}, [], NOW, 10.0)


def test_the_forecast_says_how_long_how_many_and_what_if():
    given = plan.parse({"waves": [{"name": "canary", "count": 5}, {"name": "more", "count": 10}]})
    assignment = waves.assign(given, [waves.Device(f"device-{n}") for n in range(20)])
    model = forecast.model({"offline_share": 0, "failure_share": 0}, [], NOW, 10.0)
    foreseen = forecast.forecast(given, assignment, model)
    lines = foreseen["lines"]
    assert lines[0] == "plan own: 15 devices in 2 waves"
    assert lines[1].split()[0:3] == ["canary", "5", "devices,"]
    assert any("should it fail on 20% of the devices" in line for line in lines)
    assert lines[-1] == "5 devices are in no wave and keep what they have"
    assert [section["kind"] for section in summary.foreseen(foreseen)] == ["facts", "table", "series", "bars"]
