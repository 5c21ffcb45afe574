"""The use of an account's limits: what AWS says now, what CloudWatch kept, and what earlier runs saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from .aws import capacity as reading
from .aws.quotas import account_quotas
from .aws.security import ask
from .core.capacity.limits import LIMITS, Limit, Reading, Use, merged, use
from .core.errors import InvalidInputError
from .core.performance.period import RETENTION_DAYS, Period
from .core.security.model import Unreadable

Client = Callable[[str], Any]
"""``client(service)`` makes a boto3 client."""
MOST_RUNS = 30
"""Earlier runs that are read; each has kept the days of those before it."""
DAYS_A_MONTH = 365 / 12


@dataclass(frozen=True)
class Scope:
    """What is looked at."""

    group: str
    """Thing group of the whole fleet."""
    buckets: Sequence[str]
    period_days: int
    quotas: Mapping[str, float] = field(default_factory=dict)
    """Limit → what is allowed, where the inventory knows better."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 1 <= self.period_days <= RETENTION_DAYS:
            raise InvalidInputError(
                f"period_days is {self.period_days}; it must be 1 to {RETENTION_DAYS}, "
                "as long as CloudWatch keeps hours."
            )
        known = [one.id for one in LIMITS]
        for name, value in self.quotas.items():
            if name not in known:
                raise InvalidInputError(f"quotas has no {name!r}; it knows {', '.join(known)}.")
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise InvalidInputError(f"quotas.{name} is {value!r}; it must be a number above 0.")


@dataclass(frozen=True)
class Found:
    """What was read."""

    uses: tuple[Use, ...]
    devices: int
    a_month: Mapping[str, float]
    """Limit → how many in a month, where CloudWatch has figures."""
    gigabytes: float | None
    """In the fleet's buckets; nothing where CloudWatch does not say."""


def look(client: Client, scope: Scope, earlier: Sequence[Mapping[str, Any]], now: datetime) -> Found:
    """Read the use of every limit. What nobody answers is not known, and says why."""
    when = Period(now - timedelta(days=scope.period_days), now)
    counts = _counts(client, scope.group)
    allowed = _allowed(client("service-quotas"), scope.quotas)
    uses, a_month = [], {}
    for limit in LIMITS:
        measured, why = _measured(client, limit, counts, when)
        if limit.metric and isinstance(measured, reading.Rates) and measured.a_day:
            a_month[limit.id] = measured.a_day * DAYS_A_MONTH
        today = _days(measured, now)
        days = merged(earlier, limit, today, when.start.date())
        used = days[max(days)] if days else None
        value, by = allowed[limit.id]
        uses.append(use(limit, Reading(used, days, value, by, "" if days else why), now))
    held = ask(reading.gigabytes, client("cloudwatch"), scope.buckets, when)
    devices = ask(reading.members, client("iot"), scope.group)
    return Found(
        tuple(uses),
        0 if isinstance(devices, Unreadable) else devices,
        a_month,
        None if isinstance(held, Unreadable) else held,
    )


def earlier_days(directory: Path, environment: str) -> list[dict[str, dict[str, float]]]:
    """Limit → day → use, of earlier runs of this environment, the oldest first."""
    newest = sorted(directory.glob("*/report.json"), reverse=True)
    found = [one for path in newest if not path.parent.is_symlink() for one in _kept(path, environment)]
    return found[:MOST_RUNS][::-1]


def _kept(path: Path, environment: str) -> Iterator[dict[str, dict[str, float]]]:
    """One that is damaged, of another fleet or of check mode tells nothing."""
    try:
        record = json.loads(path.read_text("utf-8"))
        if record["environment"] == environment and not record["check_mode"]:
            yield {one["id"]: one["days"] for one in record["data"]["capacity"]["limits"]}
    except (OSError, ValueError, KeyError, TypeError):
        return


def _counts(client: Client, group: str) -> dict[str, int | Unreadable]:
    """What is counted once a run."""
    iot = client("iot")
    return {
        "connections": ask(reading.connected, iot, group),
        "rules": ask(reading.rules, iot),
        "jobs-snapshot": ask(reading.jobs, iot, "SNAPSHOT"),
        "jobs-continuous": ask(reading.jobs, iot, "CONTINUOUS"),
        "buckets": ask(reading.buckets, client("s3")),
    }


def _measured(
    client: Client, limit: Limit, counts: Mapping[str, int | Unreadable], when: Period
) -> tuple[reading.Rates | int | None, str]:
    """What was counted or measured, or why nothing was."""
    if limit.metric is None:
        counted = counts[limit.id]
        return (None, counted.why) if isinstance(counted, Unreadable) else (counted, "")
    rates = ask(reading.rates, client("cloudwatch"), limit.metric, when)
    if isinstance(rates, Unreadable):
        return None, rates.why
    names = ", ".join(limit.metric.names)
    return rates, "" if rates else f"CloudWatch has no {names} ({limit.metric.namespace}) of these days."


def _days(measured: reading.Rates | int | None, now: datetime) -> dict[date, float]:
    if isinstance(measured, reading.Rates):
        # Today is not over: its busiest hour may be to come.
        return {day: peak for day, peak in measured.peaks.items() if day < now.date()} or measured.peaks
    return {} if measured is None else {now.date(): float(measured)}


def _allowed(service_quotas: Any, given: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    """Limit → what is allowed, and who says so: the inventory, Service Quotas, or the table."""
    listed = {
        service: account_quotas(service_quotas, service)[0] for service in {one.service for one in LIMITS}
    }
    found = {}
    for limit in LIMITS:
        value = listed[limit.service].get(limit.quota, 0.0)
        if limit.id in given:
            found[limit.id] = (float(given[limit.id]), "inventory")
        else:
            found[limit.id] = (value, "Service Quotas") if value > 0 else (limit.default, "AWS default")
    return found
