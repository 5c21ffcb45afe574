"""Why a device cannot connect: what is known of it, judged in the order in which AWS IoT asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from . import iot_policy
from .clock import iso
from .errors import InvalidInputError
from .iot_policy import CONNECT, PUBLISH, RECEIVE, SUBSCRIBE, Client, Policy
from .provisioning.model import ACTIVE
from .validation.checks import Check, Status, failed, not_checked, passed, some, warned

SHOWN_LOG_LINES: Final = 20

OWN_TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    SUBSCRIBE: (
        "steel-programs/{thing}/load",
        "steel-programs/{thing}/execute",
        "steel-programs/broadcast/load",
        "$aws/things/{thing}/jobs/notify-next",
        "$aws/things/{thing}/shadow/update/delta",
    ),
    RECEIVE: (
        "steel-programs/{thing}/load",
        "steel-programs/broadcast/load",
        "$aws/things/{thing}/jobs/notify-next",
        "$aws/things/{thing}/shadow/update/delta",
    ),
    PUBLISH: (
        "steel-programs/{thing}/status/report",
        "steel-telemetry/{thing}/metrics",
        "steel-data/{thing}/any",
        "alerts/{thing}/any",
        "$aws/things/{thing}/shadow/update",
        "$aws/things/{thing}/jobs/$next/get",
    ),
}
"""What a board needs (the device's protocol, decisions 2 to 6)."""

REASONS: Final[Mapping[str, str]] = {
    "AUTH_ERROR": "it was not authenticated, or did something that its policies refuse",
    "CLIENT_ERROR": "it sent what MQTT does not allow",
    "CLIENT_INITIATED_DISCONNECT": "it said goodbye itself",
    "CONNECTION_LOST": "the network went away, or the board did",
    "CUSTOMAUTH_TTL_EXPIRATION": "its custom authentication expired",
    "DUPLICATE_CLIENTID": "another connection with the same client id took over; look for a copy of its key",
    "FORBIDDEN_ACCESS": "it had no right to connect, or its certificate was not active",
    "MQTT_KEEP_ALIVE_TIMEOUT": "it was silent for longer than it had promised",
    "SERVER_ERROR": "AWS IoT had trouble",
    "SERVER_INITIATED_DISCONNECT": "AWS IoT ended it",
    "THROTTLED": "it sent too much",
    "WEBSOCKET_TTL_EXPIRATION": "its WebSocket had been open for too long",
}
"""AWS IoT Core developer guide, "Lifecycle events": disconnectReason."""


@dataclass(frozen=True)
class CertificateFacts:
    """A certificate that is attached to the thing."""

    id: str
    status: str
    valid_from: datetime
    valid_until: datetime
    key_id: str
    """SHA-256 (hex) of its public key."""
    policies: tuple[Policy, ...]
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Connectivity:
    """What fleet indexing says."""

    connected: bool
    since: datetime | None = None
    """Of the last change; None where the device was never seen."""
    reason: str = ""


@dataclass(frozen=True)
class LogFacts:
    """What a log group says of the device."""

    group: str
    lines: tuple[str, ...] | None
    """Newest last; None where there is no such log group."""


@dataclass(frozen=True)
class DeviceFacts:
    """What is known of a device."""

    thing: str
    exists: bool
    thing_type: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    """Group → policies of it and of the groups above it."""
    certificates: tuple[CertificateFacts, ...] = ()
    local_key_id: str = ""
    """Of the private key that this host keeps; empty for none."""
    local_certificate: str = ""
    """Id of the certificate that this host keeps; empty for none."""
    unreadable: tuple[str, ...] = ()
    """Policies that the operator may not read."""
    connectivity: Connectivity | None = None
    """None where fleet indexing does not know."""
    logs: tuple[LogFacts, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the fleet is, and what quarantine is called there."""

    account: str
    region: str
    partition: str
    quarantine_group: str
    quarantine_policy: str


@dataclass(frozen=True)
class Diagnosis:
    """The rows about one device, and what they come to."""

    thing: str
    rows: tuple[Check, ...]
    connected: bool
    certificate: str
    """Id of the certificate that was looked at."""

    @property
    def why(self) -> str:
        """One sentence: the first thing that AWS IoT would stumble over."""
        first = next((row for row in self.rows if row.status is Status.FAILED), None)
        if first is not None:
            return f"{first.name}: no. {first.detail}"
        if self.connected:
            return "It is connected, and nothing is in its way."
        return "Nothing here is in its way: look at the board, its network, its clock and its endpoint."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "thing": self.thing,
            "connected": self.connected,
            "certificate_id": self.certificate,
            "why": self.why,
            "checks": [row.as_dict() for row in self.rows],
        }


def diagnose(facts: DeviceFacts, place: Place, now: datetime) -> Diagnosis:
    """Judge what is known of a device."""
    if not facts.exists:
        row = failed(REGISTERED, f"There is no thing {facts.thing}. provision.yml makes it.")
        return Diagnosis(facts.thing, (row, *_logged(facts)), False, "")
    chosen = _chosen(facts)
    rows = [
        passed(REGISTERED),
        _attached(facts, chosen),
        *_certificate_rows(facts, chosen, now),
        _quarantined(facts, chosen, place),
        *_permissions(facts, chosen, place),
        _seen(facts.connectivity),
        *_logged(facts),
    ]
    connected = facts.connectivity is not None and facts.connectivity.connected
    return Diagnosis(facts.thing, tuple(rows), connected, chosen.id if chosen else "")


REGISTERED: Final = "The device is in the registry"
ATTACHED: Final = "A certificate is attached to it"
ACTIVATED: Final = "The certificate is active"
VALID: Final = "The certificate is valid today"
MATCHES: Final = "The key on this host belongs to the certificate"
FREE: Final = "The device is not in quarantine"
SEEN: Final = "Fleet indexing sees it connected"
MAY: Final[Mapping[str, str]] = {
    CONNECT: "Its policies let it connect",
    SUBSCRIBE: "Its policies let it subscribe to its own topics",
    RECEIVE: "Its policies let it receive on its own topics",
    PUBLISH: "Its policies let it publish on its own topics",
}


def _chosen(facts: DeviceFacts) -> CertificateFacts | None:
    """The certificate that the board most likely uses: this host's, the thing's attribute, an active one."""
    wanted = (facts.local_certificate, facts.attributes.get("certificate_id", ""))
    order: list[Callable[[CertificateFacts], bool]] = [
        lambda one: one.id == wanted[0],
        lambda one: one.id == wanted[1],
        lambda one: one.status == ACTIVE,
        lambda one: True,
    ]
    return next((one for rule in order for one in facts.certificates if rule(one)), None)


def _attached(facts: DeviceFacts, chosen: CertificateFacts | None) -> Check:
    if chosen is None:
        return failed(ATTACHED, "None is: no connection can be tied to the thing. provision.yml finishes it.")
    others = [one.id for one in facts.certificates if one is not chosen]
    if others:
        return warned(ATTACHED, f"{chosen.id} was looked at; attached as well: {some(others)}.")
    return passed(ATTACHED, chosen.id)


def _certificate_rows(facts: DeviceFacts, one: CertificateFacts | None, now: datetime) -> list[Check]:
    if one is None:
        return [not_checked(name, "There is no certificate.") for name in (ACTIVATED, VALID, MATCHES)]
    active = passed(ACTIVATED) if one.status == ACTIVE else failed(ACTIVATED, f"{one.id} is {one.status}.")
    return [active, _valid(one, now), _matching(facts, one)]


def _valid(one: CertificateFacts, now: datetime) -> Check:
    if now < one.valid_from:
        return failed(VALID, f"It is valid only from {iso(one.valid_from)} on.")
    if now >= one.valid_until:
        return failed(VALID, f"It expired at {iso(one.valid_until)}.")
    return passed(VALID, f"until {iso(one.valid_until)}")


def _matching(facts: DeviceFacts, one: CertificateFacts) -> Check:
    if not facts.local_key_id:
        return not_checked(MATCHES, "This host does not keep the device's key.")
    if facts.local_certificate and facts.local_certificate != one.id:
        return failed(
            MATCHES, f"This host keeps certificate {facts.local_certificate}, the thing has {one.id}."
        )
    if facts.local_key_id != one.key_id:
        return failed(MATCHES, f"The private key on this host is not the one that {one.id} certifies.")
    return passed(MATCHES)


def _quarantined(facts: DeviceFacts, one: CertificateFacts | None, place: Place) -> Check:
    where = [f"thing group {place.quarantine_group}"] if place.quarantine_group in facts.groups else []
    attached = one is not None and any(each.name == place.quarantine_policy for each in one.policies)
    if attached:
        where.append(f"policy {place.quarantine_policy} on its certificate")
    if where:
        undo = "runbooks/security_incident.yml with incident_action=release takes it out again."
        return failed(FREE, f"It is ({' and '.join(where)}). {undo}")
    return passed(FREE)


def _permissions(facts: DeviceFacts, one: CertificateFacts | None, place: Place) -> list[Check]:
    if one is None:
        return [not_checked(name, "Policies count for a certificate.") for name in MAY.values()]
    if facts.unreadable:
        why = (
            f"The operator may not read policy {some(facts.unreadable)}, which no device of this fleet needs."
        )
        return [not_checked(name, why) for name in MAY.values()]
    client = Client(
        facts.thing,
        place.account,
        place.region,
        place.partition,
        certificate=iot_policy.Certificate(one.id, one.fields),
        attached_things=frozenset({facts.thing}),
        thing_type=facts.thing_type,
        attributes=facts.attributes,
    )
    policies = [*one.policies, *(each for group in facts.groups.values() for each in group)]
    return [_may(client, policies, action) for action in MAY]


def _may(client: Client, policies: Sequence[Policy], action: str) -> Check:
    """One row of the policy simulation: who decided, or which own topics are refused and why."""
    names = OWN_TOPICS.get(action, ("{thing}",))
    try:
        found = [
            iot_policy.evaluate(client, policies, action, name.format(thing=client.client_id))
            for name in names
        ]
    except InvalidInputError as error:
        return not_checked(MAY[action], str(error))
    refused = [one for one in found if not one.allowed]
    if refused:
        return failed(MAY[action], f"Refused: {some([one.name for one in refused])}. {refused[0].why()}")
    by = {one.statement.name: None for one in found if one.statement is not None}
    return passed(MAY[action], f"{len(found)} looked at; {some(list(by))}")


def _seen(found: Connectivity | None) -> Check:
    if found is None:
        return not_checked(SEEN, "Fleet indexing does not know it (yet), or is off (role fleet_indexing).")
    if found.connected:
        return passed(SEEN, f"since {iso(found.since)}" if found.since else "")
    if found.since is None:
        return warned(SEEN, "It has never been connected.")
    words = REASONS.get(found.reason, "AWS IoT does not say why")
    return warned(SEEN, f"Not since {iso(found.since)}: {words} ({found.reason or 'no reason given'}).")


def _logged(facts: DeviceFacts) -> list[Check]:
    rows = []
    for log in facts.logs:
        name = f"Log group {log.group} has no complaint of it"
        if log.lines is None:
            rows.append(not_checked(name, "There is no such log group."))
        elif log.lines:
            rows.append(warned(name, f"{len(log.lines)} lines, the last: {log.lines[-1][:300]}"))
        else:
            rows.append(passed(name))
    return rows


def sections(found: Sequence[Diagnosis], facts: Sequence[DeviceFacts]) -> list[dict[str, Any]]:
    """The report's sections (docs/reports.md): the answers first, then every row of every device."""
    result: list[dict[str, Any]] = [
        {
            "title": "Why they cannot connect",
            "kind": "table",
            "columns": ["Device", "Connected", "Why"],
            "rows": [[one.thing, one.connected, one.why] for one in found],
        }
    ]
    for one, known in zip(found, facts, strict=True):
        checks = [row.as_dict() for row in one.rows]
        result.append({"title": one.thing, "kind": "checks", "checks": checks})
        lines = [[log.group, line] for log in known.logs for line in (log.lines or ())[-SHOWN_LOG_LINES:]]
        if lines:
            title = f"Logs of {one.thing}"
            result.append({"title": title, "kind": "table", "columns": ["Log group", "Line"], "rows": lines})
    return result
