"""What an audit reads and the local cloud does not answer, against AWS's own service models."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import ANY, Stubber
from fleetlib.aws import security
from fleetlib.core.errors import FleetError
from fleetlib.core.security.account import Logging, Trail
from fleetlib.core.security.defender import Audit, Check, Found
from fleetlib.core.security.model import Unreadable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHECK = "CONFLICTING_CLIENT_IDS_CHECK"


@pytest.fixture
def stubbed():
    """``stubbed("iot", (operation, parameters, answer), …)``: a client that expects exactly these calls."""
    active = []

    def make(service, *calls):
        client = boto3.client(
            service, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stubber = Stubber(client)
        for operation, parameters, answer in calls:
            if isinstance(answer, str):
                stubber.add_client_error(operation, answer, expected_params=parameters)
            else:
                stubber.add_response(operation, answer, parameters)
        stubber.activate()
        active.append(stubber)
        return client

    yield make
    for stubber in active:
        stubber.assert_no_pending_responses()


def task(number):
    return {"taskId": str(number), "taskStatus": "COMPLETED", "taskType": "SCHEDULED_AUDIT_TASK"}


def finding(name, **more):
    resource = {"resourceIdentifier": {"clientId": name, "account": "123456789012"}}
    return {
        "checkName": CHECK,
        "nonCompliantResource": resource,
        "reasonForNonCompliance": "Two",
        **more,
    }


def test_device_defenders_last_audit_is_read_page_by_page_without_what_it_suppresses(stubbed):
    window = {"startTime": ANY, "endTime": NOW, "taskStatus": "COMPLETED"}
    details = {CHECK: {"checkRunStatus": "COMPLETED_NON_COMPLIANT", "totalResourcesCount": 9}}
    iot = stubbed(
        "iot",
        ("list_audit_tasks", window, {"tasks": [task(1)], "nextToken": "n"}),
        ("list_audit_tasks", {**window, "nextToken": "n"}, {"tasks": [task(2)]}),
        (
            "describe_audit_task",
            {"taskId": "1"},
            {"taskStartTime": NOW.replace(day=1, hour=3), "auditDetails": details},
        ),
        ("describe_audit_task", {"taskId": "2"}, {"taskStartTime": NOW.replace(day=1, hour=2)}),
        (
            "list_audit_findings",
            {"taskId": "1"},
            {"findings": [finding("a"), finding("c", isSuppressed=True)], "nextToken": "m"},
        ),
        ("list_audit_findings", {"taskId": "1", "nextToken": "m"}, {"findings": [finding("b")]}),
    )
    assert security.defender_audit(iot, NOW) == Audit(
        {CHECK: Check("COMPLETED_NON_COMPLIANT", 9)},
        (
            Found(CHECK, "account 123456789012, clientId a", "Two"),
            Found(CHECK, "account 123456789012, clientId b", "Two"),
        ),
    )


def test_without_an_audit_nothing_is_known(stubbed):
    window = {"startTime": ANY, "endTime": NOW, "taskStatus": "COMPLETED"}
    assert security.defender_audit(stubbed("iot", ("list_audit_tasks", window, {"tasks": []})), NOW) is None


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"defaultLogLevel": "WARN", "disableAllLogs": False}, Logging("WARN", False)),
        ({"defaultLogLevel": "WARN", "disableAllLogs": True}, Logging("WARN", True)),
        ("NotConfiguredException", Logging("DISABLED", False)),
    ],
)
def test_the_log_of_aws_iot_is_read(stubbed, answer, found):
    assert security.iot_logging(stubbed("iot", ("get_v2_logging_options", {}, answer))) == found


def test_trails_are_read_with_their_state(stubbed):
    trail = {"Name": "t", "TrailARN": "arn:t", "IsMultiRegionTrail": True, "LogFileValidationEnabled": True}
    cloudtrail = stubbed(
        "cloudtrail",
        ("describe_trails", {"includeShadowTrails": True}, {"trailList": [trail]}),
        ("get_trail_status", {"Name": "arn:t"}, {"IsLogging": True}),
    )
    assert security.trails(cloudtrail) == (Trail("t", True, True, True, ""),)


def test_the_credential_report_is_waited_for(stubbed):
    waits = []
    iam = stubbed(
        "iam",
        ("generate_credential_report", {}, {"State": "STARTED"}),
        ("generate_credential_report", {}, {"State": "COMPLETE"}),
        ("get_credential_report", {}, {"Content": b"user\nada\n"}),
    )
    assert security.credential_report(iam, waits.append) == "user\nada\n"
    assert len(waits) == 1


def test_a_credential_report_that_never_comes_is_an_error(stubbed):
    many = security.REPORT_SECONDS // security.POLL_SECONDS
    iam = stubbed("iam", *[("generate_credential_report", {}, {"State": "STARTED"})] * many)
    with pytest.raises(FleetError, match="no credential report within 60 seconds"):
        security.credential_report(iam, lambda _: None)


def test_a_right_that_is_missing_leaves_rules_unchecked(stubbed):
    iot = stubbed("iot", ("get_v2_logging_options", {}, "AccessDeniedException"))
    assert security.ask(security.iot_logging, iot) == Unreadable(
        "GetV2LoggingOptions was not answered: AccessDeniedException."
    )


def test_an_error_of_this_program_is_not_taken_for_an_answer():
    def read():
        raise KeyError("x")

    with pytest.raises(KeyError):
        security.ask(read)
