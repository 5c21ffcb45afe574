"""Which names are a fleet's own: its neighbours keep theirs."""

from __future__ import annotations

import re

import pytest
from fleetlib.core.teardown import names
from fleetlib.core.teardown.names import Names

FLEET = "aws-iot-steel-local"
MINE = Names(FLEET, "111122223333", "us-west-2")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (names.STACK, f"{FLEET}-core"),
        (names.BUCKET, f"{FLEET}-programs-111122223333-us-west-2"),
        (names.POLICY, f"{FLEET}-claim"),
        (names.GROUP, FLEET),
        (names.GROUP, f"{FLEET}-quarantine"),
        (names.GROUP, f"{FLEET}-blink-0a1b2c3d-w2-1"),
        (names.TYPE, f"{FLEET}-esp32-c3"),
        (names.JOB, f"{FLEET}-deliver-1"),
        (names.LOG_GROUP, f"/aws/lambda/{FLEET}-telemetry"),
    ],
)
def test_what_the_fleet_makes_is_its_own(kind, name):
    assert MINE.owns(kind, name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (names.STACK, f"{FLEET}-blue-core"),
        (names.STACK, f"{FLEET}2-core"),
        (names.BUCKET, f"{FLEET}-blue-programs-111122223333-us-west-2"),
        (names.BUCKET, f"{FLEET}2-programs-111122223333-us-west-2"),
        (names.BUCKET, f"{FLEET}-programs-111122223333-eu-west-1"),
        (names.POLICY, f"{FLEET}-blue-device"),
        (names.GROUP, f"{FLEET}-blue"),
        (names.GROUP, f"{FLEET}2"),
        (names.TYPE, f"{FLEET}-blue-esp32-c3"),
        (names.JOB, f"{FLEET}2-deliver-1"),
        (names.FUNCTION, f"{FLEET}-my-own"),
    ],
)
def test_what_only_begins_alike_is_not(kind, name):
    assert not MINE.owns(kind, name)


def test_a_longer_fleet_that_exists_owns_what_begins_with_its_name():
    both = MINE.seeing([f"{FLEET}-blue-esp32-c3", "another-esp32-c3", f"{FLEET}-esp32-c3"])
    assert both.others == {f"{FLEET}-blue"}
    assert not both.may_own(f"{FLEET}-blue-device-001")
    assert not both.owns(names.GROUP, f"{FLEET}-blue-blink-0a1b2c3d-w1-1")
    assert not both.owns(names.JOB, f"{FLEET}-blue-deliver-1")
    assert both.may_own(f"{FLEET}-device-001")
    assert both.may_own(f"{FLEET}-bluetooth-001")


def test_stacks_tell_of_a_fleet_as_well():
    assert MINE.seeing([], [f"{FLEET}-green-core", f"{FLEET}-core"]).others == {f"{FLEET}-green"}


NAMED = {
    "AWS::IoT::Policy": "PolicyName",
    "AWS::IoT::ThingGroup": "ThingGroupName",
    "AWS::IoT::ThingType": "ThingTypeName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
VALUES = {"NamePrefix": "aws-iot-steel", "Environment": "local", "AWS::AccountId": "111122223333"}


@pytest.mark.parametrize("kind", sorted(NAMED))
def test_the_names_are_those_of_the_templates(root, kind):
    found = set()
    for path in (root / "roles/infrastructure/files/cloudformation").glob("*.yml"):
        for name in re.findall(rf'^      {NAMED[kind]}: !Sub "(.+)"$', path.read_text(), re.MULTILINE):
            for variable, value in {**VALUES, "AWS::Region": "us-west-2"}.items():
                name = name.replace(f"${{{variable}}}", value)
            found.add(name)
    assert found == set(MINE.given(kind))
