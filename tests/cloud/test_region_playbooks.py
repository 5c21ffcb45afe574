"""`multi_region.yml` and `region_failover.yml` on two local clouds: only so can one region fail alone."""

from __future__ import annotations

import json

import boto3
import pytest
from fleetlib import local_cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("deploy")]

SECOND = "eu-west-1"


@pytest.fixture
def clouds(tmp_path):
    """Two local clouds of the test's own, on ports that follow one another; both are stopped afterwards."""
    ports = local_cloud.free_ports(4)
    first = local_cloud.Settings(tmp_path / "cloud", ports[0], ports[1])
    second = local_cloud.Settings(tmp_path / "cloud-second", ports[2], ports[3], SECOND)
    yield first, second
    for one in (first, second):
        local_cloud.stop(one)


@pytest.fixture
def play(ansible_playbook, clouds, tmp_path):
    """``play("multi_region.yml")`` runs a playbook for a fleet of two devices, with two stacks."""
    first, second = clouds
    variables = {
        "device_count": 2,
        "fleet_virtual_boards": 0,
        "fleet_state_dir": str(tmp_path / "fleet"),
        "infrastructure_unsupported_stacks": ["validator", "monitoring", "telemetry", "audit", "pipeline"],
        "local_cloud_directory": str(first.directory),
        "local_cloud_mqtt_port": first.mqtt_port,
        "local_cloud_port": first.port,
        "local_cloud_second_mqtt_port": second.mqtt_port,
        "local_cloud_second_port": second.port,
    }

    def play(playbook, *arguments, **more):
        return ansible_playbook(playbook, "-e", json.dumps(variables | more), *arguments)

    return play


# Three playbooks and two clouds: what goes wrong between two hosts' variables is seen nowhere else.
def test_a_second_region_is_prepared_and_a_first_one_that_is_gone_is_told_from_one_that_answers(play, clouds):
    first, second = clouds
    deployed = play("deploy.yml", "--tags", "bootstrap,fleet_indexing,provisioning")
    assert deployed.returncode == 0, deployed.stdout
    prepared = play("playbooks/multi_region.yml", "--skip-tags", "artifacts")
    assert prepared.returncode == 0, prepared.stdout
    assert "eu-west-1 holds what us-west-2 holds; nothing differs." in prepared.stdout
    connection = {
        "aws_access_key_id": local_cloud.ACCESS_KEY,
        "aws_secret_access_key": local_cloud.SECRET_KEY,
    }
    iot = boto3.client("iot", region_name=SECOND, endpoint_url=second.endpoint_url, **connection)
    assert len(iot.list_things()["things"]) == 2
    local_cloud.stop(first)
    looked = play("playbooks/runbooks/region_failover.yml")
    assert "us-west-2 does not answer" in looked.stdout, looked.stdout
    assert "There is no snapshot in s3://" in looked.stdout + looked.stderr


@pytest.mark.parametrize(
    ("playbook", "given", "message"),
    [
        ("playbooks/multi_region.yml", {"secondary_region": "us-west-2"}, "Give another region"),
        ("playbooks/multi_region.yml", {"secondary_region": ""}, "secondary_region is ''"),
    ],
)
def test_a_second_region_that_is_none_is_refused_before_anything_is_touched(play, playbook, given, message):
    ended = play(playbook, **given)
    assert ended.returncode != 0
    assert message in " ".join(ended.stdout.split())
