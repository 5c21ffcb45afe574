# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Lambda function that brings telemetry to CloudWatch where topic rules cannot do so themselves.

A rule of the telemetry stack hands over ``{topic, payload (base64), received (ms)}``. What a message means is
``fleetlib.core.telemetry``, in the same zip file. A message that does not follow the protocol goes to the
queue of failures, in the shape of AWS IoT's error actions, and counts as ``MalformedMessages``; nothing is
raised for it, so that it is not tried again.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fleetlib.core import telemetry


@dataclass(frozen=True)
class Surroundings:
    """What the function works with: boto3 clients, the log group of the boards, the queue of failures."""

    cloudwatch: Any
    logs: Any
    sqs: Any
    log_group: str
    queue_url: str


def handler(event: Mapping[str, Any], context: Any) -> None:
    """The entry point of Lambda."""
    work(event, surroundings())


def work(event: Mapping[str, Any], around: Surroundings) -> None:
    """Bring one message where it belongs."""
    topic, received = str(event["topic"]), int(event["received"])
    at = datetime.fromtimestamp(received / 1000, UTC)
    try:
        report = telemetry.read(topic, base64.b64decode(event.get("payload", "")), at)
    except telemetry.MalformedError as error:
        refuse(event, str(error), around)
        report = telemetry.Report((telemetry.Measurement(telemetry.MALFORMED, 1),))
    put_metrics(report, at, around)
    if report.line is not None:
        put_line(str(report.line["thing"]), received, report.line, around)


def refuse(event: Mapping[str, Any], why: str, around: Surroundings) -> None:
    """Keep a message that says nothing, as AWS IoT's error actions do."""
    failure = {"failedAction": "LambdaAction", "failedResource": "telemetry", "errorMessage": why}
    kept = {
        "ruleName": str(event.get("rule", "")),
        "topic": event["topic"],
        "clientId": event.get("client", "N/A"),
        "base64OriginalPayload": event.get("payload", ""),
        "failures": [failure],
    }
    around.sqs.send_message(QueueUrl=around.queue_url, MessageBody=json.dumps(kept))


def put_metrics(report: telemetry.Report, at: datetime, around: Surroundings) -> None:
    """cloudwatch:PutMetricData: one call for each namespace that the report has values of."""
    for namespace in sorted({one.metric.namespace for one in report.measurements}):
        data = [
            {"MetricName": one.metric.name, "Unit": one.metric.unit, "Value": one.value, "Timestamp": at}
            for one in report.measurements
            if one.metric.namespace == namespace
        ]
        around.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def put_line(stream: str, received: int, line: Mapping[str, Any], around: Surroundings) -> None:
    """logs:PutLogEvents into the stream of a device, which the first line makes."""
    message = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    where = {"logGroupName": around.log_group, "logStreamName": stream}
    events = [{"timestamp": received, "message": message}]
    try:
        around.logs.put_log_events(**where, logEvents=events)
    except around.logs.exceptions.ResourceNotFoundException:
        # Another message of the device may have been faster.
        with contextlib.suppress(around.logs.exceptions.ResourceAlreadyExistsException):
            around.logs.create_log_stream(**where)
        around.logs.put_log_events(**where, logEvents=events)


@functools.cache
def surroundings() -> Surroundings:
    """Clients, made when they are first needed and kept while the function is warm."""
    import boto3

    return Surroundings(
        boto3.client("cloudwatch"),
        boto3.client("logs"),
        boto3.client("sqs"),
        os.environ["LOG_GROUP"],
        os.environ["QUEUE_URL"],
    )
