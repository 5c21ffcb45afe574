"""Which days a report is about, and how CloudWatch is asked for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.performance.period import Period, period

NOW = datetime(2026, 3, 10, 12, 30, 20, tzinfo=UTC)


def day(number, month=3):
    return datetime(2026, month, number, tzinfo=UTC)


def test_both_days_are_included():
    assert period("2026-03-01", "2026-03-07", NOW) == Period(day(1), day(8))


def test_today_counts_as_far_as_it_is_over():
    assert period("2026-03-10", "2026-03-10", NOW).end == datetime(2026, 3, 10, 12, 31, tzinfo=UTC)


def test_without_dates_it_is_today_and_the_seven_days_before():
    assert period("", "", NOW).start == day(3)


def test_it_is_compared_with_the_same_length_before():
    assert period("2026-03-01", "2026-03-07", NOW).before == Period(day(22, 2), day(1))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-03-07", "2026-03-01", "start_date is 2026-03-07, which is after end_date, 2026-03-01"),
        ("2026-03-01", "2026-03-11", "end_date is 2026-03-11, which is in the future; today is 2026-03-10"),
        ("yesterday", "", "start_date is 'yesterday'; it must be a date like 2026-03-01"),
        ("", "2026-02-30", "end_date is '2026-02-30'; it must be a date"),
        ("2024-12-09", "", "CloudWatch keeps metrics for 455 days: from 2024-12-10 on"),
    ],
)
def test_days_that_cannot_be_reported_are_named(start, end, words):
    with pytest.raises(InvalidInputError, match=words):
        period(start, end, NOW)


@pytest.mark.parametrize(("days", "grain"), [(1, 60), (20, 300), (100, 3600)])
def test_old_points_are_asked_for_as_coarsely_as_they_are_kept(days, grain):
    one = Period(NOW - timedelta(days=days), NOW - timedelta(days=days) + timedelta(hours=3))
    assert one.whole(NOW) % grain == 0
    assert one.step(NOW) >= grain


@pytest.mark.parametrize("days", [1, 2, 7, 31, 365])
def test_one_point_covers_the_whole_period_however_points_begin(days):
    one = Period(day(1) - timedelta(days=days), day(1))
    seconds = one.whole(NOW)
    first, last = one.start.timestamp(), one.end.timestamp()
    assert seconds >= last - first
    assert first // seconds == (last - 1) // seconds


@pytest.mark.parametrize(("days", "step"), [(1, 900), (7, 3600), (30, 21600), (400, 604800)])
def test_a_curve_has_few_points(days, step):
    assert Period(NOW - timedelta(days=days), NOW).step(NOW) == step
