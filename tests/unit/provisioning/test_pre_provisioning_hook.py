"""The Lambda function: what it reads, what it answers, what it logs."""

from __future__ import annotations

import importlib.util
import io
import json
import sys

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from fleetlib.core.errors import FleetError

WHERE = {"Bucket": "deploy", "Key": "provisioning/claim/expected.json"}
EVENT = {
    "claimCertificateId": "claim",
    "certificateId": "new",
    "clientId": "p-local.claim.device-001",
    "parameters": {"SerialNumber": "device-001"},
}


@pytest.fixture(scope="module")
def hook(root):
    path = root / "roles/provisioning/files/lambda/pre_provisioning_hook.py"
    spec = importlib.util.spec_from_file_location("pre_provisioning_hook", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # a dataclass looks its module up by name
        spec.loader.exec_module(module)
    return module


class Fixture:
    """Stubbed clients, which accept exactly the calls that a test expects, and the lines of the log."""

    def __init__(self, hook):
        keys = {"region_name": "us-west-2", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.s3, self.iot = Stubber(boto3.client("s3", **keys)), Stubber(boto3.client("iot", **keys))
        self.lines = []
        around = hook.Surroundings(
            hook.ExpectedDevices(self.s3.client, WHERE["Bucket"], WHERE["Key"]),
            self.iot.client,
            "p",
            "local",
            lambda level, message, **fields: self.lines.append({"level": level, "message": message} | fields),
        )
        self.answer = lambda event: hook.answer(event, around)

    def expect_list(self, *devices, etag='"1"', known="", text=None):
        body = (text or json.dumps({"format": 1, "devices": devices, "again": {}})).encode()
        answer = {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": etag}
        self.s3.add_response("get_object", answer, WHERE | ({"IfNoneMatch": known} if known else {}))

    def expect_nobody(self, thing="p-local-device-001"):
        self.iot.add_client_error(
            "describe_thing", "ResourceNotFoundException", expected_params={"thingName": thing}
        )


@pytest.fixture
def lambda_(hook):
    fixture = Fixture(hook)
    with fixture.s3, fixture.iot:
        yield fixture
        fixture.s3.assert_no_pending_responses()
        fixture.iot.assert_no_pending_responses()


def test_an_expected_device_is_admitted_under_the_id_on_the_list(lambda_):
    lambda_.expect_list("device-001")
    lambda_.expect_nobody()
    assert lambda_.answer(EVENT) == {
        "allowProvisioning": True,
        "parameterOverrides": {"SerialNumber": "device-001"},
    }
    (line,) = lambda_.lines
    assert (line["level"], line["message"], line["device_id"]) == (
        "INFO",
        "Admitted: expected.",
        "device-001",
    )
    assert (line["claim_certificate_id"], line["certificate_id"]) == ("claim", "new")


def test_another_device_is_refused_and_the_log_says_why(lambda_):
    lambda_.expect_list("device-002")
    assert lambda_.answer(EVENT) == {"allowProvisioning": False, "parameterOverrides": {}}
    assert (lambda_.lines[0]["level"], lambda_.lines[0]["message"]) == ("WARNING", "Refused: not expected.")


def test_a_registered_device_is_refused(lambda_):
    lambda_.expect_list("device-001")
    lambda_.iot.add_response("describe_thing", {"attributes": {"certificate_id": "c"}})
    assert not lambda_.answer(EVENT)["allowProvisioning"]


def test_the_list_is_read_again_only_when_it_has_changed(lambda_):
    lambda_.expect_list("device-001", etag='"1"')
    lambda_.expect_nobody()
    lambda_.s3.add_client_error("get_object", "304", expected_params={**WHERE, "IfNoneMatch": '"1"'})
    lambda_.expect_nobody()
    lambda_.expect_list(etag='"2"', known='"1"')
    assert [lambda_.answer(EVENT)["allowProvisioning"] for _ in range(3)] == [True, True, False]


def test_without_a_list_nobody_is_admitted(lambda_):
    lambda_.s3.add_client_error("get_object", "NoSuchKey")
    with pytest.raises(lambda_.s3.client.exceptions.NoSuchKey):
        lambda_.answer(EVENT)


def test_with_a_broken_list_nobody_is_admitted(lambda_):
    lambda_.expect_list(text="[]")
    with pytest.raises(FleetError, match="cannot be understood"):
        lambda_.answer(EVENT)


def test_a_registry_that_does_not_answer_admits_nobody(lambda_):
    lambda_.expect_list("device-001")
    lambda_.iot.add_client_error("describe_thing", "ThrottlingException")
    with pytest.raises(lambda_.iot.client.exceptions.ThrottlingException):
        lambda_.answer(EVENT)


def test_a_long_serial_number_does_not_fill_the_log(lambda_):
    lambda_.expect_list("device-001")
    lambda_.answer({"parameters": {"SerialNumber": "x" * 100_000}})
    assert lambda_.lines[0]["device_id"] == "x" * 128


def test_the_log_is_one_json_object_a_line(hook, capsys):
    hook.write_log("WARNING", "Refused.", device_id="a\nb")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"level": "WARNING", "message": "Refused.", "device_id": "a\nb"}
