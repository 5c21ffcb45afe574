"""Stacks and what they made."""

from __future__ import annotations

import pytest
from fleetlib.core.security.account import LogGroup
from fleetlib.core.validation import resources
from fleetlib.core.validation.resources import Alarm

TOPIC = "arn:aws:sns:us-west-2:123456789012:alarms"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATE_COMPLETE", "passed"),
        ("UPDATE_COMPLETE", "passed"),
        ("UPDATE_ROLLBACK_COMPLETE", "warned"),
        ("ROLLBACK_COMPLETE", "failed"),
        ("UPDATE_IN_PROGRESS", "failed"),
        ("REVIEW_IN_PROGRESS", "failed"),
        ("", "failed"),
    ],
)
def test_a_stack_is_judged_by_its_status(status, expected):
    row = resources.stack("core", status, supported=True, may_be_absent=False)
    assert (row.name, row.status) == ("Stack core is healthy", expected)


def test_a_stack_that_this_environment_cannot_have_is_not_checked_and_says_so():
    row = resources.stack("audit", "", supported=False, may_be_absent=False)
    assert row.status == "not_checked"
    assert "as its inventory states" in row.detail


def test_a_stack_that_exists_against_the_inventory_is_judged_all_the_same():
    assert (
        resources.stack("audit", "ROLLBACK_FAILED", supported=False, may_be_absent=False).status == "failed"
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [(LogGroup(30), "passed"), (LogGroup(7), "failed"), (LogGroup(None), "failed"), (None, "failed")],
)
def test_a_log_group_has_to_keep_the_days_asked_for(found, expected):
    assert resources.log_group("/g", found, 30, may_be_absent=False).status == expected


@pytest.mark.parametrize(("found", "expected"), [(2, "passed"), (0, "warned"), (None, "failed")])
def test_the_topic_has_to_exist_and_should_have_a_reader(found, expected):
    assert resources.topic(found, may_be_absent=False).status == expected


@pytest.mark.parametrize(
    ("found", "expected", "detail"),
    [
        ([Alarm("a", "OK", [TOPIC])], "passed", "1 alarms, none in state ALARM"),
        ([Alarm("a", "ALARM", [TOPIC])], "warned", "1 alarms, 1 in state ALARM now: a."),
        ([Alarm("a", "OK", []), Alarm("b", "OK", [TOPIC])], "failed", "1 of 2 do not: a."),
        ([], "failed", "There is no alarm."),
    ],
)
def test_alarms_have_to_notify_the_topic(found, expected, detail):
    row = resources.alarms(found, TOPIC, may_be_absent=False)
    assert (row.status, row.detail) == (expected, detail)


@pytest.mark.parametrize(
    ("body", "expected"),
    [('{"widgets": [{}]}', "passed"), ('{"widgets": []}', "failed"), ("no", "failed"), (None, "failed")],
)
def test_a_dashboard_has_to_show_something(body, expected):
    assert resources.dashboard("d", body, may_be_absent=False).status == expected


@pytest.mark.parametrize(
    ("right", "answer", "expected"),
    [
        (True, {"validation": "passed", "errors": 0}, "passed"),
        (True, {"validation": "failed", "errors": 2}, "failed"),
        (False, {"validation": "failed", "errors": 2}, "passed"),
        (False, {"validation": "passed", "errors": 0}, "failed"),
        (False, {}, "failed"),
        (False, "The function failed (Unhandled): …", "failed"),
        (True, None, "failed"),
    ],
)
def test_the_validator_has_to_tell_right_from_wrong(right, answer, expected):
    assert resources.validator("a program", answer, right=right, may_be_absent=False).status == expected


def test_in_check_mode_nothing_has_to_exist_yet():
    rows = [
        resources.stack("core", "", supported=True, may_be_absent=True),
        resources.stack("core", "REVIEW_IN_PROGRESS", supported=True, may_be_absent=True),
        resources.log_group("", None, 30, may_be_absent=True),
        resources.topic(None, may_be_absent=True),
        resources.alarms([], "", may_be_absent=True),
        resources.dashboard("", None, may_be_absent=True),
        resources.validator("a program", None, right=True, may_be_absent=True),
    ]
    assert {str(row.status) for row in rows} == {"not_checked"}
    assert all(row.detail.endswith("yet.") for row in rows)
