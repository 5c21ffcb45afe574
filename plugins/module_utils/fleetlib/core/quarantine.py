"""An incident: which devices are cut off, what they were before, and what brings them back exactly.

A journal holds what was found before it was changed. What is left to do always follows from that and from
what AWS has now, so that a run which was killed is finished by the next, and a release restores the first
state that was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from .errors import FleetError, InvalidInputError
from .provisioning.model import ACTIVE
from .validation.checks import some

INACTIVE: Final = "INACTIVE"
REVOKED: Final = "REVOKED"
MOST_ROWS: Final = 1_000
"""Rows of a table on the page; the journal has all."""
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class State(StrEnum):
    """How far an incident is."""

    OPEN = "open"
    """Quarantine has begun and was not finished."""
    QUARANTINED = "quarantined"
    RELEASING = "releasing"
    RELEASED = "released"
    REVOKING = "revoking"
    REVOKED = "revoked"


CLOSED: Final = frozenset({State.RELEASED, State.REVOKED})


@dataclass(frozen=True)
class CertificateState:
    """A certificate at a moment."""

    arn: str
    status: str
    denied: bool
    """Whether the quarantine policy is attached to it."""

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Gate:
    """What stands before all devices at once, at a moment."""

    quarantine_denied: bool
    """Whether the policy is attached to the quarantine group."""
    group_denied: bool
    """Whether it is attached to the group that is cut off as a whole; False without one."""
    members: frozenset[str]
    """Things of the incident that are in the quarantine group."""


@dataclass(frozen=True)
class Scope:
    """What an incident is about."""

    id: str
    quarantine_group: str
    policy: str
    things: tuple[str, ...]
    group: str = ""
    """A thing group that is cut off as a whole, with one call; empty where things are named."""
    reason: str = ""
    by: str = ""

    def check(self) -> None:
        """Refuse what cannot be carried out."""
        check_id(self.id)
        if not self.things:
            what = f"thing group {self.group} is empty" if self.group else "no device is named"
            raise InvalidInputError(f"There is nothing to quarantine: {what}.", "Name device_ids or group.")
        for name, value in (("quarantine_group", self.quarantine_group), ("quarantine_policy", self.policy)):
            if not value:
                raise InvalidInputError(f"{name} is empty.", "The core stack makes it: run deploy.yml.")


@dataclass
class Incident:
    """What a journal tells."""

    scope: Scope
    opened: str
    """UTC."""
    state: State = State.OPEN
    gate: Gate | None = None
    former: dict[str, tuple[CertificateState, ...]] = field(default_factory=dict)
    """Thing → its certificates as they were first found."""


def check_id(incident: str) -> None:
    """Refuse an id that cannot be a directory."""
    if not _ID.fullmatch(incident):
        raise InvalidInputError(
            f"incident_id is {incident!r}; it can be 1 to 64 letters, digits, ., _ and -, "
            "beginning with a letter or a digit."
        )


_STATES: Final[Mapping[str, State]] = {
    "quarantined": State.QUARANTINED,
    "releasing": State.RELEASING,
    "released": State.RELEASED,
    "revoking": State.REVOKING,
    "revoked": State.REVOKED,
}


def tell(records: Iterable[Mapping[str, Any]]) -> Incident | None:
    """The incident of a journal; None where there is none. What was found first counts."""
    incident: Incident | None = None
    for record in records:
        if record["event"] == "opened":
            if incident is None:
                scope = {**record["scope"], "things": tuple(record["scope"]["things"])}
                incident = Incident(Scope(**scope), record["at"])
        elif incident is not None:
            _tell(incident, record)
    return incident


def _tell(incident: Incident, record: Mapping[str, Any]) -> None:
    event = record["event"]
    if event in _STATES:
        incident.state = _STATES[event]
    elif event == "gate" and incident.gate is None:
        members = frozenset(record["members"])
        incident.gate = Gate(record["quarantine_denied"], record["group_denied"], members)
    elif event == "found":
        certificates = tuple(CertificateState(**one) for one in record["certificates"])
        remember(incident, record["thing"], certificates)


def remember(incident: Incident, thing: str, found: Sequence[CertificateState]) -> list[CertificateState]:
    """Add what was found of a device; the part that was new. What was found of a certificate first counts."""
    known = incident.former.get(thing, ())
    arns = {one.arn for one in known}
    new = [one for one in found if one.arn not in arns]
    incident.former[thing] = (*known, *new)
    return new


def may(incident: Incident, action: str) -> None:
    """Refuse an action that does not follow from how far an incident is."""
    state, name = incident.state, incident.scope.id
    if action == "quarantine" and state not in (State.OPEN, State.QUARANTINED):
        raise FleetError(f"Incident {name} is {state}.", "A new quarantine needs an incident_id of its own.")
    if action == "release" and state in (State.REVOKING, State.REVOKED):
        raise FleetError(
            f"Incident {name} is {state}: a revoked certificate cannot come back.",
            "Decommission the devices and provision them again, with new keys.",
        )
    if action == "revoke" and state in (State.RELEASING, State.RELEASED):
        raise FleetError(f"Incident {name} is {state}.", "Quarantine the devices again, then revoke.")


def blockers(incident: Incident, others: Iterable[Incident]) -> list[str]:
    """Later incidents that are open and hold some of the same devices: they have to be released first."""
    mine = set(incident.scope.things)
    return sorted(
        one.scope.id
        for one in others
        if one.scope.id != incident.scope.id
        and one.state not in CLOSED
        and one.opened >= incident.opened
        and mine & set(one.scope.things)
    )


class Do(StrEnum):
    """A call that changes something."""

    DENY_GROUP = "attach the policy to group"
    ALLOW_GROUP = "detach the policy from group"
    ADD = "add to the quarantine group"
    REMOVE = "remove from the quarantine group"
    DENY = "attach the policy to certificate"
    ALLOW = "detach the policy from certificate"
    SWITCH_OFF = "make INACTIVE"
    SWITCH_ON = "make ACTIVE"
    REVOKE = "make REVOKED"
    CUT = "end the session of"


@dataclass(frozen=True)
class Step:
    """A call and what it is about: a group, a thing or a certificate's ARN."""

    do: Do
    what: str


def gate_steps(scope: Scope, now: Gate) -> list[Step]:
    """What cuts all devices off at once: one call for a group, else one for each device."""
    if scope.group:
        return [] if now.group_denied else [Step(Do.DENY_GROUP, scope.group)]
    policy = [] if now.quarantine_denied else [Step(Do.DENY_GROUP, scope.quarantine_group)]
    return [*policy, *(Step(Do.ADD, thing) for thing in scope.things if thing not in now.members)]


def thing_steps(thing: str, now: Sequence[CertificateState], cut: bool) -> list[Step]:
    """What cuts one device off for good: certificates denied and switched off, then its session ended."""
    steps = []
    for one in now:
        if not one.denied:
            steps.append(Step(Do.DENY, one.arn))
        if one.status == ACTIVE:
            steps.append(Step(Do.SWITCH_OFF, one.arn))
    return [*steps, Step(Do.CUT, thing)] if cut else steps


def thing_release(
    former: Sequence[CertificateState], now: Sequence[CertificateState]
) -> tuple[list[Step], list[str]]:
    """What brings a device's certificates back to what they were, and what cannot be brought back."""
    present = {one.arn: one for one in now}
    steps, troubles = [], []
    for was in former:
        one = present.get(was.arn)
        if one is None:
            troubles.append(f"certificate {was.id} is no longer attached to it")
            continue
        if was.status != one.status and {was.status, one.status} != {ACTIVE, INACTIVE}:
            troubles.append(f"certificate {was.id} was {was.status} and is {one.status} now")
        elif was.status == ACTIVE and one.status == INACTIVE:
            steps.append(Step(Do.SWITCH_ON, one.arn))
        if one.denied and not was.denied:
            steps.append(Step(Do.ALLOW, one.arn))
    return steps, troubles


def gate_release(scope: Scope, former: Gate, now: Gate, others_in_quarantine: bool) -> list[Step]:
    """What takes the gate away again. The policy stays on the quarantine group while others are in it."""
    if scope.group:
        return [Step(Do.ALLOW_GROUP, scope.group)] if now.group_denied and not former.group_denied else []
    steps = [
        Step(Do.REMOVE, thing)
        for thing in scope.things
        if thing in now.members and thing not in former.members
    ]
    mine = now.quarantine_denied and not former.quarantine_denied
    if mine and not others_in_quarantine:
        steps.append(Step(Do.ALLOW_GROUP, scope.quarantine_group))
    return steps


def thing_revocation(now: Sequence[CertificateState]) -> list[Step]:
    """What takes a device's certificates away for good."""
    return [Step(Do.REVOKE, one.arn) for one in now if one.status != REVOKED]


def same(incidents: Sequence[Incident], things: Iterable[str], group: str) -> str:
    """The open incident about exactly these devices, or about this group; empty where there is none."""
    wanted = set(things)
    found = [
        one.scope.id
        for one in incidents
        if one.state in (State.OPEN, State.QUARANTINED)
        and (one.scope.group == group if group else set(one.scope.things) == wanted)
    ]
    return found[-1] if found else ""


def only_open(incidents: Sequence[Incident]) -> str:
    """The one that is open. Raises `InvalidInputError` where it is not one."""
    found = [one.scope.id for one in incidents if one.state not in CLOSED]
    if len(found) != 1:
        names = f": {some(found)}" if found else ""
        raise InvalidInputError(f"{len(found)} incidents are open{names}.", "Name one with incident_id.")
    return found[0]


def sections(
    incident: Incident, failures: Mapping[str, str], remarks: Mapping[str, str], seconds: float
) -> list[dict[str, Any]]:
    """The report's sections (docs/reports.md)."""
    scope = incident.scope
    facts = {
        "Incident": scope.id,
        "State": str(incident.state),
        "Opened": incident.opened,
        "Reason": scope.reason or "none given",
        "By": scope.by,
        "Devices": len(scope.things),
        "Cut off as a whole": scope.group or "no, each by name",
        "Seconds": round(seconds, 1),
    }
    made: list[dict[str, Any]] = [{"title": "Incident", "kind": "facts", "facts": facts}]
    if failures:
        rows = [[thing, why] for thing, why in sorted(failures.items())]
        made.append({"title": "Not done", "kind": "table", "columns": ["Device", "Why"], "rows": rows[:1000]})
    rows = [
        [thing, one.id, one.status] for thing, states in sorted(incident.former.items()) for one in states
    ]
    columns = ["Device", "Certificate", "Was"]
    return [*made, {"title": "Before", "kind": "table", "columns": columns, "rows": rows[:MOST_ROWS]}]
