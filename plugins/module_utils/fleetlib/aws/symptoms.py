"""What CloudWatch, its logs and CloudTrail say while something is wrong with a fleet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..core.symptoms import AlarmState, Change, Error, Series
from .logs_and_alarms import ERRORS

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import BotoCoreError, ClientError

MOST_EVENTS = 5_000
PERIOD_SECONDS = 300


def alarms(cloudwatch: Any, prefix: str) -> list[AlarmState]:
    """cloudwatch:DescribeAlarms: the alarms of a fleet."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [
        AlarmState(
            one["AlarmName"],
            one["StateValue"],
            one.get("StateUpdatedTimestamp"),
            one.get("AlarmDescription", ""),
            not one.get("ActionsEnabled", True),
        )
        for page in pages
        for kind in ("MetricAlarms", "CompositeAlarms")
        for one in page.get(kind, ())
    ]


def errors(logs: Any, group: str, since: datetime) -> list[Error] | None:
    """logs:FilterLogEvents: what boards logged as errors, at most `MOST_EVENTS`; None without a group."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=ERRORS, startTime=int(since.timestamp() * 1000)
    )
    try:
        return list(islice(_errors(pages), MOST_EVENTS))
    except logs.exceptions.ResourceNotFoundException:
        return None


def _errors(pages: Any) -> Iterator[Error]:
    for page in pages:
        for event in page["events"]:
            try:
                message = json.loads(event["message"])
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("level") == "error":
                texts = [str(message.get(name) or "") for name in ("thing", "program_id", "message")]
                yield Error(*texts)


def metrics(
    cloudwatch: Any, namespace: str, names: Sequence[str], since: datetime, until: datetime
) -> list[Series]:
    """cloudwatch:GetMetricData: the mean of each metric every five minutes."""
    queries: list[dict[str, Any]] = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": name},
                "Period": PERIOD_SECONDS,
                "Stat": "Average",
            },
        }
        for number, name in enumerate(names)
    ]
    points: dict[str, list[tuple[datetime, float]]] = {one["Id"]: [] for one in queries}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=since, EndTime=until
    )
    for page in pages:
        for one in page["MetricDataResults"]:
            points[one["Id"]].extend(zip(one["Timestamps"], one["Values"], strict=True))
    return [Series(name, tuple(sorted(points[f"m{number}"]))) for number, name in enumerate(names)]


def changes(cloudtrail: Any, since: datetime) -> list[Change] | None:
    """cloudtrail:LookupEvents: what was changed in this account since then; None where it cannot be read."""
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}], StartTime=since
    )
    events = (event for page in pages for event in page["Events"])
    try:
        return [_change(event) for event in islice(events, MOST_EVENTS)]
    except (ClientError, BotoCoreError):
        return None


def _change(event: Mapping[str, Any]) -> Change:
    about = ", ".join(one.get("ResourceName", "") for one in event.get("Resources", ())[:3])
    what = f"{event.get('EventSource', '').partition('.')[0]}:{event.get('EventName', '')}"
    return Change(event["EventTime"].astimezone(UTC), what, event.get("Username", "unknown"), about)
