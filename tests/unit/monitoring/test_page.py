"""What the page of the monitoring says of alarms and metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from fleetlib.core.monitoring import page
from fleetlib.core.monitoring.alarms import ALARMS
from fleetlib.core.report_sections import parse_contribution

NAMES = {"NamePrefix": "p", "Environment": "local", "ValidatorFunction": "f"}
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SEE = "Boards run out of memory. See docs/runbooks/high_resource_usage.md, playbooks/runbooks/x.yml"


def states(**changed):
    return tuple(
        page.State(one.name, changed.get(one.name.replace("-", "_"), "OK"), NOW, "because", SEE, 80.0)
        for one in ALARMS
    )


def found(data=None, alarms=None):
    return page.Monitoring(states() if alarms is None else alarms, data or {}, NAMES)


def memory(value):
    return {
        one: [(NOW, value)]
        for one in page.queries(NAMES)
        if (one.name, one.stat) == ("MemoryUsage", "Average")
    }


def test_a_quiet_fleet_is_answered_in_one_sentence():
    assert found().verdict() == f"{len(ALARMS)} alarms, 0 ringing."


def test_what_rings_is_named_and_comes_first():
    seen = found(alarms=states(memory_high="ALARM"))
    assert seen.verdict() == f"{len(ALARMS)} alarms, 1 ringing: memory-high."
    first = seen.sections()[0]["rows"][0]
    assert first[0] == "memory-high"
    assert first[1] == {"text": "rings", "status": "failed"}
    assert first[-1] == "high_resource_usage"


def test_an_alarm_that_tells_nobody_is_said():
    silent = (page.State("programs-fail", "OK", is_on=False), *states()[1:])
    assert "Switched off: programs-fail." in found(alarms=silent).verdict()


def test_an_alarm_that_is_not_there_is_said():
    assert (
        "Not there: cpu-high;"
        in found(alarms=tuple(one for one in states() if one.name != "cpu-high")).verdict()
    )


def test_a_plot_has_the_threshold_that_the_alarm_really_has():
    (plot,) = (one for one in found(memory(41.0)).sections() if one["title"] == "Memory used")
    assert plot["series"] == [{"name": "mean", "points": [["2026-03-01T09:30:00.000Z", 41.0]]}]
    assert plot["limits"] == [{"name": "memory-high", "value": 80.0}]


def test_what_has_no_data_is_named_and_not_drawn():
    seen = found(memory(41.0)).sections()
    assert [one["title"] for one in seen] == ["Alarms", "Memory used", "Without data"]
    assert "Connections, Messages" in seen[-1]["text"]


def test_names_of_functions_and_builds_are_those_of_the_fleet():
    dimensions = {value for one in page.queries(NAMES) for _, value in one.dimensions}
    assert dimensions == {"MQTT", "f", "p-local-validate-programs"}


def test_the_sections_follow_the_schema_of_reports():
    assert parse_contribution(
        "fleet_report_monitoring", {"sections": found(memory(41.0)).sections()}
    ).sections
