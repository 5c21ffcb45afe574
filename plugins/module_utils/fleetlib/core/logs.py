"""What boards logged: grouped by the shape of the message, counted over time. Bounded memory, one pass."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .clock import iso
from .errors import InvalidInputError
from .telemetry import LEVELS

OTHER: Final = "other"
BINS: Final = 48
"""Points of the curve over time."""
MOST_SHAPES: Final = 1_000
"""Shapes that are kept apart; what comes after them is counted together."""
MOST_TEXT: Final = 300
MOST_BARS: Final = 20
"""Devices and programs that say most; the table counts them all."""
_REST: Final = "(messages of other shapes)"
_SHAPES: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "<address>"),
        (r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", "<hex>"),
        (r'"[^"]*"', '"…"'),
        (r"\d+(?:\.\d+)?", "<n>"),
    )
)
"""What differs between messages of one shape, and what stands for it. The order matters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message."""

    at: datetime
    level: str
    thing: str
    program: str
    message: str


@dataclass(frozen=True)
class Choice:
    """Which messages count. Empty takes all."""

    devices: tuple[str, ...] = ()
    """Thing names or device ids."""
    programs: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse levels that no board has."""
        for level in self.levels:
            if level not in LEVELS:
                raise InvalidInputError(f"levels has {level!r}; boards log {', '.join(LEVELS)}.")

    def takes(self, entry: Entry) -> bool:
        """Whether a message counts."""
        return (
            (not self.levels or entry.level in self.levels)
            and (not self.programs or entry.program in self.programs)
            and (
                not self.devices
                or any(entry.thing == one or entry.thing.endswith(f"-{one}") for one in self.devices)
            )
        )


@dataclass
class Group:
    """Messages of one level and shape."""

    level: str
    shape: str
    example: str
    first: datetime
    last: datetime
    count: int = 0
    things: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "level": self.level,
            "shape": self.shape,
            "example": self.example,
            "count": self.count,
            "devices": len(self.things),
            "programs": sorted(self.programs),
            "first": iso(self.first),
            "last": iso(self.last),
        }


def parse(event: Mapping[str, Any]) -> Entry:
    """A message from an event of CloudWatch Logs: a board's JSON, or any other text."""
    text = str(event.get("message", ""))
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"message": text, "level": _level_in(text)}
    level = str(said.get("level") or OTHER).lower()
    return Entry(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        level=level if level in LEVELS else OTHER,
        thing=str(said.get("thing") or said.get("device_id") or event.get("logStreamName") or ""),
        program=str(said.get("program_id") or ""),
        message=" ".join(str(said.get("message", text)).split()),
    )


def _level_in(text: str) -> str:
    found = re.search(r"\b(ERROR|WARN|INFO|DEBUG|TRACE)", text)
    return found[1] if found else OTHER


def shape(entry: Entry) -> str:
    """The message without what differs from device to device and from time to time."""
    text = entry.message
    if entry.thing and entry.thing in text:  # a name may also be a part of a word
        text = re.sub(rf"(?<![\w-]){re.escape(entry.thing)}(?![\w-])", "<device>", text)
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return text[:MOST_TEXT]


@dataclass
class Collector:
    """Takes messages one by one."""

    start: datetime
    end: datetime
    choice: Choice = field(default_factory=Choice)
    most: int = 100_000
    """Messages to look at; then it is `full`."""
    looked_at: int = 0
    full: bool = False
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    over_time: Counter[tuple[str, int]] = field(default_factory=Counter)
    by_thing: Counter[str] = field(default_factory=Counter)
    by_program: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Refuse a period without a length, and to look at nothing."""
        if self.start >= self.end:
            raise InvalidInputError("since_minutes must be above 0.")
        if self.most < 1:
            raise InvalidInputError(f"max_events is {self.most}; it must be 1 or more.")

    def take_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events until there are no more, or too many."""
        for event in events:
            if self.looked_at >= self.most:
                self.full = True
                return
            self.looked_at += 1
            self._take(parse(event))

    def _take(self, entry: Entry) -> None:
        if not self.choice.takes(entry):
            return
        key = (entry.level, shape(entry))
        if key not in self.groups and len(self.groups) >= MOST_SHAPES:
            key = (entry.level, _REST)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(*key, entry.message[:MOST_TEXT], entry.at, entry.at)
        group.count += 1
        group.first, group.last = min(group.first, entry.at), max(group.last, entry.at)
        group.things.add(entry.thing)
        if entry.program:
            group.programs.add(entry.program)
            self.by_program[entry.program] += 1
        self.over_time[entry.level, self._bin(entry.at)] += 1
        self.by_thing[entry.thing] += 1

    def _bin(self, at: datetime) -> int:
        return min(BINS - 1, max(0, int((at - self.start) / (self.end - self.start) * BINS)))

    @property
    def count(self) -> int:
        """Messages that counted."""
        return sum(group.count for group in self.groups.values())

    def levels(self) -> dict[str, int]:
        """Messages by level, the worst first."""
        found: Counter[str] = Counter()
        for group in self.groups.values():
            found[group.level] += group.count
        return {level: found[level] for level in (*LEVELS, OTHER) if found[level]}

    def ordered(self) -> list[Group]:
        """The groups, the worst level first, the most frequent first in a level."""
        rank = (*LEVELS, OTHER)
        return sorted(self.groups.values(), key=lambda one: (rank.index(one.level), -one.count, one.shape))

    def verdict(self) -> str:
        """What was found, in a sentence or two."""
        devices = f"{len(self.by_thing):,} device{'' if len(self.by_thing) == 1 else 's'}"
        by_level = ", ".join(f"{count:,} {level}" for level, count in self.levels().items())
        said = f"{self.count:,} messages of {devices} in {len(self.groups):,} shapes: {by_level}."
        cut = f" Only the first {self.most:,} were looked at: narrow it, or raise max_events."
        return f"{said if self.count else 'No message.'}{cut if self.full else ''}"

    def sections(self) -> list[dict[str, Any]]:
        """The report's sections (docs/reports.md)."""
        sections: list[dict[str, Any]] = [{"title": "In short", "kind": "text", "text": self.verdict()}]
        if not self.count:
            return sections
        return [
            *sections,
            {
                "title": "Messages over time",
                "kind": "series",
                "unit": "messages",
                "series": [{"name": level, "points": self._curve(level)} for level in self.levels()],
            },
            {
                "title": "By shape",
                "kind": "table",
                "intro": "Numbers, names and quoted texts are left out of a shape.",
                "columns": ["Level", "Messages", "Devices", "Shape", "Example", "Programs", "First", "Last"],
                "rows": [_cells(group) for group in self.ordered()],
            },
            *_bars("By device", self.by_thing),
            *_bars("By program", self.by_program),
        ]

    def _curve(self, level: str) -> list[list[Any]]:
        width: timedelta = (self.end - self.start) / BINS
        return [[iso(self.start + width * number), self.over_time[level, number]] for number in range(BINS)]


def _cells(group: Group) -> list[Any]:
    status = {"error": "failed", "warn": "warned"}.get(group.level)
    level: Any = {"text": group.level, "status": status} if status else group.level
    when = [f"{moment:%m-%d %H:%M:%S}" for moment in (group.first, group.last)]
    programs = ", ".join(sorted(group.programs))
    return [level, group.count, len(group.things), group.shape, group.example, programs, *when]


def _bars(title: str, found: Counter[str]) -> Sequence[dict[str, Any]]:
    bars = [{"name": name or "(unknown)", "value": count} for name, count in found.most_common(MOST_BARS)]
    return [{"title": title, "kind": "bars", "unit": "messages", "bars": bars}] if bars else []
