"""The facts of a rotation: devices, waves, and the rules they go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ..errors import FleetError, InvalidInputError

OPERATION = "certificate.rotate"
"""What the job's document asks the device for."""

REQUEST_DETAIL = "csr"
"""Status detail in which a device sends its signing request: DER, base64 (details hold no line breaks)."""

CERTIFICATE_DETAIL = "certificate_id"
"""Status detail in which a device says which certificate it is connected with."""

WAVE_SIZES = range(1, 501)

SAVED = "wave"
"""Event of a journal: the whole wave."""

NOTED = "member"
"""Event of a journal: one device of the wave saved before it."""


class Step(StrEnum):
    """How far a device is."""

    ASKED = "asked"
    """The job waits for it, or it works on its key."""
    ANSWERED = "answered"
    """Its signing request is here; a certificate may have been issued for it."""
    ISSUED = "issued"
    """Its new certificate is tied to it and on its way."""
    CONNECTED = "connected"
    """It has connected with the new certificate."""
    SWITCHED = "switched"
    """The old certificate is switched off."""
    DONE = "done"
    """The old certificate is gone."""
    FAILED = "failed"
    """It keeps the old certificate."""


class Phase(StrEnum):
    """How far a wave is."""

    ASKING = "asking"
    SWITCHING = "switching"
    BAKING = "baking"
    ENDING = "ending"
    STOPPED = "stopped"
    """Too many devices failed: somebody has to decide."""
    ENDED = "ended"


@dataclass
class Member:
    """A device of a wave."""

    thing: str
    old: str
    """Id of the certificate it has."""
    step: Step = Step.ASKED
    request: str = ""
    """Its signing request (PEM)."""
    key: str = ""
    """Identifies the public key in it."""
    new: str = ""
    """Id of its new certificate."""
    new_arn: str = ""
    reason: str = ""
    """Why it failed."""

    @property
    def old_arn(self) -> str:
        """ARN of the certificate it had: of the same account and region as the new one."""
        return f"{self.new_arn.rpartition('/')[0]}/{self.old}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Member:
        """What `as_dict` made."""
        return cls(**{**data, "step": Step(data["step"])})


@dataclass
class Wave:
    """Devices that go together."""

    id: str
    number: int
    started: str
    members: dict[str, Member]
    phase: Phase = Phase.ASKING
    switched: str = ""
    """When the old certificates were switched off."""
    reason: str = ""
    """Why it was stopped."""
    accepted: int = 0
    """Failures that somebody has accepted."""

    def of(self, *steps: Step) -> list[Member]:
        """Its devices that are at one of these steps."""
        return [one for one in self.members.values() if one.step in steps]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Wave:
        """What `as_dict` made."""
        members = {name: Member.from_dict(one) for name, one in data["members"].items()}
        return cls(**{**data, "members": members, "phase": Phase(data["phase"])})


def told(records: Iterable[Mapping[str, Any]]) -> Wave | None:
    """The wave that a journal tells of: as it was saved last, with what became of its devices since.

    None where there is none, or it has ended.
    """
    wave: Wave | None = None
    for record in records:
        if record["event"] == SAVED:
            wave = Wave.from_dict(record["wave"])
        elif wave is not None:
            member = Member.from_dict(record["member"])
            wave.members[member.thing] = member
    return wave if wave is not None and wave.phase is not Phase.ENDED else None


@dataclass(frozen=True)
class Rules:
    """How a rotation goes about it."""

    wave_size: int = 100
    canary_size: int = 5
    """Devices of the first wave."""
    timeout_seconds: float = 3600.0
    """How long the devices of a wave may take to come back with the new certificate."""
    bake_seconds: float = 600.0
    """How long devices are watched after their old certificate was switched off."""
    max_failed_percent: float = 5.0
    """A wave with more failures stops."""
    poll_seconds: float = 10.0
    waves: int = 0
    """Waves of one run; 0 for all."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name in ("wave_size", "canary_size"):
            if getattr(self, name) not in WAVE_SIZES:
                raise InvalidInputError(
                    f"{name} is {getattr(self, name)}; it must be from 1 to {WAVE_SIZES[-1]}."
                )
        if not 0 <= self.max_failed_percent <= 100:
            raise InvalidInputError(
                f"max_failed_percent is {self.max_failed_percent}; it must be from 0 to 100."
            )
        for name in ("timeout_seconds", "poll_seconds"):
            if getattr(self, name) <= 0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; it must be more than 0.")
        for name in ("bake_seconds", "waves"):
            if getattr(self, name) < 0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; it must not be negative.")


def stopped(wave: Wave) -> FleetError:
    """What to tell about a wave that was stopped."""
    failed = wave.of(Step.FAILED)
    few = " ".join(f"{one.thing}: {one.reason}." for one in failed[:3])
    return FleetError(
        f"Wave {wave.number} of the rotation was stopped: {wave.reason}. {few}",
        "Every device still has its old certificate. Look at the failed ones; then either take the wave back "
        "(-e certificate_action=undo) or go on without them (-e certificate_action=accept).",
        failed_devices={one.thing: one.reason for one in failed},
    )
