"""Publishing packages to a real bucket."""

from __future__ import annotations

import json

import pytest
from fleetlib.core import programs
from fleetlib.crypto import signatures

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def bucket(aws, account):
    name = f"programs-{account}"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@pytest.fixture
def publish(bucket, connection, tmp_path):
    """``publish(text, version)`` publishes one program."""

    def publish(text="(led-on)\n", version="1.0.0", check_mode=False, **options):
        path = tmp_path / "blink.scm"
        path.write_text(text)
        keys = {} if "kms_key" in options else {"signing_key_file": str(tmp_path / "signing" / "private.key")}
        program = {"path": str(path), "version": version, "topics": ["blink"]}
        return run_module(
            "steel_package", check_mode, bucket=bucket, programs=[program], **keys, **options, **connection
        )

    return publish


def published(aws, bucket, version="1.0.0"):
    key = programs.key_of("packages", "blink", version)
    return programs.read(aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read(), key)


def test_a_package_is_published_once_signed_and_with_what_validated_it(publish, aws, bucket):
    first = publish()
    assert (first["changed"], first["packages"][0]["action"]) == (True, "publish")
    package = published(aws, bucket)
    assert package.validation["errors"] == 0
    assert signatures.verify(first["public_key"], package.manifest.canonical(), package.signature.der)
    assert not publish()["changed"]


def test_a_published_version_never_gets_other_bytes(publish, aws, bucket):
    publish()
    refused = publish("(led-off)\n")
    assert refused["failed"]
    assert "blink 1.0.0 is published already, with another sha256" in refused["msg"]
    assert published(aws, bucket).code == "(led-on)\n"
    newer = publish("(led-off)\n", "1.1.0")
    assert newer["packages"][0]["newest_before"] == "1.0.0"


def test_check_mode_publishes_nothing(publish, aws, bucket):
    assert publish(check_mode=True)["changed"]
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=bucket)


def test_a_broken_program_is_not_published(publish, aws, bucket):
    refused = publish("(led-on")
    assert "this list is never closed" in refused["msg"]
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=bucket)


def test_a_key_in_kms_signs(publish, aws, bucket):
    kms = aws("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    result = publish(kms_key=key["KeyId"])
    assert not result["failed"], result.get("msg")
    package = published(aws, bucket)
    assert package.signature.key_id == key["Arn"]
    assert kms.verify(
        KeyId=key["KeyId"],
        Message=package.manifest.canonical(),
        Signature=package.signature.der,
        SigningAlgorithm="ECDSA_SHA_256",
    )["SignatureValid"]


METADATA = """
name = "Blink"
version = "1.0.0"
description = "Blinks."
topics = ["blinks"]
auto_start = false
timeout_seconds = 5
"""


def test_the_metadata_beside_a_program_say_what_the_options_do_not(publish, aws, bucket, tmp_path):
    (tmp_path / "program.toml").write_text(METADATA)
    publish(version=None)
    manifest = published(aws, bucket).manifest
    assert (manifest.name, manifest.description, manifest.timeout_seconds) == ("Blink", "Blinks.", 5)
    assert (manifest.auto_start, manifest.topics) == (False, ("blink",))
    assert publish(version="2.0.0")["packages"][0]["newest_before"] == "1.0.0"


def test_a_program_without_a_version_is_refused_and_told_how_to_get_one(publish):
    refused = publish(version=None)
    assert "has no version. Give it one as version (-e program_version=1.0.0)" in refused["msg"]


def test_the_role_publishes_every_program_of_a_directory(bucket, ansible_playbook, connection, aws, tmp_path):
    for name in ("blink", "off"):
        (tmp_path / "programs" / name).mkdir(parents=True)
        (tmp_path / "programs" / name / f"{name}.scm").write_text("(led-off)\n")
        (tmp_path / "programs" / name / "program.toml").write_text(METADATA)
    (tmp_path / "play.yml").write_text(
        """
- hosts: control
  gather_facts: false
  module_defaults:
    group/steel.fleet.fleet: "{{ fleet_aws_connection }}"
  roles:
    - role: steel.fleet.packages
"""
    )
    settings = {
        "fleet_aws_connection": connection,
        "packages_paths": [str(tmp_path / "programs")],
        "packages_bucket": bucket,
        "packages_signing_key_file": str(tmp_path / "key"),
    }
    run = ansible_playbook(str(tmp_path / "play.yml"), "-e", json.dumps(settings))
    assert run.returncode == 0, run.stdout + run.stderr
    assert published(aws, bucket).manifest.version == "1.0.0"
    report = json.loads(next((tmp_path / "reports").glob("*/latest/report.json")).read_text())
    rows = next(section["rows"] for section in report["sections"] if section["title"] == "Packages")
    assert [row[0] for row in rows] == ["blink", "off"]
