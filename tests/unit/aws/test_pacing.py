"""Every attempt is paced, refusals slow down, and a signing request is never sent again blindly."""

from __future__ import annotations

import io
import json
import time

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber
from fleetlib.aws import certificates, things
from fleetlib.aws.pacing import Pacer
from fleetlib.aws.quotas import account_rates
from fleetlib.core.provisioning.ports import AnswerLostError
from fleetlib.core.quotas import Quotas

ISSUED = {"certificateId": "c1", "certificateArn": "arn:c1", "certificatePem": "pem"}


class Clock:
    """Sleeping is what makes time pass."""

    def __init__(self):
        self.time = 0.0

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()


@pytest.fixture
def client(monkeypatch):
    """``client(answers)``: an IoT client whose requests get these answers, one after the other."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # botocore's pauses between attempts

    def client(*answers):
        iot = boto3.client(
            "iot",
            region_name="us-west-2",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"mode": "standard", "max_attempts": 4}),
        )
        left = list(answers)
        iot.sent = []

        def answer(request, **_):
            iot.sent.append(request.url)
            found = left.pop(0)
            if isinstance(found, Exception):
                raise found
            status, body = found
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            code = body.get("code", "") if isinstance(body, dict) else ""
            return AWSResponse(request.url, status, {"x-amzn-ErrorType": code} if code else {}, Raw(text))

        iot.meta.events.register_last("before-send.iot", answer)
        return iot

    return client


def throttled():
    return 429, {"code": "ThrottlingException", "message": "Rate exceeded"}


def failed():
    return 500, {"code": "InternalFailureException", "message": "Oops"}


def test_calls_leave_at_the_quota(client):
    clock = Clock()
    iot = client(*[(200, {})] * 30)
    Pacer(Quotas().with_rates({"AddThingToThingGroup": 10.0}, "test"), clock).attach(iot)
    for _ in range(30):
        things.add_to_group(iot, "a", "g")
    assert 2.7 <= clock.time <= 3.0


def test_operations_have_buckets_of_their_own(client):
    clock = Clock()
    iot = client(*[(200, {})] * 2)
    Pacer(Quotas().with_rates({"AddThingToThingGroup": 0.1, "UpdateThing": 0.1}, "test"), clock).attach(iot)
    things.add_to_group(iot, "a", "g")
    things.update_thing(iot, "a", "t", {})
    assert clock.time == 0


def test_what_botocore_repeats_is_paced_and_counted(client):
    clock = Clock()
    iot = client(throttled(), throttled(), (200, {}))
    pacer = Pacer(Quotas().with_rates({"AddThingToThingGroup": 1.0}, "test"), clock)
    pacer.attach(iot)
    things.add_to_group(iot, "a", "g")
    assert pacer.attempts["AddThingToThingGroup"] == 3
    assert pacer.throttled["AddThingToThingGroup"] == 2
    assert clock.time > 2  # slower than the quota after the refusal


def test_a_throttled_signing_request_is_repeated(client):
    iot = client(throttled(), (200, ISSUED))
    certificates.never_repeat_requests(iot)
    assert certificates.issue(iot, "csr").id == "c1"


@pytest.mark.parametrize(
    "answer",
    [
        failed(),
        (503, {"code": "ServiceUnavailableException"}),
        (200, b'{"certificateId": "c1", "certifica'),
        (200, {}),
        ReadTimeoutError(endpoint_url="x"),
        ConnectionResetError(),
    ],
)
def test_a_signing_request_whose_answer_is_lost_is_not_repeated(client, answer):
    iot = client(answer, (200, ISSUED))
    certificates.never_repeat_requests(iot)
    with pytest.raises(AnswerLostError):
        certificates.issue(iot, "csr")
    assert len(iot.sent) == 1


def test_a_signing_request_that_never_left_is_repeated(client):
    iot = client(EndpointConnectionError(endpoint_url="x"), (200, ISSUED))
    certificates.never_repeat_requests(iot)
    assert certificates.issue(iot, "csr").id == "c1"


def test_a_refused_signing_request_is_an_ordinary_error(client):
    iot = client((400, {"code": "InvalidRequestException", "message": "CSR violates constraints"}))
    certificates.never_repeat_requests(iot)
    with pytest.raises(ClientError, match="CSR violates constraints"):
        certificates.issue(iot, "csr")


def test_other_calls_are_repeated_whatever_happens(client):
    iot = client(failed(), ReadTimeoutError(endpoint_url="x"), (200, {}))
    certificates.never_repeat_requests(iot)
    certificates.attach_policy(iot, "p", "arn")
    assert len(iot.sent) == 3


def quotas_page(*quotas):
    return {"Quotas": [{"QuotaName": name, "Value": value} for name, value in quotas]}


@pytest.fixture
def service_quotas():
    client = boto3.client(
        "service-quotas", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stubber:
        yield client, stubber


def test_the_accounts_rates_are_read_page_by_page(service_quotas):
    client, stubber = service_quotas
    first = quotas_page(("CreateThing API TPS", 300.0), ("Retained messages per account", 5000.0))
    stubber.add_response("list_service_quotas", first | {"NextToken": "n"}, {"ServiceCode": "iotcore"})
    stubber.add_response("list_service_quotas", quotas_page(("AttachPolicy API TPS", 30.0)))
    assert account_rates(client) == ({"CreateThing": 300.0, "AttachPolicy": 30.0}, "")


def test_an_operator_who_may_not_ask_gets_the_reason(service_quotas):
    client, stubber = service_quotas
    stubber.add_client_error("list_service_quotas", "AccessDeniedException")
    assert account_rates(client) == ({}, "AccessDeniedException")
