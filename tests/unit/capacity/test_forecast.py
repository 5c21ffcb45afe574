"""The trend on series of which the truth is known: how often its interval holds it."""

from __future__ import annotations

import math
import random

import pytest
from fleetlib.core.capacity.forecast import FEWEST, NEVER, Point, fit

SERIES = 300


def gaussian(source):
    return source.gauss(0, 5)


def heavy_tailed(source):
    return 2 * math.tan(math.pi * (source.random() - 0.5))  # Cauchy: it has no mean


def with_outliers(source):
    return 400.0 if source.random() < 0.1 else source.gauss(0, 5)


def skewed(source):
    return source.expovariate(0.2) - 5 * math.log(2)  # its median is 0


def trends(noise, days, slope=1.0, level=100.0):
    source = random.Random(f"{noise.__name__}{days}{slope}")
    for _ in range(SERIES):
        yield fit([Point(day, level + slope * day + noise(source)) for day in range(days)])


@pytest.mark.parametrize("days", [10, 30, 60])
@pytest.mark.parametrize("noise", [gaussian, heavy_tailed, with_outliers, skewed])
def test_nine_of_ten_intervals_and_more_hold_the_day_on_which_the_limit_is_reached(noise, days):
    truth = 400.0  # level 100, slope 1, limit 500
    held = sum(found[0] <= truth <= found[2] for found in (one.crossing(500) for one in trends(noise, days)))
    assert held / SERIES >= 0.88  # 0.9, and two standard errors of 300 series


@pytest.mark.parametrize("noise", [gaussian, heavy_tailed, with_outliers, skewed])
def test_the_slope_has_its_own_interval_at_the_confidence_asked_for(noise):
    held = [one.low_slope <= 1.0 <= one.high_slope for one in trends(noise, 30)]
    assert 0.86 <= sum(held) / SERIES <= 0.97


@pytest.mark.parametrize("noise", [gaussian, with_outliers])
def test_without_a_trend_no_limit_is_certain_to_be_reached(noise):
    found = [one.crossing(1000) for one in trends(noise, 30, slope=0.0)]
    assert sum(latest == NEVER for _, _, latest in found) / SERIES >= 0.9


def test_a_line_without_noise_is_found_exactly():
    trend = fit([Point(day, 10 + 2 * day) for day in range(10)])
    assert trend.crossing(50) == pytest.approx((20, 20, 20))
    assert trend.at(30) == pytest.approx((70, 70, 70))


def test_one_odd_day_does_not_move_the_line():
    points = [Point(day, 10 + 2 * day) for day in range(30)]
    odd = [*points[:15], Point(15, 1e6), *points[16:]]
    assert fit(odd).slope == pytest.approx(2)


def test_a_figure_that_falls_never_reaches_its_limit():
    assert fit([Point(day, 100 - day) for day in range(10)]).crossing(200) == (NEVER, NEVER, NEVER)
    assert fit([Point(day, 100 - day) for day in range(10)]).at(500) == (0, 0, 0)


def test_of_too_few_days_nothing_is_said():
    assert fit([Point(day, day) for day in range(FEWEST - 1)]) is None
    assert fit([Point(1, value) for value in range(20)]) is None


def test_days_may_be_missing():
    assert fit([Point(day, 3 * day) for day in (0, 1, 2, 9, 10, 40, 41)]).slope == pytest.approx(3)
