"""What goes wrong between esptool and a board, on purpose."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar


@dataclass
class Fault:
    """Something that goes wrong once.

    cut: the line is cut. vanish: the port is gone for good. reset: the board restarts. power: it loses its
    power while it writes. wrong: an answer has a wrong bit. noise: what the board receives has one. silent:
    an answer does not come.
    """

    kind: str
    after: int = 0
    """Bytes received since the connection was made, or written to flash (power)."""

    KINDS: ClassVar = ("cut", "reset", "power", "wrong", "noise", "silent")
    """Those that chance chooses from."""


@dataclass
class Chance:
    """Faults by chance, the same for the same seed."""

    seed: int
    share: float
    """Part of the connections that get one."""
    within: int
    """It comes within so many bytes."""

    def __post_init__(self) -> None:
        """Begin the series."""
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def draw(self) -> Fault | None:
        """The fault of the next connection."""
        if self.random.random() >= self.share:
            return None
        return Fault(self.random.choice(Fault.KINDS), self.random.randrange(self.within))
