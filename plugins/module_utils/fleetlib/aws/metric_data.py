# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many statistics of CloudWatch at once, and a value for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ..core.errors import FleetError
from ..core.performance.figures import Query
from ..core.performance.period import Period
from ..core.telemetry import Metric

MOST_QUERIES = 500
"""Queries that one call of GetMetricData takes (botocore's service model, AWS documentation)."""


def read(
    cloudwatch: Any, queries: Sequence[Query], when: Period, seconds: int
) -> dict[Query, list[tuple[datetime, float]]]:
    """cloudwatch:GetMetricData: each query's points, ``seconds`` apart, the oldest first; none without data.

    500 queries a call, pages followed. Raises `FleetError` where CloudWatch refuses one of them.
    """
    found: dict[Query, list[tuple[datetime, float]]] = {query: [] for query in queries}
    for start in range(0, len(queries), MOST_QUERIES):
        batch = queries[start : start + MOST_QUERIES]
        for number, points in _batch(cloudwatch, batch, when, seconds):
            found[batch[number]].extend(points)
    return {query: sorted(points) for query, points in found.items()}


def put(cloudwatch: Any, metric: Metric, value: float) -> None:
    """cloudwatch:PutMetricData: a value of now."""
    datum: dict[str, Any] = {"MetricName": metric.name, "Unit": metric.unit, "Value": value}
    cloudwatch.put_metric_data(Namespace=metric.namespace, MetricData=[datum])


def _batch(
    cloudwatch: Any, queries: Sequence[Query], when: Period, seconds: int
) -> Iterator[tuple[int, list[tuple[datetime, float]]]]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_asked(number, query, seconds) for number, query in enumerate(queries)],
        StartTime=when.start,
        EndTime=when.end,
        ScanBy="TimestampAscending",
    )
    for page in pages:
        for one in page["MetricDataResults"]:
            number = int(one["Id"].removeprefix("m"))
            if one.get("StatusCode") in ("InternalError", "Forbidden"):
                why = "; ".join(said.get("Value", "") for said in one.get("Messages", ()))
                name = f"{queries[number].namespace} {queries[number].name}"
                raise FleetError(f"CloudWatch gives no data of {name}: {one['StatusCode']} {why}".rstrip())
            times = (at.astimezone(UTC) for at in one["Timestamps"])
            yield number, list(zip(times, one["Values"], strict=True))


def _asked(number: int, query: Query, seconds: int) -> dict[str, Any]:
    metric: dict[str, Any] = {"Namespace": query.namespace, "MetricName": query.name}
    if query.dimensions:
        metric["Dimensions"] = [{"Name": name, "Value": value} for name, value in query.dimensions]
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": seconds, "Stat": query.stat}}
