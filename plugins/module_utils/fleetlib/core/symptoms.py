"""What a fleet looks like from outside while something is wrong with it: tallies, no list of devices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from .clock import iso
from .connection_diagnosis import REASONS
from .rollout.devices import memory_percent, programs, state, subject_of
from .validation.checks import Check, failed, not_checked, passed, some, warned

_RUNBOOK: Final = re.compile(r"docs/runbooks/(\w+)\.md")
MOST_ROWS: Final = 50
STORM_SHARE: Final = 0.2
"""Where this share of the fleet went away within a minute, it was not the devices."""


@dataclass(frozen=True)
class AlarmState:
    """An alarm now."""

    name: str
    state: str
    since: datetime | None
    description: str
    silenced: bool
    """Whether its actions are switched off."""

    @property
    def runbook(self) -> str:
        """The runbook that its description names; empty for none."""
        found = _RUNBOOK.search(self.description)
        return found[1] if found else ""


def alarm_rows(found: Sequence[AlarmState]) -> list[Check]:
    """Which ring, and which cannot."""
    if not found:
        return [not_checked("No alarm rings", "The fleet has no alarms: the stack monitoring makes them.")]
    ringing = [one.name for one in found if one.state == "ALARM"]
    silent = [one.name for one in found if one.silenced]
    name = "No alarm rings"
    rows = [failed(name, f"{len(ringing)} of {len(found)}: {some(ringing)}.") if ringing else passed(name)]
    name = "No alarm is silenced"
    return [*rows, warned(name, f"Their actions are off: {some(silent)}.") if silent else passed(name)]


def alarm_section(found: Sequence[AlarmState]) -> list[dict[str, Any]]:
    """What rings, since when, and where to go on."""
    rows = [
        [one.name, iso(one.since) if one.since else "", one.runbook or "none", one.description]
        for one in sorted(found, key=lambda one: one.name)
        if one.state == "ALARM"
    ]
    columns = ["Alarm", "Since", "Runbook", "What it means"]
    return [{"title": "Alarms that ring", "kind": "table", "columns": columns, "rows": rows}] if rows else []


@dataclass
class FleetTally:
    """A fleet as fleet indexing knows it, counted in one pass."""

    devices: int = 0
    connected: int = 0
    never: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    minutes: Counter[str] = field(default_factory=Counter)
    """Minute (UTC) → devices that were last seen then and are away."""
    programs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Program, version, status → devices."""
    failing: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Program, version → the first devices on which it failed."""
    memory: list[tuple[float, str]] = field(default_factory=list)
    """The devices with the least memory left: percent used, thing."""
    memory_sum: float = 0.0
    memory_count: int = 0
    program_memory: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Program → sum of the memory (percent) of the devices that run it, and how many they are."""

    @property
    def away(self) -> int:
        """Devices that are not connected, but once were."""
        return self.devices - self.connected - self.never


def tally(hits: Iterable[Mapping[str, Any]]) -> FleetTally:
    """Count what fleet indexing returns, page by page."""
    found = FleetTally()
    for hit in hits:
        found.devices += 1
        _connection(found, hit)
        running = _programs(found, hit)
        _memory(found, hit, running)
    return found


def _connection(found: FleetTally, hit: Mapping[str, Any]) -> None:
    seen = state(hit, subject_of(""))
    if seen.connected:
        found.connected += 1
    elif not seen.seen_at:
        found.never += 1
    else:
        reason = (hit.get("connectivity") or {}).get("disconnectReason") or "no reason given"
        found.reasons[str(reason)] += 1
        found.minutes[seen.seen_at[:16]] += 1


def _programs(found: FleetTally, hit: Mapping[str, Any]) -> list[str]:
    running = []
    for program in programs(hit):
        one = state(hit, subject_of(program))
        found.programs[program, one.version, one.status] += 1
        if one.status == "Running":
            running.append(program)
        if one.failed:
            things = found.failing.setdefault((program, one.version), [])
            if len(things) < MOST_ROWS:
                things.append(str(hit["thingName"]))
    return running


def _memory(found: FleetTally, hit: Mapping[str, Any], running: Sequence[str]) -> None:
    percent = memory_percent(hit)
    if percent is None:
        return
    found.memory_sum += percent
    found.memory_count += 1
    found.memory = sorted([*found.memory, (percent, str(hit["thingName"]))], reverse=True)[:MOST_ROWS]
    for program in running:
        total, count = found.program_memory.get(program, (0.0, 0))
        found.program_memory[program] = (total + percent, count + 1)


def connection_rows(found: FleetTally, most_away_share: float) -> list[Check]:
    """How many are connected, and whether many went away at once."""
    name = f"At least {100 - most_away_share * 100:g} % of the devices are connected"
    if not found.devices:
        return [not_checked(name, "Fleet indexing knows no device of this fleet.")]
    share = found.connected / found.devices
    detail = f"{found.connected:,} of {found.devices:,} ({share:.1%}); {found.never:,} were never connected."
    rows = [passed(name, detail) if share >= 1 - most_away_share else failed(name, detail)]
    name = "They did not go away all at once"
    if not found.minutes:
        return [*rows, passed(name, "none went away")]
    minute, count = found.minutes.most_common(1)[0]
    detail = f"At most {count:,} in one minute ({minute}Z)."
    if count >= max(2, STORM_SHARE * found.devices):
        return [
            *rows,
            failed(
                name,
                f"{count:,} went away within the minute {minute}Z: network, AWS or a rollout, no device.",
            ),
        ]
    return [*rows, passed(name, detail)]


def connection_sections(found: FleetTally) -> list[dict[str, Any]]:
    """Why they went, and when."""
    sections: list[dict[str, Any]] = []
    if found.reasons:
        rows = [
            [reason, count, REASONS.get(reason, "AWS IoT does not say why")]
            for reason, count in found.reasons.most_common()
        ]
        columns = ["Reason", "Devices", "Meaning"]
        sections.append({"title": "Why devices are away", "kind": "table", "columns": columns, "rows": rows})
    if len(found.minutes) > 1:
        points = [[f"{minute}:00Z", count] for minute, count in sorted(found.minutes.items())[-MOST_ROWS:]]
        series = [{"name": "devices", "points": points}]
        sections.append({"title": "When they went away", "kind": "series", "series": series})
    return sections


def program_rows(found: FleetTally) -> list[Check]:
    """A row for each program."""
    names = sorted({program for program, _, _ in found.programs})
    if not names:
        return [not_checked("No program fails", "No device reports a program in its shadow.")]
    return [_program_row(found, name) for name in names]


def _program_row(found: FleetTally, program: str) -> Check:
    name = f"Program {program} fails nowhere"
    bad = sorted(version for one, version in found.failing if one == program)
    if not bad:
        total = sum(count for (one, _, _), count in found.programs.items() if one == program)
        return passed(name, f"{total:,} devices")
    parts = []
    for version in bad:
        all_of_it = sum(
            count for (one, each, _), count in found.programs.items() if (one, each) == (program, version)
        )
        failing = sum(
            count
            for (one, each, status), count in found.programs.items()
            if (one, each, status) == (program, version, "Failed")
        )
        things = some(found.failing[program, version])
        parts.append(f"version {version or 'unknown'} on {failing:,} of {all_of_it:,} devices ({things})")
    return failed(name, f"{'; '.join(parts)}.")


def program_sections(found: FleetTally) -> list[dict[str, Any]]:
    """Every program, version and status."""
    rows = [[*key, count] for key, count in sorted(found.programs.items())][:MOST_ROWS]
    if not rows:
        return []
    columns = ["Program", "Version", "Status", "Devices"]
    return [{"title": "Programs", "kind": "table", "columns": columns, "rows": rows}]


@dataclass(frozen=True)
class Error:
    """An error that a board logged."""

    thing: str
    program: str
    message: str


def error_section(
    errors: Sequence[Error] | None, since_minutes: int
) -> tuple[list[Check], list[dict[str, Any]]]:
    """Errors by program and message."""
    name = f"Boards logged no error in {since_minutes} minutes"
    if errors is None:
        return [not_checked(name, "There is no log group of the boards.")], []
    if not errors:
        return [passed(name)], []
    counted = Counter((one.program or "none", one.message[:200]) for one in errors)
    devices = {one.thing for one in errors}
    rows = [[*key, count] for key, count in counted.most_common(MOST_ROWS)]
    table = {
        "title": "Errors",
        "kind": "table",
        "columns": ["Program", "Message", "Times"],
        "rows": rows,
    }
    return [warned(name, f"{len(errors):,} from {len(devices):,} devices.")], [table]


@dataclass(frozen=True)
class Series:
    """A metric over time."""

    name: str
    points: tuple[tuple[datetime, float], ...]


def resource_rows(found: FleetTally, series: Sequence[Series], limits: Mapping[str, float]) -> list[Check]:
    """The mean of each metric against its limit, and the memory that shadows report."""
    rows = []
    for one in series:
        limit = limits.get(one.name, 100.0)
        name = f"{one.name} is at most {limit:g} %"
        if not one.points:
            rows.append(not_checked(name, "No board reported it in this time."))
            continue
        last = one.points[-1][1]
        mean = sum(value for _, value in one.points) / len(one.points)
        detail = f"{last:.1f} % last, {mean:.1f} % on average"
        rows.append(failed(name, detail) if last > limit else passed(name, detail))
    name = "No board is short of memory"
    if not found.memory:
        return [*rows, not_checked(name, "No shadow reports memory.")]
    mean = found.memory_sum / found.memory_count
    short = [thing for percent, thing in found.memory if percent > limits.get("MemoryUsage", 100.0)]
    if short:
        return [*rows, failed(name, f"{some(short)}; {mean:.1f} % on average.")]
    return [*rows, passed(name, f"{mean:.1f} % on average, at most {found.memory[0][0]:.1f} %")]


def resource_sections(found: FleetTally, series: Sequence[Series]) -> list[dict[str, Any]]:
    """Metrics over time, the programs by the memory of their boards, and the boards with the least left."""
    drawn = [
        {"name": one.name, "points": [[iso(at), round(value, 2)] for at, value in one.points]}
        for one in series
        if len(one.points) > 1
    ]
    sections: list[dict[str, Any]] = []
    if drawn:
        sections.append({"title": "Use over time", "kind": "series", "series": drawn, "unit": "%"})
    if found.program_memory:
        means = sorted(
            ((total / count, program, count) for program, (total, count) in found.program_memory.items()),
            reverse=True,
        )
        rows = [[program, round(mean, 1), count] for mean, program, count in means[:MOST_ROWS]]
        columns = ["Program", "Memory of boards that run it, %", "Devices"]
        sections.append({"title": "Programs by memory", "kind": "table", "columns": columns, "rows": rows})
    if found.memory:
        bars = [{"name": thing, "value": round(percent, 1)} for percent, thing in found.memory[:20]]
        sections.append(
            {"title": "Boards with the least memory left", "kind": "bars", "bars": bars, "unit": "%"}
        )
    return sections


@dataclass(frozen=True)
class Change:
    """Something that somebody did."""

    at: datetime
    what: str
    by: str
    about: str = ""


def change_section(
    changes: Sequence[Change] | None, since_minutes: int
) -> tuple[list[Check], list[dict[str, Any]]]:
    """What was changed before it began; often that is the answer."""
    name = f"Nobody changed anything in {since_minutes} minutes"
    if changes is None:
        return [not_checked(name, "CloudTrail cannot be read.")], []
    if not changes:
        return [passed(name)], []
    newest = sorted(changes, key=lambda one: one.at, reverse=True)
    counted = Counter(one.what for one in newest)
    rows = [[iso(one.at), one.what, one.by, one.about] for one in newest[:MOST_ROWS]]
    columns = ["At", "What", "By", "About"]
    words = some([f"{what} {count:,} times" for what, count in counted.most_common()])
    section = {"title": "What was changed", "kind": "table", "columns": columns, "rows": rows}
    return [warned(name, words)], [section]


@dataclass(frozen=True)
class Attempt:
    """One step of reaching the endpoint."""

    step: str
    trouble: str
    """Empty where it went well."""
    seconds: float = 0.0
    detail: str = ""


def endpoint_rows(attempts: Sequence[Attempt], slow_seconds: float) -> list[Check]:
    """Each step towards the endpoint; what comes after one that failed was not tried."""
    rows = []
    for one in attempts:
        if one.trouble:
            rows.append(failed(one.step, one.trouble))
        elif one.seconds > slow_seconds:
            rows.append(warned(one.step, f"It took {one.seconds:.1f} s. {one.detail}".strip()))
        else:
            rows.append(passed(one.step, f"{one.seconds * 1000:.0f} ms {one.detail}".strip()))
    return rows


def verdict(rows: Sequence[Check]) -> str:
    """One sentence for the top of the screen."""
    bad = [row.name for row in rows if row.status == "failed"]
    if not bad:
        return "Nothing that was looked at is wrong."
    return f"{len(bad)} of {len(rows)}: {some(bad)}."
