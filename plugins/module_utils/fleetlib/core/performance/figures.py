# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is reported: figures with their targets, curves, and what has to be read for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from .. import telemetry


@dataclass(frozen=True, slots=True)
class Query:
    """A statistic of a metric."""

    namespace: str
    name: str
    stat: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to be above or below."""

    limit: float
    above: bool

    def holds(self, value: float) -> bool:
        """Whether it is."""
        return value > self.limit if self.above else value < self.limit


Numbers = Mapping[Query, float]
"""Query → its one number for a whole period; what CloudWatch has no data of is not in it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the report, and how it follows from numbers."""

    id: str
    title: str
    unit: str
    good: tuple[Query, ...]
    """What is wanted: of a share the part that went well, else the one number itself."""
    bad: tuple[Query, ...] = ()
    """Of a share: what went wrong."""
    counted: Query | None = None
    """How many values are behind it; None for a share and a sum, which count themselves."""
    target: Target | None = None
    less_is_better: bool | None = True
    """None where neither more nor less is better."""

    @property
    def queries(self) -> tuple[Query, ...]:
        """What has to be read for it."""
        return (*self.good, *self.bad, *((self.counted,) if self.counted else ()))

    def samples(self, numbers: Numbers) -> int:
        """How many values are behind it."""
        counted = (self.counted,) if self.counted else (*self.good, *self.bad)
        return round(sum(numbers.get(one, 0.0) for one in counted))

    def value(self, numbers: Numbers) -> float | None:
        """The figure; None without data."""
        good = sum(numbers.get(one, 0.0) for one in self.good)
        if self.bad:
            of = good + sum(numbers.get(one, 0.0) for one in self.bad)
            return 100 * good / of if of else None
        known = any(one in numbers for one in self.good) and (self.counted is None or self.samples(numbers))
        return good if known else None


@dataclass(frozen=True, slots=True)
class Curve:
    """A plot over the period."""

    title: str
    unit: str
    lines: tuple[tuple[str, Query], ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Targets that an environment may set; the others are the guide's, too."""

    memory_percent: float = 80
    cpu_percent: float = 70


def _own(metric: telemetry.Metric, stat: str) -> Query:
    return Query(metric.namespace, metric.name, stat, metric.dimensions)


def _iot(*names: str) -> tuple[Query, ...]:
    return tuple(Query("AWS/IoT", name, "Sum", (("Protocol", "MQTT"),)) for name in names)


_CONNECTED = _iot("Connect.Success")
_REFUSED = _iot("Connect.AuthError", "Connect.ClientError", "Connect.ServerError", "Connect.Throttle")
_DELIVERED = _iot("PublishIn.Success", "PublishOut.Success")
_LOST = _iot(
    *(f"PublishIn.{why}" for why in ("AuthError", "ClientError", "ServerError", "Throttle")),
    *(f"PublishOut.{why}" for why in ("AuthError", "ClientError", "Throttle")),
)
_PERCENTILES: Final = ("p50", "p95", "p99")
RESPONSE_MS: Final = 100.0


def _percentiles(
    id_: str, title: str, of: Callable[[str], Query], targets: Mapping[str, Target] | None = None
) -> list[Figure]:
    return [
        Figure(
            f"{id_}_{stat}",
            f"{title}, {stat}",
            "ms",
            (of(stat),),
            counted=of("SampleCount"),
            target=(targets or {}).get(stat),
        )
        for stat in _PERCENTILES
    ]


@dataclass(frozen=True)
class Plan:
    """What is reported of a fleet: figures, curves, and what they have to be."""

    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...]

    def numbers(self) -> tuple[Query, ...]:
        """What has to be read as one number for a period."""
        return tuple(dict.fromkeys(query for one in self.figures for query in one.queries))

    def points(self) -> tuple[Query, ...]:
        """What has to be read as a curve over a period."""
        return tuple(dict.fromkeys(query for one in self.curves for _, query in one.lines))


def plan(validator: str, limits: Limits | None = None) -> Plan:
    """What to report. ``validator`` is the name of the program validator's function; empty leaves it out."""
    limits = limits or Limits()

    def latency(stat: str) -> Query:
        return _own(telemetry.LATENCY, stat)

    def running(stat: str) -> Query:
        return _own(telemetry.PROGRAM_TIME, stat)

    def validating(stat: str, name: str = "Duration") -> Query:
        return Query("AWS/Lambda", name, stat, (("FunctionName", validator),))

    memory, cpu = (partial(_own, one) for one in (telemetry.MEMORY, telemetry.CPU))
    completed, broken = (
        _own(one, "Sum") for one in (telemetry.PROGRAM_SUCCESSES, telemetry.PROGRAM_FAILURES)
    )
    response = {"p95": Target(RESPONSE_MS, above=False)}
    figures = [
        Figure(
            "connects", "Connections that succeed", "%", _CONNECTED, _REFUSED, None, Target(99, True), False
        ),
        Figure(
            "delivery", "Messages that are delivered", "%", _DELIVERED, _LOST, None, Target(99.5, True), False
        ),
        Figure(
            "programs",
            "Program runs that succeed",
            "%",
            (completed,),
            (broken,),
            None,
            Target(95, True),
            False,
        ),
        *_percentiles("response", "Response: delivery latency", latency, response),
        Figure(
            "memory",
            "Memory in use, mean",
            "%",
            (memory("Average"),),
            counted=memory("SampleCount"),
            target=Target(limits.memory_percent, above=False),
        ),
        Figure(
            "cpu",
            "Processor in use, mean",
            "%",
            (cpu("Average"),),
            counted=cpu("SampleCount"),
            target=Target(limits.cpu_percent, above=False),
        ),
        *_percentiles("execution", "Program execution", running),
        *(_percentiles("validator", "Program validator", validating) if validator else ()),
        Figure("connections", "Connections", "", _CONNECTED, less_is_better=None),
        Figure("errors", "Errors that boards logged", "", (_own(telemetry.ERROR_MESSAGES, "Sum"),)),
        Figure("malformed", "Messages that could not be read", "", (_own(telemetry.MALFORMED, "Sum"),)),
    ]
    curves = [
        Curve(
            "Connections",
            "connections",
            tuple(
                zip(
                    ("succeeded", "refused", "client errors", "server errors", "throttled"),
                    (*_CONNECTED, *_REFUSED),
                    strict=True,
                )
            ),
        ),
        Curve("Program runs", "runs", (("succeeded", completed), ("failed", broken))),
        Curve("Delivery latency", "ms", _lines(latency), RESPONSE_MS),
        Curve("Program execution", "ms", _lines(running)),
        Curve(
            "Memory in use",
            "%",
            (("mean", memory("Average")), ("worst", memory("Maximum"))),
            limits.memory_percent,
        ),
        Curve(
            "Processor in use", "%", (("mean", cpu("Average")), ("worst", cpu("Maximum"))), limits.cpu_percent
        ),
        *([Curve("Program validator", "ms", _lines(validating))] if validator else []),
    ]
    return Plan(tuple(figures), tuple(curves))


def _lines(of: Callable[[str], Query]) -> tuple[tuple[str, Query], ...]:
    return tuple((stat, of(stat)) for stat in _PERCENTILES)
