"""Buckets and keys."""

from __future__ import annotations

import json

import pytest
from fleetlib.core.security.buckets import PUBLIC_ACCESS_SWITCHES, Bucket, plain_text_allowed_from
from fleetlib.core.validation import storage

SWITCHES = dict.fromkeys(PUBLIC_ACCESS_SWITCHES, True)


def statement(**changes):
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    } | changes


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statuses(**changes):
    key = changes.pop("wanted_key", "arn:aws:kms:us-west-2:123456789012:key/1")
    good = {
        "key": "arn:aws:kms:us-west-2:123456789012:key/1",
        "encryption": "aws:kms",
        "public_access": SWITCHES,
        "policy": policy(statement()),
        "versioning": "Enabled",
    }
    return [
        str(row.status)
        for row in storage.bucket("b", Bucket(**{**good, **changes}), key, may_be_absent=False)
    ]


def test_a_good_bucket_passes_all_four_rows():
    assert statuses() == ["passed"] * 4


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"encryption": ""}, 0),
        ({"encryption": "AES256", "key": ""}, 0),
        ({"key": "arn:aws:kms:us-west-2:123456789012:key/2"}, 0),
        ({"public_access": {}}, 1),
        ({"public_access": SWITCHES | {"BlockPublicPolicy": False}}, 1),
        ({"policy": ""}, 2),
        ({"versioning": "Suspended"}, 3),
        ({"versioning": ""}, 3),
    ],
)
def test_each_weakness_fails_its_own_row(changes, row):
    assert [index for index, status in enumerate(statuses(**changes)) if status == "failed"] == [row]


def test_a_key_may_be_named_by_its_id():
    assert statuses(key="1")[0] == "passed"


def test_where_no_key_is_asked_for_any_encryption_will_do():
    assert statuses(encryption="AES256", key="", wanted_key="")[0] == "passed"


def test_the_switches_that_are_off_are_named():
    rows = storage.bucket(
        "b", Bucket(public_access=SWITCHES | {"BlockPublicPolicy": False}), "", may_be_absent=False
    )
    assert rows[1].detail == "Not blocked: BlockPublicPolicy."


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::b"},
        {"Resource": "arn:aws:s3:::b/*"},
        {"Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]},
        {"Condition": {}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {
            "Condition": {
                "Bool": {"aws:SecureTransport": "false"},
                "StringEquals": {"aws:PrincipalTag/a": "b"},
            }
        },
    ],
)
def test_a_policy_that_lets_some_plain_requests_through_denies_nothing(changes):
    assert plain_text_allowed_from(policy(statement(**changes)), "b") is None


def test_bucket_and_objects_may_be_denied_by_two_statements():
    both = policy(
        statement(Resource="arn:aws:s3:::b", Principal={"AWS": "*"}),
        statement(Resource="arn:aws:s3:::b/*", Action=["s3:*"]),
    )
    assert plain_text_allowed_from(both, "b") == []


def spare(*networks):
    condition = {"Bool": {"aws:SecureTransport": "false"}, "NotIpAddress": {"aws:SourceIp": list(networks)}}
    return statuses(policy=policy(statement(Condition=condition)))[2]


def test_only_loopback_addresses_may_be_spared():
    assert spare("127.0.0.1/32", "::1/128") == "passed"
    assert spare("127.0.0.1/32", "10.0.0.0/8") == "failed"


@pytest.mark.parametrize(("rotates", "status"), [(True, "passed"), (False, "failed"), (None, "failed")])
def test_a_key_has_to_rotate(rotates, status):
    assert storage.key_rotation("k", rotates, may_be_absent=False).status == status


def test_what_does_not_exist_fails_and_in_check_mode_is_not_there_yet():
    assert [str(row.status) for row in storage.bucket("b", None, "", may_be_absent=False)] == ["failed"]
    assert [str(row.status) for row in storage.bucket("b", None, "", may_be_absent=True)] == ["not_checked"]
    assert storage.key_rotation("k", None, may_be_absent=True).status == "not_checked"
