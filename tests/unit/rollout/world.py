"""A world for the engine: devices, jobs and a bucket in memory, a clock that jumps, and kills at any call."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fleetlib.core.rollout import engine, plan
from fleetlib.core.rollout.gate import Counts
from fleetlib.core.rollout.ports import ConflictError, DeviceState, Execution
from fleetlib.core.rollout.waves import Device

OLD, NEW = "1.0.0", "1.1.0"
GROUP = "fleet"


class KilledError(BaseException):
    """SIGKILL: no `except Exception` sees it."""


@dataclass
class Board:
    """A virtual board."""

    name: str
    version: str = OLD
    status: str = "Running"
    online: bool = True
    takes: float = 5.0
    """Seconds from the start of a job to its end."""
    fails_with: tuple[str, ...] = ()
    """Versions that end FAILED here."""
    dies_after: dict[str, float] = field(default_factory=dict)
    """Version → seconds after its start at which the connection is gone, for good."""
    seen_at: str = ""
    memory: float = 1000.0
    loads: Counter = field(default_factory=Counter)
    started_at: float = 0.0


@dataclass
class Job:
    group: str
    version: str
    keep_open: bool
    executions: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    canceled: bool = False


class World:
    """`Fleet`, `Store`, `Documents` and `Clock` in one."""

    def __init__(self, boards, published=(OLD, NEW, "")):
        self.boards = {board.name: board for board in boards}
        self.published = published
        self.groups = {GROUP: set(self.boards)}
        self.jobs: dict[str, Job] = {}
        self.objects: dict[str, str] = {}
        self.record: tuple[str, int] | None = None
        self.wished: dict[str, str] = {}
        self.moment = 0.0
        self.at: list[tuple[float, object]] = []
        self.requests: Counter = Counter()
        self.kill_at = 0
        self.kill_after = False
        self.calls_made = 0
        self.ringing: tuple[str, ...] = ()
        self.command_code = 0

    # Kills

    def effect(self, work):
        """Something with an effect outside; the process may be killed just before or just after it."""
        self.calls_made += 1
        doomed = 0 < self.kill_at == self.calls_made
        dead = 0 < self.kill_at < self.calls_made  # a killed process does not even release its lease
        if dead or (doomed and not self.kill_after):
            raise KilledError
        result = work()
        if doomed:
            raise KilledError
        return result

    # Clock

    def now(self):
        return datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=self.moment)

    def monotonic(self):
        return self.moment

    def sleep(self, seconds):
        until = self.moment + seconds
        while self.moment < until:
            self.moment = min(until, self.moment + max(1, seconds / 120))
            self.live()

    def live(self):
        """One second of every board's life."""
        for when, what in [one for one in self.at if one[0] <= self.moment]:
            self.at.remove((when, what))
            what()
        for name, job in self.jobs.items():
            for thing, status in list(job.executions.items()):
                if thing in self.boards:
                    self.work(name, job, self.boards[thing], status)
        for board in self.boards.values():
            limit = board.dies_after.get(board.version)
            if limit is not None and self.moment - board.started_at >= limit:
                board.online = False

    def work(self, name, job, board, status):
        if not board.online:
            return
        if status == "QUEUED":
            job.executions[board.name], job.begun[board.name] = "IN_PROGRESS", self.moment
            board.loads[job.version] += 1
        elif status == "IN_PROGRESS" and self.moment - job.begun[board.name] >= board.takes:
            if job.version in board.fails_with:
                job.executions[board.name] = "FAILED"
                return
            job.executions[board.name] = "SUCCEEDED"
            board.version, board.status, board.started_at = job.version, "Running", self.moment

    # Store

    def load(self):
        return (json.loads(self.record[0]), str(self.record[1])) if self.record else None

    def save(self, data, version):
        def work():
            have = str(self.record[1]) if self.record else None
            if version != have:
                raise ConflictError("Somebody else wrote the record.")
            self.record = (json.dumps(data), (self.record[1] if self.record else 0) + 1)
            return str(self.record[1])

        return self.effect(work)

    def put(self, name, data):
        self.effect(lambda: self.objects.__setitem__(name, json.dumps(data)))

    def get(self, name):
        return json.loads(self.objects[name]) if name in self.objects else None

    def wish(self):
        return self.wished

    # Fleet

    def devices(self, group):
        return [Device(name) for name in sorted(self.groups[group])]

    def states(self, group):
        self.requests["SearchIndex"] += 1
        return {
            name: DeviceState(
                self.boards[name].online,
                self.boards[name].version,
                self.boards[name].status,
                seen_at=self.boards[name].seen_at,
                memory_bytes=self.boards[name].memory,
            )
            for name in self.groups.get(group, ())
            if name in self.boards
        }

    def gone(self, things):
        return {thing for thing in things if thing not in self.boards}

    def make_group(self, name, things):
        self.effect(lambda: self.groups.setdefault(name, set()).update(things))

    def delete_group(self, name):
        self.effect(lambda: self.groups.pop(name, None))

    def create_job(self, job, group, document, wave, keep_open):
        def work():
            self.requests["CreateJob"] += 1
            if job not in self.jobs:
                things = dict.fromkeys(sorted(self.groups[group]), "QUEUED")
                self.jobs[job] = Job(group, document["version"], keep_open, things)

        self.effect(work)

    def counts(self, job):
        if job not in self.jobs:
            return Counts()
        return Counts(**Counter(status.lower() for status in self.jobs[job].executions.values()))

    def executions(self, job):
        found = self.jobs.get(job)
        if found is None:
            return []
        return [Execution(thing, status, thing in found.begun) for thing, status in found.executions.items()]

    def cancel(self, job, why, running_too):
        def work():
            found = self.jobs.get(job)
            stopped = ("QUEUED", "IN_PROGRESS") if running_too else ("QUEUED",)
            for thing, status in found.executions.items() if found else ():
                if status in stopped:
                    found.executions[thing] = "CANCELED"
                    if (
                        status == "IN_PROGRESS"
                    ):  # the board does not know: it goes on and has the version then
                        self.at.append(
                            (self.moment + 3, lambda thing=thing: self.arrive(thing, found.version))
                        )

        self.effect(work)

    def arrive(self, thing, version):
        self.boards[thing].version = version

    def alarms(self, names):
        return self.ringing

    def error_logs(self, since):
        return ()

    def command(self, command, facts):
        return self.command_code, "said so"

    def calls(self):
        return dict(self.requests)

    # Documents

    def of(self, version, jitter_seconds):
        return {"version": version} if version in self.published else None

    # An operator

    def start(self, given="standard"):
        return engine.start(
            self,
            self,
            self,
            plan.parse(given),
            rollout_id="blink-1",
            subject="program:blink",
            version=NEW,
            sha256="0" * 64,
            target=GROUP,
            by="ann",
        )

    def run(self, holder="ann@host:1", **settings):
        return self.engine(holder, **settings).run()

    def engine(self, holder="ann@host:1", **settings):
        return engine.Engine(self, self, self, self, engine.Settings(holder, **settings))

    def with_version(self, version=NEW):
        return {name for name, board in self.boards.items() if board.version == version}


def boards(count, **same):
    return [Board(f"device-{number:03d}", **same) for number in range(count)]


def but(board, **changes):
    return replace(board, loads=Counter(), **changes)
