"""How much of an account's limits is used: counted in pages, and measured by CloudWatch hour by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from ..core.capacity.limits import Metric
from ..core.performance.figures import Query
from ..core.performance.period import Period
from ..core.quotas import PAGE_SIZE
from . import metric_data, registry

HOUR: Final = 3600
DAY: Final = 86_400


@dataclass(frozen=True)
class Rates:
    """A rate, day by day."""

    peaks: dict[date, float]
    """The busiest hour of each day (UTC): how many a second; or the highest value, for a maximum."""
    a_day: float
    """How many on an average day; 0 for a maximum."""


def rates(cloudwatch: Any, metric: Metric, when: Period) -> Rates | None:
    """cloudwatch:ListMetrics and GetMetricData, over all dimensions; nothing where there are no figures."""
    is_sum = metric.statistic == "Sum"
    found = [
        query
        for name in metric.names
        for query in _metrics(cloudwatch, metric.namespace, name, metric.statistic)
        # A maximum cannot be added up: the one of the whole account has no dimension.
        if is_sum or not query.dimensions
    ]
    hours = _added(cloudwatch, found, when, HOUR)
    if not hours:
        return None
    peaks: dict[date, float] = defaultdict(float)
    for moment, value in hours.items():
        peaks[moment.date()] = max(peaks[moment.date()], value / HOUR if is_sum else value)
    return Rates(dict(peaks), sum(hours.values()) / len(peaks) if is_sum else 0.0)


def gigabytes(cloudwatch: Any, buckets: Sequence[str], when: Period) -> float | None:
    """cloudwatch:ListMetrics and GetMetricData: what buckets hold, as S3 tells CloudWatch once a day."""
    sizes = [
        query
        for query in _metrics(cloudwatch, "AWS/S3", "BucketSizeBytes", "Average")
        if dict(query.dimensions).get("BucketName") in buckets
    ]
    days = _added(cloudwatch, sizes, when, DAY)
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


def _metrics(cloudwatch: Any, namespace: str, name: str, statistic: str) -> list[Query]:
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, MetricName=name)
    listed = [one["Dimensions"] for page in pages for one in page["Metrics"]]
    return [
        Query(namespace, name, statistic, tuple((one["Name"], one["Value"]) for one in dimensions))
        for dimensions in listed
    ]


def _added(cloudwatch: Any, queries: Sequence[Query], when: Period, seconds: int) -> dict[datetime, float]:
    """The sum of many metrics at each moment."""
    found: dict[datetime, float] = defaultdict(float)
    for points in metric_data.read(cloudwatch, queries, when, seconds).values():
        for moment, value in points:
            found[moment] += value
    return found
