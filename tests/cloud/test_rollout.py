"""Rollouts on a local cloud, with boards that take part in its jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from fleetlib.core.rollout import waves
from fleetlib.crypto import signatures

from tests.cloud.http_boards import Boards
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

PROGRAM, OLD, NEW = "blink", "1.0.0", "1.1.0"
IMAGE = bytes([0xE9, 1, 2, 3]) + bytes(8) + (5).to_bytes(2, "little") + bytes(50)
GROUP = "aws-iot-steel-local"
PLAN = {
    "defaults": {"bake_minutes": 0.004, "patience_minutes": 0.2},
    "waves": [{"name": "canary", "count": 4}, {"name": "rest", "rest": True}],
}


PLAY = """
- hosts: control
  gather_facts: false
  module_defaults:
    group/steel.fleet.fleet: "{{ fleet_aws_connection }}"
  roles:
    - role: steel.fleet.rollout
"""


@pytest.fixture
def fleet(aws):
    """12 things in the fleet's group, indexed."""
    iot = aws("iot")
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    iot.create_thing_group(thingGroupName=GROUP)
    things = [f"{GROUP}-device-{number:03d}" for number in range(1, 13)]
    for thing in things:
        iot.create_thing(thingName=thing)
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=thing)
    return things


@pytest.fixture
def buckets(aws, account):
    names = {"bucket": f"deploy-{account}", "packages_bucket": f"programs-{account}"}
    for name in names.values():
        aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return names


@pytest.fixture
def publish(buckets, connection, tmp_path):
    def publish(version):
        path = tmp_path / f"{PROGRAM}.scm"
        path.write_text(f"(led-on)\n; {version}\n")
        result = run_module(
            "steel_package",
            bucket=buckets["packages_bucket"],
            programs=[{"path": str(path), "version": version}],
            signing_key_file=str(tmp_path / "key"),
            **connection,
        )
        assert not result["failed"], result.get("msg")

    publish(OLD)
    publish(NEW)
    return publish


@pytest.fixture
def boards(aws, fleet):
    with Boards(aws, fleet, PROGRAM) as boards:
        for thing in fleet:
            boards.report(thing, OLD)
        yield boards


@pytest.fixture
def rollout(buckets, publish, connection):
    """``rollout(action, **options)`` runs the module."""

    def rollout(action="start", check_mode=False, **options):
        given = {"version": NEW, "target": GROUP, "plan": PLAN} if action == "start" else {}
        return run_module(
            "iot_rollout",
            check_mode,
            name_prefix="aws-iot-steel",
            environment_name="local",
            action=action,
            program=PROGRAM,
            poll_seconds=0.1,
            lease_seconds=30,
            rate_factor=1000,
            **{**given, **options},
            **buckets,
            **connection,
        )

    return rollout


def canaries(fleet):
    return set(waves.spread([waves.Device(thing) for thing in fleet], [])[:4])


def test_a_healthy_program_reaches_every_board_once_and_can_be_taken_back(
    rollout, boards, fleet, aws, buckets, connection
):
    result = rollout()
    assert result["state"] == "finished", result
    assert boards.loads == {(thing, NEW): 1 for thing in fleet}
    assert {one["outcome"] for one in result["devices"]} == {"SUCCEEDED"}
    assert len(aws("iot").list_jobs()["jobs"]) == 2
    assert result["record"]["calls"]["CreateJob"] == 2

    again = rollout()
    assert (again["changed"], again["lines"]) == (False, ["12 devices report 1.1.0; there is nothing to do"])
    assert boards.loads == {(thing, NEW): 1 for thing in fleet}

    boards.report(fleet[3], "0.0.1")
    drifts = run_module("iot_rollout_drift_info", bucket=buckets["bucket"], **connection)["drifts"]
    assert [(one["thing"], one["assigned"], one["reported"]) for one in drifts] == [(fleet[3], NEW, "0.0.1")]

    back = rollout("abort", rollout_id=result["rollout_id"], reason="LEDs stay dark")
    assert back["state"] == "returned", back
    assert set(boards.versions.values()) == {OLD}
    assert {one["outcome"] for one in back["devices"]} == {"SUCCEEDED, back"}
    groups = [one["groupName"] for one in aws("iot").list_thing_groups()["thingGroups"]]
    assert groups == [GROUP]


def test_a_program_that_fails_stops_in_the_canary_wave(rollout, boards, fleet):
    boards.failing, boards.fails = set(sorted(canaries(fleet))[:1]), {NEW}
    result = rollout()
    assert result["state"] == "returned", result
    assert {thing for thing, version in boards.loads if version == NEW} <= canaries(fleet)
    assert set(boards.versions.values()) == {OLD}
    abort = next(one for one in result["record"]["decisions"] if one["what"] == "abort")
    assert abort["why"].startswith("wave canary: ")


def test_a_program_that_kills_the_connection_is_caught_and_its_boards_are_awaited(
    rollout, fleet, aws, cloud, publish
):
    gate = {"lost_after_seconds": 0}
    watched = {**PLAN, "defaults": {"bake_minutes": 0.1, "patience_minutes": 0.01, "gate": gate}}
    with Boards(aws, fleet, PROGRAM, f"ws://127.0.0.1:{cloud.port}") as boards:
        for thing in fleet:
            boards.report(thing, OLD)
        boards.dying = {NEW: 0.5}
        result = rollout(plan=watched)
        assert result["state"] == "return_open", result["lines"]
        abort = next(one for one in result["record"]["decisions"] if one["what"] == "abort")
        assert "connections: " in abort["why"]
        assert {thing for thing, version in boards.loads if version == NEW} == canaries(fleet)
        boards.dying = {}
        for thing in tuple(boards.offline):
            boards.connect(thing)
        assert boards.wait_for(OLD, canaries(fleet))
        assert rollout("resume")["state"] == "returned"


def test_check_mode_shows_the_forecast_and_touches_nothing(rollout, boards, aws, buckets):
    result = rollout(check_mode=True)
    assert result["forecast"]["devices"] == 12
    assert "plan own: 12 devices in 2 waves" in result["lines"][0]
    assert aws("iot").list_jobs()["jobs"] == []
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=buckets["bucket"])


def test_a_rollout_is_refused_while_one_of_another_version_is_open(rollout, boards, fleet, publish):
    boards.offline = {fleet[5]}
    assert (
        rollout(plan={**PLAN, "defaults": {"bake_minutes": 0, "patience_minutes": 0.01}})["state"]
        == "waiting"
    )
    publish("1.2.0")
    refused = rollout(version="1.2.0")
    assert refused["failed"]
    assert "is still open (waiting)" in refused["msg"]
    assert rollout("close")["state"] == "finished"
    assert not rollout(version="1.2.0", check_mode=True)["failed"]


def test_only_what_the_trusted_key_signed_is_rolled_out(rollout, boards, tmp_path):
    stranger = signatures.LocalSigner(tmp_path / "stranger" / "key")
    assert stranger.key_id
    refused = rollout(public_key_file=str(tmp_path / "stranger" / "public.pem"))
    assert "The signature of blink 1.1.0 is not by the key that this rollout trusts" in refused["msg"]
    assert not rollout(check_mode=True, public_key_file=str(tmp_path / "public.pem"))["failed"]
    assert "public_key_file" in rollout(public_key_file=str(tmp_path / "none.pem"))["msg"]


def test_what_was_never_published_or_started_is_named(rollout, boards):
    assert "program:blink 9.9.9 is not published" in rollout(version="9.9.9")["msg"]
    assert "There was never a rollout of program:blink" in rollout("status")["msg"]


def test_the_role_reports_the_rollout_and_fails_when_a_gate_stops_it(
    buckets, publish, boards, fleet, ansible_playbook, connection, tmp_path
):
    boards.failing, boards.fails = canaries(fleet), {NEW}
    (tmp_path / "play.yml").write_text(PLAY)
    settings = {
        "fleet_aws_connection": connection,
        "rollout_program": PROGRAM,
        "rollout_version": NEW,
        "rollout_target": GROUP,
        "rollout_plan": PLAN,
        "rollout_bucket": buckets["bucket"],
        "rollout_packages_bucket": buckets["packages_bucket"],
        "rollout_poll_seconds": 0.2,
        "rollout_public_key_file": str(tmp_path / "public.pem"),
    }
    run = ansible_playbook(str(tmp_path / "play.yml"), "-e", json.dumps(settings))
    assert run.returncode != 0
    assert "was stopped: wave canary: " in " ".join(run.stdout.split())
    assert "rollout: aws-iot-steel-local-blink-" in run.stderr
    report = json.loads(next((tmp_path / "reports").glob("*/latest/report.json")).read_text())
    assert report["warnings"] == []
    sections = {section["title"]: section for section in report["sections"]}
    assert "actual" in {curve["name"] for curve in sections["Progress"]["series"]}
    assert len(sections["Devices"]["cells"]) == len(fleet)


def test_firmware_is_downloaded_checked_and_confirmed_and_boards_that_go_back_close_the_gate(
    rollout, boards, fleet, aws, buckets, connection, tmp_path
):
    trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    iam = aws("iam")
    role = iam.create_role(
        RoleName="downloads",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="downloads",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    image = tmp_path / "app.bin"
    for version in (OLD, NEW):
        image.write_bytes(IMAGE + version.encode())
        published = run_module(
            "iot_rollout_image",
            bucket=buckets["packages_bucket"],
            path=str(image),
            version=version,
            signing_key_file=str(tmp_path / "key"),
            **connection,
        )
        assert published["changed"], published
    refused = run_module(
        "iot_rollout_image",
        bucket=buckets["packages_bucket"],
        path=str(image),
        version=OLD,
        signing_key_file=str(tmp_path / "key"),
        **connection,
    )
    assert f"Firmware {OLD} is published already" in refused["msg"]

    boards.public_key = signatures.LocalSigner(tmp_path / "key").public_pem()
    for thing in fleet:
        boards.run_firmware(thing, OLD)
    boards.unwell = set(sorted(canaries(fleet))[:1])
    trusted = {"kind": "firmware", "presign_role": role, "public_key_file": str(tmp_path / "public.pem")}
    result = rollout(**trusted)
    assert result["state"] == "returned", result
    abort = next(one for one in result["record"]["decisions"] if one["what"] == "abort")
    assert "program status: 1 of 4 do not run it" in abort["why"]
    assert {thing for thing, version in boards.loads if version == NEW} == canaries(fleet)

    boards.unwell = set()
    result = rollout(**trusted)
    assert (result["state"], set(boards.firmware.values())) == ("finished", {NEW})


def test_a_rollout_is_paused_from_another_process_and_gone_on_with_in_a_third(
    rollout, boards, fleet, buckets, connection, root
):
    boards.offline = set(sorted(canaries(fleet))[:1])
    arguments = {
        "name": "iot_rollout",
        "name_prefix": "aws-iot-steel",
        "environment_name": "local",
        "program": PROGRAM,
        "version": NEW,
        "target": GROUP,
        "plan": PLAN,
        "poll_seconds": 0.2,
        "rate_factor": 1000.0,
        **buckets,
        **connection,
    }
    code = """
import json, sys, tests.conftest
from tests.module_runner import run_module
run_module(**json.load(sys.stdin))
"""
    first = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root}/plugins/module_utils{os.pathsep}{root}"},
        text=True,
    )
    try:
        first.stdin.write(json.dumps(arguments))
        first.stdin.close()
        assert boards.wait_for(NEW, canaries(fleet) - boards.offline)
        assert "works on rollout" in rollout("resume")["msg"]
        paused = rollout("pause", reason="lunch")
        assert paused["state"] == "paused", paused
        assert first.wait(20) == 0
    finally:
        first.kill()
    assert rollout("status")["record"]["decisions"][-1]["why"] == "lunch"
    boards.offline = set()
    assert rollout("resume")["state"] == "finished"
    assert boards.loads == {(thing, NEW): 1 for thing in fleet}
