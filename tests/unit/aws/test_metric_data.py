"""Many statistics at once, against botocore's model of the service."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import ANY, Stubber
from fleetlib.aws import metric_data
from fleetlib.core.errors import FleetError
from fleetlib.core.performance.figures import Query
from fleetlib.core.performance.period import Period

WHEN = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
AT = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(3)]
EXPECTED = {
    "MetricDataQueries": ANY,
    "StartTime": WHEN.start,
    "EndTime": WHEN.end,
    "ScanBy": "TimestampAscending",
}


@pytest.fixture
def cloudwatch():
    keys = {"region_name": "us-west-2", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    with Stubber(boto3.client("cloudwatch", **keys)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def result(number, times, values, status="Complete"):
    return {"Id": f"m{number}", "Timestamps": times, "Values": values, "StatusCode": status}


def test_a_call_takes_500_queries_and_pages_are_put_together(cloudwatch):
    queries = [Query("Custom/SteelRuntime", f"Metric{number}", "Sum") for number in range(501)]
    first = {"MetricDataResults": [result(0, [AT[1]], [2.0], "PartialData")], "NextToken": "more"}
    second = {"MetricDataResults": [result(0, [AT[0]], [1.0])]}
    last = {"MetricDataResults": [result(0, [AT[2]], [3.0])]}
    cloudwatch.add_response("get_metric_data", first, EXPECTED)
    cloudwatch.add_response("get_metric_data", second, EXPECTED | {"NextToken": "more"})
    cloudwatch.add_response("get_metric_data", last, EXPECTED)
    found = metric_data.read(cloudwatch.client, queries, WHEN, 3600)
    assert found[queries[0]] == [(AT[0], 1.0), (AT[1], 2.0)]
    assert found[queries[500]] == [(AT[2], 3.0)]
    assert found[queries[7]] == []


def test_a_query_names_its_dimensions(cloudwatch):
    query = Query("AWS/IoT", "Connect.Success", "Sum", (("Protocol", "MQTT"),))
    metric = {
        "Namespace": "AWS/IoT",
        "MetricName": "Connect.Success",
        "Dimensions": [{"Name": "Protocol", "Value": "MQTT"}],
    }
    asked = [{"Id": "m0", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}]
    cloudwatch.add_response(
        "get_metric_data", {"MetricDataResults": []}, EXPECTED | {"MetricDataQueries": asked}
    )
    assert metric_data.read(cloudwatch.client, [query], WHEN, 60) == {query: []}


def test_what_cloudwatch_refuses_is_no_missing_data(cloudwatch):
    refused = result(0, [], [], "Forbidden") | {"Messages": [{"Code": "x", "Value": "not allowed"}]}
    cloudwatch.add_response("get_metric_data", {"MetricDataResults": [refused]}, EXPECTED)
    with pytest.raises(FleetError, match="no data of A B: Forbidden not allowed"):
        metric_data.read(cloudwatch.client, [Query("A", "B", "Sum")], WHEN, 60)
