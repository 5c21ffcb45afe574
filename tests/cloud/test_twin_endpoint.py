"""Virtual boards go to another cloud when a job sends them there, and by themselves when theirs is silent."""

from __future__ import annotations

import json
import urllib.request
from types import SimpleNamespace

import boto3
import pytest
from fleetlib import local_cloud

from tests.cloud.twin_world import Twins, device_policy, provision, running, thing, until

pytestmark = pytest.mark.cloud


@pytest.fixture
def clouds(tmp_path):
    """Two clouds; what stops one of them is tested here."""
    started = []
    for name in ("first", "second"):
        port, mqtt_port = local_cloud.free_ports(2)
        settings = local_cloud.Settings(tmp_path / name, port, mqtt_port)
        local_cloud.start(settings)
        started.append(settings)
    yield started
    for settings in started:
        local_cloud.stop(settings)


def iot_of(settings):
    return boto3.client(
        "iot",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=local_cloud.ACCESS_KEY,
        aws_secret_access_key=local_cloud.SECRET_KEY,
    )


def authority(settings):
    with urllib.request.urlopen(f"{settings.endpoint_url}/_ministack/iot/ca.pem") as answer:
        return answer.read().decode()


@pytest.fixture
def fleet(clouds, tmp_path):
    """A board that is connected with the first cloud, and its certificate in the second, INACTIVE there."""
    first, second = clouds
    here, there = iot_of(first), iot_of(second)
    provision(here, tmp_path / "state", 1)
    there.create_thing(thingName=thing(1))
    there.create_policy(policyName="device", policyDocument=device_policy())
    certificate = here.list_certificates()["certificates"][0]["certificateId"]
    pem = here.describe_certificate(certificateId=certificate)["certificateDescription"]["certificatePem"]
    made = there.register_certificate_without_ca(certificatePem=pem, status="INACTIVE")
    there.attach_policy(policyName="device", target=made["certificateArn"])
    there.attach_thing_principal(thingName=thing(1), principal=made["certificateArn"])
    twins = Twins(tmp_path / "twin", first, tmp_path / "state/devices")
    twins.factory(1)
    with running(twins):
        twins.until(lambda boards: all(one["state"] == "connected" for one in boards.values()))
        yield SimpleNamespace(
            first=first, second=second, here=here, there=there, id=made["certificateId"], twins=twins
        )


def send(fleet, name, **request):
    """Send the board elsewhere by a job; the status and details of its end."""
    fleet.here.create_job(
        jobId=name,
        targets=[fleet.here.describe_thing(thingName=thing(1))["thingArn"]],
        document=json.dumps({"schema": 1, "operation": "endpoint.switch", "request": request}),
    )

    def execution():
        return fleet.here.describe_job_execution(jobId=name, thingName=thing(1))["execution"]

    end = until(execution, lambda one: one["status"] in ("SUCCEEDED", "FAILED", "REJECTED"))
    return end["status"], end.get("statusDetails", {}).get("detailsMap", {})


def second_endpoint(fleet):
    return {
        "endpoint": "127.0.0.1",
        "mqtt_port": fleet.second.mqtt_port,
        "region": "eu-west-1",
        "root_ca": authority(fleet.second),
    }


def last_place(boards):
    return boards["device-001"]["spells"][-1]["endpoint"] if boards["device-001"]["spells"] else ""


def test_a_board_stays_where_it_is_when_the_other_endpoint_refuses_it_and_goes_there_once_it_does_not(fleet):
    status, details = send(fleet, "refused", **second_endpoint(fleet))
    assert status == "FAILED"
    assert details["code"] == "endpoint"
    assert fleet.twins.boards()["device-001"]["connections"] == 1
    fleet.there.update_certificate(certificateId=fleet.id, newStatus="ACTIVE")
    status, _ = send(fleet, "again", **second_endpoint(fleet))
    assert status == "SUCCEEDED"
    there = f"127.0.0.1:{fleet.second.mqtt_port}"
    fleet.twins.until(lambda boards: last_place(boards) == there)
    fleet.twins("fault", "reboot")
    boards = fleet.twins.until(
        lambda boards: boards["device-001"]["boots"] == 2 and boards["device-001"]["state"] == "connected"
    )
    assert last_place(boards) == there


def test_a_board_with_a_standby_goes_there_by_itself_when_its_cloud_is_gone_and_the_standby_lets_it_in(fleet):
    status, _ = send(fleet, "standby", **second_endpoint(fleet), standby=True)
    assert status == "SUCCEEDED"
    assert fleet.twins.boards()["device-001"]["connections"] == 1
    local_cloud.stop(fleet.first)
    fleet.twins.until(lambda boards: boards["device-001"]["state"] == "connecting")
    fleet.there.update_certificate(certificateId=fleet.id, newStatus="ACTIVE")
    fleet.twins.until(lambda boards: last_place(boards) == f"127.0.0.1:{fleet.second.mqtt_port}")


def test_what_names_no_endpoint_is_rejected(fleet):
    status, details = send(fleet, "nowhere", mqtt_port=1)
    assert (status, details["code"]) == ("REJECTED", "invalid")
