"""How far a long run is: count, rate, time left. One process writes it to a file, another shows it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

SETTLED_SECONDS = 3.0
"""Before this, the first items are still on their way and a rate says little."""


@dataclass(frozen=True)
class Progress:
    """A moment of a run."""

    what: str
    """What is counted, in the plural: ``devices``."""
    done: int
    total: int
    failed: int
    elapsed_seconds: float
    phase: str = ""
    """What is being done, when it is not the counted work itself."""

    @property
    def rate(self) -> float:
        """How many a second, on average so far."""
        return (self.done + self.failed) / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; nothing until the rate means something."""
        if not self.rate or self.elapsed_seconds < SETTLED_SECONDS:
            return None
        return (self.total - self.done - self.failed) / self.rate

    def line(self) -> str:
        """``240/1,000 devices (24 %), 15.0/s, 0:50 left``."""
        if self.phase:
            return self.phase
        share = f" ({self.done * 100 // self.total} %)" if self.total else ""
        parts = [f"{self.done:,}/{self.total:,} {self.what}{share}", f"{self.rate:.1f}/s"]
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return ", ".join(parts)


class Meter:
    """Counts, and passes a `Progress` on no more often than twice a second."""

    INTERVAL_SECONDS = 0.5

    def __init__(self, show: Callable[[Progress], None], monotonic: Callable[[], float], what: str) -> None:
        """``show`` gets each moment that is worth showing."""
        self._show = show
        self._monotonic = monotonic
        self._what = what
        self._total = self._done = self._failed = 0
        self._start = monotonic()
        self._shown = float("-inf")

    def start(self, total: int) -> None:
        """The counted work begins now."""
        self._total, self._done, self._failed = total, 0, 0
        self._start = self._monotonic()
        self._report(force=True)

    def phase(self, text: str) -> None:
        """Something that is not counted begins."""
        now = self._monotonic()
        self._show(Progress(self._what, self._done, self._total, self._failed, now - self._start, text))

    def count(self, failed: bool = False) -> None:
        """One more is through."""
        if failed:
            self._failed += 1
        else:
            self._done += 1
        self._report(force=self._done + self._failed == self._total)

    def reach(self, done: int, failed: int) -> None:
        """So many are through, as somebody else who does the work has counted."""
        self._done, self._failed = done, failed
        self._report(force=True)

    def _report(self, force: bool) -> None:
        now = self._monotonic()
        if force or now - self._shown >= self.INTERVAL_SECONDS:
            self._shown = now
            self._show(Progress(self._what, self._done, self._total, self._failed, now - self._start))


def to_file(path: Path) -> Callable[[Progress], None]:
    """A ``show`` that keeps the latest moment in ``path``, whole at any time. It never fails the run."""
    draft = path.with_name(f"{path.name}.new")

    def show(progress: Progress) -> None:
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(asdict(progress)))
            os.replace(draft, path)

    return show


def from_file(path: Path) -> Progress | None:
    """The moment that `to_file` kept; nothing before the first."""
    try:
        return Progress(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def duration(seconds: float) -> str:
    """``0:50``, ``12:05``, ``1:51:07``; a second that has begun counts."""
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
