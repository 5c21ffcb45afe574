"""How many calls a plan takes, and how long at the quotas. A million devices are as quick as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..progress import duration
from ..quotas import Quotas
from .steps import NEW_DEVICE, OPERATIONS, Step


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
    # The device's own calls over MQTT, and the hook's.
    Strategy.CLAIM: {"CreateCertificateFromCsr": 1, "DescribeThing": 1, "RegisterThing": 1},
}
"""What a new device costs."""

FINISHING = (Step.PRINCIPAL, Step.UPDATE, Step.GROUP)
"""What this host does for a device once a registration task has ended: its template cannot name the
certificate in an attribute, and only a complete device is a member of the group."""

WORTH_COMPARING_SECONDS = 600
"""A run this long is shown what the other strategies would take."""

WORTH_RAISING_SECONDS = 60
"""A shorter run needs no higher quota."""


@dataclass(frozen=True)
class Estimate:
    """Calls, and the time they take when nothing but the quotas holds them up."""

    calls: Mapping[str, int]
    quotas: Quotas
    strategy: Strategy = Strategy.DIRECT
    then: Mapping[str, int] = field(default_factory=dict)
    """Calls that can only begin when all the others are done."""

    @property
    def all_calls(self) -> Mapping[str, int]:
        """Every call, by operation."""
        return Counter(self.calls) + Counter(self.then)

    def seconds_of(self, operation: str) -> float:
        """How long the calls of one operation take at its quota."""
        return self.all_calls.get(operation, 0) / self.quotas.rate(operation)

    @property
    def slowest(self) -> str:
        """The operation that decides how long it takes; the first by name of equals, empty without calls."""
        return max(sorted(self.all_calls), key=self.seconds_of, default="")

    @property
    def seconds(self) -> float:
        """How long it takes: operations run side by side, each at its own quota."""
        return self._longest(self.calls) + self._longest(self.then)

    @property
    def raises(self) -> tuple[tuple[str, ...], float]:
        """The quotas worth raising (all as slow as the slowest), and the seconds that would remain."""
        longest = self.seconds_of(self.slowest)
        at_the_limit = tuple(
            sorted(name for name in self.all_calls if self.seconds_of(name) > 0.99 * longest > 0)
        )
        rest = {name: count for name, count in self.calls.items() if name not in at_the_limit}
        after = {name: count for name, count in self.then.items() if name not in at_the_limit}
        return at_the_limit, self._longest(rest) + self._longest(after)

    def _longest(self, calls: Mapping[str, int]) -> float:
        return max((count / self.quotas.rate(name) for name, count in calls.items()), default=0.0)

    @property
    def headline(self) -> str:
        """How many calls, how long, and what is the slowest."""
        return (
            f"{sum(self.all_calls.values()):,} calls, about {duration(self.seconds)} at the quotas "
            f"({self.quotas.source}); the slowest is {self.slowest}."
        )

    @property
    def advice(self) -> str:
        """Which quota is worth raising; empty when none is."""
        worth, remaining = self.raises
        if not remaining < self.seconds or self.seconds < WORTH_RAISING_SECONDS:
            return ""
        return f"A higher quota of {' and '.join(worth)} would help, down to {duration(remaining)}."

    def lines(self) -> list[str]:
        """The estimate for a terminal."""
        if not self.all_calls:
            return ["No call has to be made."]
        lines = [
            f"  {name}: {count:,} at {self.quotas.rate(name):,.10g}/s = {duration(self.seconds_of(name))}"
            f"{' (when the others are done)' if name in self.then else ''}"
            for name, count in sorted(
                self.all_calls.items(), key=lambda one: (-self.seconds_of(one[0]), one[0])
            )
        ]
        return [self.headline, *lines, *filter(None, [self.advice])]

    def as_dict(self) -> dict[str, Any]:
        """The estimate as plain data."""
        worth, remaining = self.raises
        return {
            "strategy": str(self.strategy),
            "calls": dict(sorted(self.all_calls.items())),
            "seconds": round(self.seconds, 1),
            "slowest": self.slowest,
            "quotas": self.quotas.source,
            "raise": {"operations": list(worth), "remaining_seconds": round(remaining, 1)},
        }


def for_new_devices(count: int, strategy: Strategy, quotas: Quotas) -> Estimate:
    """What ``count`` devices cost that nobody knows yet."""
    calls = {name: calls * count for name, calls in CALLS_PER_DEVICE[strategy].items()}
    then = {OPERATIONS[step]: count for step in FINISHING} if strategy is Strategy.BULK else {}
    return Estimate(calls, quotas, strategy, then)


def compared(chosen: Estimate, new_devices: int) -> list[str]:
    """What the other strategies would take for the new devices; nothing for a short run."""
    if not new_devices or chosen.seconds < WORTH_COMPARING_SECONDS:
        return []
    others = (
        for_new_devices(new_devices, strategy, chosen.quotas)
        for strategy in Strategy
        if strategy is not chosen.strategy
    )
    return [f"With strategy {one.strategy}: {one.headline} {one.advice}".rstrip() for one in others]
