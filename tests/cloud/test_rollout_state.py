"""Records in S3: who may write, and which rollout is meant."""

from __future__ import annotations

import urllib.request

import pytest
from fleetlib import rollout
from fleetlib.aws import documents, packages
from fleetlib.core import programs
from fleetlib.core.clock import SystemClock
from fleetlib.core.errors import FleetError
from fleetlib.core.objects import digest
from fleetlib.core.rollout.ports import ConflictError

pytestmark = pytest.mark.cloud
SUBJECT = "program:blink"


@pytest.fixture
def s3(aws):
    return aws("s3")


@pytest.fixture
def bucket(s3, account):
    name = f"records-{account}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


def choose(s3, bucket, version="1.0.0", **options):
    return rollout.choose(s3, bucket, "fleet", SUBJECT, version, SystemClock(), **options)


def test_a_write_over_somebody_elses_is_refused_and_changes_nothing(s3, bucket):
    first = documents.replace(s3, bucket, "record", {"n": 1}, None)
    documents.replace(s3, bucket, "record", {"n": 2}, first)
    for version in (first, None):
        with pytest.raises(ConflictError, match="Somebody else wrote record"):
            documents.replace(s3, bucket, "record", {"n": 3}, version)
    assert documents.read(s3, bucket, "record")[0] == {"n": 2}


def test_a_write_whose_answer_was_lost_may_be_repeated(s3, bucket):
    first = documents.replace(s3, bucket, "record", {"n": 1}, None)
    second = documents.replace(s3, bucket, "record", {"n": 2}, first)
    assert documents.replace(s3, bucket, "record", {"n": 2}, first) == second


def test_a_rollout_that_was_chosen_and_not_begun_is_chosen_again(s3, bucket):
    first = choose(s3, bucket)
    assert choose(s3, bucket) == first == rollout.Chosen(first.id, True)
    assert first.id.startswith("fleet-blink-")
    assert rollout.all_latest(s3, bucket) == [(SUBJECT, first.id)]
    assert choose(s3, bucket, "2.0.0").id != first.id  # nothing was begun, so nothing stands in the way


def test_looking_writes_nothing(s3, bucket):
    assert choose(s3, bucket, dry=True).is_new
    with pytest.raises(FleetError, match="never a rollout of program:blink"):
        rollout.latest(s3, bucket, SUBJECT)


def test_the_names_of_the_longest_program_fit_into_a_jobs_id(s3, bucket):
    longest = rollout.choose(s3, bucket, "p" * 26, f"program:{'x' * 31}", "1.0.0", SystemClock())
    assert len(f"{longest.id}-w12-12") <= 64


def test_a_large_program_is_published_so_that_devices_can_fetch_it(s3, bucket):
    code = "; " + "x" * programs.INLINE_BYTES
    manifest = programs.Manifest("big", "big", "1.0.0", digest(code.encode()), len(code), "linux")
    package = programs.Package(manifest, code, programs.Signature("none", ""))
    packages.publish(s3, bucket, programs.key_of("packages", "big", "1.0.0"), package)
    document = rollout.ProgramDocuments(s3, bucket, "packages", "big", presign=True).of("1.0.0", 5)
    assert document["jitter_seconds"] == 5
    key = document["request"]["url"].partition(f"{bucket}/")[2].rstrip("}")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read().decode() == code
