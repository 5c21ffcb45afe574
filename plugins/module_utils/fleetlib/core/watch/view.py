"""The live view as lines of text with styles, for a terminal of any size.

What a style looks like is not known here. Every colour only repeats what words say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..clock import parse_iso
from ..rollout.record import OPEN, Record
from .state import Alarm, Event, Fleet, State, Version, is_left_alone

TITLE: Final = "title"
GOOD: Final = "good"
BAD: Final = "bad"
WARN: Final = "warn"
DIM: Final = "dim"
PLAIN: Final = ""

NARROWEST: Final = 20
ENDLESS: Final = 10_000
"""Lines of a frame that goes to a pipe."""
_BAR: Final = 20
_STATES: Final = {"ALARM": BAD, "OK": GOOD}
_WAVES: Final = {"passed": GOOD, "failed": BAD, "deploying": WARN, "baking": WARN, "returning": BAD}
_KINDS: Final = {"alarm": WARN, "device": BAD}


@dataclass(frozen=True)
class Line:
    """One line in one style."""

    text: str
    style: str = PLAIN

    def fitted(self, width: int) -> Line:
        """No longer than the terminal is wide, and without what would move its cursor."""
        clean = "".join(char if char.isprintable() else " " for char in self.text)
        return Line(clean if len(clean) <= width else f"{clean[: width - 1]}…", self.style)


@dataclass(frozen=True)
class Frame:
    """What surrounds the state on the screen."""

    fleet: str
    region: str
    now: datetime
    every: float
    """Seconds until the next look."""
    state: State | None = None
    trouble: str = ""
    """Why the last look gave nothing."""
    silent_since: datetime | None = None
    """When the first look that gave nothing began."""
    live: bool = True
    """Whether there is a terminal, in which Ctrl-C ends the view."""


@dataclass(frozen=True)
class _Part:
    title: Line
    rows: Sequence[Line] = field(default_factory=tuple)
    least: int = 1
    """Rows that it gets before others get more."""


def lines(frame: Frame, width: int, height: int = ENDLESS) -> list[Line]:
    """The whole screen: at most ``height`` lines of at most ``width`` characters."""
    head = _head(frame, width)
    parts = _parts(frame) if frame.state else []
    foot = [Line("Ctrl-C ends.", DIM)] if frame.live else []
    body = _shared_out(parts, height - len(head) - len(foot))
    whole = [*head, *body, *foot] if height > len(head) + len(foot) else head[:height]
    return [line.fitted(max(width, NARROWEST)) for line in whole]


def _head(frame: Frame, width: int) -> list[Line]:
    name, clock = f"{frame.fleet} in {frame.region}", f"{frame.now:%H:%M:%S} UTC"
    head = [Line(f"{name}{clock:>{max(width - len(name), len(clock) + 2)}}", TITLE)]
    if frame.silent_since is not None:
        head.append(
            Line(f"The cloud does not answer since {frame.silent_since:%H:%M:%S}: {frame.trouble}", BAD)
        )
        head += _until_then(frame)
    elif frame.trouble:
        head += [Line(frame.trouble, WARN), *_until_then(frame)]
    elif frame.state:
        head.append(Line(_read(frame, frame.state), DIM))
    else:
        head.append(Line("Reading …", DIM))
    return head


def _until_then(frame: Frame) -> list[Line]:
    """What there is to see while the last look gave nothing."""
    again = f"Asked again every {frame.every:g} s. " if frame.live else ""
    below = f"What is below was read at {frame.state.at:%H:%M:%S}." if frame.state else ""
    return [Line((again + below).rstrip(), WARN)] if again or below else []


def _read(frame: Frame, state: State) -> str:
    asked = f"{state.requests:,} request{'' if state.requests == 1 else 's'}"
    often = f", every {frame.every:g} s" if frame.live else ""
    return f"Read at {state.at:%Y-%m-%d %H:%M:%S} with {asked}{often}"


def _parts(frame: Frame) -> list[_Part]:
    state = frame.state
    if state is None:
        return []
    return [
        _fleet(state),
        _alarms(state, frame.fleet),
        _rollouts(state, frame.now),
        _versions(state),
        _events(state, frame.now),
    ]


def _missing(state: State, name: str, title: str) -> _Part:
    return _Part(Line(title, TITLE), [Line(f"  not known: {state.troubles.get(name, 'not read yet')}", WARN)])


def _fleet(state: State) -> _Part:
    if state.fleet is None:
        return _missing(state, "fleet", "Devices")
    fleet = state.fleet
    rows = [
        Line(f"  {_bar(fleet)} {fleet.connected:,} connected, {fleet.devices - fleet.connected:,} offline")
    ]
    rows += [Line(f"  {fleet.note}", WARN)] if fleet.note else []
    return _Part(Line(f"{_number(fleet.devices, 'device')}", TITLE), rows, least=len(rows))


def _bar(fleet: Fleet) -> str:
    """A share that is neither none nor all never looks like it."""
    full = round(_BAR * fleet.connected / fleet.devices) if fleet.devices else 0
    if 0 < fleet.connected < fleet.devices:
        full = min(max(full, 1), _BAR - 1)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"


def _alarms(state: State, fleet: str) -> _Part:
    if state.alarms is None:
        return _missing(state, "alarms", "Alarms")
    ringing = [one for one in state.alarms if one.state == "ALARM"]
    unknown = sum(one.state == "INSUFFICIENT_DATA" for one in state.alarms)
    silent = sum(one.silent for one in state.alarms)
    said = [f"{len(ringing):,} of {len(state.alarms):,} in state ALARM"]
    said += [f"{unknown:,} without data"] if unknown else []
    said += [f"{silent:,} silent"] if silent else []
    style = BAD if ringing else TITLE
    rows = [_alarm(one, fleet, state.at) for one in sorted(ringing, key=lambda one: one.since, reverse=True)]
    return _Part(Line(f"Alarms: {', '.join(said)}", style), rows, least=min(len(rows), 3))


def _alarm(one: Alarm, fleet: str, now: datetime) -> Line:
    silent = " (silent)" if one.silent else ""
    name = one.name.removeprefix(f"{fleet}-")
    return Line(f"  {name}{silent} since {_when(one.since, now)}: {one.reason}", BAD)


def _rollouts(state: State, now: datetime) -> _Part:
    if state.rollouts is None:
        return _missing(state, "rollouts", "Rollouts")
    going = sum(one.state in OPEN for one in state.rollouts)
    rows = [row for one in state.rollouts for row in _rollout(one, now)]
    return _Part(Line(f"Rollouts: {going or 'none'} in progress", TITLE), rows, least=min(len(rows), 5))


def _rollout(record: Record, now: datetime) -> list[Line]:
    alone = ", nobody works on it" if is_left_alone(record, now) else ""
    subject = record.subject.removeprefix("program:")
    ended = f" at {_when(parse_iso(record.ended_at), now)}" if record.ended_at else ""
    head = (
        f"  {subject} {record.version}: {record.state}{ended}{alone}, "
        f"{record.finished:,} of {record.devices:,} devices done"
    )
    if record.state not in OPEN:
        return [Line(head, GOOD if record.state == "finished" else WARN)]
    rows = [Line(head, WARN if alone else PLAIN)]
    for wave in record.waves:
        counts = wave.counts
        well, bad, awaited = counts.succeeded + wave.already, counts.bad, counts.waiting
        said = f"{wave.devices:>7,}: {well:>7,} ok {bad:>5,} failed {awaited:>7,} awaited"
        style = BAD if bad else _WAVES.get(wave.state, DIM)
        rows.append(Line(f"    {wave.name[:14]:<14} {wave.state:<11} {said}", style))
    return rows


def _versions(state: State) -> _Part:
    if state.fleet is None:
        return _missing(state, "fleet", "Programs and firmware")
    versions = state.fleet.versions
    if not versions:
        return _Part(Line("Programs and firmware: no device reports any", TITLE))
    return _Part(Line("Programs and firmware", TITLE), [_version(one) for one in versions], least=2)


def _version(one: Version) -> Line:
    failed = f", {one.failed:,} failed" if one.failed else ""
    text = f"  {one.name[:28]:<28} {one.version[:16]:<16} {_number(one.devices, 'device'):>14}{failed}"
    return Line(text, BAD if one.failed else PLAIN)


def _events(state: State, now: datetime) -> _Part:
    if state.events is None:
        return _missing(state, "events", "Last events")
    rows = [_event(one, now) for one in state.events]
    rows += [Line(f"  not known: {state.troubles['events']}", WARN)] if "events" in state.troubles else []
    return _Part(Line("Last events" if rows else "Last events: none", TITLE), rows)


def _event(one: Event, now: datetime) -> Line:
    return Line(f"  {_when(one.at, now)} {one.kind:<8} {one.text}", _KINDS.get(one.kind, PLAIN))


def _when(at: datetime, now: datetime) -> str:
    """The time of today; of another day with its date."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _shared_out(parts: Sequence[_Part], height: int) -> list[Line]:
    """The parts in their order. Each gets its title, then its least rows, then one row each in turn."""
    given, left = [], height - len(parts)
    for part in parts:
        given.append(max(min(part.least, len(part.rows), left), 0))
        left -= given[-1]
    while left > 0 and any(had < len(part.rows) for had, part in zip(given, parts, strict=True)):
        for i, part in enumerate(parts):
            if left > 0 and given[i] < len(part.rows):
                given[i] += 1
                left -= 1
    shown = [line for part, rows in zip(parts, given, strict=True) for line in _cut(part, rows)]
    return shown[: max(height, 0)]


def _cut(part: _Part, rows: int) -> list[Line]:
    """Title and as many rows; the last of them says how many there are more."""
    if rows >= len(part.rows):
        return [part.title, *part.rows]
    more = len(part.rows) - max(rows - 1, 0)
    if not rows:
        return [Line(f"{part.title.text} ({_number(more, 'more line')})", part.title.style)]
    return [part.title, *part.rows[: rows - 1], Line(f"  … {more:,} more", DIM)]
