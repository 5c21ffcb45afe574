"""What people are told about a run of a playbook: its record in a few lines. The record holds no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from .errors import InvalidInputError
from .notification import Message, subject

FAILED: Final = "failed"
CHANGED: Final = "changed"
ALWAYS: Final = "always"
WHEN: Final = (FAILED, CHANGED, ALWAYS)
MOST_LINES: Final = 10
"""Failures and changes that are listed; the report has all of them."""
MOST_CHARACTERS: Final = 400
"""Of one line."""
_SAID: Final = {"passed": "ended well", "failed": "FAILED", "unfinished": "was STOPPED"}


@dataclass(frozen=True)
class Audience:
    """Who is told, and when."""

    topic_arns: tuple[str, ...] = ()
    webhook_url: str = field(default="", repr=False)
    when: str = CHANGED

    @classmethod
    def of(cls, topic_arns: Any, webhook_url: Any, when: Any) -> Audience:
        """From variables as people write them; nothing counts as not given."""
        arns = topic_arns.split(",") if isinstance(topic_arns, str) else topic_arns or ()
        named = (str(arn).strip() for arn in arns)
        return cls(tuple(filter(None, named)), str(webhook_url or "").strip(), str(when or CHANGED))

    @property
    def is_somebody(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.topic_arns or self.webhook_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be seen nowhere: the webhook's address, and the parts of it that open it."""
        try:
            parts = urlsplit(self.webhook_url)
        except ValueError:
            return (self.webhook_url,)
        return tuple(filter(None, (self.webhook_url, parts.path.strip("/"), parts.query)))

    def wants_to_hear_of(self, record: Mapping[str, Any]) -> bool:
        """Whether a run is worth a message. Check mode did nothing that anybody has to know."""
        if self.when not in WHEN:
            raise InvalidInputError(f"fleet_notify_when is {self.when!r}; it can be {', '.join(WHEN)}.")
        if record["check_mode"]:
            return False
        went_wrong = record["result"] != "passed"
        has_changed = record["counts"]["changed"] > 0
        return self.when == ALWAYS or went_wrong or (self.when == CHANGED and has_changed)


def compose(record: Mapping[str, Any], report: str) -> Message:
    """The message of a finished run. ``report`` is where its page is."""
    how = _SAID[record["result"]]
    title = f"{record['playbook']} in {record['environment']} {how}"
    by = record["started_by"]
    parts = [
        f"{title} after {record['seconds']:,.0f} s, with {_number(record['counts']['changed'], 'change')}.",
        _list("What failed, and why", [_failure(one) for one in _failures(record)]),
        _list("It stopped in", _stopped(record)),
        _list("What changed", _changes(record)),
        _list("Figures", [f"{name}: {value}" for name, value in record["summary"].items()]),
        _list("Next", record["next"]),
        f"Report: {report} on {by.get('host') or 'the control host'}, "
        f"started by {by.get('user') or 'somebody'} at {record['started']}.",
    ]
    return Message(subject(title), "\n\n".join(part for part in parts if part) + "\n")


def payload(record: Mapping[str, Any], message: Message, report: str) -> dict[str, Any]:
    """The same as JSON, as chats take it (``text``), with what a machine wants to know."""
    return {
        "text": f"{message.subject}\n\n{message.text}",
        "playbook": record["playbook"],
        "environment": record["environment"],
        "result": record["result"],
        "changed": record["counts"]["changed"],
        "started": record["started"],
        "report": report,
    }


def _failures(record: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Those that no rescue section dealt with."""
    return (one for one in record["failures"] if one["kind"] in ("failures", "unreachable"))


def _failure(one: Mapping[str, Any]) -> str:
    return f"{_task(one)} on {one['host']}: {one['message']}"


def _stopped(record: Mapping[str, Any]) -> list[str]:
    return [_task(record["stopped_in"])] if record["stopped_in"] else []


def _changes(record: Mapping[str, Any]) -> list[str]:
    """Each task once, however many hosts it changed."""
    return list(dict.fromkeys(_task(one) for one in record["changes"]))


def _task(one: Mapping[str, Any]) -> str:
    return f"{one['role']}: {one['task']}" if one["role"] else str(one["task"])


def _list(title: str, lines: Sequence[Any]) -> str:
    if not lines:
        return ""
    shown = [f"- {_short(str(line))}" for line in lines[:MOST_LINES]]
    more = len(lines) - len(shown)
    return "\n".join([f"{title}:", *shown, *([f"- and {more:,} more"] if more else [])])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
