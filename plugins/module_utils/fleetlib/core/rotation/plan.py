"""Whose turn it is, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..progress import duration
from ..provisioning.estimate import Estimate
from ..provisioning.plan import SHOWN_IN_DIFF, TO_BE_ISSUED
from ..quotas import Quotas
from .model import Rules, Wave

Candidate = tuple[str, str]
"""A thing and the id of the certificate that it has."""


def whose_turn(
    troubled: Iterable[Candidate], connected: Collection[str]
) -> tuple[list[Candidate], list[str]]:
    """Devices whose turn it is, and those left for another time because they are not connected."""
    now, later = [], []
    for thing, certificate in troubled:
        if thing in connected:
            now.append((thing, certificate))
        else:
            later.append(thing)
    return now, later


CALLS_PER_DEVICE = (
    "AddThingToThingGroup",
    "CreateCertificateFromCsr",
    "AttachPolicy",
    "AttachThingPrincipal",
    "UpdateThingShadow",
    "UpdateCertificate",
    "UpdateThing",
    "DescribeCertificate",
    "DetachThingPrincipal",
    "ListAttachedPolicies",
    "DetachPolicy",
    "DeleteCertificate",
)
"""What a device costs that is rotated without trouble; the shadow is written twice."""


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    now: Sequence[Candidate]
    later: Sequence[str]
    """Devices whose certificate needs it, and which are not connected."""
    rules: Rules
    quotas: Quotas = field(default_factory=Quotas)
    begun: Wave | None = None
    """A wave that an earlier run began."""

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.now) or self.begun is not None

    @property
    def waves(self) -> int:
        """How many waves the devices make, the canary included."""
        rest = max(0, len(self.now) - self.rules.canary_size)
        return (1 if self.now else 0) + math.ceil(rest / self.rules.wave_size)

    @property
    def estimate(self) -> Estimate:
        """Calls, and time at the quotas; devices and baking come on top."""
        return Estimate({name: len(self.now) for name in CALLS_PER_DEVICE} if self.now else {}, self.quotas)

    def lines(self) -> list[str]:
        """The plan for a terminal."""
        lines = [
            f"{len(self.now):,} devices to rotate in {self.waves:,} waves; "
            f"{len(self.later):,} more are not connected."
        ]
        if self.begun is not None:
            lines.append(
                f"Wave {self.begun.number} ({len(self.begun.members)} devices) was begun; "
                f"it is {self.begun.phase}."
            )
        if self.now:
            baking = self.waves * self.rules.bake_seconds
            lines += [f"Watching takes {duration(baking)}.", *self.estimate.lines()]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "counts": {
                "to_rotate": len(self.now),
                "not_connected": len(self.later),
                "waves": self.waves,
                "begun": len(self.begun.members) if self.begun else 0,
            },
            "estimate": self.estimate.as_dict(),
        }

    def diff(self) -> dict[str, str]:
        """Before and after, as text that Ansible shows as a diff."""
        shown = self.now[:SHOWN_IN_DIFF]
        more = [f"… and {len(self.now) - len(shown):,} more"] if len(self.now) > len(shown) else []
        before = [f"{thing}: certificate {certificate}" for thing, certificate in shown] + more
        after = [f"{thing}: certificate {TO_BE_ISSUED}" for thing, _ in shown] + more
        return {
            "before": "".join(f"{line}\n" for line in before),
            "after": "".join(f"{line}\n" for line in after),
        }
