"""Rates from CloudWatch, as AWS describes it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import boto3
from botocore.stub import Stubber
from fleetlib.aws import capacity
from fleetlib.core.capacity.limits import Metric
from fleetlib.core.performance.period import Period

WHEN = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
HOURS = [
    datetime(2026, 3, 1, 5, tzinfo=UTC),
    datetime(2026, 3, 1, 6, tzinfo=UTC),
    datetime(2026, 3, 2, tzinfo=UTC),
]


def stubbed(*answers):
    client = boto3.client(
        "cloudwatch", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stubber = Stubber(client)
    for operation, answer in answers:
        stubber.add_response(operation, answer)
    stubber.activate()
    return client, stubber


def metrics(*protocols):
    dimensions = [[{"Name": "Protocol", "Value": one}] if one else [] for one in protocols]
    found = [{"Namespace": "AWS/IoT", "MetricName": "M", "Dimensions": one} for one in dimensions]
    return "list_metrics", {"Metrics": found}


def data(*series):
    results = [
        {"Id": f"m{number}", "Timestamps": HOURS[: len(values)], "Values": list(values)}
        for number, values in enumerate(series)
    ]
    return "get_metric_data", {"MetricDataResults": results}


def test_the_busiest_hour_of_a_day_counts_over_all_protocols():
    client, stubber = stubbed(metrics("MQTT", "HTTP"), data([3600, 7200, 360], [3600, 0]))
    found = capacity.rates(client, Metric("AWS/IoT", ("M",)), WHEN)
    assert found.peaks == {date(2026, 3, 1): 2.0, date(2026, 3, 2): 0.1}
    assert found.a_day == (3600 + 3600 + 7200 + 360) / 2
    stubber.assert_no_pending_responses()


def test_of_a_maximum_only_the_whole_accounts_counts():
    client, stubber = stubbed(metrics("x", ""), data([7, 9, 3]))
    found = capacity.rates(client, Metric("AWS/IoT", ("M",), "Maximum"), WHEN)
    assert (found.peaks, found.a_day) == ({date(2026, 3, 1): 9.0, date(2026, 3, 2): 3.0}, 0.0)
    stubber.assert_no_pending_responses()


def test_without_figures_nothing_is_known():
    client, _ = stubbed(metrics())
    assert capacity.rates(client, Metric("AWS/IoT", ("M",)), WHEN) is None


def test_the_size_of_the_fleets_buckets_is_that_of_the_last_day():
    def size(bucket):
        dimensions = [{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": "S"}]
        return {"Namespace": "AWS/S3", "MetricName": "BucketSizeBytes", "Dimensions": dimensions}

    listed = "list_metrics", {"Metrics": [size("ours"), size("theirs"), size("ours-too")]}
    client, _ = stubbed(listed, data([1e9, 2e9], [1e9, 3e9]))
    assert capacity.gigabytes(client, ["ours", "ours-too"], WHEN) == 5.0
