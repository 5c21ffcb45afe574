"""Who uses far more than the others, by a statistic that the others decide."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.health.devices import Evidence, Limits, judge
from fleetlib.core.report_sections import parse_contribution
from fleetlib.core.usage import examine, scores

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def board(
    number, memory=40.0, cpu=20.0, programs=("blink",), connected=True, ago_minutes=5, status="Running"
):
    usage = {"used_bytes": (memory or 0) * 1000, "total_bytes": 100_000}
    hardware = {**({"memory_usage": usage} if memory is not None else {}), "cpu_percent": cpu}
    reported = {
        "hardware_state": hardware,
        "programs": {name: {"version": "1.0.0", "status": status} for name in programs},
    }
    seen = NOW - timedelta(minutes=ago_minutes)
    hit = {
        "thingName": f"d-{number:03d}",
        "connectivity": {"connected": connected, "timestamp": int(seen.timestamp() * 1000)},
        "shadow": json.dumps({"reported": reported}),
    }
    return judge(hit, Evidence(), Limits(), NOW)


def look(*boards, since=60, **limits):
    return examine(boards, NOW, since, **limits)


def ordinary(count=20, **more):
    rng = random.Random(1)
    return [board(n, memory=rng.uniform(35, 45), cpu=rng.uniform(10, 25), **more) for n in range(count)]


def test_the_score_is_that_of_the_literature():
    # Median 3.5, deviations of 2.5 to 0.5 and 96.5: their median is 1.5.
    values = [1, 2, 3, 4, 5, 100, 3, 4, 2, 5]
    deviation = median(abs(value - 3.5) for value in values)
    assert scores(values)[5] == pytest.approx(0.6745 * 96.5 / deviation)


def test_a_device_far_above_the_others_stands_out_and_its_programs_are_named():
    found = look(*ordinary(), board(99, memory=90, programs=("leaky",)))
    assert [(one.thing, one.figure, one.value) for one in found.outliers] == [
        ("d-099", "memory_percent", 90.0)
    ]
    assert found.outliers[0].programs == ("leaky 1.0.0",)


def test_many_outliers_do_not_hide_each_other():
    found = look(*ordinary(20), *(board(50 + n, memory=90 + n) for n in range(6)))
    assert {one.thing for one in found.outliers} == {f"d-{50 + n:03d}" for n in range(6)}


def test_a_device_that_uses_little_does_not_stand_out():
    assert look(*ordinary(), board(99, memory=1, cpu=0)).outliers == ()


def test_where_all_are_alike_one_that_differs_much_is_found_and_a_trifle_is_not():
    alike = [board(n) for n in range(20)]
    assert [one.thing for one in look(*alike, board(99, cpu=60)).outliers] == ["d-099"]
    assert look(*alike, board(99, cpu=20.4)).outliers == ()
    assert look(*alike).outliers == ()


def test_nothing_stands_out_among_few_and_it_is_said():
    found = look(*(board(n) for n in range(8)), board(9, memory=99))
    assert found.outliers == ()
    assert [one.status for one in found.checks()][2:] == ["not_checked", "not_checked"]
    assert "9 devices report it; 10 are needed" in found.checks()[2].detail


def test_figures_of_devices_that_are_gone_do_not_count():
    found = look(
        board(1),
        board(2, connected=False, ago_minutes=59),
        board(3, connected=False, ago_minutes=61),
        board(4, memory=None, cpu=None),
    )
    assert ([one.thing for one in found.devices], found.silent) == (["d-001", "d-002"], 2)


def test_targets_are_met_or_missed_by_the_mean():
    found = look(board(1, memory=90, cpu=10), board(2, memory=80, cpu=20))
    assert [(one.status, one.detail) for one in found.checks()[:2]] == [
        ("failed", "Missed: 85.0 %, of 2 devices."),
        ("passed", "Met: 15.0 %, of 2 devices"),
    ]
    assert look(board(1, memory=90), memory_percent=95).checks()[0].status == "passed"


def test_a_program_is_compared_with_the_devices_that_lack_it():
    light = [board(n, memory=30) for n in range(3)]
    heavy = [board(10 + n, memory=50 + n, programs=("blink", "camera")) for n in range(3)]
    first, second = look(*light, *heavy).programs
    assert (first.program, first.devices, first.memory, first.memory_more) == ("camera 1.0.0", 3, 51.0, 21.0)
    assert (second.program, second.devices, second.memory_more) == ("blink 1.0.0", 6, None)


def test_failed_programs_are_counted():
    (found,) = look(board(1, status="Failed"), board(2)).programs
    assert (found.devices, found.failed) == (2, 1)


def test_a_fleet_that_says_nothing_is_not_checked():
    found = look()
    assert {one.status for one in found.checks()} == {"not_checked"}
    assert found.as_dict()["mean"] == {"memory_percent": None, "cpu_percent": None}
    assert [one["kind"] for one in found.sections()] == ["checks"]


def test_the_sections_are_what_reports_allow():
    found = look(*ordinary(), board(99, memory=90))
    value = {"sections": found.sections(), "data": found.as_dict()}
    kinds = [one["kind"] for one in parse_contribution("fleet_report_usage", value).sections]
    assert kinds == ["checks", "histogram", "histogram", "table", "table"]


def test_a_period_without_a_length_is_refused():
    with pytest.raises(InvalidInputError, match="since_minutes is 0; it must be above 0"):
        look(since=0)
