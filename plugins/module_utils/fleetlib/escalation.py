"""Tell people: over SNS, PagerDuty or a webhook, each once for an incident, with a record of who was told."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import webhook
from .core import escalation as core
from .core.clock import Clock, SystemClock
from .core.errors import FleetError
from .core.escalation import Call, Contact, Escalation
from .core.journal import Journal, read, sole_run
from .core.quarantine import check_id
from .device_store import explained
from .quarantine import operator

with contextlib.suppress(ImportError):  # who makes the client names the missing library first
    from botocore.exceptions import BotoCoreError, ClientError

ESCALATIONS = "escalations"
LOCK = "lock"


@dataclass
class Result:
    """What a run did."""

    escalation: Escalation
    told: list[Contact]
    """Who was told by this run, or would be."""
    troubles: dict[str, str]
    """Contact → why it could not be told."""
    changed: bool


@dataclass(frozen=True)
class Desk:
    """Where escalations are kept, and how people are reached."""

    directory: Path
    """The fleet's private one."""
    sns: Any
    contacts: Sequence[Contact]
    clock: Clock = field(default_factory=SystemClock)
    check_mode: bool = False

    def load(self, incident: str) -> Escalation | None:
        """One of them; None where there is none."""
        return core.tell(read(self._path(incident)))

    def call(self, wanted: Call) -> Result:
        """Tell whoever has to know by now and was not told yet. May be repeated, by a timer for instance."""
        wanted.check()
        if self.check_mode:
            known = self.load(wanted.id)
            core.merged(known, wanted)
            known = known or Escalation(wanted, self.clock.now())
            due = core.to_tell(known, self.contacts, self.clock.now())
            return Result(known, due, {}, bool(due))
        with self._journal(wanted.id) as journal:
            before = self.load(wanted.id)
            severity = core.merged(before, wanted)
            if before is None:
                journal.write("opened", call=asdict(wanted), by=operator())
            elif severity != before.call.severity:
                journal.write("severity", severity=severity, by=operator())
            known = self._require(wanted.id)
            told, troubles = self._tell(journal, known)
        changed = before is None or bool(told) or severity != before.call.severity
        return Result(self._require(wanted.id), told, troubles, changed)

    def mark(self, incident: str, event: str, by: str) -> Result:
        """``taken`` or ``resolved``: nobody else is told from now on."""
        known = self._require(incident)
        done = known.state == "resolved" or (event == "taken" and known.state == "taken")
        if not self.check_mode and not done:
            with self._journal(incident) as journal:
                journal.write(event, by=by or operator())
        return Result(self._require(incident), [], {}, not done)

    def look(self, incident: str) -> Result:
        """How it stands."""
        return Result(self._require(incident), [], {}, False)

    def _require(self, incident: str) -> Escalation:
        found = self.load(incident)
        if found is None:
            raise FleetError(
                f"There is no escalation {incident} on this host.",
                "escalate.yml with severity and summary opens it.",
            )
        return found

    def _path(self, incident: str) -> Path:
        check_id(incident)
        return self.directory / ESCALATIONS / f"{incident}.jsonl"

    @contextlib.contextmanager
    def _journal(self, incident: str) -> Any:
        path = self._path(incident)
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with sole_run(path.parent / LOCK, self.clock), Journal(path, self.clock) as journal:
            yield journal

    def _tell(self, journal: Journal, known: Escalation) -> tuple[list[Contact], dict[str, str]]:
        told, troubles = [], {}
        for contact in core.to_tell(known, self.contacts, self.clock.now()):
            try:
                self._send(core.facts(known, contact), contact, known.call.id)
            except FleetError as error:
                troubles[contact.id] = str(error)
                continue
            journal.write("told", contact=contact.id)
            told.append(contact)
        return told, troubles

    def _send(self, facts: dict[str, Any], contact: Contact, incident: str) -> None:
        who = f"{contact.name} ({contact.channel})"
        if contact.channel == "sns":
            try:
                self.sns.publish(TopicArn=contact.to, Subject=core.subject(facts), Message=core.body(facts))
            except (ClientError, BotoCoreError) as error:
                raise FleetError(f"AWS refused sns:Publish: {error}") from error
        elif contact.channel == "pagerduty":
            event = core.pagerduty(facts, _secret(contact))
            webhook.post(contact.to or core.PAGERDUTY, event, {}, who)
        else:
            headers = {"Idempotency-Key": f"{facts['fleet']}/{incident}/{contact.level}"}
            if contact.secret_file:
                headers["Authorization"] = f"Bearer {_secret(contact)}"
            webhook.post(contact.to, facts, headers, who)


def _secret(contact: Contact) -> str:
    path = Path(contact.secret_file)
    try:
        mode = path.stat().st_mode & 0o077
        text = path.read_text().strip()
    except OSError as error:
        raise FleetError(f"secret_file {path}: {error.strerror}.") from None
    if mode or not text:
        raise FleetError(f"secret_file {path} is empty, or others may read it; its mode has to be 0600.")
    return text
