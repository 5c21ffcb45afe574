"""What the emulator does not do: waits, limits, and what is written to while it is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from fleetlib.aws import teardown
from fleetlib.core.errors import FleetError

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
TYPE = "fleet-esp32-c3"
REST = "ThingType must be deprecated for at least 5 minutes before deletion"


class Clock:
    """A time that passes only while somebody sleeps."""

    def __init__(self):
        self.slept = 0.0

    def now(self):
        return START + timedelta(seconds=self.slept)

    def monotonic(self):
        return self.slept

    def sleep(self, seconds):
        self.slept += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stubbed():
    stubs = []

    def stubbed(service):
        client = boto3.client(
            service, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(client)
        stub.activate()
        stubs.append(stub)
        return stub

    yield stubbed
    for stub in stubs:
        stub.assert_no_pending_responses()


def described(iot, deprecated):
    metadata = {"deprecated": deprecated, **({"deprecationDate": START} if deprecated else {})}
    iot.add_response("describe_thing_type", {"thingTypeMetadata": metadata}, {"thingTypeName": TYPE})


def refused(iot):
    iot.add_client_error("delete_thing_type", "InvalidRequestException", REST)
    described(iot, deprecated=True)


def test_a_thing_type_is_deprecated_once_and_deleted_when_it_has_rested(stubbed, clock):
    iot = stubbed("iot")
    described(iot, deprecated=False)
    iot.add_response("deprecate_thing_type", {}, {"thingTypeName": TYPE})
    for _ in range(31):
        refused(iot)
    iot.add_response("delete_thing_type", {}, {"thingTypeName": TYPE})
    teardown.delete_type(iot.client, TYPE, clock, 330)
    assert 300 <= clock.slept <= 310


def test_who_does_not_wait_is_told_when_to_run_again(stubbed, clock):
    iot = stubbed("iot")
    described(iot, deprecated=True)
    refused(iot)
    with pytest.raises(FleetError, match=r"Run again after 2026-11-28T12:05:00\.000Z"):
        teardown.delete_type(iot.client, TYPE, clock, 60)
    assert clock.slept == 0


def test_a_job_waits_for_a_place_among_those_that_are_being_deleted(stubbed, clock):
    iot = stubbed("iot")
    iot.add_client_error("cancel_job", "InvalidRequestException", "it has ended")
    iot.add_client_error("delete_job", "LimitExceededException")
    iot.add_response("delete_job", {}, {"jobId": "j", "force": True})
    teardown.delete_job(iot.client, "j", clock)
    assert clock.slept == teardown.POLL_SECONDS


def test_a_dynamic_group_is_deleted_with_its_own_call(stubbed):
    iot = stubbed("iot")
    iot.add_response("describe_thing_group", {"queryString": "x"}, {"thingGroupName": "g"})
    iot.add_response("delete_dynamic_thing_group", {}, {"thingGroupName": "g"})
    teardown.delete_group(iot.client, "g")


def test_a_job_that_is_on_its_way_out_is_not_listed(stubbed):
    iot = stubbed("iot")
    jobs = [{"jobId": "a", "status": "DELETION_IN_PROGRESS"}, {"jobId": "b", "status": "COMPLETED"}]
    iot.add_response("list_jobs", {"jobs": jobs}, {"maxResults": 250})
    assert list(teardown._jobs(iot.client)) == ["b"]


def versions(s3, *keys):
    listed = [{"Key": key, "VersionId": "1"} for key in keys]
    s3.add_response("list_object_versions", {"Versions": listed} if listed else {}, {"Bucket": "b"})
    if listed:
        deleted = {"Bucket": "b", "Delete": {"Objects": listed, "Quiet": True}}
        s3.add_response("delete_objects", {}, deleted)


def test_a_bucket_that_gets_a_last_log_is_emptied_once_more(stubbed):
    s3, gone = stubbed("s3"), []
    versions(s3, "old", "older")
    s3.add_client_error("delete_bucket", "BucketNotEmpty")
    versions(s3, "last")
    s3.add_response("delete_bucket", {}, {"Bucket": "b"})
    teardown.delete_bucket(s3.client, "b", gone.append)
    assert gone == [2, 1]


def test_a_bucket_that_is_written_to_for_ever_is_an_error(stubbed):
    s3 = stubbed("s3")
    for _ in range(teardown.STILL_WRITTEN):
        versions(s3)
        s3.add_client_error("delete_bucket", "BucketNotEmpty")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        teardown.delete_bucket(s3.client, "b", lambda count: None)


def test_a_bucket_that_is_gone_is_as_it_should_be(stubbed):
    s3 = stubbed("s3")
    s3.add_client_error("list_object_versions", "NoSuchBucket")
    teardown.delete_bucket(s3.client, "b", lambda count: None)


def test_a_stack_that_cannot_be_deleted_is_named_with_the_reason(stubbed, clock):
    formation = stubbed("cloudformation")
    event = {
        "StackId": "i",
        "EventId": "1",
        "StackName": "fleet-audit",
        "Timestamp": START,
        "LogicalResourceId": "Trail",
        "ResourceStatus": "DELETE_FAILED",
        "ResourceStatusReason": "not allowed",
    }
    stack = {"StackName": "fleet-audit", "CreationTime": START, "StackStatus": "DELETE_FAILED"}
    formation.add_response("delete_stack", {}, {"StackName": "fleet-audit"})
    formation.add_response("describe_stacks", {"Stacks": [stack]})
    formation.add_response("describe_stack_events", {"StackEvents": [event]})
    with pytest.raises(FleetError, match="fleet-audit cannot be deleted: Trail: not allowed"):
        teardown.delete_stack(formation.client, "fleet-audit", clock)


def test_a_key_is_scheduled_and_one_that_is_gone_is_nothing(stubbed):
    kms = stubbed("kms")
    kms.add_response(
        "schedule_key_deletion", {"DeletionDate": START}, {"KeyId": "k", "PendingWindowInDays": 7}
    )
    assert teardown.schedule_key_deletion(kms.client, "k", 7) == "2026-11-28T12:00:00.000Z"
    metadata = {"KeyId": "k", "KeyState": "PendingDeletion", "DeletionDate": START}
    kms.add_response("describe_key", {"KeyMetadata": metadata})
    kms.add_response("describe_key", {"KeyMetadata": {"KeyId": "k", "KeyState": "Enabled"}})
    kms.add_client_error("describe_key", "NotFoundException")
    told = [teardown.key_deletion(kms.client, "k") for _ in range(3)]
    assert told == ["2026-11-28T12:00:00.000Z", "", None]
