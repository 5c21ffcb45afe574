"""What an account allows, and how much of it a fleet uses: a table, and what each row comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from .forecast import NEVER, Point, Trend, fit

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
HORIZON_YEARS: Final = 5
"""Farther ahead no date is given: a line through some weeks says nothing of it."""
_IOT: Final = "https://docs.aws.amazon.com/general/latest/gr/iot-core.html"
_JOBS: Final = "https://docs.aws.amazon.com/general/latest/gr/iot_device_management.html"
_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_S3: Final = "https://docs.aws.amazon.com/general/latest/gr/s3.html"


@dataclass(frozen=True)
class Metric:
    """Where CloudWatch has the daily figures of a rate: the busiest hour of each day counts."""

    namespace: str
    names: tuple[str, ...]
    """Their sums are added up."""
    statistic: str = "Sum"
    """``Sum``: of an hour, a second of it counts. ``Maximum``: as it is."""


@dataclass(frozen=True)
class Limit:
    """A quota of the account and region."""

    id: str
    title: str
    unit: str
    default: float
    """AWS's own, where Service Quotas does not answer."""
    service: str
    quota: str
    """Code of the service, and name of the quota, in Service Quotas."""
    source: str
    metric: Metric | None = None
    """Nothing: it is counted once a run."""


LIMITS: Final = (
    Limit(
        "connections",
        "Devices connected at once",
        "devices",
        500_000,
        "iotcore",
        "Maximum concurrent client connections per account",
        _IOT,
    ),
    Limit(
        "connects",
        "Connections begun",
        "a second",
        500,
        "iotcore",
        "Connect requests per second per account",
        _IOT,
        Metric("AWS/IoT", ("Connect.Success",)),
    ),
    Limit(
        "publish-in",
        "Messages from devices",
        "a second",
        20_000,
        "iotcore",
        "Inbound publish requests per second per account",
        _IOT,
        Metric("AWS/IoT", ("PublishIn.Success",)),
    ),
    Limit(
        "publish-out",
        "Messages to devices",
        "a second",
        20_000,
        "iotcore",
        "Outbound publish requests per second per account",
        _IOT,
        Metric("AWS/IoT", ("PublishOut.Success",)),
    ),
    Limit(
        "shadows",
        "Operations on shadows",
        "a second",
        4_000,
        "iotcore",
        "Device Shadow API requests/second per account",
        _IOT,
        Metric("AWS/IoT", ("GetThingShadow.Accepted", "UpdateThingShadow.Accepted")),
    ),
    Limit(
        "rules",
        "Topic rules",
        "rules",
        1_000,
        "iotcore",
        "Maximum number of rules per AWS account",
        _IOT,
    ),
    Limit(
        "rule-evaluations",
        "Rules evaluated",
        "a second",
        20_000,
        "iotcore",
        "Rule evaluations per second per AWS account",
        _IOT,
        Metric("AWS/IoT", ("TopicMatch",)),
    ),
    Limit(
        "jobs-snapshot", "Jobs under way for given devices", "jobs", 100, "iot", "Active snapshot jobs", _JOBS
    ),
    Limit(
        "jobs-continuous", "Jobs under way for groups", "jobs", 100, "iot", "Active continuous jobs", _JOBS
    ),
    Limit(
        "lambda",
        "Functions that run at once",
        "executions",
        1_000,
        "lambda",
        "Concurrent executions",
        _LAMBDA,
        Metric("AWS/Lambda", ("ConcurrentExecutions",), "Maximum"),
    ),
    Limit("buckets", "Buckets of the account", "buckets", 10_000, "s3", "Buckets", _S3),
)


@dataclass(frozen=True)
class Reading:
    """What is known of a limit: how much it is, and what was used on which day."""

    used: float | None
    """Now, or on the last day; nothing where nobody says."""
    days: Mapping[date, float]
    """UTC; the day of ``used`` among them."""
    allowed: float
    allowed_by: str
    """Who says so: ``Service Quotas``, ``AWS default``, ``inventory``."""
    why: str = ""
    """Where nothing is known: why."""


@dataclass(frozen=True)
class Use:
    """A limit, how much of it is used, and when it will be reached."""

    limit: Limit
    reading: Reading
    trend: Trend | None
    now: datetime

    @property
    def percent(self) -> float | None:
        """Of what is allowed."""
        return None if self.reading.used is None else self.reading.used * 100 / self.reading.allowed

    def reached(self) -> dict[str, str | None]:
        """The earliest, expected and latest day on which the limit is reached; nothing: not within
        `HORIZON_YEARS`, or nobody knows."""
        if self.reading.used is not None and self.reading.used >= self.reading.allowed:
            today = self.now.date().isoformat()
            return dict.fromkeys(("earliest", "expected", "latest"), today)
        crossings = self.trend.crossing(self.reading.allowed) if self.trend else (NEVER,) * 3
        return dict(zip(("earliest", "expected", "latest"), map(self._date, crossings), strict=True))

    def days_left(self) -> float | None:
        """Until the earliest day on which it may be reached; nothing as in `reached`."""
        earliest = self.reached()["earliest"]
        return None if earliest is None else (date.fromisoformat(earliest) - self.now.date()).days

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results, and for later runs."""
        slope = self.trend.slope if self.trend else None
        return {
            "id": self.limit.id,
            "title": self.limit.title,
            "unit": self.limit.unit,
            "used": self.reading.used,
            "allowed": self.reading.allowed,
            "allowed_by": self.reading.allowed_by,
            "percent": self.percent,
            "days": {day.isoformat(): value for day, value in sorted(self.reading.days.items())},
            "per_day": slope,
            "per_day_low": self.trend.low_slope if self.trend else None,
            "per_day_high": self.trend.high_slope if self.trend else None,
            "reached": self.reached(),
            "source": self.limit.source,
            "why": self.reading.why,
        }

    def _date(self, day: float) -> str | None:
        last = day_of(self.now) + HORIZON_YEARS * 365.25
        if day > last:
            return None
        # A line may say that it has been reached already while the last figure says that it has not.
        return (EPOCH + timedelta(days=max(day, day_of(self.now)))).date().isoformat()


def day_of(moment: datetime) -> float:
    """Days since 1970."""
    return (moment - EPOCH).total_seconds() / 86_400


def use(limit: Limit, reading: Reading, now: datetime) -> Use:
    """Put a line through what was used."""
    points = [Point((day - EPOCH.date()).days, value) for day, value in reading.days.items()]
    return Use(limit, reading, fit(points), now)


def merged(
    earlier: Sequence[Mapping[str, Any]], limit: Limit, measured: Mapping[date, float], since: date
) -> dict[date, float]:
    """The figures of a limit by day: those that earlier runs kept, and over them those of this run."""
    kept: dict[date, float] = {}
    for run in earlier:
        days = run.get(limit.id)
        if isinstance(days, dict):
            kept |= {date.fromisoformat(day): value for day, value in days.items()}
    return {day: value for day, value in sorted({**kept, **measured}.items()) if day >= since}
