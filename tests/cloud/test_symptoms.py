"""The runbooks on a fleet with real trouble."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from fleetlib import endpoint_probe

from tests.cloud.incident_site import Site, reports
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FIRST, SECOND = "pit-local-device-001", "pit-local-device-002"


@pytest.fixture
def site(aws, connection, account, tmp_path, cloud):
    site = Site(aws, connection, account, tmp_path, cloud)
    site.provision(2)
    return site


@pytest.fixture
def look(site, cloud):
    def look(*parts, **options):
        given = {
            "name_prefix": "pit",
            "environment_name": "local",
            "parts": list(parts),
            "mqtt_endpoint": "127.0.0.1",
            "mqtt_port": cloud.mqtt_port,
            "ca_url": f"{cloud.endpoint_url}/_ministack/iot/ca.pem",
            "device_log_group": "/fleet/boards",
        }
        return run_module("fleet_symptoms_info", **{**site.connection, **given, **options})

    return look


def rows(answer):
    assert not answer["failed"], answer
    return {row["name"]: row for row in answer["checks"]}


def report_shadow(site, thing, status, used):
    reported = {
        "programs": {"blink": {"version": "1.1", "status": status}},
        "hardware_state": {"memory_usage": {"used_bytes": used, "total_bytes": 100}},
    }
    payload = json.dumps({"state": {"reported": reported}})
    site.aws("iot-data").update_thing_shadow(thingName=thing, payload=payload)


def test_a_failing_program_and_its_errors_are_found(site, look):
    report_shadow(site, FIRST, "Failed", 10)
    report_shadow(site, SECOND, "Running", 95)
    logs = site.aws("logs")
    logs.create_log_group(logGroupName="/fleet/boards")
    logs.create_log_stream(logGroupName="/fleet/boards", logStreamName="s")
    messages = [
        {"level": level, "thing": FIRST, "program_id": "blink", "message": level}
        for level in ("error", "info")
    ]
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="/fleet/boards",
        logStreamName="s",
        logEvents=[{"timestamp": now, "message": json.dumps(one)} for one in messages],
    )
    answer = look("programs", "errors", "resources")
    found = rows(answer)
    assert found["Program blink fails nowhere"]["detail"] == f"version 1.1 on 1 of 2 devices ({FIRST})."
    assert found["Boards logged no error in 60 minutes"]["detail"] == "1 from 1 devices."
    assert found["No board is short of memory"]["detail"].startswith(SECOND)


def test_connections_are_told_from_the_broker(site, look):
    with site.session(FIRST) as board:
        assert board.connected.allowed
        answer = look("connections")
    assert (
        "1 of 2 (50.0%); 1 were never connected"
        in rows(answer)["At least 90 % of the devices are connected"]["detail"]
    )


def test_metrics_and_alarms_that_ring_are_told_with_their_runbook(site, look):
    cloudwatch = site.aws("cloudwatch")
    metric = {"MetricName": "CpuUsage", "Value": 97.0, "Timestamp": datetime.now(UTC)}
    cloudwatch.put_metric_data(Namespace="Custom/SteelRuntime", MetricData=[metric])
    cloudwatch.put_metric_alarm(
        AlarmName="pit-local-cpu-high",
        AlarmDescription="Boards are too busy. See docs/runbooks/high_resource_usage.md",
        Namespace="Custom/SteelRuntime",
        MetricName="CpuUsage",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="pit-local-cpu-high", StateValue="ALARM", StateReason="test")
    answer = look("alarms", "resources")
    assert rows(answer)["No alarm rings"]["detail"] == "1 of 1: pit-local-cpu-high."
    assert answer["runbooks"] == ["high_resource_usage"]
    assert rows(answer)["CpuUsage is at most 85 %"]["detail"] == "97.0 % last, 97.0 % on average"


def test_the_way_to_the_endpoint_is_tried_step_by_step(look):
    assert {row["status"] for row in rows(look("endpoint")).values()} == {"passed"}
    closed = rows(look("endpoint", mqtt_port=1))
    assert closed[endpoint_probe.PORT]["status"] == "failed"
    assert endpoint_probe.TLS not in closed
    assert (
        "Name or service"
        in rows(look("endpoint", mqtt_endpoint="no.such.invalid"))[endpoint_probe.NAME]["detail"]
    )
    assert "not trusted" in rows(look("endpoint", ca_url=""))[endpoint_probe.TLS]["detail"]


def test_what_aws_does_not_answer_for_is_a_failed_row_and_hides_nothing(look):
    answer = look("endpoint", "alarms", "changes", endpoint_url="http://127.0.0.1:1")
    found = rows(answer)
    assert found[endpoint_probe.CONTROL]["status"] == "failed"
    assert found[endpoint_probe.PORT]["status"] == "passed"
    assert found["AWS answers about alarms"]["status"] == "failed"
    assert "AWS answers about alarms" in answer["verdict"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since_minutes": 0}, "since_minutes is 0"),
        ({"most_away_percent": 100}, "most_away_percent is 100"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
    ],
)
def test_a_wrong_option_is_named(look, options, words):
    assert words in look("alarms", **options)["msg"]


RUNBOOKS = ["program_failures", "high_resource_usage", "service_degradation", "iot_outage"]


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_only_reads_and_leaves_a_page(site, ansible_playbook, tmp_path, cloud, name):
    report_shadow(site, FIRST, "Failed", 99)
    given = {
        "fleet_mqtt_port": cloud.mqtt_port,
        "fleet_mqtt_ca_url": f"{cloud.endpoint_url}/_ministack/iot/ca.pem",
        "incident_response_stacks": ["core", "monitoring"],
    }
    run = ansible_playbook(
        *(f"playbooks/runbooks/{name}.yml", "-i", "inventory/local/control.yml"),
        *("-e", site.variables(**given)),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "changed=0" in run.stdout
    (report,) = reports(tmp_path / "reports")
    assert report["playbook"] == f"runbooks/{name}"
    assert report["sections"][0]["title"] == "What was looked at"
    assert report["warnings"] == []


def test_the_outage_runbook_works_while_aws_does_not(site, ansible_playbook, tmp_path, cloud):
    away = {**site.connection, "endpoint_url": "http://127.0.0.1:1"}
    run = ansible_playbook(
        *("playbooks/runbooks/iot_outage.yml", "-i", "inventory/local/control.yml"),
        *("-e", site.variables(fleet_aws_connection=away, fleet_mqtt_port=cloud.mqtt_port)),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "The control plane of AWS IoT answers" in run.stdout
