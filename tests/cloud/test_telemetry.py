"""Virtual boards, the telemetry stack, CloudWatch: what boards tell is found there. One stack serves all."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from fleetlib import local_cloud
from fleetlib.core import bundle, telemetry

from tests.cloud.twin_world import ENVIRONMENT, GROUP, PREFIX, Twins, provision, running, thing, until
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
LOG_GROUP = "/aws/iot/steel-runtime"
SERVICES = ("cloudformation", "cloudwatch", "iam", "iot", "iot-data", "kms", "logs", "s3", "sns", "sqs")
METRICS = {
    "timestamp": "2026-03-01T09:30:00.123Z",
    "memory_used_bytes": 1,
    "memory_total_bytes": 4,
    "cpu_percent": 10,
}


class Site:
    """An account with a fleet of one board, and the telemetry stack by function."""

    def __init__(self, cloud, root, directory):
        key = f"8{os.getpid() % 10**11:011d}"
        where = {"endpoint_url": cloud.endpoint_url, "region_name": cloud.region}
        keys = {"aws_access_key_id": key, "aws_secret_access_key": local_cloud.SECRET_KEY}
        self.connection = {
            "endpoint_url": cloud.endpoint_url,
            "region": cloud.region,
            "access_key": key,
            "secret_key": local_cloud.SECRET_KEY,
        }
        self.client = {name: boto3.client(name, **where, **keys) for name in SERVICES}
        provision(self.client["iot"], directory / "state", 1)
        self.twins = Twins(directory / "twin", cloud, directory / "state/devices")
        self.twins.factory(1)
        self._deploy(root)

    def _deploy(self, root):
        aws = self.client
        files = root / "roles/infrastructure/files"
        code = bundle.build(bundle.read_sources(root / "plugins/module_utils/fleetlib", files / "lambda"))
        aws["s3"].create_bucket(
            Bucket="telemetry-code", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        aws["s3"].put_object(Bucket="telemetry-code", Key="code.zip", Body=code.data)
        aws["logs"].create_log_group(logGroupName=LOG_GROUP)
        anything = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        )
        boundary = aws["iam"].create_policy(PolicyName="boundary", PolicyDocument=anything)["Policy"]["Arn"]
        given = {
            "NamePrefix": PREFIX,
            "Environment": ENVIRONMENT,
            "Path": "function",
            "KmsKeyArn": aws["kms"].create_key()["KeyMetadata"]["Arn"],
            "AlarmTopicArn": aws["sns"].create_topic(Name="alarms")["TopicArn"],
            "BoundaryArn": boundary,
            "RuntimeLogGroup": LOG_GROUP,
            "CodeBucket": "telemetry-code",
            "CodeKey": "code.zip",
        }
        cloudformation = aws["cloudformation"]
        cloudformation.create_stack(
            StackName="telemetry",
            Capabilities=["CAPABILITY_NAMED_IAM"],
            TemplateBody=(files / "cloudformation/telemetry.yml").read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )

        def look():
            return cloudformation.describe_stacks(StackName="telemetry")["Stacks"][0]

        made = until(look, lambda seen: not seen["StackStatus"].endswith("IN_PROGRESS"))
        assert made["StackStatus"] == "CREATE_COMPLETE", made
        self.queue = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}["FailureQueueUrl"]

    def publish(self, topic, payload):
        """As any client of the broker."""
        self.client["iot-data"].publish(topic=topic, qos=1, payload=payload)

    def number(self, metric, stat):
        """GetMetricData: one statistic of today and yesterday; None without data."""
        now = datetime.now(UTC)
        of = {"Namespace": metric.namespace, "MetricName": metric.name}
        query = {"Id": "m", "MetricStat": {"Metric": of, "Period": 10**9 * 60, "Stat": stat}}
        (found,) = self.client["cloudwatch"].get_metric_data(
            MetricDataQueries=[query],
            StartTime=now - timedelta(days=1),
            EndTime=now + timedelta(minutes=1),
        )["MetricDataResults"]
        return found["Values"][0] if found["Values"] else None

    def lines(self):
        """FilterLogEvents: what boards logged."""
        events = self.client["logs"].filter_log_events(logGroupName=LOG_GROUP)["events"]
        return [json.loads(event["message"]) for event in events]

    def refused(self):
        """What the queue of failures gives now."""
        found = self.client["sqs"].receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(one["Body"]) for one in found.get("Messages", ())]


@pytest.fixture(scope="module")
def site(cloud, root, tmp_path_factory):
    return Site(cloud, root, tmp_path_factory.mktemp("telemetry"))


@pytest.fixture(scope="module")
def board(site):
    """The board, connected over mutual TLS."""
    with running(site.twins) as twins:
        twins.until(lambda boards: all(one["state"] == "connected" for one in boards.values()))
        yield thing(1)


def test_what_a_board_measures_is_a_metric_without_dimensions(site, board):
    until(lambda: site.number(telemetry.MEMORY, "SampleCount"), bool)
    assert site.number(telemetry.MEMORY, "Maximum") == 40  # 131,072 of 327,680 bytes
    assert 3 <= site.number(telemetry.CPU, "Average") <= 6
    assert 0 <= site.number(telemetry.LATENCY, "Minimum") < 60_000
    listed = site.client["cloudwatch"].list_metrics(Namespace=telemetry.RUNTIME)["Metrics"]
    assert all(one["Dimensions"] == [] for one in listed)
    statistics = site.client["cloudwatch"].get_metric_statistics(
        Namespace=telemetry.RUNTIME,
        MetricName=telemetry.MEMORY.name,
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=3600,
        Statistics=["Average"],
    )
    assert {one["Unit"] for one in statistics["Datapoints"]} == {"Percent"}


def test_what_a_board_logs_is_a_line_with_its_name_and_errors_are_counted(site, board):
    site.publish(f"steel-programs/{board}/load", b'{"program_id": "broken"}')
    (line,) = until(lambda: [one for one in site.lines() if one["level"] == "error"], bool)
    assert line["thing"] == board
    assert line["message"].startswith("broken")
    until(lambda: site.number(telemetry.ERROR_MESSAGES, "Sum"), lambda seen: seen == 1)


def test_a_message_that_cannot_be_read_is_kept_whole_and_stops_no_other(site):
    topic = f"steel-telemetry/{GROUP}-device-077/metrics"
    before = site.number(telemetry.MEMORY, "SampleCount") or 0
    broken = [b"\xff\x00 no text", b"[1, 2", json.dumps({**METRICS, "cpu_percent": "much"}).encode()]
    for payload in (*broken, json.dumps(METRICS).encode()):
        site.publish(topic, payload)
    until(lambda: site.number(telemetry.MEMORY, "SampleCount") or 0, lambda seen: seen > before)
    until(lambda: site.number(telemetry.MALFORMED, "Sum"), lambda seen: seen == 3)
    kept = [one for one in site.refused() if one["topic"] == topic]
    assert sorted(base64.b64decode(one["base64OriginalPayload"]) for one in kept) == sorted(broken)
    assert any("cpu_percent is 'much'" in one["failures"][0]["errorMessage"] for one in kept)


def test_another_fleet_of_the_account_is_left_alone(site):
    failing = {"program_id": "p", "status": "Failed", "timestamp": METRICS["timestamp"]}
    before = site.number(telemetry.PROGRAM_FAILURES, "Sum") or 0
    for name in ("other-local-device-001", f"{GROUP}-device-078"):
        site.publish(f"steel-programs/{name}/status/report", json.dumps(failing).encode())
    until(lambda: site.number(telemetry.PROGRAM_FAILURES, "Sum") or 0, lambda seen: seen > before)
    assert site.number(telemetry.PROGRAM_FAILURES, "Sum") == before + 1


def test_a_firmware_update_that_was_rolled_back_is_counted(site, board):
    iot = site.client["iot"]
    assert run_module("iot_events", job_executions=True, **site.connection)["changed"]
    assert not run_module("iot_events", job_executions=True, **site.connection)["changed"]
    update = {"firmware_version": "9.9.9", "checksum": "0" * 64, "download_url": "ftp://nowhere"}
    arn = iot.describe_thing(thingName=board)["thingArn"]
    iot.create_job(
        jobId=f"{GROUP}-firmware-0123abcd-w1",
        targets=[arn],
        document=json.dumps({"operation": "firmware.update", "request": update}),
    )
    until(lambda: site.number(telemetry.UPDATE_FAILURES, "Sum"), lambda seen: seen == 1)


def test_an_alert_of_security_is_counted_twice(site):
    site.publish(f"alerts/{GROUP}-device-079/security-tamper", b"{}")
    until(lambda: site.number(telemetry.SECURITY_ALERTS, "Sum"), lambda seen: seen == 1)
    assert site.number(telemetry.ALERTS, "Sum") == 1
