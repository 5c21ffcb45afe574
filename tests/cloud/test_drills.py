"""Drills break what is theirs and nothing else, see what else changed, and undo one that was killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import zipfile
from datetime import UTC, datetime

import pytest
from fleetlib import local_cloud

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

DRILL, FLEET = "steel-drill-local", "aws-iot-steel-local"


@pytest.fixture
def two_fleets(aws, account):
    """A drill's fleet and one that it must not touch, in one account: a device and a bucket of each."""
    iot = aws("iot")
    found = {}
    for fleet in (DRILL, FLEET):
        certificate = iot.create_keys_and_certificate(setAsActive=True)
        thing = f"{fleet}-device-001"
        attributes = {"environment": "local", "certificate_id": certificate["certificateId"]}
        iot.create_thing(thingName=thing, attributePayload={"attributes": attributes})
        iot.create_policy(
            policyName=f"{fleet}-device", policyDocument='{"Version": "2012-10-17", "Statement": []}'
        )
        iot.attach_policy(policyName=f"{fleet}-device", target=certificate["certificateArn"])
        iot.create_thing_group(thingGroupName=fleet)
        iot.add_thing_to_thing_group(thingGroupName=fleet, thingName=thing)
        bucket = f"{fleet}-programs-{account}"
        aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"(led-off)", b"(led-on)"):
            aws("s3").put_object(Bucket=bucket, Key="blink.scm", Body=body)
        found[fleet] = {"bucket": bucket, "certificate": certificate["certificateId"]}
    return found


@pytest.fixture
def evidence(connection, tmp_path):
    def write(whose, name="evidence", **options):
        path = tmp_path / f"{name}.json"
        names = {"name_prefix": "steel-drill", "environment_name": "local", "path": str(path)}
        prefix = {"own": f"{DRILL}-", "others": f"{FLEET}-"}[whose]
        answer = run_module(
            "drill_evidence", **connection, **names, whose=whose, bucket_prefix=prefix, **options
        )
        assert not answer["failed"], answer
        assert path.stat().st_mode & 0o777 == 0o600
        return answer["sha256"], json.loads(path.read_text())["sections"]

    return write


@pytest.fixture
def fail(connection):
    def act(failure, check_mode=False, **options):
        names = {"name_prefix": "steel-drill", "environment_name": "local"}
        return run_module("drill_failure", check_mode, **connection, **names, failure=failure, **options)

    return act


def test_what_a_drill_breaks_is_in_its_own_evidence_and_not_in_that_of_the_others(
    aws, two_fleets, evidence, fail
):
    own, others = evidence("own")[0], evidence("others")[0]
    assert fail("objects", bucket=two_fleets[DRILL]["bucket"])["broken"] == 2
    assert fail("certificates", device_ids=["device-001"])["broken"] == 1
    assert evidence("own")[0] != own
    assert evidence("others")[0] == others
    versions = aws("s3").list_object_versions(Bucket=two_fleets[DRILL]["bucket"])
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")


def test_evidence_of_both_together_is_everything_and_nothing_twice(two_fleets, evidence):
    own, others = evidence("own")[1], evidence("others")[1]
    for kind, name in (("thing", "device-001"), ("policy", "device"), ("object", "programs")):
        assert [one for one in own[kind] if one.startswith(f"{DRILL}-{name}")]
        assert [one for one in others[kind] if one.startswith(f"{FLEET}-{name}")]
        assert not own[kind].keys() & others[kind].keys()
    assert own["certificate"].keys() == {two_fleets[DRILL]["certificate"]}
    assert others["certificate"].keys() == {two_fleets[FLEET]["certificate"]}


@pytest.mark.parametrize("what", ["status", "attribute", "object", "member", "policy"])
def test_whatever_changes_outside_of_the_drill_is_seen(aws, two_fleets, evidence, what):
    before, iot = evidence("others")[0], aws("iot")
    if what == "status":
        iot.update_certificate(certificateId=two_fleets[FLEET]["certificate"], newStatus="INACTIVE")
    elif what == "attribute":
        iot.update_thing(
            thingName=f"{FLEET}-device-001",
            attributePayload={"attributes": {"led": "off"}, "merge": True},
        )
    elif what == "object":
        aws("s3").put_object(Bucket=two_fleets[FLEET]["bucket"], Key="blink.scm", Body=b"(led-off)")
    elif what == "member":
        iot.remove_thing_from_thing_group(thingGroupName=FLEET, thingName=f"{FLEET}-device-001")
    else:
        iot.create_policy_version(
            policyName=f"{FLEET}-device",
            policyDocument='{"Version": "2012-10-17", "Statement": [{}]}',
            setAsDefault=True,
        )
    assert evidence("others")[0] != before


def test_a_certificate_that_somebody_makes_during_a_drill_is_not_the_drills(aws, two_fleets, evidence):
    began = datetime.now(UTC).isoformat()
    before = evidence("others", known_at=began)[0]
    time.sleep(1.1)  # AWS tells seconds
    aws("iot").create_keys_and_certificate(setAsActive=True)
    assert evidence("others", known_at=began)[0] == before


@pytest.mark.parametrize("failure", ["objects", "code"])
def test_what_has_another_name_is_refused_and_stays_whole(two_fleets, evidence, fail, failure):
    before = evidence("others")[0]
    names = {"objects": {"bucket": two_fleets[FLEET]["bucket"]}, "code": {"function": f"{FLEET}-validator"}}
    answer = fail(failure, **names[failure])
    assert answer["failed"]
    assert "does not belong to the drill" in answer["msg"]
    assert evidence("others")[0] == before


def test_check_mode_breaks_nothing(two_fleets, evidence, fail):
    before = evidence("own")[0]
    assert fail("objects", check_mode=True, bucket=two_fleets[DRILL]["bucket"])["changed"]
    assert fail("certificates", check_mode=True, device_ids=["device-001"])["changed"]
    assert evidence("own")[0] == before


def test_code_that_was_broken_is_brought_back_by_its_hash_once(
    aws, connection, evidence, fail, two_fleets, tmp_path
):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return 'well'\n")
    role = aws("iam").create_role(RoleName="runs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions, name = aws("lambda"), f"{DRILL}-validator"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
    )
    source = tmp_path / "code.zip"
    source.write_bytes(code.getvalue())
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    bucket = two_fleets[DRILL]["bucket"]
    sha256 = run_module(
        "s3_objects",
        **connection,
        bucket=bucket,
        objects=[{"key": "code.zip", "src": str(source)}],
    )["objects"][0]["sha256"]
    before = evidence("own")[1]["function"][name]
    assert fail("code", function=name)["changed"]
    broken = evidence("own")[1]["function"][name]
    assert broken["code"] != before["code"]
    assert broken["aliases"] != before["aliases"]
    options = {**connection, "function": name, "bucket": bucket, "key": "code.zip", "sha256": sha256}
    assert run_module("lambda_code", check_mode=True, **options)["changed"]
    assert run_module("lambda_code", **options)["code_sha256"] == before["code"]
    assert evidence("own")[1]["function"][name] == before
    assert not run_module("lambda_code", **options)["changed"]


def test_a_region_that_is_away_is_evidence_too_where_that_was_expected(connection, tmp_path):
    gone = {**connection, "endpoint_url": f"http://127.0.0.1:{local_cloud.free_ports(1)[0]}"}
    options = {
        "path": str(tmp_path / "x.json"),
        "name_prefix": "steel-drill",
        "environment_name": "local",
        "whose": "others",
        "bucket_prefix": "x",
    }
    assert run_module("drill_evidence", **gone, **options, may_be_away=True)["answered"] is False


@pytest.mark.xdist_group("drills")
def test_a_drill_takes_away_what_a_killed_one_left_and_cleans_up_where_it_fails_itself(
    cloud, ansible_playbook, tmp_path
):
    """It fails at its first step, whose port is taken: a whole drill takes minutes (benchmarks/drills.py)."""
    drills = tmp_path / "drills"
    left = local_cloud.Settings(drills / "world/first", *local_cloud.free_ports(2))
    left.directory.mkdir(parents=True)
    pid = local_cloud.start(left).pid
    started = {"at": "2026-11-28T09:00:00.000Z", "event": "started", "scenario": "bucket_loss"}
    (drills / "journal.jsonl").write_text(json.dumps(started) + "\n")
    variables = {
        "dr_scenario": "iot_outage",
        "local_cloud_port": cloud.port,
        "disaster_recovery_ports": [cloud.port, *local_cloud.free_ports(3)],
        "disaster_recovery_directory": str(drills),
    }

    answer = ansible_playbook("playbooks/drills/dr.yml", "-e", json.dumps(variables))

    assert answer.returncode == 2
    assert f"Port {cloud.port} of 127.0.0.1 is taken" in answer.stdout
    records = [json.loads(line) for line in (drills / "journal.jsonl").read_text().splitlines()]
    assert [one["outcome"] for one in records if one["event"] == "ended"] == ["undone", "failed"]
    before, after = (drills / f"evidence/others-{when}.json" for when in ("before", "after"))
    assert before.read_bytes() == after.read_bytes()
    assert json.loads(before.read_text())["answered"]
    assert not (drills / "world").exists()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of this test, which else stays as a zombie
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_tabletop_names_every_step_and_changes_nothing(ansible_playbook, tmp_path):
    variables = {"dr_scenario": "region_failure", "disaster_recovery_directory": str(tmp_path / "drills")}
    answer = ansible_playbook("playbooks/drills/dr.yml", "--check", "-e", json.dumps(variables))
    assert answer.returncode == 0, answer.stdout[-2000:]
    assert "playbooks/runbooks/region_failover.yml" in answer.stdout
    assert "changed=0" in answer.stdout
    assert not (tmp_path / "drills").exists()
