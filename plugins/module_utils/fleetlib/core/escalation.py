"""Who is told of an incident, by when somebody has to have taken it on, and what the messages say.

The deadlines are those of the production deployment guide ("Escalation Procedures"). Level 1 is told at once,
whatever the severity; every deadline that passes without anybody having taken it on tells the next level.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from . import quarantine
from .clock import iso, parse_iso
from .errors import FleetError, InvalidInputError
from .redaction import mask, scrub
from .validation.checks import Check, failed, not_checked, passed, warned

DEADLINE_MINUTES: Final[Mapping[str, int]] = {"P1": 15, "P2": 120, "P3": 480, "P4": 1440}
"""The guide: P1 immediately, P2 within 2, P3 within 8, P4 within 24 hours. Fifteen minutes are what
"immediately" leaves a person who was called."""
NAMES: Final[Mapping[str, str]] = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info"}
"""Severity → what PagerDuty calls it."""
LEVELS: Final = (1, 2, 3)
CHANNELS: Final = ("sns", "pagerduty", "webhook")
SUBJECT_LENGTH: Final = 100
"""SNS: characters of a subject."""
SUMMARY_LENGTH: Final = 1_024
"""PagerDuty Events API v2: characters of a summary."""
PAGERDUTY: Final = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True)
class Contact:
    """Somebody to tell, and how."""

    level: int
    name: str
    channel: str
    to: str = ""
    """SNS: ARN of a topic; webhook: its address; PagerDuty: another address than its own."""
    secret_file: str = ""
    """PagerDuty: file with the routing key; webhook: file with a token, sent as bearer."""
    severities: tuple[str, ...] = tuple(DEADLINE_MINUTES)

    @property
    def id(self) -> str:
        """What the record knows it by. A webhook's path may be a secret, so only its host is in it."""
        where = urlsplit(self.to).netloc.rpartition("@")[2] if self.channel != "sns" else self.to
        return f"{self.level}:{self.channel}:{self.name}:{where}"


def contact(raw: Mapping[str, Any]) -> Contact:
    """A contact of the inventory. Raises `InvalidInputError` with what is wrong with it."""
    name = str(raw.get("name", "")) or "without a name"
    unknown = set(raw) - {"level", "name", "channel", "to", "secret_file", "severities"}
    if unknown:
        raise InvalidInputError(f"Contact {name} has {', '.join(sorted(unknown))}, which means nothing.")
    severities = tuple(raw.get("severities") or DEADLINE_MINUTES)
    made = Contact(
        *(_level(raw.get("level"), name), name, str(raw.get("channel", ""))),
        *(str(raw.get("to") or ""), str(raw.get("secret_file") or ""), severities),
    )
    wrong = _wrong(made)
    if wrong:
        raise InvalidInputError(f"Contact {name} {wrong}.", "See docs/runbooks/escalate.md.")
    return made


def contacts(raws: Iterable[Mapping[str, Any]]) -> tuple[list[Contact], list[str]]:
    """Those that can be told, and what is wrong with the others, who must not keep anybody waiting."""
    usable, wrong = [], []
    for raw in raws:
        try:
            usable.append(contact(raw))
        except InvalidInputError as error:
            wrong.append(str(error))
    return usable, wrong


def _level(raw: Any, name: str) -> int:
    try:
        return int(raw)
    except (TypeError, ValueError):
        raise InvalidInputError(f"Contact {name} has the level {raw!r}; it can be 1, 2 or 3.") from None


def _wrong(one: Contact) -> str:
    if one.level not in LEVELS:
        return f"has the level {one.level}; it can be 1, 2 or 3"
    if one.channel not in CHANNELS:
        return f"has the channel {one.channel!r}; it can be {', '.join(CHANNELS)}"
    if set(one.severities) - set(DEADLINE_MINUTES):
        return f"has the severities {', '.join(one.severities)}; there are {', '.join(DEADLINE_MINUTES)}"
    if one.channel == "sns" and not one.to.startswith("arn:"):
        return "needs the ARN of a topic in `to`"
    if one.channel == "sns":
        return ""
    if (one.channel == "webhook" or one.to) and not is_private(one.to):
        return "needs an address that begins with https:// in `to`"
    if one.channel == "pagerduty" and not one.secret_file:
        return "needs secret_file, a file with the routing key"
    return ""


def is_private(address: str) -> bool:
    """Whether nobody on the way can read what is sent there; what stays on this host may be plain."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    )


@dataclass(frozen=True)
class Call:
    """What people are told about."""

    id: str
    severity: str
    summary: str
    fleet: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """Facts; names like a secret's are masked."""

    def check(self) -> None:
        """Refuse what nobody could be told."""
        quarantine.check_id(self.id)
        if self.severity not in DEADLINE_MINUTES:
            raise InvalidInputError(
                f"severity is {self.severity!r}; it can be {', '.join(DEADLINE_MINUTES)}.",
                "P1: the fleet is down or under attack; P4: it can wait until tomorrow.",
            )
        if not self.summary.strip():
            raise InvalidInputError("summary is empty.", "Say in one line what is wrong.")


@dataclass
class Escalation:
    """What a journal tells."""

    call: Call
    opened: datetime
    told: set[str] = field(default_factory=set)
    """Ids of the contacts that have been told."""
    taken_by: str = ""
    taken: str = ""
    """UTC."""
    resolved: str = ""
    """UTC."""

    @property
    def state(self) -> str:
        """One word."""
        return "resolved" if self.resolved else "taken" if self.taken_by else "open"

    def level(self, now: datetime) -> int:
        """The highest level that has to be told by now."""
        passed_deadlines = int((now - self.opened) / self._deadline)
        return min(LEVELS[-1], 1 + max(0, passed_deadlines))

    def due(self, now: datetime) -> datetime:
        """When the next level is told, unless somebody takes it on."""
        return self.opened + self._deadline * (1 + int(max(timedelta(0), now - self.opened) / self._deadline))

    @property
    def _deadline(self) -> timedelta:
        return timedelta(minutes=DEADLINE_MINUTES[self.call.severity])


def tell(records: Iterable[Mapping[str, Any]]) -> Escalation | None:
    """The escalation of a journal; None where there is none. A later, higher severity counts."""
    found: Escalation | None = None
    for record in records:
        event = record["event"]
        if event == "opened":
            found = Escalation(Call(**record["call"]), parse_iso(record["at"]))
        elif found is None:
            continue
        elif event == "severity":
            found.call = Call(**{**vars(found.call), "severity": record["severity"]})
        elif event == "told":
            found.told.add(record["contact"])
        elif event == "taken":
            found.taken_by, found.taken = record["by"], record["at"]
        elif event == "resolved":
            found.resolved = record["at"]
    return found


def to_tell(one: Escalation, contacts: Sequence[Contact], now: datetime) -> list[Contact]:
    """Who is to be told now: nobody twice, and nobody more once it is taken on or over."""
    if one.state != "open":
        return []
    level = one.level(now)
    return [
        each
        for each in contacts
        if each.level <= level and one.call.severity in each.severities and each.id not in one.told
    ]


def merged(known: Escalation | None, call: Call) -> str:
    """The severity that counts, where an incident is called again: only ever a higher one."""
    if known is None:
        return call.severity
    if known.state == "resolved":
        raise FleetError(f"Escalation {call.id} is resolved.", "A new one needs an incident_id of its own.")
    return min(known.call.severity, call.severity)


def facts(one: Escalation, contact: Contact) -> dict[str, Any]:
    """What every channel says, without secrets."""
    call = one.call
    told: dict[str, Any] = scrub(
        {
            "incident": call.id,
            "severity": call.severity,
            "fleet": call.fleet,
            "summary": call.summary.strip(),
            "opened": iso(one.opened),
            "level": contact.level,
            "take_it_on": f"escalate.yml -e incident_id={call.id} -e escalation_action=take -e by=<you>",
            "details": mask(dict(call.details)),
        }
    )
    return told


def subject(told: Mapping[str, Any]) -> str:
    """One line of ASCII, as SNS wants it."""
    text = f"[{told['severity']}] {told['fleet']}: {told['summary']}".replace("\n", " ")
    return text.encode("ascii", "replace").decode()[:SUBJECT_LENGTH]


def pagerduty(told: Mapping[str, Any], routing_key: str) -> dict[str, Any]:
    """An event of PagerDuty's Events API v2. The deduplication key makes a repetition harmless."""
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": f"{told['fleet']}/{told['incident']}",
        "payload": {
            "summary": subject(told)[:SUMMARY_LENGTH],
            "source": told["fleet"],
            "severity": NAMES[told["severity"]],
            "timestamp": told["opened"],
            "custom_details": dict(told),
        },
    }


def body(told: Mapping[str, Any]) -> str:
    """The text for SNS and webhooks (JSON)."""
    return json.dumps(told, indent=2, sort_keys=True, default=str)


def checks(
    one: Escalation, contacts: Sequence[Contact], troubles: Mapping[str, str], now: datetime
) -> list[Check]:
    """The rows of the report."""
    rows = []
    level = one.level(now) if one.state == "open" else 0
    for number in LEVELS:
        mine = [each for each in contacts if each.level == number and one.call.severity in each.severities]
        if not mine and number <= level:
            rows.append(
                failed(
                    f"Somebody of level {number} can be told",
                    f"No contact of that level for {one.call.severity}.",
                )
            )
        rows.extend(_told(one, each, troubles.get(each.id, "")) for each in mine)
    if one.state == "resolved":
        return [*rows, passed("It is resolved", one.resolved)]
    if one.state == "taken":
        return [*rows, passed("Somebody has taken it on", f"{one.taken_by} at {one.taken}")]
    return [
        *rows,
        warned("Somebody has taken it on", f"Nobody yet; the next deadline is {iso(one.due(now))}."),
    ]


def _told(one: Escalation, contact: Contact, trouble: str) -> Check:
    name = f"Level {contact.level}: {contact.name} was told ({contact.channel})"
    if trouble:
        return failed(name, trouble)
    return passed(name) if contact.id in one.told else not_checked(name, "Not their turn (yet).")
