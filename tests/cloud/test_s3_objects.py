"""Objects get into a bucket once, with their hash, and what is immutable stays as it is."""

from __future__ import annotations

import hashlib
import importlib
import threading

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

BLINK = "(led-on)\n"


@pytest.fixture
def bucket(aws, account):
    """A versioned bucket of this test's own account; bucket names are shared by all accounts."""
    name = f"programs-{account}"
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def run(connection, bucket):
    def run(*objects, **options):
        return run_module(
            "s3_objects", **{"bucket": bucket, "objects": list(objects), **connection, **options}
        )

    return run


@pytest.fixture
def stored(aws, bucket):
    """``stored()`` maps each key to its content, read with a client of the test's own."""

    def stored():
        s3 = aws("s3")
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode() for one in listed
        }

    return stored


@pytest.fixture
def storage():
    """The edge as the module under test imports it."""
    return importlib.import_module(
        "ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws.storage"
    )


def example(key="examples/blink.scm", content=BLINK, **more):
    return {"key": key, "content": content, **more}


def test_check_plans_then_upload_then_nothing_is_left_to_do(run, stored):
    planned = run(example(), check_mode=True)
    assert planned["changed"]
    assert planned["uploaded"] == ["examples/blink.scm"]
    assert stored() == {}

    done = run(example())
    assert done["changed"]
    assert done["objects"] == [
        {
            "key": "examples/blink.scm",
            "action": "created",
            "sha256": hashlib.sha256(BLINK.encode()).hexdigest(),
            "size_bytes": len(BLINK),
            "tags": {},
        }
    ]
    assert stored() == {"examples/blink.scm": BLINK}
    assert done["diff"] == planned["diff"]

    again = run(example())
    assert not again["changed"]
    assert again["uploaded"] == []


def test_the_object_carries_type_metadata_tags_and_hash(run, aws, bucket):
    run(example(metadata={"Profile": "linux"}, tags={"kind": "example"}))
    head = aws("s3").head_object(Bucket=bucket, Key="examples/blink.scm")
    assert head["ContentType"] == "text/x-scheme; charset=utf-8"
    assert head["Metadata"] == {"profile": "linux", "sha256": hashlib.sha256(BLINK.encode()).hexdigest()}
    tags = aws("s3").get_object_tagging(Bucket=bucket, Key="examples/blink.scm")["TagSet"]
    assert tags == [{"Key": "kind", "Value": "example"}]


def test_only_what_differs_is_uploaded(run, stored, aws, bucket):
    one, two = example("one.scm"), example("two.scm")
    run(one, two)
    result = run(one, {**two, "content": "(led-off)\n"})
    assert result["uploaded"] == ["two.scm"]
    assert stored() == {"one.scm": BLINK, "two.scm": "(led-off)\n"}
    versions = aws("s3").list_object_versions(Bucket=bucket, Prefix="one.scm")["Versions"]
    assert len(versions) == 1


def test_a_file_is_uploaded_byte_for_byte(run, aws, bucket, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(bytes(range(256)))
    run({"key": "bundle.zip", "src": str(path)})
    assert aws("s3").get_object(Bucket=bucket, Key="bundle.zip")["Body"].read() == bytes(range(256))


def test_an_object_somebody_else_uploaded_is_compared_by_its_bytes(run, aws, bucket):
    aws("s3").put_object(Bucket=bucket, Key="package.zip", Body=b"same")
    same = {"key": "package.zip", "content": "same"}
    assert not run(same, immutable=True)["changed"]
    assert run({**same, "content": "else"}, immutable=True)["failed"]


def test_a_missing_tag_is_added_without_an_upload(run, aws, bucket):
    run(example())
    aws("s3").put_object_tagging(
        Bucket=bucket,
        Key="examples/blink.scm",
        Tagging={"TagSet": [{"Key": "owner", "Value": "somebody"}]},
    )
    result = run(example(tags={"kind": "example"}))
    assert (result["changed"], result["uploaded"]) == (True, [])
    tags = aws("s3").get_object_tagging(Bucket=bucket, Key="examples/blink.scm")["TagSet"]
    assert {one["Key"]: one["Value"] for one in tags} == {"kind": "example", "owner": "somebody"}


def test_an_immutable_key_refuses_other_bytes_before_anything_is_uploaded(run, stored):
    run(example("v1/a.json", "one"), immutable=True)
    refused = run(example("v1/b.json", "new"), example("v1/a.json", "two"), immutable=True)
    assert refused["failed"]
    assert "v1/a.json exists with other content" in refused["msg"]
    assert "give the new content a new key" in refused["msg"]
    assert refused["immutable_keys"] == ["v1/a.json"]
    assert stored() == {"v1/a.json": "one"}


def test_check_mode_refuses_other_bytes_under_an_immutable_key_too(run):
    run(example("a.json", "one"), immutable=True)
    assert run(example("a.json", "two"), immutable=True, check_mode=True)["failed"]


def test_check_mode_plans_for_a_bucket_that_does_not_exist_yet(run):
    for name in ("", "not-there-yet"):
        planned = run(example(), bucket=name, check_mode=True)
        assert planned["changed"]
        assert planned["bucket_exists"] is False
        assert planned["uploaded"] == ["examples/blink.scm"]


def test_check_mode_plans_for_a_file_that_does_not_exist_yet(run, tmp_path):
    bundle = {"key": "bundle.zip", "src": str(tmp_path / "bundle.zip"), "sha256": "ab" * 32}
    planned = run(bundle, check_mode=True)
    assert planned["objects"][0]["sha256"] == "ab" * 32
    assert run(bundle)["failed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"bucket": "not-there"},
            "The bucket not-there does not exist. The storage stack creates the buckets",
        ),
        ({"bucket": ""}, "bucket is empty. The storage stack creates the buckets"),
        ({"objects": [{"key": "a"}]}, "one of the following is required: src, content found in objects"),
        (
            {"objects": [{"key": "a", "src": "/x", "content": "y"}]},
            "parameters are mutually exclusive: src|content",
        ),
        (
            {"objects": [{"key": "a", "src": "/no/such/file"}]},
            "src of a cannot be read: /no/such/file: No such",
        ),
        ({"objects": [example("a"), example("a")]}, "The key a is given twice"),
        ({"objects": [example("/a")]}, "'/a' is not a usable object key"),
        ({"objects": [{**example("a"), "contents": "x"}]}, "Unsupported parameters"),
    ],
)
def test_bad_input_is_named(run, options, message):
    result = run(**options)
    assert result["failed"]
    assert message in result["msg"]


def test_check_mode_plans_for_a_file_that_is_to_be_made_anew(run, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"of the last run")
    planned = run({"key": "bundle.zip", "src": str(path), "sha256": "ab" * 32}, check_mode=True)
    assert planned["objects"][0]["sha256"] == "ab" * 32


def test_a_file_with_another_hash_than_given_is_refused(run, stored, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"changed")
    result = run({"key": "a.bin", "src": str(path), "sha256": "ab" * 32})
    assert result["failed"]
    assert "The file changed since its hash was taken" in result["msg"]
    assert stored() == {}


def tag(aws, bucket, key, value):
    aws("s3").put_object_tagging(
        Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": "validation", "Value": value}]}
    )


def awaiting(timeout_seconds):
    return {
        "name": "validation",
        "value": "passed",
        "timeout_seconds": timeout_seconds,
        "hint": "Its log group is /aws/lambda/x.",
    }


def test_it_waits_until_every_object_is_tagged(run, aws, bucket):
    s3 = aws("s3")

    def validate():
        s3.get_waiter("object_exists").wait(
            Bucket=bucket, Key="examples/blink.scm", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        tag(aws, bucket, "examples/blink.scm", "passed")

    validator = threading.Thread(target=validate)
    validator.start()
    result = run(example(), wait_for_tag=awaiting(20))
    validator.join()
    assert result["objects"][0]["tags"] == {"validation": "passed"}
    assert not run(example(), wait_for_tag=awaiting(0))["changed"]


def test_an_object_nobody_tags_is_named_after_the_wait(run):
    result = run(example(), wait_for_tag=awaiting(0))
    assert result["failed"]
    assert result["untagged"] == ["examples/blink.scm"]
    assert "After 0 s nothing has set the tag validation on examples/blink.scm" in result["msg"]
    assert result["msg"].endswith("Its log group is /aws/lambda/x.")


def test_an_object_nobody_tagged_is_uploaded_again_for_another_look(run, aws, bucket):
    run(example())
    planned = run(example(), wait_for_tag=awaiting(0), check_mode=True)
    assert planned["objects"][0]["action"] == "uploaded again"
    run(example(), wait_for_tag=awaiting(0))
    assert len(aws("s3").list_object_versions(Bucket=bucket)["Versions"]) == 2


def test_an_object_tagged_otherwise_is_an_error(aws, bucket, run, storage, monkeypatch):
    write = storage.write

    def write_and_fail(s3, name, step, body, **options):
        write(s3, name, step, body, **options)
        tag(aws, bucket, step.desired.key, "failed")

    monkeypatch.setattr(storage, "write", write_and_fail)
    result = run(example(), wait_for_tag=awaiting(5))
    assert result["failed"]
    assert result["refused"] == {"examples/blink.scm": "failed"}
    assert "validation=passed: examples/blink.scm (validation=failed)" in result["msg"]


def test_of_two_writers_of_an_immutable_key_the_second_gets_an_error(
    aws, bucket, run, storage, monkeypatch, stored
):
    look = storage.look

    def look_and_be_overtaken(s3, name, key, **options):
        found = look(s3, name, key, **options)
        aws("s3").put_object(Bucket=bucket, Key=key, Body=b"first")
        return found

    monkeypatch.setattr(storage, "look", look_and_be_overtaken)
    result = run(example("v1.json", "second"), immutable=True)
    assert result["failed"]
    assert "Somebody else wrote v1.json" in result["msg"]
    assert stored() == {"v1.json": "first"}
