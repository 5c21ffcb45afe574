"""The Lambda function: what it tags, whom it tells, what it logs, and which events it leaves alone."""

from __future__ import annotations

import importlib.util
import io
import json
import sys

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

TOPIC = "arn:aws:sns:us-west-2:123456789012:alarms"
WHERE = {"Bucket": "programs", "Key": "examples/blink.scm", "VersionId": "v1"}
EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {
        "bucket": {"name": "programs"},
        "object": {"key": "examples/blink.scm", "size": 9, "version-id": "v1"},
    },
}


@pytest.fixture(scope="module")
def validator(root):
    path = root / "roles/programs/files/lambda/steel_program_validator.py"
    spec = importlib.util.spec_from_file_location("steel_program_validator", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # a dataclass looks its module up by name
        spec.loader.exec_module(module)
    return module


class Fixture:
    """Stubbed clients, which accept exactly the calls that a test expects, and the lines of the log."""

    def __init__(self, validator, topic_arn):
        keys = {"region_name": "us-west-2", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.s3, self.sns = Stubber(boto3.client("s3", **keys)), Stubber(boto3.client("sns", **keys))
        self.lines = []
        self.surroundings = validator.Surroundings(
            self.s3.client,
            self.sns.client,
            topic_arn,
            "esp32-c3",
            lambda level, message, **fields: self.lines.append({"level": level, "message": message} | fields),
        )
        self.answer = lambda event: validator.answer(event, self.surroundings)

    def expect_tags(self, **tags):
        tag_set = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.s3.add_response("get_object_tagging", {"TagSet": tag_set}, WHERE)

    def expect_object(self, body, **metadata):
        answer = {
            "Body": StreamingBody(io.BytesIO(body), len(body)),
            "ContentLength": len(body),
            "Metadata": metadata,
        }
        self.s3.add_response("get_object", answer, WHERE)

    def expect_tagging(self, **tags):
        tag_set = [{"Key": key.replace("_", "-"), "Value": value} for key, value in tags.items()]
        self.s3.add_response("put_object_tagging", {}, {**WHERE, "Tagging": {"TagSet": tag_set}})

    def expect_alarm(self):
        self.sns.add_response(
            "publish", {"MessageId": "1"}, {"TopicArn": TOPIC, "Subject": ANY, "Message": ANY}
        )


@pytest.fixture
def lambda_(validator):
    fixture = Fixture(validator, TOPIC)
    with fixture.s3, fixture.sns:
        yield fixture
        fixture.s3.assert_no_pending_responses()
        fixture.sns.assert_no_pending_responses()


def test_a_good_program_is_tagged_and_nobody_is_told(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"(led-on)\n")
    lambda_.expect_tagging(validation="passed", validation_errors="0")
    assert lambda_.answer(EVENT)["validation"] == "passed"
    (line,) = lambda_.lines
    assert (line["level"], line["key"], line["errors"]) == ("INFO", "examples/blink.scm", 0)


def test_a_broken_program_is_told_of_before_it_is_tagged(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"(led-on\n")
    lambda_.expect_alarm()
    lambda_.expect_tagging(validation="failed", validation_errors="1")
    answer = lambda_.answer(EVENT)
    assert answer["errors"] == 1
    (line,) = lambda_.lines
    assert line["level"] == "ERROR"
    assert line["diagnostics"] == answer["diagnostics"]


def test_an_alarm_that_cannot_be_sent_leaves_the_object_untagged_for_the_next_try(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"(led-on\n")
    lambda_.sns.add_client_error("publish", "ThrottlingException")
    with pytest.raises(lambda_.sns.client.exceptions.ClientError):
        lambda_.answer(EVENT)


def test_tags_of_others_stay(lambda_):
    lambda_.expect_tags(owner="somebody")
    lambda_.expect_object(b"(led-on)\n")
    lambda_.expect_tagging(owner="somebody", validation="passed", validation_errors="0")
    lambda_.answer(EVENT)


def test_an_event_that_comes_twice_changes_nothing(lambda_):
    lambda_.expect_tags(validation="failed")
    assert lambda_.answer(EVENT) == {"validation": "failed"}
    assert lambda_.lines[0]["message"] == "Validated before: the event came twice."


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_an_object_that_is_gone_is_no_error(lambda_, code):
    lambda_.s3.add_client_error("get_object_tagging", code)
    assert lambda_.answer(EVENT) == {"validation": "gone"}
    assert lambda_.lines[0]["level"] == "WARNING"


def test_an_object_that_must_not_be_read_is_an_error(lambda_):
    lambda_.s3.add_client_error("get_object_tagging", "AccessDenied")
    with pytest.raises(lambda_.s3.client.exceptions.ClientError, match="AccessDenied"):
        lambda_.answer(EVENT)


def test_a_bucket_without_versions_is_validated_too(lambda_):
    event = {"detail": {"bucket": {"name": "programs"}, "object": {"key": "a.scm"}}}
    where = {"Bucket": "programs", "Key": "a.scm"}
    lambda_.s3.add_response(
        "get_object_tagging", {"TagSet": [{"Key": "validation", "Value": "passed"}]}, where
    )
    assert lambda_.answer(event) == {"validation": "passed"}


def test_bytes_that_are_not_utf_8_fail_and_say_where(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b'(log-info "\xff")')
    lambda_.expect_alarm()
    lambda_.expect_tagging(validation="failed", validation_errors="1")
    (diagnostic,) = lambda_.answer(EVENT)["diagnostics"]
    assert diagnostic["code"] == "not-utf-8"
    assert diagnostic["message"].startswith("byte 11 of the program is not UTF-8")


def test_an_object_too_large_for_any_device_fails_unread(lambda_, validator):
    lambda_.expect_tags()
    answer = {"ContentLength": validator.MAX_BYTES + 1, "Metadata": {}}
    lambda_.s3.add_response("get_object", answer, WHERE)
    lambda_.expect_alarm()
    lambda_.expect_tagging(validation="failed", validation_errors="1")
    assert lambda_.answer(EVENT)["diagnostics"][0]["code"] == "too-large"


def test_the_object_names_the_profile_it_is_for(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"; " + b"x" * 5000 + b"\n(led-on)\n", profile="linux")
    lambda_.expect_tagging(validation="passed", validation_errors="0")
    assert lambda_.answer(EVENT)["profile"] == "linux"


def test_a_program_too_large_for_the_board_fails(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"; " + b"x" * 5000 + b"\n(led-on)\n")
    lambda_.expect_alarm()
    lambda_.expect_tagging(validation="failed", validation_errors="1")
    assert lambda_.answer(EVENT)["profile"] == "esp32-c3"


def test_an_unknown_profile_fails_with_its_name(lambda_):
    lambda_.expect_tags()
    lambda_.expect_object(b"(led-on)\n", profile="toaster")
    lambda_.expect_alarm()
    lambda_.expect_tagging(validation="failed", validation_errors="1")
    assert "toaster" in lambda_.answer(EVENT)["diagnostics"][0]["message"]


def test_a_direct_call_gets_the_whole_report_and_touches_nothing(lambda_):
    answer = lambda_.answer({"source": ")\n" * 30, "profile": "linux"})
    assert answer["validation"] == "failed"
    assert len(answer["diagnostics"]) >= answer["errors"] >= 30


def test_a_direct_call_without_a_profile_is_checked_for_the_usual_one(lambda_):
    assert lambda_.answer({"source": "(led-on)"})["profile"] == "esp32-c3"


def test_a_direct_call_with_half_a_character_is_refused_like_bytes_that_are_no_text(lambda_):
    answer = lambda_.answer({"source": '(log-info "\ud800")'})
    assert answer["diagnostics"][0]["code"] == "not-utf-8"


def test_another_event_is_an_error(lambda_):
    with pytest.raises(ValueError, match="neither an EventBridge event"):
        lambda_.answer({"Records": []})


def test_without_a_topic_the_failure_is_tagged_and_the_lack_is_logged(validator):
    fixture = Fixture(validator, "")
    with fixture.s3:
        fixture.expect_tags()
        fixture.expect_object(b"(")
        fixture.expect_tagging(validation="failed", validation_errors="1")
        fixture.answer(EVENT)
    assert "ALARM_TOPIC_ARN is not set" in fixture.lines[-1]["message"]


def test_the_alarm_fits_what_sns_takes(lambda_, validator):
    sent = {}

    class Sns:
        def publish(self, **options):
            sent.update(options)

    surroundings = validator.Surroundings(None, Sns(), TOPIC, "linux", None)
    verdict = validator.Verdict("linux", 500, [{"code": "x", "severity": "error", "message": "y"}] * 500)
    validator.alarm({"Bucket": "programs", "Key": "ä\n" * 200}, verdict, surroundings)
    assert len(sent["Subject"]) == 100
    assert sent["Subject"].isprintable()
    assert sent["Subject"].isascii()
    message = json.loads(sent["Message"])
    assert (message["errors"], len(message["diagnostics"])) == (500, validator.MAX_REPORTED)


def test_the_log_is_one_json_object_a_line(validator, capsys):
    validator.write_log("ERROR", "Validation failed.", key="ä\n")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"level": "ERROR", "message": "Validation failed.", "key": "ä\n"}
