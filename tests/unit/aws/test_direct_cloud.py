"""AWS's refusals, sorted: one device's trouble, or everybody's, with what to do about it."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from botocore.stub import Stubber
from fleetlib.aws.provisioning import DirectCloud
from fleetlib.core.errors import FleetError
from fleetlib.core.provisioning.model import Fleet
from fleetlib.core.provisioning.ports import DeviceError

FLEET = Fleet("p", "local", ["device-001"], "board", "device", "p-local")
ARN = "arn:aws:iot:us-west-2:1:cert/c1"


def new_client():
    return boto3.client("iot", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def iot():
    client = new_client()
    with Stubber(client) as stubber:
        yield client, stubber


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ServiceUnavailableException", "InternalFailureException"]
)
def test_what_may_pass_concerns_one_device(iot, code):
    client, stubber = iot
    stubber.add_client_error("attach_policy", code, "Rate exceeded")
    with pytest.raises(DeviceError, match=rf"AWS refused AttachPolicy: Rate exceeded \({code}\)\."):
        DirectCloud(client, FLEET).attach_policy(ARN)


def test_an_unknown_error_of_the_server_concerns_one_device(iot):
    client, stubber = iot
    stubber.add_client_error("attach_policy", "Strange", http_status_code=502)
    with pytest.raises(DeviceError):
        DirectCloud(client, FLEET).attach_policy(ARN)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "operator's policy"),
        ("ResourceNotFoundException", "Deploy the infrastructure first"),
        ("ExpiredTokenException", "Renew the credentials"),
        ("InvalidRequestException", ""),
    ],
)
def test_what_every_device_would_hear_stops_the_run(iot, code, hint):
    client, stubber = iot
    stubber.add_client_error("add_thing_to_thing_group", code, "No")
    with pytest.raises(
        FleetError, match=rf"AWS refused AddThingToThingGroup: No \({code}\)\..*{hint}"
    ) as stopped:
        DirectCloud(client, FLEET).add_to_group("p-local-device-001")
    assert not isinstance(stopped.value, DeviceError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9/things/x"), FleetError),
        (ConnectionClosedError(endpoint_url="http://127.0.0.1:9/things/x"), DeviceError),
    ],
)
def test_a_cloud_that_is_gone_stops_the_run_and_a_cut_line_does_not(error, kind):
    client = new_client()

    def broken(**_):
        raise error

    client.meta.events.register("before-call.iot.UpdateThing", broken)
    with pytest.raises(FleetError) as raised:
        DirectCloud(client, FLEET).update_thing("p-local-device-001", {})
    assert type(raised.value) is kind


def test_a_thing_that_exists_with_other_attributes_is_no_error(iot):
    client, stubber = iot
    stubber.add_client_error("create_thing", "ResourceAlreadyExistsException")
    assert DirectCloud(client, FLEET).create_thing("p-local-device-001", {"a": "b"}) is False
