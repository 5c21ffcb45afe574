"""What is to be said of a fleet's certificates: age, expiry, policy, orphans, devices without one.

AWS gives its certificates until 2049-12-31, so that their age matters more than their expiry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .errors import InvalidInputError
from .provisioning.model import ACTIVE
from .validation.checks import Check, all_of, failed, not_checked, passed, some
from .validation.registry import Fleet

DAY_SECONDS: Final = 86_400
MOST_ROWS: Final = 1_000
"""Rows of a table on the page; the result has all."""


@dataclass(frozen=True)
class Limits:
    """When a certificate needs attention."""

    max_age_days: int
    expiring_within_days: int

    def __post_init__(self) -> None:
        """Refuse limits that would flag everything or nothing."""
        for name, value in vars(self).items():
            if value < 1:
                raise InvalidInputError(f"{name} is {value}; it must be 1 or more.")


@dataclass(frozen=True)
class Entry:
    """A device and its certificate."""

    thing: str
    certificate_id: str
    """Empty when the thing has none."""
    status: str
    age_days: float | None
    expires_in_days: float | None
    """None where this control host has no copy of the certificate."""
    troubles: tuple[str, ...]

    @property
    def is_due(self) -> bool:
        """Whether the certificate should be replaced for its age or its end."""
        return TOO_OLD in self.troubles or EXPIRES in self.troubles

    @property
    def is_usable(self) -> bool:
        """Whether the device can connect with it; one that cannot is no case for a rotation."""
        return not {NO_CERTIFICATE, NOT_ACTIVE, NO_POLICY} & set(self.troubles)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {**vars(self), "troubles": list(self.troubles)}


@dataclass(frozen=True)
class Examination:
    """What was found out about all certificates of a fleet."""

    entries: tuple[Entry, ...]
    """Those with troubles first, the oldest first among alike."""
    orphans: tuple[str, ...]
    """Ids of certificates that have the device policy and belong to no device."""
    limits: Limits

    def checks(self) -> list[Check]:
        """The rows of the report."""
        if not self.entries:
            return [not_checked("Certificates", "There is no device.")]
        rows = [self._row(*words) for words in self._questions()]
        unknown = [one.thing for one in self.entries if one.certificate_id and one.expires_in_days is None]
        if len(unknown) == len(self.entries):
            rows[-1] = not_checked(rows[-1].name, "This control host has no copy of any certificate.")
        elif unknown and rows[-1].status == "passed":
            detail = f"{len(self.entries) - len(unknown):,} looked at; no copy here of {some(unknown)}"
            rows[-1] = passed(rows[-1].name, detail)
        name = "No certificate is left over"
        found = f"{len(self.orphans):,} with the device policy belong to no device: {some(self.orphans)}."
        return [*rows, failed(name, found) if self.orphans else passed(name)]

    def _questions(self) -> list[tuple[str, str, str]]:
        return [
            ("Every device has a certificate", NO_CERTIFICATE, "have none"),
            ("Every certificate is active", NOT_ACTIVE, "are not"),
            ("Every certificate has the device policy", NO_POLICY, "have it not"),
            (f"No certificate is older than {self.limits.max_age_days} days", TOO_OLD, "are older"),
            (f"No certificate expires within {self.limits.expiring_within_days} days", EXPIRES, "do"),
        ]

    def _row(self, name: str, trouble: str, words: str) -> Check:
        offenders = [one.thing for one in self.entries if trouble in one.troubles]
        return all_of(name, len(self.entries), "devices", offenders, words)

    def sections(self) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md)."""
        ages = [round(one.age_days, 1) for one in self.entries if one.age_days is not None]
        limit = {"name": "maximum age", "value": self.limits.max_age_days}
        # Far beyond all ages it would squeeze them into one thin bar.
        near = max(ages, default=0.0) * 10 >= self.limits.max_age_days
        troubled = [one for one in self.entries if one.troubles]
        columns = ["Device", "Certificate", "Status", "Age in days", "Expires in days", "Trouble"]
        rows = [_cells(one) for one in troubled]
        sections: list[dict[str, Any]] = [
            {"title": "Certificates", "kind": "checks", "checks": [one.as_dict() for one in self.checks()]}
        ]
        if ages:
            histogram = {"title": "Age of the certificates", "kind": "histogram", "unit": "days"}
            sections.append({**histogram, "values": ages, "limits": [limit] if near else []})
        return [
            *sections,
            *_table("Certificates that need attention", columns, rows),
            *_table("Certificates left over", ["Certificate"], [[one] for one in self.orphans]),
        ]


NO_CERTIFICATE: Final = "no certificate"
NOT_ACTIVE: Final = "not active"
NO_POLICY: Final = "no policy"
TOO_OLD: Final = "too old"
EXPIRES: Final = "expires soon"


def examine(fleet: Fleet, expires: Mapping[str, datetime], now: datetime, limits: Limits) -> Examination:
    """Examine every device of the fleet; ``expires`` has the end of validity by thing, where it is known."""
    entries = [_entry(thing, fleet, expires.get(thing), now, limits) for thing in fleet.things]
    entries.sort(key=lambda one: (not one.troubles, -(one.age_days or 0), one.thing))
    owned = set(fleet.things.values())
    orphans = sorted(
        one for one in fleet.policy_targets or () if one in fleet.certificates and one not in owned
    )
    return Examination(tuple(entries), tuple(orphans), limits)


def _entry(thing: str, fleet: Fleet, expires: datetime | None, now: datetime, limits: Limits) -> Entry:
    certificate = fleet.things[thing]
    if certificate not in fleet.certificates:
        return Entry(thing, certificate, "not in the registry", None, None, (NO_CERTIFICATE,))
    status = fleet.certificates[certificate]
    created = fleet.created.get(certificate)
    age = (now - created).total_seconds() / DAY_SECONDS if created else None
    left = (expires - now).total_seconds() / DAY_SECONDS if expires else None
    troubles = {
        NOT_ACTIVE: status != ACTIVE,
        NO_POLICY: certificate not in (fleet.policy_targets or ()),
        TOO_OLD: age is not None and age > limits.max_age_days,
        EXPIRES: left is not None and left <= limits.expiring_within_days,
    }
    return Entry(
        thing, certificate, status, age, left, tuple(name for name, true in troubles.items() if true)
    )


def _cells(one: Entry) -> list[Any]:
    days = [_days(one.age_days), _days(one.expires_in_days)]
    return [one.thing, one.certificate_id, one.status, *days, ", ".join(one.troubles)]


def _days(days: float | None) -> float | str:
    return "not known here" if days is None else round(days, 1)


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    more = f"The first {MOST_ROWS:,} of {len(rows):,}." if len(rows) > MOST_ROWS else ""
    section = {"title": title, "kind": "table", "columns": columns, "rows": rows[:MOST_ROWS]}
    return [{**section, "intro": more} if more else section]
