"""The health of a fleet on a local cloud: a board connected, one that left, one that fails, two unseen."""

from __future__ import annotations

import json
import time

import pytest
from fleetlib import rollout
from fleetlib.aws import documents
from fleetlib.core.clock import SystemClock
from fleetlib.core.rollout import plan
from fleetlib.core.rollout.record import Part, Record, WaveRecord
from fleetlib.fleet_watch import Reader

from tests.cloud.http_boards import Boards
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

GROUP, LOGS, PROGRAM = "aws-iot-steel-local", "/boards", "blink"
STACK = {
    "Resources": {"Group": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": GROUP}}},
    "Outputs": {"FleetGroupName": {"Value": GROUP}},
}


@pytest.fixture
def things(aws):
    """Five things with certificates in the fleet's group, indexed."""
    iot, stacks = aws("iot"), aws("cloudformation")
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    stacks.create_stack(StackName=f"{GROUP}-core", TemplateBody=json.dumps(STACK))
    stacks.get_waiter("stack_create_complete").wait(StackName=f"{GROUP}-core", WaiterConfig={"Delay": 1})
    names = [f"{GROUP}-device-{number:03d}" for number in range(1, 6)]
    for name in names:
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.create_thing(
            thingName=name, attributePayload={"attributes": {"certificate_id": made["certificateId"]}}
        )
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=name)
    return names


@pytest.fixture
def fleet(aws, things, cloud):
    """The first is connected, the second left, the third reports a failed program and logged two errors."""
    report = {"programs": {PROGRAM: {"version": "1.0.0", "status": {"Failed": "no sensor"}}}}
    aws("iot-data").update_thing_shadow(
        thingName=things[2], payload=json.dumps({"state": {"reported": report}})
    )
    logs, now = aws("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=LOGS)
    logs.create_log_stream(logGroupName=LOGS, logStreamName="boards")
    lines = [{"level": level, "thing": things[2], "message": "x"} for level in ("error", "error", "info")]
    events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=LOGS, logStreamName="boards", logEvents=events)
    with Boards(aws, things[1:2], PROGRAM, f"ws://127.0.0.1:{cloud.port}"):
        pass
    with Boards(aws, things[:1], PROGRAM, f"ws://127.0.0.1:{cloud.port}"):
        yield things


@pytest.fixture
def look(connection):
    def look(**options):
        given = {"environment_name": "local", "group": GROUP, "log_group": LOGS, "rate_factor": 1000}
        return run_module("fleet_health_info", **connection, **{**given, **options})

    return look


def test_every_device_is_judged_and_the_worst_comes_first(fleet, look):
    found = look(expected_devices=5)
    assert [(one["thing"], one["troubles"]) for one in found["devices"]] == [
        (fleet[2], ["lost", "program_failed", "errors"]),
        (fleet[1], ["offline"]),
        (fleet[3], ["never_connected"]),
        (fleet[4], ["never_connected"]),
        (fleet[0], []),
    ]
    assert found["devices"][0]["errors"] == 2
    assert found["devices"][0]["certificate_status"] == "ACTIVE"
    assert found["fleet"]["connected"] == 1
    assert found["fleet"]["exceeded"] == [
        "1 of 5 devices (20 %) are lost; fail_on.lost allows 5 %",
        "1 of 5 devices (20 %) report a failed program; fail_on.program_failed allows 5 %",
    ]


def test_who_differs_from_the_last_rollout_is_found_in_the_same_reading(fleet, look, aws, account):
    s3, bucket = aws("s3"), f"records-{account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    part = Part("job", GROUP, 2, closed=True)
    wave = WaveRecord("all", 2, state="passed", parts=[part], started_at="2026-03-01T09:30:00.000Z")
    subject, now = f"program:{PROGRAM}", "2026-03-01T09:30:00.000Z"
    record = Record("r-1", subject, "1.1.0", "", GROUP, plan.parse("standard"), [wave], now, "somebody")
    record.state = "finished"
    store = rollout.S3Store(s3, bucket, "r-1")
    store.save(record.as_dict(), None)
    store.put("before/0", {"versions": {"1.0.0": [fleet[2], fleet[3]]}})
    store.put("waves/0", {"things": [fleet[2], fleet[3]]})
    store.put("outcomes/job", {"by_status": {"FAILED": [fleet[2]], "QUEUED": [fleet[3]]}})
    documents.write(s3, bucket, "rollouts/current/program/blink.json", {"rollout": "r-1", "version": "1.1.0"})
    found = look(bucket=bucket)
    devices = {one["thing"]: one for one in found["devices"]}
    assert devices[fleet[2]]["drifts"] == [
        "program:blink: should have 1.1.0, reports 1.0.0; its job ended FAILED"
    ]
    assert devices[fleet[3]]["troubles"] == ["never_connected"]
    assert found["requests"]["SearchIndex"] == 1


def test_nothing_is_asked_device_by_device(fleet, look):
    assert look()["requests"] == {"SearchIndex": 1, "ListCertificates": 1, "FilterLogEvents": 1}


def test_one_threshold_is_changed_and_the_others_stay(fleet, look):
    found = look(fail_on={"lost": 20, "program_failed": "20"})
    assert found["fleet"]["well"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fail_on": {"losst": 5}}, "fail_on.losst"),
        ({"fail_on": {"lost": "five"}}, "lost"),
        ({"fail_on": {"lost": 500}}, "fail_on.lost is 500.0; it must be a share of the devices"),
        ({"since_minutes": 0}, "since_minutes is 0; it must be above 0"),
        ({"group": ""}, "There is no thing group of the fleet. The core stack makes it: run deploy.yml."),
    ],
)
def test_what_makes_no_sense_is_named(look, options, words):
    found = look(**options)
    assert found["failed"]
    assert words in found["msg"]


def test_a_log_group_that_is_not_there_is_said_and_no_error(fleet, look):
    found = look(log_group="/none")
    details = {check["detail"] for check in found["sections"][2]["checks"]}
    assert "There is no log group of the boards." in details


def test_an_index_that_is_off_is_said(aws, look):
    aws("iot").update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})
    found = look()
    assert found["failed"]
    assert "Role fleet_indexing switches it on" in found["msg"]


def test_the_playbook_reports_and_its_exit_status_follows_the_thresholds(
    fleet, ansible_playbook, connection, account, tmp_path
):
    settings = {
        "fleet_aws_connection": connection,
        "fleet_account_id": account,
        "device_count": 5,
        "fleet_state_dir": str(tmp_path / "fleet"),
        "reporting_log_group": LOGS,
    }
    run = ansible_playbook("playbooks/health.yml", "-e", json.dumps(settings))
    assert run.returncode != 0
    assert "1 of 5 devices (20 %) are lost" in run.stdout
    kept = {**settings, "fail_on": {"lost": 20, "program_failed": 20}}
    run = ansible_playbook("playbooks/health.yml", "-e", json.dumps(kept))
    assert run.returncode == 0, run.stdout
    assert "Yes, and some devices need somebody to look. 1 of 5 devices are connected" in " ".join(
        run.stdout.split()
    )
    record = json.loads((tmp_path / "reports/health/latest/report.json").read_text())
    history = next(one for one in record["sections"] if one["title"] == "History")
    assert history["rows"][1] == ["Connected", 1, 1, {"trend": [1, 1]}]
    table = next(one for one in record["sections"] if one["title"] == "Devices, worst first")
    assert len(table["rows"]) == record["data"]["health"]["fleet"]["devices"] == 5


def test_the_live_view_counts_the_same_fleet(fleet, aws):
    state = Reader(aws, GROUP, SystemClock()).read()
    assert state.troubles == {}
    assert (state.fleet.devices, state.fleet.connected) == (5, 1)
    assert [(one.name, one.version, one.failed) for one in state.fleet.versions] == [(PROGRAM, "1.0.0", 1)]
    assert state.requests <= 6
