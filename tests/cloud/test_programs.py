"""The validator in the cloud: the real bundle in a real function, from upload to tag and alarm."""

from __future__ import annotations

import json
import time

import pytest
from fleetlib.core import bundle

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FUNCTION = "steel-program-validator"
GOOD, BROKEN = "(led-on)\n(sleep 1)\n(led-off)\n", "(led-on\n"


def eventually(look, seconds=30):
    """The first true answer of ``look``, or its last answer; the cloud tells nobody when it is done."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.fixture
def validator(aws, account, root):
    """The function as the validator stack makes it, and a queue that listens to its topic."""
    bucket, region = f"programs-{account}", aws("s3").meta.region_name
    s3, sns, sqs, events = aws("s3"), aws("sns"), aws("sqs"), aws("events")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = make_queue(sqs, topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(sqs, queue))
    sources = bundle.read_sources(
        root / "plugins/module_utils/fleetlib", root / "roles/programs/files/lambda"
    )
    function = aws("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Handler="steel_program_validator.handler",
        Role=make_role(aws("iam"), bucket, topic),
        Code={"ZipFile": bundle.build(sources).data},
        Environment={"Variables": {"ALARM_TOPIC_ARN": topic}},
        Timeout=30,
    )["FunctionArn"]
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"suffix": ".scm"}]}},
    }
    rule = events.put_rule(Name="programs", EventPattern=json.dumps(pattern))["RuleArn"]
    aws("lambda").add_permission(
        FunctionName=FUNCTION,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(Rule="programs", Targets=[{"Id": "validator", "Arn": function}])
    return {"bucket": bucket, "queue": queue}


def queue_arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def make_queue(sqs, topic):
    """A queue that takes messages of the topic."""
    queue = sqs.create_queue(QueueName="operators")["QueueUrl"]
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn(sqs, queue),
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allowed)})
    return queue


def make_role(iam, bucket, topic):
    """What the function may do, and no more."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    actions = ["GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging"]
    actions += ["PutObjectTagging", "PutObjectVersionTagging"]
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [f"s3:{action}" for action in actions],
                "Resource": f"arn:aws:s3:::{bucket}/*",
            },
            {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic},
        ],
    }
    role = iam.create_role(RoleName="validator", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="validator", PolicyName="work", PolicyDocument=json.dumps(allowed))
    return role


@pytest.fixture
def upload(aws, validator):
    """``upload(key, text)`` puts an object and answers its tags once the function has been there."""
    s3 = aws("s3")

    def upload(key, text):
        body = text if isinstance(text, bytes) else text.encode()
        s3.put_object(Bucket=validator["bucket"], Key=key, Body=body)

        def tags():
            found = s3.get_object_tagging(Bucket=validator["bucket"], Key=key)["TagSet"]
            return {one["Key"]: one["Value"] for one in found}

        return eventually(tags)

    return upload


@pytest.fixture
def alarms(aws, validator):
    """``alarms()`` takes the messages out of the queue that listens to the topic."""

    def alarms():
        answer = aws("sqs").receive_message(
            QueueUrl=validator["queue"], MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    return alarms


def test_a_good_program_is_tagged_passed_and_nobody_is_told(upload, alarms):
    assert upload("examples/blink.scm", GOOD) == {"validation": "passed", "validation-errors": "0"}
    assert alarms() == []


def test_a_broken_program_is_tagged_failed_and_the_operators_are_told_where(upload, alarms, validator):
    assert upload("examples/broken.scm", BROKEN) == {"validation": "failed", "validation-errors": "1"}
    (alarm,) = alarms()
    assert alarm["Subject"] == "Steel program failed validation: examples/broken.scm"
    message = json.loads(alarm["Message"])
    assert (message["bucket"], message["key"]) == (validator["bucket"], "examples/broken.scm")
    assert message["diagnostics"][0]["severity"] == "error"


def test_bytes_that_are_no_text_are_tagged_failed(upload):
    assert upload("examples/image.scm", b"\xff\xfe\x00")["validation"] == "failed"


def test_its_log_can_be_filtered_for_errors_as_the_guide_does(upload, aws):
    upload("examples/broken.scm", BROKEN)
    logs = aws("logs")

    def errors():
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{FUNCTION}", filterPattern="ERROR")
        return [json.loads(event["message"]) for event in found["events"]]

    (error,) = eventually(errors)
    assert (error["key"], error["validation"]) == ("examples/broken.scm", "failed")


def test_a_direct_call_answers_with_the_report_of_the_library(aws, validator):
    def ask(**event):
        answer = aws("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
        return json.load(answer["Payload"])

    assert ask(source=GOOD, profile="esp32-c3")["validation"] == "passed"
    report = ask(source=BROKEN, profile="esp32-c3")
    assert (report["validation"], report["errors"]) == ("failed", 1)


def test_the_upload_module_waits_for_the_function(validator, connection):
    def upload(name, text):
        return run_module(
            "s3_objects",
            bucket=validator["bucket"],
            objects=[{"key": f"examples/{name}.scm", "content": text}],
            wait_for_tag={
                "name": "validation",
                "value": "passed",
                "timeout_seconds": 30,
                "hint": "See the log.",
            },
            **connection,
        )

    assert upload("blink", GOOD)["objects"][0]["tags"] == {"validation": "passed", "validation-errors": "0"}
    assert not upload("blink", GOOD)["changed"]
    refused = upload("broken", BROKEN)
    assert refused["failed"]
    assert "examples/broken.scm (validation=failed). See the log." in refused["msg"]


PLAYBOOK = """
- hosts: control
  gather_facts: false
  module_defaults:
    group/steel.fleet.fleet: "{{ fleet_aws_connection }}"
  roles:
    - role: steel.fleet.programs
"""


@pytest.fixture
def publish(ansible_playbook, connection, tmp_path):
    """``publish({name: text}, bucket, *arguments)`` runs the role on these programs."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)

    def publish(programs, bucket, *arguments):
        for name, text in programs.items():
            path = tmp_path / "programs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        settings = {
            "fleet_aws_connection": connection,
            "programs_paths": [str(tmp_path / "programs")],
            "programs_validation_timeout_seconds": 30,
            "fleet_stacks": {
                "storage": {"ProgramsBucket": bucket},
                "validator": {"LogGroup": f"/aws/lambda/{FUNCTION}"},
            },
        }
        if not bucket:
            settings["fleet_stacks"] = {}
        return ansible_playbook(
            str(tmp_path / "play.yml"),
            *("-e", json.dumps(settings)),
            *arguments,
            FLEET_REPORTS_DIR=str(tmp_path / "reports"),
        )

    return publish


def objects(aws, bucket):
    return {one["Key"] for one in aws("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def output(run):
    """Both streams in one line, without the breaks that Ansible puts into long messages."""
    return " ".join((run.stdout + run.stderr).split())


def test_the_role_publishes_validated_programs_once(publish, validator, aws, tmp_path):
    programs = {"blink.scm": GOOD, "more/off.scm": "(led-off)\n"}
    first = publish(programs, validator["bucket"])
    assert first.returncode == 0, output(first)
    assert objects(aws, validator["bucket"]) == {"examples/blink.scm", "examples/off.scm"}
    head = aws("s3").head_object(Bucket=validator["bucket"], Key="examples/blink.scm")
    assert head["Metadata"]["profile"] == "esp32-c3"
    report = json.loads(next((tmp_path / "reports").glob("*/latest/report.json")).read_text())
    rows = [
        ["examples/blink.scm", len(GOOD), "created", "passed"],
        ["examples/off.scm", 10, "created", "passed"],
    ]
    assert rows == next(section["rows"] for section in report["sections"] if section["title"] == "Programs")

    again = publish(programs, validator["bucket"])
    assert "changed=0" in again.stdout, output(again)


def test_a_broken_program_stops_the_role_before_anything_is_uploaded(publish, validator, aws):
    run = publish({"blink.scm": GOOD, "broken.scm": BROKEN}, validator["bucket"])
    assert run.returncode != 0
    assert "broken.scm:1:1: error: this list is never closed" in output(run)
    assert objects(aws, validator["bucket"]) == set()


def test_check_mode_plans_the_upload_to_a_bucket_that_does_not_exist_yet(publish):
    run = publish({"blink.scm": GOOD}, "", "--check", "--diff")
    assert run.returncode == 0, output(run)
    assert "examples/blink.scm" in run.stdout


def test_two_programs_of_one_name_are_refused(publish, validator, aws):
    run = publish({"blink.scm": GOOD, "more/blink.scm": GOOD}, validator["bucket"])
    assert run.returncode != 0
    assert "Two programs have the same file name and would overwrite each other" in output(run)
    assert objects(aws, validator["bucket"]) == set()


def test_a_validator_that_never_answers_is_named_with_its_log_group(publish, validator, aws):
    aws("events").disable_rule(Name="programs")
    run = publish({"blink.scm": GOOD}, validator["bucket"], "-e", "programs_validation_timeout_seconds=1")
    assert run.returncode != 0
    assert "After 1 s nothing has set the tag validation on examples/blink.scm" in output(run)
    assert f"The validator's log group says why: /aws/lambda/{FUNCTION}." in output(run)
    aws("events").enable_rule(Name="programs")
    assert publish({"blink.scm": GOOD}, validator["bucket"]).returncode == 0
