"""Wrong configuration is named, with what is allowed; the checklist says what the machine knows."""

from __future__ import annotations

import dataclasses

import pytest
from fleetlib.core import preflight
from fleetlib.core.preflight import Configuration, Facts, Status

REGIONS = {"us-west-2", "us-west-1", "eu-west-1"}
GOOD = Configuration("123456789012", "us-west-2", "aws-iot-steel", 100)


def problems(**changes):
    return preflight.configuration_problems(dataclasses.replace(GOOD, **changes), REGIONS)


def test_good_values_have_no_problem():
    assert problems() == []


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
def test_a_device_count_out_of_range_names_the_range(count):
    (problem,) = problems(device_count=count)
    assert problem.startswith(f"device_count is {count}; it must be from 1 to 1,000,000")


@pytest.mark.parametrize("account", ["", "12", "12345678901a", "1234567890123"])
def test_an_account_id_that_is_not_twelve_digits_is_refused(account):
    (problem,) = problems(fleet_account_id=account)
    assert problem.startswith(f"fleet_account_id is {account!r}; it must be the 12 digits")


def test_an_unknown_region_suggests_the_nearest():
    (problem,) = problems(fleet_region="us-west-22")
    assert "Did you mean us-west-2" in problem


def test_a_region_like_no_other_lists_those_there_are():
    (problem,) = problems(fleet_region="mars")
    assert "AWS IoT is in: eu-west-1, us-west-1, us-west-2." in problem


@pytest.mark.parametrize("prefix", ["", "ab", "Steel", "steel_fleet", "steel-", "1steel", "a" * 16])
def test_a_prefix_that_cannot_name_a_bucket_is_refused(prefix):
    (problem,) = problems(fleet_name_prefix=prefix)
    assert "fleet_name_prefix" in problem


def test_all_problems_are_reported_at_once():
    assert len(problems(device_count=0, fleet_region="mars", fleet_account_id="")) == 3


def test_credentials_of_another_account_are_refused_by_name():
    text = preflight.account_problem("123456789012", "999999999999", "arn:aws:iam::999999999999:user/x")
    assert "belong to account 999999999999" in text
    assert "fleet_account_id says 123456789012" in text


def test_a_missing_and_an_old_library_are_both_named():
    found = dict.fromkeys(preflight.MINIMUM_VERSIONS, "99.0") | {"paho-mqtt": None, "boto3": "1.42.9"}
    assert preflight.version_problems(found) == [
        "boto3 1.42.9 is too old; 1.43.0 or later is needed (make setup).",
        "paho-mqtt is not installed; 2.0.0 or later is needed (make setup).",
    ]


def status_of(name, **facts):
    items = preflight.checklist(Facts(**({"account": "1", "caller": "me", "stacks": {}} | facts)))
    return next(item.status for item in items if item.name == name)


@pytest.mark.parametrize(
    ("stacks", "unsupported", "expected"),
    [
        ({}, [], Status.PLANNED),
        ({"storage": "CREATE_COMPLETE"}, [], Status.READY),
        ({"storage": "UPDATE_COMPLETE"}, [], Status.READY),
        ({"storage": "ROLLBACK_COMPLETE"}, [], Status.MISSING),
        ({"storage": "CREATE_FAILED"}, [], Status.MISSING),
        ({}, ["storage"], Status.NOT_APPLICABLE),
    ],
)
def test_a_line_of_the_checklist_follows_its_stack(stacks, unsupported, expected):
    assert status_of("Bucket for deployments", stacks=stacks, unsupported=unsupported) is expected


def test_what_no_machine_can_know_is_left_to_a_person():
    assert status_of("Team trained") is Status.PERSON


def test_the_rendered_checklist_has_every_line_with_its_mark():
    items = preflight.checklist(Facts("1", "me", {}))
    lines = preflight.render(items)
    for item in items:
        assert any(preflight.MARKS[item.status] in line and item.name in line for line in lines)
