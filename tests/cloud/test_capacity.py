"""The use of limits on a local cloud: counted, measured, and kept by earlier runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from fleetlib import local_cloud

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
GROUP = "aws-iot-steel-local"
STACK = {
    "Resources": {"Group": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": GROUP}}},
    "Outputs": {"FleetGroupName": {"Value": GROUP}},
}


@pytest.fixture(scope="module")
def account():
    return f"{os.getpid() % 10**6:06d}770002"


@pytest.fixture(scope="module")
def connection(cloud, account):
    return {
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "access_key": account,
        "secret_key": local_cloud.SECRET_KEY,
    }


@pytest.fixture(scope="module")
def site(account, connection):
    """Two devices, a rule, a job, and yesterday's messages in CloudWatch: 3,600 in the busiest hour."""

    def aws(service):
        return boto3.client(
            service,
            region_name=connection["region"],
            endpoint_url=connection["endpoint_url"],
            aws_access_key_id=account,
            aws_secret_access_key=local_cloud.SECRET_KEY,
        )

    iot, stacks = aws("iot"), aws("cloudformation")
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=modes)
    stacks.create_stack(StackName=f"{GROUP}-core", TemplateBody=json.dumps(STACK))
    stacks.get_waiter("stack_create_complete").wait(StackName=f"{GROUP}-core", WaiterConfig={"Delay": 1})
    for name in ("one", "two"):
        iot.create_thing(thingName=name)
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=name)
    rule = {"sql": "SELECT * FROM 'a'", "actions": []}
    iot.create_topic_rule(ruleName="a", topicRulePayload=rule)
    target = iot.describe_thing(thingName="one")["thingArn"]
    iot.create_job(jobId="j", targets=[target], document="{}")
    hour = datetime.now(UTC).replace(minute=5, second=0, microsecond=0) - timedelta(days=1)
    for moment, value in ((hour, 3600.0), (hour - timedelta(hours=1), 36.0)):
        dimensions = [{"Name": "Protocol", "Value": "MQTT"}]
        one = {
            "MetricName": "PublishIn.Success",
            "Dimensions": dimensions,
            "Timestamp": moment,
            "Value": value,
        }
        aws("cloudwatch").put_metric_data(Namespace="AWS/IoT", MetricData=[one])
    return hour


@pytest.fixture(scope="module")
def look(connection, site):
    def look(**options):
        given = {"environment_name": "local", "group": GROUP, "kms_keys": 1}
        return run_module("fleet_capacity_info", **connection, **{**given, **options})

    return look


def by_id(found):
    return {one["id"]: one for one in found["capacity"]["limits"]}


def test_what_can_be_counted_and_measured_is_and_the_rest_is_not_known(look, site):
    found = look()
    limits = by_id(found)
    assert {name: limits[name]["used"] for name in ("connections", "rules", "jobs-snapshot")} == {
        "connections": 0,
        "rules": 1,
        "jobs-snapshot": 1,
    }
    assert limits["publish-in"]["days"] == {site.date().isoformat(): 1.0}
    assert limits["lambda"]["used"] is None
    assert "CloudWatch has no ConcurrentExecutions" in limits["lambda"]["why"]
    assert {one["allowed_by"] for one in limits.values()} == {"AWS default"}
    cost = {one["name"]: one for one in found["capacity"]["cost"]}
    assert cost["Messages from devices"]["basis"] == "measured"
    assert cost["Messages from devices"]["quantity"] == pytest.approx(3636 * 365 / 12)


def test_the_days_of_earlier_runs_make_a_trend(look, tmp_path):
    today = datetime.now(UTC).date()
    for ago in range(9, 0, -1):
        day = (today - timedelta(days=ago)).isoformat()
        limit = {"id": "rules", "days": {day: 11 - ago}}
        record = {"environment": "local", "check_mode": False, "data": {"capacity": {"limits": [limit]}}}
        other = {**record, "environment": "production"}
        for name, one in ((f"{day}T00-00-00Z", record), (f"{day}T01-00-00Z", other)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "report.json").write_text(json.dumps(one))
    (tmp_path / "2020-01-01T00-00-00Z").mkdir()
    (tmp_path / "2020-01-01T00-00-00Z/report.json").write_text("{")
    rules = by_id(look(history_directory=str(tmp_path), quotas={"rules": 100}))["rules"]
    assert len(rules["days"]) == 10
    assert (rules["per_day"], rules["allowed_by"]) == (1, "inventory")
    assert rules["reached"]["expected"] > today.isoformat()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": ""}, "There is no thing group of the fleet"),
        ({"period_days": 0}, "period_days is 0; it must be 1 to 455"),
        ({"quotas": {"rulez": 1}}, "quotas has no 'rulez'"),
        ({"quotas": {"rules": 0}}, "quotas.rules is 0; it must be a number above 0"),
        ({"habits": {"x": 1}}, "habits has no 'x'"),
        ({"warn_percent": 99}, "warn_percent is 99 and fail_percent 90"),
    ],
)
def test_what_makes_no_sense_is_named(look, options, words):
    found = look(**options)
    assert found["failed"]
    assert words in found["msg"]


def test_the_playbook_reports_and_fails_where_a_limit_is_too_full(
    site, ansible_playbook, connection, account, tmp_path
):
    settings = {
        "fleet_aws_connection": connection,
        "fleet_account_id": account,
        "device_count": 2,
        "fleet_state_dir": str(tmp_path / "fleet"),
    }
    run = ansible_playbook("playbooks/capacity.yml", "-e", json.dumps(settings))
    assert run.returncode == 0, run.stdout
    record = json.loads((tmp_path / "reports/capacity/latest/report.json").read_text())
    assert record["summary"]["Devices"] == record["data"]["capacity"]["devices"] == 2
    full = {**settings, "capacity_quotas": {"rules": 1}, "period_days": 10}
    run = ansible_playbook("playbooks/capacity.yml", "-e", json.dumps(full))
    assert run.returncode != 0
    assert "rules: 90 % full or more" in " ".join(run.stdout.split()), run.stdout
