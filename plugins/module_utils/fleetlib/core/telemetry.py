# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What boards tell and where it ends up: the one place for namespaces, metrics, units and log groups.

`read` turns a message into measurements and a line of a log. The telemetry stack does the same with rules and
metric filters where the cloud has them; a test holds the stack to the names in here. No metric has
dimensions: CloudWatch charges for every combination, and what one device does is in its shadow, which
health.yml reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .clock import parse_iso
from .errors import InvalidInputError

RUNTIME: Final = "Custom/SteelRuntime"
"""Namespace of what programs and boards do."""
OTA: Final = "Custom/OTA"
"""Namespace of firmware updates."""
SECURITY: Final = "Custom/Security"
"""Namespace of what somebody should look at who cares for security."""
LOG_GROUP: Final = "/aws/iot/steel-runtime"
"""Log group of what boards log."""
LEVELS: Final = ("error", "warn", "info", "debug", "trace")
"""What boards log, the worst first."""
STATUSES: Final = ("Pending", "Loading", "Running", "Completed", "Failed", "Stopped")
"""States of a program, as boards report them."""
SECURITY_ALERT: Final = "security"
"""An alert whose kind begins with it is one of security: ``alerts/<thing>/security-…``."""
_MOST: Final = 1e15
MOST_LATE_MS: Final = 24 * 3600 * 1000
"""A message older than that was stamped by a clock that is wrong; its age is no latency."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch. Its dimensions are always none."""

    namespace: str
    name: str
    unit: str
    """A unit of CloudWatch."""
    what: str
    dimensions: tuple[tuple[str, str], ...] = ()


MEMORY: Final = Metric(RUNTIME, "MemoryUsage", "Percent", "Share of a board's memory in use")
CPU: Final = Metric(RUNTIME, "CpuUsage", "Percent", "Share of a board's processor in use")
LATENCY: Final = Metric(RUNTIME, "DeliveryLatency", "Milliseconds", "From a board's time stamp to the cloud")
PROGRAM_CPU: Final = Metric(
    RUNTIME, "ProgramCpuTime", "Milliseconds", "Processor time of one run of a program"
)
PROGRAM_TIME: Final = Metric(
    RUNTIME, "ProgramExecutionTime", "Milliseconds", "Duration of one run of a program"
)
PROGRAM_SUCCESSES: Final = Metric(RUNTIME, "ProgramSuccesses", "Count", "Runs of programs that completed")
PROGRAM_FAILURES: Final = Metric(RUNTIME, "ProgramFailures", "Count", "Runs of programs that failed")
PROGRAMS_REFUSED: Final = Metric(RUNTIME, "ProgramsRefused", "Count", "Programs that the validator refused")
ERROR_MESSAGES: Final = Metric(RUNTIME, "ErrorMessages", "Count", "Messages of boards with the level error")
ALERTS: Final = Metric(RUNTIME, "Alerts", "Count", "Alerts of boards and their programs")
MALFORMED: Final = Metric(
    RUNTIME, "MalformedMessages", "Count", "Telemetry that does not follow the protocol"
)
UPDATE_SUCCESSES: Final = Metric(OTA, "UpdateSuccesses", "Count", "Boards that run new firmware")
UPDATE_FAILURES: Final = Metric(
    OTA, "UpdateFailures", "Count", "Firmware updates that failed, were refused or timed out"
)
UPDATE_ROLLBACKS: Final = Metric(
    OTA, "UpdateRollbacks", "Count", "Boards that went back to their former firmware"
)
SECURITY_ALERTS: Final = Metric(SECURITY, "SecurityAlerts", "Count", "Alerts whose kind begins with security")

METRICS: Final = (
    MEMORY,
    CPU,
    LATENCY,
    PROGRAM_CPU,
    PROGRAM_TIME,
    PROGRAM_SUCCESSES,
    PROGRAM_FAILURES,
    PROGRAMS_REFUSED,
    ERROR_MESSAGES,
    ALERTS,
    MALFORMED,
    UPDATE_SUCCESSES,
    UPDATE_FAILURES,
    UPDATE_ROLLBACKS,
    SECURITY_ALERTS,
)
"""Every metric of the fleet's own; those of AWS are not here."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value of a metric."""

    metric: Metric
    value: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says: values of metrics, and a line for the log group of the boards."""

    measurements: tuple[Measurement, ...] = ()
    line: Mapping[str, Any] | None = None


class MalformedError(InvalidInputError):
    """A message does not follow the protocol; the text says in what."""


@dataclass(frozen=True, slots=True)
class _Message:
    topic: tuple[str, ...]
    body: Mapping[str, Any]
    received: datetime

    def number(self, name: str, most: float = _MOST) -> float:
        """A number from 0 to ``most``."""
        value = self.body.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise MalformedError(f"{name} is {_shown(value)}; it must be a number from 0 to {most:g}.")
        return float(value)

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str):
            raise MalformedError(f"{name} is {_shown(value)}; it must be text.")
        return value


def read(topic: str, payload: bytes, received: datetime) -> Report:
    """What a message on a topic of the device protocol says.

    Raises `MalformedError` where it does not follow the protocol, or the topic is none of it.
    """
    reader = next((act for pattern, act in _READERS if pattern.fullmatch(topic)), None)
    if reader is None:
        raise MalformedError(f"{topic} is no topic of telemetry.")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"The payload is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise MalformedError(f"The payload is {_shown(body)}; it must be a JSON object.")
    return reader(_Message(tuple(topic.split("/")), body, received))


def _metrics(message: _Message) -> Report:
    total = message.number("memory_total_bytes")
    used = message.number("memory_used_bytes", total)
    if not total:
        raise MalformedError("memory_total_bytes is 0.")
    found = [
        Measurement(MEMORY, 100 * used / total),
        Measurement(CPU, message.number("cpu_percent", 100)),
        *_latency(message),
    ]
    if message.body.get("program_cpu_ms") is not None:
        found.append(Measurement(PROGRAM_CPU, message.number("program_cpu_ms")))
    return Report(tuple(found))


def _latency(message: _Message) -> list[Measurement]:
    """The age of a message; none where the board's clock is ahead or was never set."""
    try:
        sent = parse_iso(message.text("timestamp"))
        late = (message.received - sent).total_seconds() * 1000
    except (TypeError, ValueError) as error:
        raise MalformedError(
            f"timestamp is {_shown(message.body['timestamp'])}; it must be like 2026-03-01T09:30:00.123Z."
        ) from error
    return [Measurement(LATENCY, late)] if 0 <= late <= MOST_LATE_MS else []


def _log(message: _Message) -> Report:
    level = message.text("level")
    if level not in LEVELS:
        raise MalformedError(f"level is {_shown(level)}; boards log {', '.join(LEVELS)}.")
    message.text("message")
    line = {**message.body, "thing": message.topic[1]}
    return Report((Measurement(ERROR_MESSAGES, 1),) if level == "error" else (), line)


def _status(message: _Message) -> Report:
    message.text("program_id")
    status = message.text("status")
    if status not in STATUSES:
        raise MalformedError(f"status is {_shown(status)}; it must be {', '.join(STATUSES)}.")
    ended = {"Completed": PROGRAM_SUCCESSES, "Failed": PROGRAM_FAILURES}.get(status)
    found = [Measurement(ended, 1)] if ended else []
    if message.body.get("execution_time_ms") is not None:
        found.append(Measurement(PROGRAM_TIME, message.number("execution_time_ms")))
    return Report(tuple(found))


def _alert(message: _Message) -> Report:
    grave = message.topic[2].startswith(SECURITY_ALERT)
    return Report((Measurement(ALERTS, 1), *([Measurement(SECURITY_ALERTS, 1)] if grave else [])))


def _job(message: _Message) -> Report:
    """A job execution that ended: of AWS IoT's own events, not of a board."""
    if not _FIRMWARE_JOB.search(message.text("jobId")):
        return Report()
    status = message.text("status")
    if status == "SUCCEEDED":
        return Report((Measurement(UPDATE_SUCCESSES, 1),))
    if status not in ("FAILED", "REJECTED", "TIMED_OUT"):
        return Report()
    details = message.body.get("statusDetails")
    back = isinstance(details, dict) and details.get("code") == "rolled_back"
    return Report((Measurement(UPDATE_FAILURES, 1), *([Measurement(UPDATE_ROLLBACKS, 1)] if back else [])))


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


_FIRMWARE_JOB: Final = re.compile(r"-firmware-[0-9a-f]{8}(-|$)")
"""Jobs of firmware rollouts, by the id that fleetlib.rollout gives them."""
_READERS: Final[tuple[tuple[re.Pattern[str], Callable[[_Message], Report]], ...]] = (
    (re.compile(r"steel-telemetry/[^/]+/metrics"), _metrics),
    (re.compile(r"steel-telemetry/[^/]+/logs"), _log),
    (re.compile(r"steel-programs/[^/]+/status/report"), _status),
    (re.compile(r"alerts/[^/]+/.+"), _alert),
    (re.compile(r"\$aws/events/jobExecution/[^/]+/[^/]+"), _job),
)
"""Topics of the device protocol, and of AWS IoT's events, with who reads them."""
