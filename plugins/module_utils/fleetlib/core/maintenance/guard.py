"""What stands in the way of maintenance, beside the calendar. The rows of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..clock import parse_iso
from ..progress import duration
from ..validation.checks import Check, failed, passed, some

BUSY: Final = ("running", "paused", "aborting", "returning", "return_open")
"""States of a rollout that stand in the way. Only waiting for devices that are offline does not."""


@dataclass(frozen=True)
class Rollout:
    """The last rollout of a program, or of firmware."""

    subject: str
    id: str
    version: str
    state: str
    created_at: str

    def as_dict(self) -> dict[str, str]:
        """Plain data for results."""
        return dict(vars(self))


@dataclass(frozen=True)
class Found:
    """How the fleet stands."""

    rollouts: Sequence[Rollout]
    ringing: Sequence[str]
    """Alarms of the fleet that are in ALARM."""
    silent: Sequence[str]
    """Alarms of the fleet whose actions are switched off."""
    verified: Mapping[str, Any] | None
    """``snapshot_id`` and ``taken_at`` of the snapshot that was verified last."""


def rows(found: Found, now: datetime, backup_minutes: int, ignored: Sequence[str] = ()) -> list[Check]:
    """Each has to hold before maintenance begins. ``ignored`` are alarms that may ring."""
    busy = [f"{one.id} ({one.state})" for one in found.rollouts if one.state in BUSY]
    ringing = [one for one in found.ringing if one not in ignored]
    return [
        _none("No rollout is running", busy, "Let them end, or abort them."),
        _none("No alarm rings", ringing, "Mend the cause first, or name them in maintenance_ignored_alarms."),
        _none(
            "No alarm is silent", found.silent, "Somebody switched their actions off: switch them on again."
        ),
        _backup(found.verified, now, backup_minutes),
    ]


def _none(name: str, offenders: Sequence[str], advice: str) -> Check:
    return failed(name, f"{some(offenders)}. {advice}") if offenders else passed(name)


def _backup(verified: Mapping[str, Any] | None, now: datetime, minutes: int) -> Check:
    name = "A recent backup was verified"
    if verified is None:
        return failed(name, "None was, on this host. Run backup.yml and verify_backups.yml.")
    age = (now - parse_iso(str(verified["taken_at"]))).total_seconds()
    detail = (
        f"Snapshot {verified['snapshot_id']} is {duration(age)} old; allowed are {duration(minutes * 60)}."
    )
    return passed(name, detail) if age <= minutes * 60 else failed(name, detail)
