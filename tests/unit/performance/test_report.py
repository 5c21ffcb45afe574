"""Figures, targets and trends from what CloudWatch says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.core.performance.figures import Limits, plan
from fleetlib.core.performance.period import period
from fleetlib.core.performance.report import Verdict, report
from fleetlib.core.report_sections import parse_contribution

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
WEEK = period("2026-03-01", "2026-03-07", NOW)
GOOD = {
    ("Connect.Success", "Sum"): 995,
    ("Connect.Throttle", "Sum"): 5,
    ("ProgramSuccesses", "Sum"): 96,
    ("ProgramFailures", "Sum"): 4,
    ("DeliveryLatency", "p95"): 80.0,
    ("DeliveryLatency", "SampleCount"): 50,
    ("MemoryUsage", "Average"): 40.0,
    ("MemoryUsage", "SampleCount"): 10,
}


def made(current, before=None, when=WEEK, now=NOW, points=None, **limits):
    """The report where CloudWatch gives these numbers by (name, statistic)."""

    def read(queries, asked, seconds):
        if asked.start != when.start:
            found = before or {}
        elif seconds == when.whole(now):
            found = current
        else:
            return {one: (points or {}).get((one.name, one.stat), []) for one in queries}
        return {
            one: [(asked.start, float(found[one.name, one.stat]))] if (one.name, one.stat) in found else []
            for one in queries
        }

    return report(plan("validator", Limits(**limits)), when, now, read)


def finding(found, name):
    return next(one for one in found.findings if one.figure.id == name)


@pytest.mark.parametrize(
    ("name", "value", "samples", "verdict"),
    [
        ("connects", 99.5, 1000, Verdict.MET),
        ("programs", 96, 100, Verdict.MET),
        ("response_p95", 80, 50, Verdict.MET),
        ("memory", 40, 10, Verdict.MET),
        ("cpu", None, 0, Verdict.NO_DATA),
        ("delivery", None, 0, Verdict.NO_DATA),
    ],
)
def test_a_target_is_met_by_data_only(name, value, samples, verdict):
    one = finding(made(GOOD), name)
    assert (one.value, one.samples, one.verdict) == (value, samples, verdict)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("connects", {("Connect.Success", "Sum"): 99, ("Connect.AuthError", "Sum"): 1}),
        ("delivery", {("PublishIn.Success", "Sum"): 995, ("PublishOut.Throttle", "Sum"): 5}),
        ("programs", {("ProgramSuccesses", "Sum"): 95, ("ProgramFailures", "Sum"): 5}),
        ("response_p95", {("DeliveryLatency", "p95"): 100, ("DeliveryLatency", "SampleCount"): 1}),
        ("memory", {("MemoryUsage", "Average"): 80, ("MemoryUsage", "SampleCount"): 1}),
        ("cpu", {("CpuUsage", "Average"): 70, ("CpuUsage", "SampleCount"): 1}),
    ],
)
def test_a_figure_that_is_just_at_its_limit_misses_the_target(name, numbers):
    assert finding(made(numbers), name).verdict is Verdict.MISSED


def test_only_failures_are_data_too():
    one = finding(made({("ProgramFailures", "Sum"): 3}), "programs")
    assert (one.value, one.samples, one.verdict) == (0, 3, Verdict.MISSED)


@pytest.mark.parametrize(
    ("before", "trend", "change"),
    [(90, "better", -10), (70, "worse", 10), (80, "same", 0), (None, "no data", None)],
)
def test_a_figure_is_compared_with_the_period_before(before, trend, change):
    numbers = {("DeliveryLatency", "p95"): before, ("DeliveryLatency", "SampleCount"): 5}
    one = finding(made(GOOD, numbers if before else {}), "response_p95")
    assert (one.trend, one.change) == (trend, change)


def test_more_successes_are_better():
    one = finding(made(GOOD, GOOD | {("ProgramFailures", "Sum"): 10}), "programs")
    assert one.trend == "better"


def test_what_is_too_old_to_be_known_is_not_compared():
    now = WEEK.start + timedelta(days=450)
    found = made(GOOD, GOOD, now=now)
    assert not found.compared
    assert {one.trend for one in found.findings} == {"no data"}


def test_no_errors_are_a_figure_and_not_no_data():
    one = finding(made({("ErrorMessages", "Sum"): 0}), "errors")
    assert one.value == 0


def test_targets_of_the_environment_count():
    assert finding(made(GOOD, memory_percent=30), "memory").verdict is Verdict.MISSED


def test_the_answer_names_what_is_missed():
    found = made(GOOD | {("ProgramFailures", "Sum"): 40})
    assert found.verdict() == "Targets: 3 met, 1 missed, 2 no data. Missed: Program runs that succeed."


@pytest.mark.parametrize(
    ("fail_on", "count"), [([], 0), (["missed"], 1), (["no_data"], 2), (["missed", "no_data"], 3)]
)
def test_the_run_fails_as_it_was_asked_to(fail_on, count):
    assert len(made(GOOD | {("ProgramFailures", "Sum"): 40}).exceeded(fail_on)) == count


def test_more_than_one_point_for_the_period_is_not_put_together():
    def read(queries, asked, seconds):
        return {one: [(WEEK.start, 1.0), (WEEK.start + timedelta(hours=1), 2.0)] for one in queries}

    with pytest.raises(FleetError, match="CloudWatch gave 2 points of Connect"):
        report(plan(""), WEEK, NOW, read)


def test_without_a_validator_nothing_is_asked_of_it():
    assert not [one for one in (*plan("").numbers(), *plan("").points()) if one.namespace == "AWS/Lambda"]


def test_the_page_follows_the_schema_with_and_without_data():
    points = {("ProgramSuccesses", "Sum"): [(WEEK.start, 3.0)]}
    for numbers, known in ((GOOD, points), ({}, {})):
        found = made(numbers, points=known)
        parse_contribution(
            "fleet_report_performance", {"sections": found.sections(), "data": found.as_dict()}
        )


def test_every_figure_on_the_page_is_in_the_json():
    found = made(GOOD, GOOD)
    (table,) = (one for one in found.sections() if one["title"] == "All figures")
    data = found.as_dict()["figures"]
    assert [row[:6] for row in table["rows"]] == [
        [one[name] for name in ("title", "unit", "value", "samples", "previous", "change")] for one in data
    ]
