"""The playbooks that look at a fleet, from the command line to the report, on a local cloud."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.cloud

FLEET, LOGS = "aws-iot-steel-local", "/boards"
STACKS = {
    "core": {
        "Resources": {"Group": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": FLEET}}},
        "Outputs": {"FleetGroupName": {"Value": FLEET}},
    },
    "monitoring": {
        "Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": LOGS}}},
        "Outputs": {"RuntimeLogGroup": {"Value": LOGS}},
    },
}


@pytest.fixture
def play(aws, account, connection, ansible_playbook, tmp_path):
    """``play(name, **variables)`` runs a playbook against a fleet of one board; the run, and its record."""
    for purpose, template in STACKS.items():
        stacks = aws("cloudformation")
        stacks.create_stack(StackName=f"{FLEET}-{purpose}", TemplateBody=json.dumps(template))
        stacks.get_waiter("stack_create_complete").wait(
            StackName=f"{FLEET}-{purpose}", WaiterConfig={"Delay": 1}
        )
    iot = aws("iot")
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=modes)
    iot.create_thing(thingName=f"{FLEET}-device-001")
    iot.add_thing_to_thing_group(thingGroupName=FLEET, thingName=f"{FLEET}-device-001")
    settings = {
        "fleet_aws_connection": connection,
        "fleet_account_id": account,
        "fleet_state_dir": str(tmp_path / "fleet"),
    }

    def play(name, **variables):
        run = ansible_playbook(f"playbooks/{name}.yml", "-e", json.dumps({**settings, **variables}))
        found = tmp_path / "reports" / name / "latest/report.json"
        return run, json.loads(found.read_text()) if found.exists() else {}

    return play


def test_logs_are_chosen_and_end_in_a_report(play, aws):
    logs, now = aws("logs"), int(time.time() * 1000)
    logs.create_log_stream(logGroupName=LOGS, logStreamName="s")
    said = [
        {"level": level, "thing": f"{FLEET}-device-{number:03d}", "message": f"pin {number}"}
        for number, level in ((1, "error"), (2, "error"), (1, "info"))
    ]
    events = [{"timestamp": now, "message": json.dumps(one)} for one in said]
    logs.put_log_events(logGroupName=LOGS, logStreamName="s", logEvents=events)
    run, record = play("logs", log_levels="error,warn", log_devices="device-001", since_minutes=5)
    assert run.returncode == 0, run.stdout
    assert record["warnings"] == []
    assert record["summary"] == {"Messages": 1, "Errors": 1, "Shapes": 1}
    assert [one["shape"] for one in record["data"]["logs"]["groups"]] == ["pin <n>"]


def test_what_programs_and_devices_use_ends_in_a_report(play, aws):
    reported = {
        "hardware_state": {"memory_usage": {"used_bytes": 9, "total_bytes": 10}, "cpu_percent": 1},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    payload = json.dumps({"state": {"reported": reported}})
    aws("iot-data").update_thing_shadow(thingName=f"{FLEET}-device-001", payload=payload)
    run, record = play("resource_usage")
    assert run.returncode == 0, run.stdout
    assert record["warnings"] == []
    assert record["checks"] == {"failed": 1, "warned": 0, "not_checked": 2, "passed": 1}
    assert record["data"]["usage"]["mean"] == {"memory_percent": 90.0, "cpu_percent": 1.0}
