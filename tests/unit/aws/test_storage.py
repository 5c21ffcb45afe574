"""Waiting for a tag, without waiting; and the answers of S3 that must not be taken for "missing"."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from fleetlib.aws import storage


@pytest.fixture
def s3():
    client = boto3.client("s3", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


class Clock:
    """A time that passes only while somebody sleeps."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def expect_tags(s3, key, **tags):
    tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
    s3.add_response("get_object_tagging", {"TagSet": tag_set}, {"Bucket": "programs", "Key": key})


def wait(s3, clock, timeout_seconds=10):
    return storage.wait_for_tag(
        s3.client,
        "programs",
        ["a", "b"],
        "validation",
        timeout_seconds,
        now=clock.now,
        sleep=clock.sleep,
    )


def test_objects_that_are_tagged_already_cost_one_look_each(s3):
    clock = Clock()
    expect_tags(s3, "a", validation="passed")
    expect_tags(s3, "b", validation="failed")
    assert wait(s3, clock) == {"a": {"validation": "passed"}, "b": {"validation": "failed"}}
    assert clock.time == 0


def test_only_objects_without_the_tag_are_looked_at_again(s3):
    clock = Clock()
    expect_tags(s3, "a", owner="somebody")
    expect_tags(s3, "b", validation="passed")
    expect_tags(s3, "a", owner="somebody", validation="passed")
    assert set(wait(s3, clock)) == {"a", "b"}
    assert clock.time == storage.POLL_SECONDS


def test_the_wait_ends_with_what_is_there(s3):
    clock = Clock()
    expect_tags(s3, "a")
    expect_tags(s3, "b", validation="passed")
    expect_tags(s3, "a")
    assert wait(s3, clock, storage.POLL_SECONDS) == {"b": {"validation": "passed"}}


def test_a_bucket_of_somebody_else_is_not_a_missing_bucket(s3):
    s3.add_client_error("head_bucket", "403", http_status_code=403)
    with pytest.raises(ClientError, match="403"):
        storage.bucket_exists(s3.client, "programs")


def test_an_object_that_must_not_be_looked_at_is_not_a_missing_object(s3):
    s3.add_client_error("head_object", "403", http_status_code=403)
    with pytest.raises(ClientError, match="403"):
        storage.look(s3.client, "programs", "a")
