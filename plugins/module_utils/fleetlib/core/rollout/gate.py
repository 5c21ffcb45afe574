"""What is measured of a wave, and whether it is good enough: every threshold, with the reason in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .plan import Gate, Wave


@dataclass(frozen=True)
class Counts:
    """Job executions of a wave by status."""

    queued: int = 0
    in_progress: int = 0
    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    timed_out: int = 0
    canceled: int = 0
    removed: int = 0

    @property
    def bad(self) -> int:
        """Devices that tried and did not get it."""
        return self.failed + self.rejected + self.timed_out

    @property
    def finished(self) -> int:
        """Devices that tried, with either result."""
        return self.succeeded + self.bad

    @property
    def touched(self) -> int:
        """Devices that have begun."""
        return self.finished + self.in_progress

    @property
    def waiting(self) -> int:
        """Devices that may still finish."""
        return self.queued + self.in_progress

    def __add__(self, other: Counts) -> Counts:
        """Of two jobs together."""
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class Measured:
    """What was seen of a wave at one moment. ``None`` was not looked at."""

    counts: Counts = Counts()
    connected_before: int = 0
    lost: tuple[str, ...] | None = None
    """Connected before the wave and not now."""
    program_failed: tuple[str, ...] | None = None
    """Succeeded, and now reporting the program as failed or in another version."""
    error_logs: tuple[str, ...] | None = None
    """Devices that logged errors."""
    memory_before: float | None = None
    memory_now: float | None = None
    """Median bytes in use."""
    cpu_before: float | None = None
    cpu_now: float | None = None
    """Median percent."""
    alarms: tuple[str, ...] | None = None
    """In ALARM, of those the gate names."""
    command_code: int | None = None
    command_output: str = ""


@dataclass(frozen=True)
class Check:
    """One threshold of a gate."""

    name: str
    passed: bool | None
    """``None``: not measured, with the reason; that does not stop a rollout."""
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return asdict(self)


def judge(gate: Gate, seen: Measured) -> tuple[Check, ...]:
    """Every threshold of the gate. The gate is open unless one has ``passed`` false."""
    return tuple(_checks(gate, seen))


def is_open(checks: tuple[Check, ...]) -> bool:
    """Whether the next wave may begin."""
    return all(check.passed is not False for check in checks)


def job_stops(wave: Wave, counts: Counts) -> str:
    """Why the wave must stop while its job still runs; empty when it may go on."""
    if counts.finished < wave.abort_after or not counts.bad:
        return ""
    percent = counts.bad / counts.finished * 100
    if percent <= wave.abort_percent:
        return ""
    return (
        f"{counts.bad} of {counts.finished} finished devices failed ({percent:.1f} %); "
        f"the wave allows {wave.abort_percent:g} % from {wave.abort_after} devices on"
    )


def _checks(gate: Gate, seen: Measured) -> Iterator[Check]:
    finished = seen.counts.finished
    yield _share("job executions", seen.counts.bad, finished, gate.failed_percent, "failed")
    if gate.lost_percent is not None:
        yield _devices("connections", seen.lost, seen.connected_before, gate.lost_percent, "lost")
    if gate.program_failed_percent is not None:
        yield _devices(
            "program status", seen.program_failed, finished, gate.program_failed_percent, "do not run it"
        )
    if gate.error_log_percent is not None:
        yield _devices("error logs", seen.error_logs, finished, gate.error_log_percent, "logged errors")
    if gate.memory_growth_percent is not None:
        yield _growth("memory", seen.memory_before, seen.memory_now, gate.memory_growth_percent)
    if gate.cpu_growth_percent is not None:
        yield _growth("processor", seen.cpu_before, seen.cpu_now, gate.cpu_growth_percent)
    if gate.alarms:
        yield _alarms(seen.alarms)
    if gate.command:
        yield _command(seen)


def _share(name: str, bad: int, of: int, allowed: float, what: str) -> Check:
    if not of:
        return Check(name, None, "no device has finished")
    percent = bad / of * 100
    return Check(
        name, percent <= allowed, f"{bad} of {of} {what} ({percent:.1f} %), allowed are {allowed:g} %"
    )


def _devices(name: str, bad: tuple[str, ...] | None, of: int, allowed: float, what: str) -> Check:
    if bad is None:
        return Check(name, None, "not measured here")
    if not of:
        return Check(name, None, "there is no device to compare with")
    share = _share(name, len(bad), of, allowed, what)
    few = ", ".join(bad[:3]) + (", …" if len(bad) > 3 else "")
    return Check(name, share.passed, f"{share.reason}{f': {few}' if bad else ''}")


def _growth(name: str, before: float | None, now: float | None, allowed: float) -> Check:
    if before is None or now is None or before <= 0:
        return Check(name, None, "the devices do not report it")
    percent = (now / before - 1) * 100
    return Check(
        name,
        percent <= allowed,
        f"median went from {before:,.0f} to {now:,.0f} ({percent:+.1f} %), allowed are {allowed:+g} %",
    )


def _alarms(ringing: tuple[str, ...] | None) -> Check:
    if ringing is None:
        return Check("alarms", None, "not measured here")
    return Check("alarms", not ringing, f"in ALARM: {', '.join(ringing)}" if ringing else "none in ALARM")


def _command(seen: Measured) -> Check:
    if seen.command_code is None:
        return Check("command", None, "not run")
    said = f": {seen.command_output}" if seen.command_output else ""
    return Check("command", seen.command_code == 0, f"exit code {seen.command_code}{said}")
