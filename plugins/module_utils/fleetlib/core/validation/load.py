"""What a load test asks for, what it measured, and whether that meets the targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidInputError
from .checks import Check, failed, not_checked, passed, warned

CONNECT_QUOTA = 500
"""MQTT CONNECT requests a second that AWS IoT takes from an account."""
PUBLISH_QUOTA = 20_000
"""Messages a second that AWS IoT takes from an account."""
MOST_DEVICES = 1_000
"""One control host's connections; each needs a thread and three files."""
MOST_MESSAGES = 100_000

CONNECTED = "Devices connect side by side"
DELIVERED = "Messages arrive"
RESPONSIVE = "Messages arrive in time"
ROWS = (CONNECTED, DELIVERED, RESPONSIVE)

PLOTTED_VALUES = 2_000
"""The most latencies that go into the report; more are thinned evenly."""
SLICES = 20
"""Into how many parts of equal length the run is cut for the plot over time."""


@dataclass(frozen=True)
class Load:
    """What a load test does. Refuses what the quotas of AWS IoT or one control host cannot bear."""

    devices: int = 50
    messages_per_device: int = 20
    connects_per_second: float = 50
    messages_per_second: float = 100

    def check(self) -> None:
        """Raise `InvalidInputError` that names the value and what is allowed."""
        limits: tuple[tuple[str, float, float, str], ...] = (
            ("devices", self.devices, MOST_DEVICES, "what one control host connects"),
            ("connects_per_second", self.connects_per_second, CONNECT_QUOTA, "AWS IoT's quota"),
            ("messages_per_second", self.messages_per_second, PUBLISH_QUOTA, "AWS IoT's quota"),
            ("messages_per_device", self.messages_per_device, MOST_MESSAGES, "this test's limit"),
        )
        for name, value, most, why in limits:
            if not 0 < value <= most:
                raise InvalidInputError(
                    f"{name} is {value:g}; it must be above 0 and at most {most:,.0f} ({why})."
                )
        if self.devices * self.messages_per_device > MOST_MESSAGES:
            raise InvalidInputError(
                f"{self.devices:,} devices with {self.messages_per_device:,} messages each are "
                f"{self.devices * self.messages_per_device:,} messages; at most {MOST_MESSAGES:,} are sent."
            )


@dataclass(frozen=True)
class Targets:
    """What a fleet has to reach."""

    connect_percent: float = 99.0
    """More than this part of the devices connects."""
    delivery_percent: float = 99.5
    """More than this part of the messages arrives."""
    response_ms: float = 100.0
    """95 of 100 messages that arrive take less than this, from the call to the device."""


@dataclass(frozen=True)
class Message:
    """One message of the test."""

    sent: float
    """When it was published, in seconds since the first."""
    latency: float | None
    """Seconds until the device had it; nothing: it never came."""


@dataclass(frozen=True)
class Measured:
    """What happened."""

    connect_seconds: Sequence[float]
    """How long each device took that connected."""
    refusals: Sequence[str] = ()
    """Why each device did not, that did not."""
    dropped: int = 0
    """Devices whose connection ended before the test did."""
    messages: Sequence[Message] = ()
    duplicates: int = 0
    """Messages that came again (QoS 1 allows it)."""
    seconds: float = 0.0
    """How long the messages took, first call to last arrival."""
    publish_errors: Sequence[str] = field(default=())
    """Calls that AWS refused; their messages count as lost."""

    @property
    def attempted(self) -> int:
        """Devices that were to connect."""
        return len(self.connect_seconds) + len(self.refusals)

    @property
    def latencies(self) -> list[float]:
        """Seconds of the messages that arrived, in the order in which they were sent."""
        return [message.latency for message in self.messages if message.latency is not None]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that ``percent`` of all do not exceed."""
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


def rows(measured: Measured, targets: Targets, wanted: int, remark: str = "") -> list[Check]:
    """Met or missed, with the figures. ``remark`` says why fewer than the wanted devices took part."""
    return [
        _connected(measured, targets.connect_percent, wanted, remark),
        _delivered(measured, targets.delivery_percent),
        _responsive(measured, targets.response_ms),
    ]


def figures(measured: Measured) -> dict[str, Any]:
    """What was measured, as plain data; times in milliseconds."""
    return {
        "attempted": measured.attempted,
        "connected": len(measured.connect_seconds),
        "dropped": measured.dropped,
        "sent": len(measured.messages),
        "arrived": len(measured.latencies),
        "duplicates": measured.duplicates,
        "seconds": round(measured.seconds, 3),
        "connect_ms": _percentiles(measured.connect_seconds),
        "response_ms": _percentiles(measured.latencies),
    }


def none_of(why: str) -> list[Check]:
    """All rows, not checked for one reason."""
    return [not_checked(name, why) for name in ROWS]


def sections(measured: Measured, targets: Targets) -> list[dict[str, Any]]:
    """Tables and plots for the report (`docs/reports.md`)."""
    if not measured.connect_seconds:
        return []
    milliseconds = [1000 * value for value in measured.latencies]
    table = [_spread("Connecting, ms", [1000 * value for value in measured.connect_seconds])]
    if not milliseconds:
        return [_table(table)]
    limit = [{"name": "target", "value": targets.response_ms}]
    return [
        _table([*table, _spread("Response, ms", milliseconds)]),
        {
            "title": "Response times",
            "kind": "histogram",
            "intro": "From the call that publishes a message until the device has it.",
            "values": [round(value, 2) for value in thinned(milliseconds)],
            "unit": "ms",
            "limits": limit,
        },
        {
            "title": "Response times during the test",
            "kind": "series",
            "intro": "x: seconds since the first message.",
            "series": over_time(measured.messages),
            "unit": "ms",
            "limits": limit,
        },
    ]


def thinned(values: Sequence[float]) -> list[float]:
    """At most `PLOTTED_VALUES` of the values, evenly taken, the smallest and the largest among them."""
    ordered = sorted(values)
    if len(ordered) <= PLOTTED_VALUES:
        return ordered
    step = (len(ordered) - 1) / (PLOTTED_VALUES - 1)
    return [ordered[round(index * step)] for index in range(PLOTTED_VALUES)]


def over_time(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Median and 95th percentile, in milliseconds, of the messages sent in each slice of the run."""
    length = max(message.sent for message in messages) / SLICES or 1.0
    slices: dict[int, list[float]] = {}
    for message in messages:
        if message.latency is not None:
            index = min(int(message.sent / length), SLICES - 1)
            slices.setdefault(index, []).append(1000 * message.latency)
    return [
        {
            "name": name,
            "points": [
                [round((index + 0.5) * length, 3), round(percentile(values, percent), 2)]
                for index, values in sorted(slices.items())
            ],
        }
        for name, percent in (("median", 50), ("95 %", 95))
    ]


def _connected(measured: Measured, target: float, wanted: int, remark: str) -> Check:
    good = len(measured.connect_seconds) - measured.dropped
    detail = f"{good:,} of {measured.attempted:,} stayed connected (target: above {target:g} %)"
    if measured.dropped:
        detail += f"; {measured.dropped:,} lost the connection"
    if measured.refusals:
        detail += f"; for example: {measured.refusals[0]}"
    met = _share(good, measured.attempted) > target
    if met and measured.attempted < wanted:
        return warned(CONNECTED, f"{detail}; fewer than the {wanted:,} asked for. {remark}".rstrip())
    return _judge(CONNECTED, met, detail)


def _delivered(measured: Measured, target: float) -> Check:
    total, arrived = len(measured.messages), len(measured.latencies)
    if not total:
        return not_checked(DELIVERED, "No device was connected, so nothing was sent.")
    detail = f"{arrived:,} of {total:,} (target: above {target:g} %)"
    if measured.duplicates:
        detail += f"; {measured.duplicates:,} came twice"
    if measured.publish_errors:
        detail += f"; {len(measured.publish_errors):,} could not be published: {measured.publish_errors[0]}"
    return _judge(DELIVERED, _share(arrived, total) > target, detail)


def _responsive(measured: Measured, target: float) -> Check:
    if not measured.latencies:
        return not_checked(RESPONSIVE, "Nothing arrived.")
    milliseconds = [1000 * value for value in measured.latencies]
    figures = ", ".join(
        f"{percent} % within {percentile(milliseconds, percent):.1f} ms" for percent in (50, 95, 99)
    )
    detail = f"{figures} (target: 95 % in less than {target:g} ms)"
    return _judge(RESPONSIVE, percentile(milliseconds, 95) < target, detail)


def _judge(name: str, met: bool, detail: str) -> Check:
    return passed(name, detail) if met else failed(name, f"Missed: {detail}")


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{one}": round(1000 * percentile(seconds, one), 2) for one in (50, 95, 99) if seconds}


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _table(table: list[list[Any]]) -> dict[str, Any]:
    return {
        "title": "Under load",
        "kind": "table",
        "columns": ["What", "Count", "Median", "95 %", "99 %", "Most"],
        "rows": table,
    }


def _spread(name: str, values: Sequence[float]) -> list[Any]:
    figures = [percentile(values, percent) for percent in (50, 95, 99, 100)]
    return [name, len(values), *(round(value, 1) for value in figures)]
