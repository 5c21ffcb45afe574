"""The certificates of a real fleet on the local cloud, some of them spoiled."""

from __future__ import annotations

import json

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def iot(aws, connection, tmp_path):
    iot = aws("iot")
    iot.create_thing_type(thingTypeName="board")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    iot.create_policy(policyName="device", policyDocument=policy)
    iot.create_thing_group(thingGroupName="p-local")
    made = run_module(
        "iot_thing_batch",
        **connection,
        name_prefix="p",
        environment_name="local",
        count=3,
        thing_type="board",
        policy="device",
        group="p-local",
        state_directory=str(tmp_path),
        rate_factor=1000,
        settle_seconds=0,
    )
    assert made["done"] == 3
    return iot


@pytest.fixture
def look(connection, tmp_path):
    def look(**options):
        given = {"environment_name": "local", "policy": "device", "state_directory": str(tmp_path)}
        return run_module("fleet_certificates_info", **connection, **{**given, **options})

    return look


def test_a_fresh_fleet_has_certificates_in_order_and_known_ends(iot, look):
    found = look()
    assert {row["status"] for row in found["checks"]} == {"passed"}
    assert len(found["certificates"]) == 3
    assert all(one["expires_in_days"] > 90 and one["age_days"] < 1 for one in found["certificates"])


def test_what_was_spoiled_is_found(iot, look):
    first, second = (one["certificate_id"] for one in look()["certificates"][:2])
    iot.update_certificate(certificateId=first, newStatus="INACTIVE")
    arn = iot.describe_certificate(certificateId=second)["certificateDescription"]["certificateArn"]
    iot.detach_policy(policyName="device", target=arn)
    left = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="device", target=left["certificateArn"])
    found = look()
    troubles = {one["certificate_id"]: one["troubles"] for one in found["certificates"]}
    assert (troubles[first], troubles[second]) == (["not active"], ["no policy"])
    assert found["orphans"] == [left["certificateId"]]
    assert sum(row["status"] == "failed" for row in found["checks"]) == 3


def test_a_host_without_copies_says_that_the_expiry_was_not_looked_at(iot, look, tmp_path):
    found = look(state_directory=str(tmp_path / "elsewhere"))
    assert [row["status"] for row in found["checks"]].count("not_checked") == 1


def test_a_damaged_copy_is_named(iot, look, tmp_path):
    next(tmp_path.glob("devices/*/certificate.pem")).write_text("nothing")
    assert "certificate.pem is no certificate" in look()["msg"]


def test_a_limit_of_no_days_is_refused(look):
    assert "max_age_days is 0; it must be 1 or more" in look(max_age_days=0)["msg"]
