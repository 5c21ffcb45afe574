"""`deploy.yml` where things go wrong: each ends in one message, and running again finishes the job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from fleetlib import local_cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("deploy")]


@pytest.fixture
def site(tmp_path):
    """A local cloud of the test's own; it is stopped afterwards."""
    port, mqtt_port = local_cloud.free_ports(2)
    settings = local_cloud.Settings(tmp_path / "cloud", port, mqtt_port)
    yield settings
    local_cloud.stop(settings)


@pytest.fixture
def deploy(root, site, tmp_path):
    """``deploy()`` starts ansible-playbook deploy.yml for three devices and returns the process."""

    def start(*arguments, playbook="deploy.yml", **more):
        variables = {
            "device_count": 3,
            "fleet_virtual_boards": 0,
            "fleet_state_dir": str(tmp_path / "fleet"),
            "local_cloud_directory": str(site.directory),
            "local_cloud_mqtt_port": site.mqtt_port,
            "local_cloud_port": site.port,
            **more,
        }
        return subprocess.Popen(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                *(playbook, "--extra-vars", json.dumps(variables), *arguments),
            ],
            cwd=root,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1", "FLEET_REPORTS_DIR": str(tmp_path / "reports")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def client(site, service):
    return boto3.client(
        service,
        region_name=site.region,
        endpoint_url=site.endpoint_url,
        aws_access_key_id=local_cloud.ACCESS_KEY,
        aws_secret_access_key=local_cloud.SECRET_KEY,
    )


def finished(process):
    text, _ = process.communicate(timeout=300)
    return process.returncode, text


def test_a_broken_program_stops_the_deployment_before_anything_is_made(site, deploy, tmp_path):
    broken = tmp_path / "programs/broken.scm"
    broken.parent.mkdir()
    broken.write_text("(define (blink)\n  (led-on)\n")
    code, text = finished(deploy("-e", f"programs_paths={broken.parent}"))
    assert code != 0
    assert "broken.scm:1:1" in text
    assert client(site, "cloudformation").describe_stacks()["Stacks"] == []


def test_a_deployment_whose_cloud_is_killed_half_way_is_finished_by_running_again(site, deploy):
    first = deploy()
    wait_until(lambda: "core" in stack_purposes(site), first)
    os.kill(local_cloud.find(site).pid, signal.SIGKILL)
    code, text = finished(first)
    assert code != 0
    assert "does not answer" in text or "Could not connect" in text, text
    code, text = finished(deploy())
    assert code == 0, text
    assert len(client(site, "iot").list_things()["things"]) == 3


def test_the_operator_role_is_enough_to_deploy_scale_and_decommission(site, deploy, tmp_path):
    code, text = finished(deploy("--tags", "bootstrap"))
    assert code == 0, text
    role = "arn:aws:iam::000000000000:role/aws-iot-steel-local-operator"
    session = client(site, "sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    connection = tmp_path / "connection.json"
    connection.touch(0o600)
    connection.write_text(
        json.dumps(
            {
                "fleet_aws_connection": {
                    "access_key": session["AccessKeyId"],
                    "endpoint_url": site.endpoint_url,
                    "region": site.region,
                    "secret_key": session["SecretAccessKey"],
                    "session_token": session["SessionToken"],
                }
            }
        )
    )
    code, text = finished(deploy("--extra-vars", f"@{connection}"))
    assert code == 0, text
    iot = client(site, "iot")
    assert len(iot.list_things()["things"]) == 3
    scale = {"playbook": "playbooks/scale.yml", "device_count": 5, "validator_memory_mb": 512}
    code, text = finished(deploy("--extra-vars", f"@{connection}", **scale))
    assert code == 0, text
    assert len(iot.list_things()["things"]) == 5
    stack = client(site, "cloudformation").describe_stacks(StackName="aws-iot-steel-local-monitoring")[
        "Stacks"
    ]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack[0]["Parameters"]}
    assert parameters["DeviceCount"] == "5"
    validator = client(site, "lambda").get_function_configuration(
        FunctionName="aws-iot-steel-local-steel-program-validator"
    )
    assert validator["MemorySize"] == 512
    gone = {"playbook": "playbooks/decommission.yml", "device_ids": ["device-005"], "confirm": "device-005"}
    code, text = finished(deploy("--extra-vars", f"@{connection}", **gone))
    assert code == 0, text
    assert len(iot.list_things()["things"]) == 4


def test_a_stack_whose_creation_failed_is_named_with_its_cause_and_recreated_on_request(site, deploy):
    local_cloud.start(site)
    cloudformation = client(site, "cloudformation")
    failing = {"Resources": {"Code": {"Type": "AWS::IoT::TopicRule", "Properties": {"RuleName": "-"}}}}
    cloudformation.create_stack(StackName="aws-iot-steel-local-storage", TemplateBody=json.dumps(failing))
    code, text = finished(deploy("--tags", "bootstrap"))
    assert code != 0
    assert "Stack aws-iot-steel-local-storage is ROLLBACK_COMPLETE: its creation failed (" in text
    assert "-e infrastructure_recreate=storage" in text
    code, text = finished(deploy("--tags", "bootstrap", "--extra-vars", "infrastructure_recreate=storage"))
    assert code == 0, text
    (stack,) = cloudformation.describe_stacks(StackName="aws-iot-steel-local-storage")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def stack_purposes(site):
    if not local_cloud.is_healthy(site.port):
        return []
    stacks = client(site, "cloudformation").describe_stacks()["Stacks"]
    return [stack["StackName"].rsplit("-", 1)[1] for stack in stacks]


def wait_until(condition, process):
    """Wait for what the process does; its own end counts as a failure."""
    while not condition():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
