"""What an operator finds after `deploy.yml`: files on the control host, and the fleet in the cloud."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from pathlib import Path

import boto3
import pytest

testinfra_hosts = ["local://"]

WORK = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PREFIX = "aws-iot-steel-local"
DEVICES = [f"{PREFIX}-device-{number:03d}" for number in range(1, 6)]


@pytest.fixture(scope="module")
def aws():
    port = json.loads((WORK / "cloud/cloud.json").read_text())["port"]

    def client(service):
        return boto3.client(
            service,
            region_name="us-west-2",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="local-cloud-only",
        )

    return client


@pytest.fixture(scope="module")
def outputs(aws):
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    return {
        output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", [])
    }


@pytest.mark.parametrize("thing", DEVICES)
def test_a_device_has_a_private_key_that_only_its_owner_reads(host, thing):
    directory = host.file(str(WORK / "fleet/devices" / thing))
    key = host.file(str(WORK / "fleet/devices" / thing / "private.key"))
    assert directory.mode == 0o700
    assert key.mode == 0o600
    assert key.contains("BEGIN PRIVATE KEY") or key.contains("BEGIN EC PRIVATE KEY")


@pytest.mark.parametrize("thing", DEVICES)
def test_a_device_is_a_thing_with_an_active_certificate_that_has_the_device_policy(aws, outputs, thing):
    iot = aws("iot")
    (principal,) = iot.list_thing_principals(thingName=thing)["principals"]
    certificate = iot.describe_certificate(certificateId=principal.rsplit("/", 1)[1])[
        "certificateDescription"
    ]
    policies = iot.list_attached_policies(target=principal)["policies"]
    assert certificate["status"] == "ACTIVE"
    assert [policy["policyName"] for policy in policies] == [outputs["DevicePolicyName"]]


def test_there_are_exactly_the_devices_that_were_asked_for(aws):
    assert sorted(thing["thingName"] for thing in aws("iot").list_things()["things"]) == DEVICES


@pytest.mark.parametrize("thing", DEVICES)
def test_a_device_configuration_has_the_sections_of_the_guide(thing):
    path = WORK / f"fleet/device-configs/{thing.removeprefix(PREFIX + '-')}.toml"
    settings = tomllib.loads(path.read_text())
    assert settings["device"]["thing_name"] == thing
    assert {"device", "aws", "steel", "ota", "security", "monitoring"} <= settings.keys()


def test_every_program_was_validated_in_the_cloud(aws, outputs):
    s3 = aws("s3")
    bucket = outputs["ProgramsBucket"]
    stored = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    keys = [key for key in stored if key.endswith(".scm")]
    assert len(keys) >= 4
    for key in keys:
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}
        assert tags["validation"] == "passed", key


def test_runtime_logs_are_kept_for_thirty_days(aws):
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix="/aws/iot/steel-runtime")["logGroups"]
    assert group["retentionInDays"] == 30


def test_the_report_says_that_every_check_passed():
    record = json.loads(next(WORK.glob("reports/**/latest/report.json")).read_text())
    assert record["result"] == "passed"
    assert record["checks"]["failed"] == 0
    assert record["checks"]["passed"] > 10


@pytest.mark.skipif(
    shutil.which("riscv64-unknown-elf-gcc") is None,
    reason="riscv64-unknown-elf-gcc is not installed: no image to flash can be built",
)
@pytest.mark.parametrize("thing", DEVICES[:3])
def test_a_virtual_board_was_flashed_as_the_device_and_is_connected(aws, thing):
    found = aws("iot").search_index(indexName="AWS_Things", queryString=f"thingName:{thing}")["things"][0]
    assert found["connectivity"]["connected"] is True
    assert len(found["attributes"]["mac"]) == len("58:cf:79:00:00:01")
    assert found["attributes"]["firmware_version"] == "1.0.0"
