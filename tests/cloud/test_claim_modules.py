"""The claim certificate and the list of expected devices: made once, found again, never doubled."""

from __future__ import annotations

import json

import pytest
from fleetlib.aws import documents
from fleetlib.claim_list import ClaimList
from fleetlib.core.quotas import Quotas
from fleetlib.core.rollout.ports import ConflictError
from fleetlib.crypto import keys
from fleetlib.device_store import DeviceStore

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

NAME = "p-local-claim"
KEY = "provisioning/claim/expected.json"


@pytest.fixture
def iot(aws):
    client = aws("iot")
    client.create_policy(
        policyName="claim", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    return client


@pytest.fixture
def fleet(connection):
    return {**connection, "name_prefix": "p", "environment_name": "local"}


@pytest.fixture
def claim(fleet, tmp_path):
    def claim(**options):
        given = {**fleet, "policy": "claim", "state_directory": str(tmp_path / "state")}
        return run_module("iot_claim_certificate", **{**given, **options})

    return claim


@pytest.fixture
def store(tmp_path):
    return DeviceStore(tmp_path / "state/claim")


@pytest.fixture
def bucket(aws, account):
    """A bucket of the test's own: names are shared by all accounts."""
    name = f"deploy-{account}"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@pytest.fixture
def expect(fleet, bucket):
    def expect(**options):
        return run_module("iot_claim_devices", **{**fleet, "bucket": bucket, "key": KEY, **options})

    return expect


def test_the_first_run_makes_the_certificate_and_the_second_changes_nothing(iot, claim, store):
    first = claim()
    assert (first["changed"], first["steps"][0]) == (True, "make the claim key")
    assert first["key_path"] == str(store.key_path(NAME))
    (listed,) = iot.list_certificates()["certificates"]
    assert (listed["certificateId"], listed["status"]) == (first["certificate_id"], "ACTIVE")
    assert iot.list_targets_for_policy(policyName="claim")["targets"] == [listed["certificateArn"]]
    second = claim()
    assert (second["changed"], second["steps"], second["status"]) == (False, [], "ACTIVE")


def test_check_mode_makes_nothing_also_where_there_is_no_policy(aws, claim, tmp_path):
    result = claim(check_mode=True, policy="")
    assert (result["changed"], result["certificate_id"]) == (True, "")
    assert result["diff"]["before"] == "key: none\ncertificate: none\npolicy: not attached\n"
    assert not (tmp_path / "state").exists()
    assert aws("iot").list_certificates()["certificates"] == []


def test_a_certificate_whose_answer_was_lost_is_found_by_its_key(iot, claim, store):
    key = keys.new_key()
    store.keep_key(NAME, key)
    request = keys.signing_request(key, NAME)
    lost = iot.create_certificate_from_csr(certificateSigningRequest=request, setAsActive=True)
    stranger = keys.signing_request(keys.new_key(), "another")
    iot.create_certificate_from_csr(certificateSigningRequest=stranger, setAsActive=True)
    assert claim()["certificate_id"] == lost["certificateId"]
    assert len(iot.list_certificates()["certificates"]) == 2


def test_a_certificate_without_its_policy_gets_it(iot, claim):
    made = claim()
    (target,) = iot.list_targets_for_policy(policyName="claim")["targets"]
    iot.detach_policy(policyName="claim", target=target)
    again = claim()
    assert (again["steps"], again["certificate_id"]) == (["attach the claim policy"], made["certificate_id"])
    assert iot.list_targets_for_policy(policyName="claim")["targets"] == [target]


def test_a_certificate_that_was_switched_off_stays_off(iot, claim):
    made = claim()
    iot.update_certificate(certificateId=made["certificate_id"], newStatus="INACTIVE")
    again = claim()
    assert (again["changed"], again["status"]) == (False, "INACTIVE")
    assert any("no device can register itself" in str(warning) for warning in again["warnings"])


def test_a_certificate_that_the_registry_lost_is_replaced_under_the_same_key(iot, claim, store):
    made = claim()
    key = store.key(NAME)
    (target,) = iot.list_targets_for_policy(policyName="claim")["targets"]
    iot.detach_policy(policyName="claim", target=target)
    iot.update_certificate(certificateId=made["certificate_id"], newStatus="INACTIVE")
    iot.delete_certificate(certificateId=made["certificate_id"])
    again = claim()
    assert again["certificate_id"] != made["certificate_id"]
    assert store.key(NAME) == key
    assert len(iot.list_certificates()["certificates"]) == 1


def test_the_list_is_written_only_when_it_changes(aws, expect, bucket):
    first = expect(count=2)
    assert (first["changed"], first["counts"]["added"]) == (True, 2)
    assert not expect(count=2)["changed"]
    assert expect(count=3)["counts"] == {
        "wanted": 3,
        "registered": 0,
        "expected": 3,
        "added": 1,
        "removed": 0,
        "again": 0,
    }
    document, _ = documents.read(aws("s3"), bucket, KEY)
    assert document == {"format": 1, "devices": ["device-001", "device-002", "device-003"], "again": {}}


def test_a_registered_device_leaves_the_list_by_the_next_run(aws, expect):
    expect(count=2)
    attributes = {"environment": "local", "certificate_id": "c1"}
    aws("iot").create_thing(thingName="p-local-device-001", attributePayload={"attributes": attributes})
    result = expect(count=2)
    assert (result["counts"]["registered"], result["counts"]["removed"]) == (1, 1)
    assert result["diff"]["before"] == "device-001\n"


def test_check_mode_without_a_bucket_shows_the_plan(aws, expect):
    result = expect(check_mode=True, count=2, bucket="")
    assert (result["changed"], result["diff"]["after"]) == (True, "device-001\ndevice-002\n")


def test_without_a_bucket_it_says_which_stack_makes_one(expect):
    assert "The storage stack creates the buckets" in expect(count=2, bucket="")["msg"]


def test_of_two_writers_at_once_one_gets_an_error(aws, bucket):
    kept = ClaimList("p", "local", bucket, KEY, aws("s3"), aws("iot"))
    first, second = (kept.expect([one], [], Quotas()) for one in ("device-001", "device-002"))
    kept.write(*first)
    with pytest.raises(ConflictError, match="Somebody else wrote"):
        kept.write(*second)
