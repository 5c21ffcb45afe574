"""What a control host needs to start playbooks by itself: units of systemd, or lines of a crontab."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError
from . import render
from .rules import Rule, parse
from .windows import Calendar

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class Job:
    """A playbook that is to run by itself."""

    name: str
    command: tuple[str, ...]
    rules: tuple[Rule, ...]
    extra: tuple[str, ...] = ()
    """``OnCalendar`` expressions beside the rules: windows that were moved to another day."""


@dataclass(frozen=True)
class Host:
    """Where jobs run."""

    fleet: str
    directory: str
    """The checkout."""
    program: str
    """``ansible-playbook`` with its path."""
    inventory: str

    def unit(self, job: str) -> str:
        """Name of a job's units, without their ending."""
        return f"{self.prefix}{job.replace('_', '-')}"

    @property
    def prefix(self) -> str:
        """What the names of this fleet's units begin with, and those of no other fleet."""
        return f"steel-fleet-{self.fleet}-at-"


def jobs(given: Iterable[Mapping[str, Any]], host: Host, calendar: Calendar) -> list[Job]:
    """The jobs of the variable ``schedule_jobs``."""
    found = [_job(one, host, calendar) for one in given]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(f"schedule_jobs: {name} is there twice.", "Give every job its own name.")
    return found


def _job(given: Mapping[str, Any], host: Host, calendar: Calendar) -> Job:
    name = str(given.get("name") or "")
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"schedule_jobs: {name!r} cannot be a name.", "Use a-z, 0-9 and _.")
    if bool(given.get("rule")) == bool(given.get("calendar")):
        raise InvalidInputError(
            f"schedule_jobs: {name} needs either calendar: true or rule and start.",
            "calendar: true runs it at the begin of every maintenance window.",
        )
    words = shlex.split(str(given.get("arguments") or ""))
    command = (host.program, "-i", host.inventory, f"playbooks/{given['playbook']}", *words)
    if not given.get("calendar"):
        return Job(name, command, (parse(given["rule"], given.get("start")),))
    moved = [f"{one.to:%Y-%m-%d %H:%M}:00 UTC" for one in calendar.changes if one.to]
    return Job(name, command, tuple(one.rule for one in calendar.recurring), tuple(moved))


def units(wanted: Sequence[Job], host: Host) -> dict[str, str]:
    """File name → content of the systemd units."""
    found = {}
    for job in wanted:
        found[f"{host.unit(job.name)}.service"] = _service(job, host)
        found[f"{host.unit(job.name)}.timer"] = _timer(job, host)
    return found


def _service(job: Job, host: Host) -> str:
    words = " ".join(_systemd_word(word) for word in job.command)
    return (
        f"[Unit]\nDescription=steel.fleet {host.fleet}: {job.name}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={host.directory.replace('%', '%%')}\nExecStart={words}\n"
    )


def _timer(job: Job, host: Host) -> str:
    """Persistent: what fell into a time when the host was off is run at its start, and so is noticed."""
    lines = [line for rule in job.rules for line in render.systemd(rule)]
    calendar = "\n".join(f"OnCalendar={line}" for line in dict.fromkeys([*lines, *job.extra]))
    return (
        f"[Unit]\nDescription=steel.fleet {host.fleet}: {job.name}\n\n"
        f"[Timer]\n{calendar}\nPersistent=true\nAccuracySec=1s\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _systemd_word(word: str) -> str:
    """A word of ExecStart (systemd.service(5), command lines): specifiers and variables are taken as text."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if not re.fullmatch(r"[\w@=:,./%-]+", text) else text


@dataclass(frozen=True)
class CronJob:
    """A line of a crontab."""

    name: str
    """What marks the line as ours."""
    minute: str
    hour: str
    day: str
    month: str
    command: str


def cron_jobs(wanted: Sequence[Job], host: Host) -> list[CronJob]:
    """The lines of a crontab. Moved windows are left to the next run of schedule.yml: cron knows no years."""
    found = []
    for job in wanted:
        lines = list(dict.fromkeys(line for rule in job.rules for line in render.cron(rule)))
        for number, line in enumerate(lines, 1):
            command = shlex.join(job.command).replace("%", "\\%")
            found.append(
                CronJob(
                    f"{host.unit(job.name)}-{number}",
                    line.minute,
                    line.hour,
                    line.day,
                    line.month,
                    f"{line.guard()}cd {shlex.quote(host.directory)} && {command}",
                )
            )
    return found
