# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dashboard of a fleet: what its plots show, in CloudWatch and on the page of monitoring.yml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .. import telemetry
from ..telemetry import Metric
from .alarms import ALARMS, Alarm, build, function, iot


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot."""

    metric: Metric
    statistic: str = "Sum"
    label: str = ""

    @property
    def name(self) -> str:
        """What the legend says."""
        return self.label or self.metric.name


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: lines of one unit. Thresholds of alarms on the same statistic are drawn in."""

    title: str
    lines: tuple[Line, ...]
    unit: str = ""
    """Empty for counts in 5 minutes."""

    def alarms(self) -> list[Alarm]:
        """The alarms that look at what it shows, each threshold once."""
        shown = {(line.metric, line.statistic) for line in self.lines}
        found = {one.threshold: one for one in ALARMS if (one.metric, one.statistic) in shown}
        return list(found.values())


def _lines(*metrics: Metric) -> tuple[Line, ...]:
    return tuple(Line(metric) for metric in metrics)


PERIOD: Final = 300
"""Seconds between the points of a plot."""

PLOTS: Final = (
    Plot(
        "Connections",
        _lines(*(iot(f"Connect.{end}") for end in ("Success", "AuthError", "ClientError", "Throttle"))),
    ),
    Plot(
        "Messages",
        _lines(*map(iot, ("PublishIn.Success", "PublishOut.Success", "PublishIn.Throttle"))),
    ),
    Plot("Shadows", _lines(*map(iot, ("UpdateThingShadow.Accepted", "GetThingShadow.Accepted")))),
    Plot(
        "Programs",
        _lines(
            telemetry.PROGRAM_SUCCESSES,
            telemetry.PROGRAM_FAILURES,
            telemetry.PROGRAMS_REFUSED,
            telemetry.ERROR_MESSAGES,
        ),
    ),
    Plot(
        "Memory used",
        (Line(telemetry.MEMORY, "Average", "mean"), Line(telemetry.MEMORY, "Maximum", "worst board")),
        "%",
    ),
    Plot(
        "Processor used",
        (Line(telemetry.CPU, "Average", "mean"), Line(telemetry.CPU, "Maximum", "worst board")),
        "%",
    ),
    Plot("Boards that report", (Line(telemetry.MEMORY, "SampleCount", "reports"),)),
    Plot(
        "Delivery latency",
        (Line(telemetry.LATENCY, "p50", "half"), Line(telemetry.LATENCY, "p99", "99 of 100")),
        "ms",
    ),
    Plot(
        "Security",
        (
            *_lines(*map(iot, ("Connect.AuthError", "PublishIn.AuthError", "Subscribe.AuthError"))),
            Line(telemetry.SECURITY_ALERTS),
        ),
    ),
    Plot(
        "Firmware updates",
        _lines(telemetry.UPDATE_SUCCESSES, telemetry.UPDATE_FAILURES, telemetry.UPDATE_ROLLBACKS),
    ),
    Plot("Program validator", _lines(*map(function, ("Invocations", "Errors", "Throttles")))),
    Plot(
        "Program validator, duration",
        (
            Line(function("Duration", "Milliseconds"), "p50", "half"),
            Line(function("Duration", "Milliseconds"), "p99", "99 of 100"),
        ),
        "ms",
    ),
    Plot("Pipeline", _lines(*map(build, ("SucceededBuilds", "FailedBuilds")))),
    Plot("Telemetry", _lines(telemetry.ALERTS, telemetry.MALFORMED)),
)
