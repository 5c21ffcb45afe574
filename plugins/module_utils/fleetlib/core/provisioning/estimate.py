"""How many calls a plan takes, and how long at the quotas. A million devices are as quick as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..progress import duration
from ..quotas import Quotas
from .steps import NEW_DEVICE, OPERATIONS


class Strategy(StrEnum):
    """Ways to bring devices into the registry."""

    DIRECT = "direct"
    """This control host makes every call; keys are made here and stay."""
    BULK = "bulk"
    """AWS works through a file of signing requests (StartThingRegistrationTask); keys are made here."""
    CLAIM = "claim"
    """Every device registers itself with a claim certificate and makes its key itself."""


CALLS_PER_DEVICE: Mapping[Strategy, Mapping[str, int]] = {
    Strategy.DIRECT: Counter(OPERATIONS[step] for step in NEW_DEVICE if step in OPERATIONS),
    # One registration task runs at a time and works at the rate of RegisterThing.
    Strategy.BULK: {"RegisterThing": 1},
    # The device's own calls over MQTT.
    Strategy.CLAIM: {"CreateCertificateFromCsr": 1, "RegisterThing": 1},
}
"""What a new device costs."""


@dataclass(frozen=True)
class Estimate:
    """Calls, and the time they take when nothing but the quotas holds them up."""

    calls: Mapping[str, int]
    quotas: Quotas

    def seconds_of(self, operation: str) -> float:
        """How long the calls of one operation take at its quota."""
        return self.calls.get(operation, 0) / self.quotas.rate(operation)

    @property
    def slowest(self) -> str:
        """The operation that decides how long it takes; the first by name of equals, empty without calls."""
        return max(sorted(self.calls), key=self.seconds_of, default="")

    @property
    def seconds(self) -> float:
        """How long it takes: operations run side by side, each at its own quota."""
        return self.seconds_of(self.slowest)

    @property
    def raises(self) -> tuple[tuple[str, ...], float]:
        """The quotas worth raising (all as slow as the slowest), and the seconds that would remain."""
        at_the_limit = tuple(
            sorted(name for name in self.calls if self.seconds_of(name) > 0.99 * self.seconds > 0)
        )
        rest = {name: count for name, count in self.calls.items() if name not in at_the_limit}
        return at_the_limit, Estimate(rest, self.quotas).seconds

    def lines(self) -> list[str]:
        """The estimate for a terminal."""
        if not self.calls:
            return ["No call has to be made."]
        total = sum(self.calls.values())
        lines = [
            f"{total:,} calls, about {duration(self.seconds)} at the quotas ({self.quotas.source}); "
            f"the slowest is {self.slowest}."
        ]
        lines += [
            f"  {name}: {count:,} at {self.quotas.rate(name):,.10g}/s = {duration(self.seconds_of(name))}"
            for name, count in sorted(self.calls.items(), key=lambda one: (-self.seconds_of(one[0]), one[0]))
        ]
        worth, remaining = self.raises
        if remaining < self.seconds >= 60:
            lines.append(
                f"A higher quota of {' and '.join(worth)} would help, down to {duration(remaining)}."
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The estimate as plain data."""
        worth, remaining = self.raises
        return {
            "calls": dict(sorted(self.calls.items())),
            "seconds": round(self.seconds, 1),
            "slowest": self.slowest,
            "quotas": self.quotas.source,
            "raise": {"operations": list(worth), "remaining_seconds": round(remaining, 1)},
        }


def for_new_devices(count: int, strategy: Strategy, quotas: Quotas) -> Estimate:
    """What ``count`` devices cost that nobody knows yet."""
    return Estimate({name: calls * count for name, calls in CALLS_PER_DEVICE[strategy].items()}, quotas)
