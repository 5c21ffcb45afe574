"""Every alarm rings when it has to and not before, through to the message, on a local cloud.

One deployment of the monitoring stack, one calm fleet whose every metric is as near to its threshold as it
may be, then one value more for each. The local cloud looks at all alarms whenever a metric arrives, and does
not look at dimensions.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cfnlint.decode import decode
from fleetlib import local_cloud
from fleetlib.aws import clients
from fleetlib.core.monitoring.alarms import ABOVE, ALARMS, BELOW, COMPOSITES, ELSEWHERE

from tests.module_runner import run_module

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("monitoring")]
TEMPLATES = Path(__file__).parents[2] / "roles/infrastructure/files/cloudformation"
FLEET = "fleet-local"
DEVICES = 100
THRESHOLDS = {
    "SilentDevices": 1350,
    "AuthenticationFailures": 5,
    "PolicyViolations": 5,
    "SecurityAlertCount": 1,
    "ExpiringCertificates": 1,
    "Reconnections": 200,
    "ThrottledMessages": 5,
    "ShadowUpdates": 1000,
    "ProgramFailures": 5,
    "ErrorLogs": 10,
    "MemoryPercent": 80,
    "CpuPercent": 70,
    "UpdateFailures": 2,
    "UpdateRollbacks": 1,
    "ValidatorThrottles": 1,
    "ValidatorMilliseconds": 24000,
}


class Site:
    """An account with the monitoring stack, and a queue that gets what its alarms say."""

    def __init__(self, aws):
        self.cloudwatch, self.sqs, self.sns = aws("cloudwatch"), aws("sqs"), aws("sns")
        self.topic = self.sns.create_topic(Name="alarms")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def put(self, alarm, count, value):
        """The same value of an alarm's metric so many times."""
        dimensions = [
            {"Name": name, "Value": value.replace("${ValidatorFunction}", "f")}
            for name, value in alarm.metric.dimensions
        ]
        datum = {
            "MetricName": alarm.metric.name,
            "Dimensions": dimensions,
            "Values": [value],
            "Counts": [count],
        }
        self.cloudwatch.put_metric_data(Namespace=alarm.metric.namespace, MetricData=[datum])

    def states(self):
        pages = self.cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return {
            one["AlarmName"].removeprefix(f"{FLEET}-"): one["StateValue"]
            for page in pages
            for one in (*page["MetricAlarms"], *page["CompositeAlarms"])
        }

    def told(self):
        """(alarm, state) of every message since the last call, as an operator gets them."""
        found = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not got:
                return found
            for one in got:
                said = json.loads(json.loads(one["Body"])["Message"])
                found.append((said["AlarmName"].removeprefix(f"{FLEET}-"), said["NewStateValue"], said))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])


def calm(alarm):
    """(count, value) as near to the threshold as the alarm allows."""
    limit = THRESHOLDS[alarm.threshold.parameter]
    return (100, float(limit)) if alarm.comparison == ABOVE else (1, limit - 1.0)


def alarming(alarm):
    """(count, value) that sets it off, on top of what was calm."""
    limit = THRESHOLDS[alarm.threshold.parameter]
    if alarm.comparison == ABOVE:
        return (5000, 100.0)
    if alarm.is_percentile:
        return (1000, float(limit))
    return (1, 1.0 if alarm.statistic == "Sum" else float(limit))


ACCOUNT = "771000000001"


@pytest.fixture(scope="module")
def module_connection(cloud):
    return {
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "access_key": ACCOUNT,
        "secret_key": local_cloud.SECRET_KEY,
    }


@pytest.fixture(scope="module")
def module_aws(module_connection):
    return lambda service: clients.client(service, module_connection)


@pytest.fixture(scope="module")
def site(module_aws):
    site = Site(module_aws)
    formation, kms = module_aws("cloudformation"), module_aws("kms")
    parameters = {
        "NamePrefix": "fleet",
        "Environment": "local",
        "KmsKeyArn": kms.create_key()["KeyMetadata"]["Arn"],
        "AlarmTopicArn": site.topic,
        "ValidatorFunction": "f",
        "DeviceCount": DEVICES,
        **THRESHOLDS,
    }
    formation.create_stack(
        StackName=f"{FLEET}-monitoring",
        TemplateBody=(TEMPLATES / "monitoring.yml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()],
    )
    formation.get_waiter("stack_create_complete").wait(
        StackName=f"{FLEET}-monitoring", WaiterConfig={"Delay": 0.2}
    )
    for one in ELSEWHERE:
        site.cloudwatch.put_metric_alarm(**of_another_stack(one, site.topic))
    for one in COMPOSITES:
        site.cloudwatch.put_composite_alarm(
            AlarmName=f"{FLEET}-{one.name}",
            AlarmRule=" ".join(one.rule(FLEET)),
            AlarmActions=[site.topic],
        )
    return site


def of_another_stack(one, topic):
    """The alarm as its own stack's template has it."""
    read, _ = decode(str(TEMPLATES / f"{one.stack}.yml"))
    made = (
        res["Properties"] for res in read["Resources"].values() if res["Type"] == "AWS::CloudWatch::Alarm"
    )
    (found,) = (props for props in made if props["AlarmName"]["Fn::Sub"].endswith(f"-{one.name}"))
    plain = json.loads(json.dumps(found))
    return {
        **{key: value for key, value in plain.items() if key not in ("OKActions", "AlarmDescription")},
        "AlarmName": f"{FLEET}-{one.name}",
        "Dimensions": [{"Name": dimension["Name"], "Value": "x"} for dimension in plain["Dimensions"]],
        "AlarmActions": [topic],
    }


@pytest.fixture(scope="module")
def story(site):
    """How the alarms were and what they told: with few reports, calm, and with one value more of each."""
    memory = next(one for one in ALARMS if one.comparison == BELOW)
    site.put(memory, THRESHOLDS["SilentDevices"] - 1, 50.0)
    silent, silent_told = site.states(), site.told()
    site.put(memory, 1, 50.0)
    for alarm in ALARMS:
        if alarm.metric != memory.metric:
            site.put(alarm, *calm(alarm))
    for one in ELSEWHERE:
        site.cloudwatch.put_metric_data(**datum_for(site, one, 0.0))
    quiet, quiet_told = site.states(), site.told()
    for alarm in ALARMS:
        if alarm.comparison != BELOW:
            site.put(alarm, *alarming(alarm))
    for one in ELSEWHERE:
        site.cloudwatch.put_metric_data(**datum_for(site, one, 1.0))
    loud, loud_told = site.states(), site.told()
    return {"silent": (silent, silent_told), "quiet": (quiet, quiet_told), "loud": (loud, loud_told)}


def datum_for(site, one, value):
    found = of_another_stack(one, site.topic)
    datum = {"MetricName": found["MetricName"], "Dimensions": found["Dimensions"], "Value": value}
    return {"Namespace": found["Namespace"], "MetricData": [datum]}


RISING = [one.name for one in (*ALARMS, *ELSEWHERE) if one.name != "devices-silent"]


@pytest.mark.parametrize("name", RISING)
def test_an_alarm_is_quiet_just_below_its_threshold_and_says_nothing(story, name):
    states, told = story["quiet"]
    assert states[name] == "OK"
    assert (name, "ALARM") not in [one[:2] for one in told]


@pytest.mark.parametrize("name", RISING)
def test_an_alarm_rings_at_its_threshold_and_the_message_arrives(story, name):
    states, told = story["loud"]
    assert states[name] == "ALARM"
    assert (name, "ALARM") in [one[:2] for one in told]


def test_too_few_reports_ring_and_one_more_ends_it(story):
    states, told = story["silent"]
    assert states["devices-silent"] == "ALARM"
    assert ("devices-silent", "ALARM") in [one[:2] for one in told]
    states, told = story["quiet"]
    assert states["devices-silent"] == "OK"
    assert ("devices-silent", "OK") in [one[:2] for one in told]


def test_one_alarm_is_enough_for_the_health_of_the_system(story):
    assert story["silent"][0]["system-health"] == "ALARM"
    assert ("system-health", "ALARM") in [one[:2] for one in story["silent"][1]]
    assert story["quiet"][0]["system-health"] == "OK"
    assert story["silent"][0]["security-health"] != "ALARM"
    assert ("security-health", "ALARM") in [one[:2] for one in story["loud"][1]]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda one: one.name)
def test_the_message_says_what_it_is_for_how_many_devices_and_which_runbook_helps(story, alarm):
    told = [one for part in ("silent", "loud") for one in story[part][1]]
    text = next(one[2]["AlarmDescription"] for one in told if one[0] == alarm.name)
    assert f"{alarm.what}, for a fleet of {DEVICES}." in text
    assert f"docs/runbooks/{alarm.runbook}.md" in text


def test_the_page_has_what_cloudwatch_has(story, site, module_connection):
    answer = run_module(
        "fleet_monitoring_info",
        name_prefix="fleet",
        environment_name="local",
        validator="f",
        **module_connection,
    )
    assert not answer["failed"]
    states = {one["name"]: one["state"] for one in answer["monitoring"]["alarms"]}
    assert states == site.states()
    assert set(answer["monitoring"]["ringing"]) == {*RISING, "system-health", "security-health"}
    assert answer["monitoring"]["missing"] == []
    titles = {one["title"] for one in answer["sections"]}
    assert {"Connections", "Shadows", "Firmware updates", "Program validator, duration"} <= titles


def test_more_than_a_plot_can_show_is_refused(module_connection):
    answer = run_module(
        "fleet_monitoring_info",
        name_prefix="fleet",
        environment_name="local",
        since_minutes=0,
        **module_connection,
    )
    assert answer["failed"]
    assert "since_minutes is 0" in answer["msg"]


def test_a_look_at_the_certificates_tells_the_alarm_and_check_mode_does_not(aws, connection):
    cloudwatch = aws("cloudwatch")
    assert run_module("fleet_metric", True, metric="CertificatesExpiring", value=3, **connection)["changed"]
    assert not cloudwatch.list_metrics(Namespace="Custom/Security")["Metrics"]
    run_module("fleet_metric", metric="CertificatesExpiring", value=3, **connection)
    (found,) = cloudwatch.list_metrics(Namespace="Custom/Security")["Metrics"]
    assert found["MetricName"] == "CertificatesExpiring"
