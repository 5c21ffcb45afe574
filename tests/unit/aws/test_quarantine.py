"""Ending sessions, which the local cloud does not know: against botocore's model of AWS."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber
from fleetlib.aws.quarantine import Registry
from fleetlib.core.quarantine import Do, Scope, Step

CALL = {"clientId": "board", "cleanSession": True, "preventWillMessage": True}


@pytest.fixture
def data():
    client = boto3.client(
        "iot-data", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def cut(client):
    Registry(None, client, Scope("i", "q", "deny", ("board",))).carry_out(Step(Do.CUT, "board"))


def test_a_session_is_ended_with_its_stored_state_and_without_its_will(data):
    client, stub = data
    stub.add_response("delete_connection", {}, CALL)
    cut(client)


def test_a_device_that_is_not_connected_is_no_trouble(data):
    client, stub = data
    stub.add_client_error("delete_connection", "ResourceNotFoundException", expected_params=CALL)
    cut(client)
