"""When the live view looks again: at an even pace, and more seldom while AWS refuses or is silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..errors import FleetError, InvalidInputError

LEAST_SECONDS: Final = 2.0
MOST_SECONDS: Final = 300.0
"""Longest pause; a view that looks more seldom is no live one."""


class SilentCloudError(FleetError):
    """No answer came, so the other questions need not be asked either."""


class ThrottledError(FleetError):
    """AWS refused a request for being one too many."""


@dataclass
class Pace:
    """Seconds between two looks."""

    every: float
    seconds: float = 0.0
    """Until the next look."""

    def __post_init__(self) -> None:
        """Raises `InvalidInputError` for a pause that AWS would suffer from, or nobody would wait for."""
        if not LEAST_SECONDS <= self.every <= MOST_SECONDS:
            raise InvalidInputError(
                f"--every is {self.every:g} seconds; it must be from {LEAST_SECONDS:g} to {MOST_SECONDS:g}."
            )
        self.seconds = self.every

    def went_well(self) -> None:
        """Back to the usual pace."""
        self.seconds = self.every

    def went_wrong(self) -> None:
        """Twice the pause, up to the longest."""
        self.seconds = min(self.seconds * 2, MOST_SECONDS)
