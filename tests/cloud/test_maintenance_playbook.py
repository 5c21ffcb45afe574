"""`maintenance.yml` where it fails and where it is killed: it is taken back, and no alarm stays silent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from fleetlib import survivors

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("maintenance")]

FLEET = "aws-iot-steel-local"
ALARMS = ["devices-silent", "connection-storm"]


@pytest.fixture
def fleet(aws, account):
    """Buckets, two alarms, a device, and as much of a stack as shows that something was deployed."""
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}}
    template = {"Resources": {"Topic": topic}, "Outputs": {"AlarmTopicArn": {"Value": {"Ref": "Topic"}}}}
    aws("cloudformation").create_stack(StackName=f"{FLEET}-core", TemplateBody=json.dumps(template))
    for name in ("deploy", "backup"):
        aws("s3").create_bucket(
            Bucket=f"{name}-{account}", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    iot = aws("iot")
    iot.update_indexing_configuration(thingIndexingConfiguration=modes)
    iot.create_thing(
        thingName=f"{FLEET}-device-001",
        attributePayload={"attributes": {"environment": "local", "led": "on"}},
    )
    for name in ALARMS:
        aws("cloudwatch").put_metric_alarm(
            AlarmName=f"{FLEET}-{name}",
            Namespace="x",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
    return aws


@pytest.fixture
def maintain(root, connection, account, tmp_path):
    """``maintain(updates)`` starts the playbook and returns the process."""
    state = tmp_path / "state"
    (state / "maintenance").mkdir(parents=True)
    verified = {"snapshot_id": "2026-11-28T09-30-00Z", "taken_at": datetime.now(UTC).isoformat()}
    (state / "maintenance/verified.json").write_text(json.dumps(verified))

    def start(updates=(), **more):
        variables = {
            "backup_bucket": f"backup-{account}",
            "backup_objects": [],
            "fleet_account_id": account,
            "fleet_aws_connection": connection,
            "fleet_state_dir": str(state),
            "maintenance_bucket": f"deploy-{account}",
            "maintenance_force": True,
            "maintenance_monitor_seconds": 0,
            "maintenance_silenced_alarms": ALARMS,
            "maintenance_updates": list(updates),
            "maintenance_validation_parts": [],
            "notification_topic_arns": [],
            **more,
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        words = [
            "-i",
            "inventory/local/control.yml",
            "playbooks/maintenance.yml",
            "-e",
            json.dumps(variables),
        ]
        return subprocess.Popen(
            [program, *words],
            cwd=root,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1", "FLEET_REPORTS_DIR": str(tmp_path / "reports")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture
def tasks(tmp_path):
    """``tasks(name, [...])`` writes a file of tasks."""

    def write(name, content):
        (tmp_path / name).write_text(yaml.safe_dump(content))
        return str(tmp_path / name)

    return write


def ended(process):
    text, _ = process.communicate(timeout=500)
    return process.returncode, text


def silent(aws):
    found = aws("cloudwatch").describe_alarms(AlarmNamePrefix=FLEET)["MetricAlarms"]
    return sorted(one["AlarmName"] for one in found if not one["ActionsEnabled"])


def assert_nothing_runs(tmp_path):
    """The module that was at work has not outlived the kill, or the deadline."""
    first = (tmp_path / "state/maintenance/journal.jsonl").read_text().splitlines()[0]
    assert survivors.find("FLEET_MAINTENANCE", json.loads(first)["began"]) == {}


def test_a_failed_update_is_undone_the_registry_put_back_and_the_alarms_are_on(
    fleet, maintain, tasks, tmp_path
):
    spoil = [
        {
            "ansible.builtin.command": {
                "argv": [sys.executable, "-c", SPOIL, fleet("iot").meta.endpoint_url, json.dumps(CHANGE)],
            },
            "environment": {"AWS_ACCESS_KEY_ID": fleet("iot")._request_signer._credentials.access_key},
        },
        {"ansible.builtin.fail": {"msg": "the package is broken"}},
    ]
    undo = [{"ansible.builtin.copy": {"dest": str(tmp_path / "undone"), "content": "x", "mode": "0600"}}]
    update = {"kind": "tasks", "file": tasks("update.yml", spoil), "undo": tasks("undo.yml", undo)}
    code, text = ended(maintain([update]))
    assert code != 0
    assert "Maintenance failed and was taken back: the package is broken" in text, text
    assert "Maintenance FAILED: aws-iot-steel-local" in text
    assert silent(fleet) == []
    assert (tmp_path / "undone").exists()
    attributes = fleet("iot").describe_thing(thingName=f"{FLEET}-device-001")["attributes"]
    assert attributes == {"environment": "local", "led": "on"}
    last = (tmp_path / "state/maintenance/journal.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["outcome"] == "failed"


CHANGE = {
    "thingName": f"{FLEET}-device-001",
    "attributePayload": {"attributes": {"led": "off"}, "merge": True},
}
SPOIL = """
import boto3, json, os, sys
place = {"region_name": "us-west-2", "endpoint_url": sys.argv[1]}
keys = {"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "local-cloud-only"}
boto3.client("iot", **place, **keys).update_thing(**json.loads(sys.argv[2]))
"""


def test_one_that_was_killed_is_taken_back_by_the_next_run_also_outside_of_a_window(
    fleet, maintain, tasks, tmp_path
):
    wait = [{"ansible.builtin.command": {"argv": ["sleep", "300"]}}]
    undo = [{"ansible.builtin.copy": {"dest": str(tmp_path / "undone"), "content": "x", "mode": "0600"}}]
    update = {"kind": "tasks", "file": tasks("update.yml", wait), "undo": tasks("undo.yml", undo)}
    journal = tmp_path / "state/maintenance/journal.jsonl"
    first = maintain([update])
    while not (journal.exists() and "begin tasks" in journal.read_text()):
        assert first.poll() is None, first.stdout.read()
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert silent(fleet) == sorted(f"{FLEET}-{name}" for name in ALARMS)
    code, text = ended(maintain(maintenance_force=False, maintenance_window_closed="end"))
    assert code == 0, text
    assert "It was cut off after: snapshot, begin tasks." in text
    assert silent(fleet) == []
    assert (tmp_path / "undone").exists()
    assert_nothing_runs(tmp_path)


def test_one_that_was_killed_after_it_was_validated_is_finished_and_not_taken_back(
    fleet, maintain, tasks, tmp_path
):
    journal = tmp_path / "state/maintenance/journal.jsonl"
    at = "2026-11-28T09:30:00.000Z"
    update = {
        "kind": "tasks",
        "file": "update.yml",
        "undo": tasks("undo.yml", [{"ansible.builtin.fail": {}}]),
    }
    started = {"at": at, "event": "started", "began": at, "deadline": at, "updates": [update]}
    valid = {"at": at, "event": "step", "name": "validated"}
    journal.write_text(f"{json.dumps(started)}\n{json.dumps(valid)}\n")
    fleet("cloudwatch").disable_alarm_actions(AlarmNames=[f"{FLEET}-{ALARMS[0]}"])
    record = {"alarms": [f"{FLEET}-{ALARMS[0]}"]}
    bucket = next(one["Name"] for one in fleet("s3").list_buckets()["Buckets"] if "deploy" in one["Name"])
    fleet("s3").put_object(Bucket=bucket, Key="maintenance/silenced.json", Body=json.dumps(record))
    code, text = ended(maintain(maintenance_force=False, maintenance_window_closed="end"))
    assert code == 0, text
    assert "Maintenance complete: aws-iot-steel-local" in text
    assert silent(fleet) == []
    assert json.loads(journal.read_text().splitlines()[-1])["outcome"] == "complete"


def test_one_that_takes_too_long_is_stopped_and_taken_back_before_the_window_ends(
    fleet, maintain, tasks, tmp_path
):
    update = {
        "kind": "tasks",
        "file": tasks("update.yml", [{"ansible.builtin.command": {"argv": ["sleep", "300"]}}]),
    }
    process = maintain([update], maintenance_forced_minutes=3, maintenance_undo_minutes=2)
    began = time.monotonic()
    code, text = ended(process)
    assert code != 0
    assert "Maintenance failed and was taken back" in text, text
    assert time.monotonic() - began < 290
    assert silent(fleet) == []
    assert_nothing_runs(tmp_path)


def test_with_too_little_time_left_nothing_begins(fleet, maintain, tmp_path):
    code, text = ended(maintain(maintenance_forced_minutes=20, maintenance_undo_minutes=20))
    assert code != 0
    assert "20 minutes are left, and 20 of them are kept" in text
    assert not (tmp_path / "state/maintenance/journal.jsonl").exists()
