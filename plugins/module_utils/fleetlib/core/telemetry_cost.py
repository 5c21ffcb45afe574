# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What telemetry costs a month, by way: the reason why the telemetry stack is as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from . import prices, telemetry

MINUTES: Final = 30 * 24 * 60
"""Of a month."""
EVENT_BYTES: Final = 26
"""What CloudWatch Logs counts for an event on top of its text (AWS documentation, “PutLogEvents”)."""
COMPRESSED: Final = 0.15
"""How large logs are once they are kept (AWS's own examples on the pricing page)."""
RULES: Final = 2
"""That look at a message the native way: one takes it, one would refuse it. AWS may not count the second."""
VALUES: Final = 3
"""Of a metrics message: memory, processor, latency."""
LAMBDA_SECONDS, LAMBDA_GIGABYTES = 0.02, 0.125
BATCH: Final = 100
"""Messages that a function would take from a queue at once."""

LINE: Final = {
    "thing": "aws-iot-steel-production-device-001",
    "cpu_percent": 12.3,
    "memory_percent": 40.04,
    "latency_ms": 48,
}
"""What a rule writes of a metrics message."""
EMBEDDED: Final = {
    "_aws": {
        "Timestamp": 1764331200000,
        "CloudWatchMetrics": [
            {
                "Namespace": telemetry.RUNTIME,
                "Dimensions": [[]],
                "Metrics": [
                    {"Name": name, "Unit": metric.unit}
                    for name, metric in zip(
                        ("memory_percent", "cpu_percent", "latency_ms"),
                        (telemetry.MEMORY, telemetry.CPU, telemetry.LATENCY),
                        strict=True,
                    )
                ],
            }
        ],
    }
}
"""What the embedded metric format adds to it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a device says in a month."""

    devices: int = 1000
    interval_seconds: float = 60
    """Between two metrics messages."""
    lines_per_hour: float = 6
    """Messages of the log, of 200 bytes."""
    reports_per_hour: float = 2
    """Reports of the states of programs, of 150 bytes."""

    @property
    def metrics(self) -> float:
        """Metrics messages."""
        return self.devices * MINUTES * 60 / self.interval_seconds

    @property
    def lines(self) -> float:
        """Messages of the log."""
        return self.devices * MINUTES / 60 * self.lines_per_hour

    @property
    def reports(self) -> float:
        """Reports of programs."""
        return self.devices * MINUTES / 60 * self.reports_per_hour


@dataclass(frozen=True, slots=True)
class Cost:
    """A way for metrics, and what it costs a month in US dollars."""

    way: str
    dollars: float
    why: str


def metrics(traffic: Traffic) -> list[Cost]:
    """Ways from messages to metrics, the cheapest first. Sending the messages costs the same each way."""
    messages = traffic.metrics
    rule, action = prices.IOT_RULE.of(messages), prices.IOT_ACTION.of(messages)
    embedded = LINE | EMBEDDED
    calls = messages / BATCH
    seconds = LAMBDA_SECONDS * LAMBDA_GIGABYTES
    found = [
        Cost(
            "cloudwatchLogs action, metric filters",
            RULES * rule + action + _logs(messages, _bytes(LINE)),
            f"one line of {_bytes(LINE)} bytes a message; filters are free",
        ),
        Cost(
            "cloudwatchLogs action, embedded metric format",
            RULES * rule + action + _logs(messages, _bytes(embedded)),
            f"one line of {_bytes(embedded)} bytes a message",
        ),
        Cost(
            "cloudwatchMetric action for each value",
            rule + VALUES * (action + prices.METRIC_REQUEST.of(messages)),
            f"{VALUES} requests a message",
        ),
        Cost(
            "Lambda action",
            rule
            + action
            + prices.LAMBDA_REQUEST.of(messages)
            + prices.LAMBDA_GIGABYTE_SECOND.of(messages * seconds)
            + prices.METRIC_REQUEST.of(messages),
            "one call and one request a message",
        ),
        Cost(
            f"sqs action, Lambda with {BATCH} messages at once",
            rule
            + action
            + prices.SQS_REQUEST.of(messages + 2 * messages / 10)
            + prices.LAMBDA_REQUEST.of(calls)
            + prices.LAMBDA_GIGABYTE_SECOND.of(calls * seconds * 5)
            + prices.METRIC_REQUEST.of(calls),
            "a request to the queue for each message, and for each 10 of them two to read and delete",
        ),
    ]
    return sorted(found, key=lambda one: one.dollars)


def bill(traffic: Traffic) -> list[Cost]:
    """What the native way costs a month, by part."""
    every = traffic.metrics + traffic.lines + traffic.reports
    return [
        Cost("Messages to AWS IoT", prices.IOT_MESSAGE.of(every), f"{every:,.0f} messages"),
        Cost(
            "Rules and actions",
            RULES * prices.IOT_RULE.of(every) + prices.IOT_ACTION.of(every),
            f"{RULES} rules and one action for each",
        ),
        Cost("Log lines of metrics", _logs(traffic.metrics, _bytes(LINE)), f"{_bytes(LINE)} bytes each"),
        Cost(
            "Log lines of boards and programs",
            _logs(traffic.lines, 200 + EVENT_BYTES) + _logs(traffic.reports, 150 + EVENT_BYTES),
            f"{traffic.lines + traffic.reports:,.0f} lines",
        ),
        Cost(
            "Metrics",
            prices.METRIC.of(len(telemetry.METRICS)),
            f"{len(telemetry.METRICS)}, however many devices there are",
        ),
    ]


def _logs(events: float, size: int) -> float:
    gigabytes = events * size / 1e9
    return prices.LOG_GIGABYTE.of(gigabytes) + prices.LOG_STORED.of(gigabytes * COMPRESSED)


def _bytes(line: object) -> int:
    return len(json.dumps(line, separators=(",", ":"))) + EVENT_BYTES
