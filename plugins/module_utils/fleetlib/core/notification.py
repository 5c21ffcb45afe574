"""What people are told about maintenance, as plain text that reads the same in mail and in a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from .errors import InvalidInputError

SUBJECT_LENGTH: Final = 100
"""Of SNS; ASCII without line breaks."""

MOST_MINUTES: Final = 7 * 24 * 60


@dataclass(frozen=True)
class Template:
    """A kind of message."""

    subject: str
    opening: str
    closing: str


TEMPLATES: Final[Mapping[str, Template]] = {
    "announce": Template(
        "Maintenance announced: {fleet}, {start}",
        "Maintenance of {fleet} is planned from {start} to {end} ({minutes} minutes).",
        "Devices may lose their connection for a short time and connect again by themselves.",
    ),
    "start": Template(
        "Maintenance has begun: {fleet}",
        "Maintenance of {fleet} has begun at {start} and is to end by {end}.",
        "Alarms named above are silent until it ends. A message follows when it does.",
    ),
    "extend": Template(
        "Maintenance takes longer: {fleet}, until {end}",
        "Maintenance of {fleet} that began at {start} takes longer: until {end}.",
        "A message follows when it ends.",
    ),
    "complete": Template(
        "Maintenance complete: {fleet}",
        "Maintenance of {fleet} is complete. It began at {start} and took {minutes} minutes.",
        "Everything was validated, and alarms are on again.",
    ),
    "failed": Template(
        "Maintenance FAILED: {fleet}",
        "Maintenance of {fleet} that began at {start} failed and was taken back.",
        "Alarms are on again. Somebody has to look before the next attempt.",
    ),
}


@dataclass(frozen=True)
class Message:
    """A message, ready to be sent."""

    subject: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return dict(vars(self))


def compose(kind: str, fleet: str, start: datetime, minutes: int, details: Sequence[str] = ()) -> Message:
    """The message of a kind. ``details`` are lines of their own between opening and closing."""
    if kind not in TEMPLATES:
        raise InvalidInputError(f"notification_kind is {kind!r}; it must be one of {', '.join(TEMPLATES)}.")
    if not 0 <= minutes <= MOST_MINUTES:
        raise InvalidInputError(f"duration is {minutes} minutes; it must be from 0 to {MOST_MINUTES:,}.")
    template = TEMPLATES[kind]
    end = start + timedelta(minutes=minutes)
    words = {"fleet": fleet, "start": _utc(start), "end": _utc(end), "minutes": f"{minutes:,}"}
    lines = [line for detail in details if (line := " ".join(str(detail).split()))]
    parts = [template.opening.format(**words), *(["\n".join(f"- {line}" for line in lines)] if lines else [])]
    return Message(subject(template.subject.format(**words)), "\n\n".join([*parts, template.closing]) + "\n")


def subject(text: str) -> str:
    """The text as SNS takes it for a subject."""
    return " ".join(text.split()).encode("ascii", "replace").decode()[:SUBJECT_LENGTH]


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
