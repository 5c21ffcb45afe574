# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of one playbook run: what `reports/<playbook>/<time>/report.json` holds.

A `Recorder` is told what happens, in order and with the time it happened, and gives the record as plain JSON
data. It knows nothing of Ansible's objects; the callback plugin translates.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from .errors import InvalidInputError
from .redaction import scrub
from .report_sections import PREFIX, Contribution, count_checks, parse_contribution
from .task_results import describe_change, failure_message, items_of

FORMAT = 1
"""Version of the record's shape; it grows when a reader of old records must know."""

COUNTED = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")
"""The counts of Ansible's own recap, per host."""


def playbook_name(path: PurePath, root: PurePath) -> str:
    """The name of the playbook at ``path`` in the checkout at ``root``: ``deploy``, ``runbooks/restart``."""
    if not path.is_relative_to(root):
        return path.stem
    inside = path.relative_to(root).with_suffix("")
    return inside.relative_to("playbooks").as_posix() if inside.parts[0] == "playbooks" else inside.as_posix()


def run_id(started: datetime.datetime, check_mode: bool) -> str:
    """The name of the directory of a run that started at ``started`` (UTC)."""
    return started.strftime("%Y-%m-%dT%H-%M-%SZ") + ("-check" if check_mode else "")


@dataclass(frozen=True)
class Run:
    """What is known of a run when it starts."""

    playbook: str
    started: datetime.datetime
    """UTC."""
    check_mode: bool
    started_by: Mapping[str, Any]
    """Who and what started it: command, user, versions, revision."""


@dataclass
class _Task:
    play: str
    role: str | None
    name: str
    action: str
    started: float
    ended: float | None = None
    changed: int = 0
    failed: int = 0


@dataclass
class Recorder:
    """Collects what happens in one run. Times are seconds on any one clock; ``origin`` is the run's start."""

    run: Run
    origin: float
    environment: str | None = None
    region: str | None = None
    secrets: tuple[str, ...] = ()
    _plays: list[dict[str, Any]] = field(default_factory=list)
    _tasks: list[_Task] = field(default_factory=list)
    _task_of: dict[str, _Task] = field(default_factory=dict)
    _changes: list[dict[str, Any]] = field(default_factory=list)
    _failures: list[tuple[_Task, dict[str, Any]]] = field(default_factory=list)
    _contributions: dict[str, Contribution] = field(default_factory=dict)
    _warnings: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, Counter[str]] = field(default_factory=dict)

    def play_started(self, name: str, at: float) -> None:
        """A play begins, and the task before it ends."""
        self._end_task(at)
        self._plays.append({"name": name, "started": at - self.origin})

    def task_started(self, key: str, name: str, role: str | None, action: str, at: float) -> None:
        """A task begins, and the task before it ends. Results name the task by its ``key``."""
        self._end_task(at)
        task = _Task(self._plays[-1]["name"] if self._plays else "", role, name, action, at)
        self._tasks.append(task)
        self._task_of[key] = task

    def ok(self, key: str, host: str, result: Mapping[str, Any], with_diff: bool) -> None:
        """A task ended well on ``host``."""
        self._count(host, "ok")
        if result.get("changed"):
            self._count(host, "changed")
            task = self._task_of[key]
            task.changed += 1
            self._changes.append(self._where(task, host) | describe_change(result, with_diff))
        for part in (result, *items_of(result)):
            stats = part.get("ansible_stats")
            if isinstance(stats, Mapping):
                self._contribute(stats.get("data") or {})

    def skipped(self, host: str) -> None:
        """A task was skipped on ``host``."""
        self._count(host, "skipped")

    def failed(self, key: str, host: str, result: Mapping[str, Any], kind: str) -> None:
        """A task failed on ``host``. ``kind`` is ``failures``, ``unreachable`` or ``ignored``."""
        self._count(host, kind)
        if kind == "ignored":
            self._count(host, "ok")
        task = self._task_of[key]
        entry = self._where(task, host) | {"kind": kind, "message": failure_message(result)}
        self._failures.append((task, entry))

    def finish(self, at: float, hosts: Mapping[str, Mapping[str, int]] | None) -> dict[str, Any]:
        """The record, as JSON data without secrets.

        ``hosts`` are the counts of Ansible's recap by host (see `COUNTED`); None says that the run
        was stopped before its end, so the record counts what it saw.
        """
        self._end_task(at)
        counts = hosts if hosts is not None else self._seen
        by_host = {host: {name: seen.get(name, 0) for name in COUNTED} for host, seen in counts.items()}
        totals = {name: sum(seen[name] for seen in by_host.values()) for name in COUNTED}
        contributions = sorted(self._contributions.values(), key=lambda part: part.order)
        sections = [section | {"id": part.id} for part in contributions for section in part.sections]
        _mark_rescued([entry for _, entry in self._failures], by_host)
        for task, entry in self._failures:
            task.failed += entry["kind"] in ("failures", "unreachable")
        ended = self.run.started + datetime.timedelta(seconds=at - self.origin)
        record = {
            "format": FORMAT,
            "playbook": self.run.playbook,
            "id": run_id(self.run.started, self.run.check_mode),
            "environment": self.environment,
            "region": self.region,
            "check_mode": self.run.check_mode,
            "result": _result(totals, finished=hosts is not None),
            "started": _iso(self.run.started),
            "ended": _iso(ended),
            "seconds": round(at - self.origin, 3),
            "started_by": dict(self.run.started_by),
            "counts": totals,
            "hosts": by_host,
            "checks": count_checks(sections),
            "summary": {name: value for part in contributions for name, value in part.summary.items()},
            "next": [step for part in contributions for step in part.next],
            "phases": self._phases(),
            "stopped_in": self._stopped_in() if hosts is None else None,
            "failures": [entry for _, entry in self._failures],
            "changes": self._changes,
            "sections": sections,
            "data": {part.id: part.data for part in contributions if part.data is not None},
            "warnings": list(self._warnings.values()),
            "tasks": [self._timing(task) for task in self._tasks],
        }
        scrubbed: dict[str, Any] = scrub(record, self.secrets)
        return scrubbed

    @property
    def warnings(self) -> list[str]:
        """What was wrong with contributions so far."""
        return list(self._warnings.values())

    def _end_task(self, at: float) -> None:
        if self._tasks and self._tasks[-1].ended is None:
            self._tasks[-1].ended = at

    def _count(self, host: str, what: str) -> None:
        self._seen.setdefault(host, Counter())[what] += 1

    def _contribute(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if not key.startswith(PREFIX):
                continue
            try:
                self._contributions[key] = parse_contribution(key, value)
            except InvalidInputError as error:
                self._warnings[key] = f"{error} It is left out of the report; docs/reports.md has the schema."

    @staticmethod
    def _where(task: _Task, host: str) -> dict[str, Any]:
        return {"play": task.play, "role": task.role, "task": task.name, "action": task.action, "host": host}

    def _stopped_in(self) -> dict[str, Any] | None:
        return self._timing(self._tasks[-1]) if self._tasks else None

    @staticmethod
    def _seconds(task: _Task) -> float:
        return round((task.ended or task.started) - task.started, 3)

    def _timing(self, task: _Task) -> dict[str, Any]:
        return {
            "play": task.play,
            "role": task.role,
            "task": task.name,
            "seconds": self._seconds(task),
            "changed": task.changed,
            "failed": task.failed,
        }

    def _phases(self) -> list[dict[str, Any]]:
        """The tasks of one role in one play are a phase; so are a play's own tasks."""
        phases: dict[tuple[str, str | None], dict[str, Any]] = {}
        for task in self._tasks:
            phase = phases.setdefault(
                (task.play, task.role),
                {"play": task.play, "role": task.role, "seconds": 0.0, "tasks": 0, "changed": 0, "failed": 0},
            )
            phase["seconds"] = round(phase["seconds"] + self._seconds(task), 3)
            phase["tasks"] += 1
            phase["changed"] += task.changed
            phase["failed"] += task.failed
        roles = Counter(role for _, role in phases)
        for (play, role), phase in phases.items():
            phase["name"] = play if role is None else role if roles[role] == 1 else f"{role} ({play})"
        return list(phases.values())


def summary_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The few values of a record that the index over all runs lists."""
    names = (
        "format",
        "playbook",
        "id",
        "environment",
        "region",
        "check_mode",
        "result",
        "started",
        "seconds",
    )
    return {name: record[name] for name in names} | {
        "changed": record["counts"]["changed"],
        "checks": record["checks"],
        "summary": record["summary"],
    }


def _result(totals: Mapping[str, int], finished: bool) -> str:
    if not finished:
        return "unfinished"
    return "failed" if totals["failures"] or totals["unreachable"] else "passed"


def _mark_rescued(failures: Sequence[dict[str, Any]], hosts: Mapping[str, Mapping[str, int]]) -> None:
    """Set kind ``rescued`` where a rescue section dealt with a failure.

    Ansible tells a callback only how many failures of a host were rescued. A failure that is not rescued ends
    the host's run, so the rescued ones came first.
    """
    left = {host: counts["rescued"] for host, counts in hosts.items()}
    for failure in failures:
        if failure["kind"] == "failures" and left.get(failure["host"], 0) > 0:
            left[failure["host"]] -= 1
            failure["kind"] = "rescued"


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
