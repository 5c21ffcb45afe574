"""A straight line through daily figures, how sure it is, and when it crosses a limit.

The slope is Theil and Sen's: the median of the slopes through every two points, which a few odd days do not
move. Its interval is Sen's (Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968),
that of the level the order statistics around the median of what the slope leaves over. Neither supposes a
normal distribution. Both suppose that one day's noise says nothing of the next one's: where it does, the
interval is too narrow. What is tested: tests/unit/capacity/test_forecast.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, median
from typing import Final

CONFIDENCE: Final = 0.9
FEWEST: Final = 7
"""Days below which there is no trend."""
MOST: Final = 120
"""Days that are looked at; the number of slopes grows with the square."""
NEVER: Final = math.inf


@dataclass(frozen=True)
class Point:
    """A figure on a day."""

    day: float
    """Days from any fixed day on."""
    value: float


@dataclass(frozen=True)
class Trend:
    """A line, and two that it lies between."""

    centre: float
    """The day at which the three are nearest."""
    level: float
    """On that day."""
    low_level: float
    high_level: float
    slope: float
    """A day."""
    low_slope: float
    high_slope: float

    def at(self, day: float) -> tuple[float, float, float]:
        """The lowest, the expected and the highest value on a day; none is below 0."""
        away = day - self.centre
        slopes = (self.low_slope, self.high_slope)
        low = self.low_level + min(slope * away for slope in slopes)
        high = self.high_level + max(slope * away for slope in slopes)
        return max(low, 0.0), max(self.level + self.slope * away, 0.0), max(high, 0.0)

    def crossing(self, limit: float) -> tuple[float, float, float]:
        """The earliest, the expected and the latest day on which the limit is reached; `NEVER` where it
        is not."""
        return (
            self._crossing(self.high_level, self.high_slope, limit),
            self._crossing(self.level, self.slope, limit),
            self._crossing(self.low_level, self.low_slope, limit),
        )

    def _crossing(self, level: float, slope: float, limit: float) -> float:
        return self.centre + (limit - level) / slope if slope > 0 else NEVER


def fit(points: Sequence[Point], confidence: float = CONFIDENCE) -> Trend | None:
    """The trend of the last `MOST` days; nothing where there are fewer than `FEWEST`."""
    kept = sorted(points, key=lambda one: one.day)[-MOST:]
    if len({one.day for one in kept}) < FEWEST:
        return None
    slopes = sorted(
        (second.value - first.value) / (second.day - first.day)
        for first, second in combinations(kept, 2)
        if second.day != first.day
    )
    slope, centre = median(slopes), median(one.day for one in kept)
    left = sorted(one.value - slope * (one.day - centre) for one in kept)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = len(kept)
    low, high = _around(slopes, z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18))
    low_level, high_level = _around(left, z * math.sqrt(n))
    return Trend(centre, median(left), low_level, high_level, slope, low, high)


def _around(ordered: Sequence[float], width: float) -> tuple[float, float]:
    """The order statistics ``width / 2`` places to both sides of the middle of an ordered list."""
    count = len(ordered)
    first = max(0, math.floor((count - width) / 2))
    last = min(count - 1, math.ceil((count + width) / 2))
    return ordered[first], ordered[last]
