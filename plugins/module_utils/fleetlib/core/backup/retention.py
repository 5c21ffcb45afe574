"""Which snapshots are kept: every one of the last days, then one a day, one a week, one a month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import InvalidInputError
from .manifest import Manifest, when


@dataclass(frozen=True)
class Retention:
    """How many are kept of each."""

    all_days: int = 2
    """Every snapshot of so many days."""
    daily: int = 14
    weekly: int = 8
    monthly: int = 12

    def __post_init__(self) -> None:
        """Refuse what would throw everything away."""
        for name, value in vars(self).items():
            if value < 0:
                raise InvalidInputError(f"retention: {name} is {value}; it must be 0 or more.")

    def split(self, snapshots: Sequence[str], now: datetime) -> tuple[list[str], list[str]]:
        """(kept, expired), each oldest first. The newest snapshot is always kept."""
        newest_first = sorted(snapshots, reverse=True)
        kept = set(newest_first[:1])
        kept |= {one for one in newest_first if now - when(one) <= timedelta(days=self.all_days)}
        kept |= _last_of_each(newest_first, self.daily, lambda at: at.strftime("%Y-%m-%d"))
        kept |= _last_of_each(newest_first, self.weekly, lambda at: at.strftime("%G-%V"))
        kept |= _last_of_each(newest_first, self.monthly, lambda at: at.strftime("%Y-%m"))
        return sorted(kept), sorted(set(snapshots) - kept)


def unused(stored: Iterable[str], kept: Iterable[Manifest]) -> list[str]:
    """Keys of stored blobs that no kept snapshot needs."""
    needed = {blob.key for manifest in kept for blob in manifest.blobs.values()}
    return sorted(key for key in stored if key.startswith("blobs/") and key not in needed)


def _last_of_each(newest_first: Sequence[str], count: int, period: Callable[[datetime], str]) -> set[str]:
    last: dict[str, str] = {}
    for one in newest_first:
        last.setdefault(period(when(one)), one)
    return set(list(last.values())[:count])
