"""How much of an account's limits is used: counted in pages, and measured by CloudWatch hour by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from ..core.capacity.limits import Metric
from ..core.quotas import PAGE_SIZE
from . import registry

HOUR: Final = 3600
DAY: Final = 86_400
MOST_QUERIES: Final = 500
"""Of one call of GetMetricData."""

Point = tuple[datetime, float]


@dataclass(frozen=True)
class Rates:
    """A rate, day by day."""

    peaks: dict[date, float]
    """The busiest hour of each day (UTC): how many a second; or the highest value, for a maximum."""
    a_day: float
    """How many on an average day; 0 for a maximum."""


def rates(cloudwatch: Any, metric: Metric, since: datetime, until: datetime) -> Rates | None:
    """cloudwatch:ListMetrics and GetMetricData, over all dimensions; nothing where there are no figures."""
    found = [one for name in metric.names for one in _metrics(cloudwatch, metric.namespace, name)]
    is_sum = metric.statistic == "Sum"
    # A maximum cannot be added up: the one of the whole account has no dimension.
    chosen = found if is_sum else [one for one in found if not one["Dimensions"]]
    hours: dict[datetime, float] = defaultdict(float)
    for moment, value in _points(cloudwatch, chosen, metric.statistic, HOUR, since, until):
        hours[moment] += value
    if not hours:
        return None
    peaks: dict[date, float] = defaultdict(float)
    for moment, value in hours.items():
        day = moment.astimezone(UTC).date()
        peaks[day] = max(peaks[day], value / HOUR if is_sum else value)
    return Rates(dict(peaks), sum(hours.values()) / len(peaks) if is_sum else 0.0)


def gigabytes(cloudwatch: Any, buckets: Sequence[str], since: datetime, until: datetime) -> float | None:
    """cloudwatch:ListMetrics and GetMetricData: what buckets hold, as S3 tells CloudWatch once a day."""
    sizes = [
        one
        for one in _metrics(cloudwatch, "AWS/S3", "BucketSizeBytes")
        if any(each["Name"] == "BucketName" and each["Value"] in buckets for each in one["Dimensions"])
    ]
    days: dict[datetime, float] = defaultdict(float)
    for moment, value in _points(cloudwatch, sizes, "Average", DAY, since, until):
        days[moment] += value
    return days[max(days)] / 1e9 if days else None


def connected(iot: Any, group: str) -> int:
    """iot:SearchIndex: how many of a group's devices are connected now."""
    query = f"thingGroupNames:{group} AND connectivity.connected:true"
    return sum(1 for _ in registry.search_things(iot, query))


def members(iot: Any, group: str) -> int:
    """iot:ListThingsInThingGroup: how many devices a group has."""
    return sum(1 for _ in registry.iter_things_in_group(iot, group))


def rules(iot: Any) -> int:
    """iot:ListTopicRules: how many topic rules the account has."""
    return sum(len(page["rules"]) for page in iot.get_paginator("list_topic_rules").paginate())


def jobs(iot: Any, selection: str) -> int:
    """iot:ListJobs: how many jobs are under way, ``SNAPSHOT`` or ``CONTINUOUS``."""
    pages = iot.get_paginator("list_jobs").paginate(
        status="IN_PROGRESS", targetSelection=selection, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    return sum(len(page["jobs"]) for page in pages)


def buckets(s3: Any) -> int:
    """s3:ListAllMyBuckets: how many buckets the account has."""
    return sum(len(page.get("Buckets", ())) for page in s3.get_paginator("list_buckets").paginate())


def _metrics(cloudwatch: Any, namespace: str, name: str) -> list[dict[str, Any]]:
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, MetricName=name)
    return [one for page in pages for one in page["Metrics"]]


def _points(
    cloudwatch: Any,
    metrics: Sequence[dict[str, Any]],
    statistic: str,
    period: int,
    since: datetime,
    until: datetime,
) -> Iterator[Point]:
    for start in range(0, len(metrics), MOST_QUERIES):
        queries = [
            {"Id": f"m{number}", "MetricStat": {"Metric": _bare(one), "Period": period, "Stat": statistic}}
            for number, one in enumerate(metrics[start : start + MOST_QUERIES])
        ]
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=since, EndTime=until
        )
        for page in pages:
            for one in page["MetricDataResults"]:
                yield from zip(one["Timestamps"], one["Values"], strict=True)


def _bare(metric: dict[str, Any]) -> dict[str, Any]:
    return {name: metric[name] for name in ("Namespace", "MetricName", "Dimensions")}
