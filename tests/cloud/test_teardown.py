"""A whole fleet is removed, and nothing of its neighbours."""

from __future__ import annotations

import functools
import json
import random
import re

import pytest
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.journal import read
from fleetlib.core.quotas import Quotas
from fleetlib.core.teardown import report
from fleetlib.core.teardown.names import Names
from fleetlib.teardown import Settings, Teardown

from tests.killing import kill_until_done
from tests.module_runner import run_module

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("teardown")]

FLEET = "tdn-local"
REGION = "us-west-2"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


class Site:
    """A fleet of three devices with the stacks core and storage, and two neighbours with similar names."""

    def __init__(self, aws, connection, account, directory, root):
        self.aws = functools.cache(aws)
        self.connection, self.account, self.directory = connection, account, directory
        self.templates = root / "roles/infrastructure/files/cloudformation"
        self.given = {
            **connection,
            "name_prefix": "tdn",
            "environment_name": "local",
            "account_id": account,
            "region_name": REGION,
            "state_directory": str(directory),
            "rate_factor": 1000,
        }

    def client(self, service, **_):
        return self.aws(service)

    def deploy(self):
        """Stacks, devices, and objects with old versions and a delete marker."""
        outputs = self.stack("core", OperatorRequiresMfa="false")
        self.stack("storage", KmsKeyArn=outputs["KmsKeyArn"], PlainHttpFrom="127.0.0.0/8")
        made = run_module(
            "iot_thing_batch",
            **self.connection,
            name_prefix="tdn",
            environment_name="local",
            thing_type=outputs["ThingTypeName"],
            policy=outputs["DevicePolicyName"],
            group=FLEET,
            state_directory=str(self.directory),
            rate_factor=1000,
            settle_seconds=0,
            count=3,
        )
        assert made["failed"] is False
        s3 = self.aws("s3")
        for body in (b"1", b"2"):
            s3.put_object(Bucket=self.bucket("programs"), Key="blink", Body=body)
        s3.delete_object(Bucket=self.bucket("programs"), Key="blink")
        iot = self.aws("iot")
        iot.attach_policy(
            policyName=f"{FLEET}-quarantine", target=self.arn("thinggroup", f"{FLEET}-quarantine")
        )
        iot.add_thing_to_thing_group(thingGroupName=f"{FLEET}-quarantine", thingName=f"{FLEET}-device-002")

    def stack(self, purpose, body=None, **parameters):
        given = {"NamePrefix": "tdn", "Environment": "local", **parameters} if body is None else {}
        formation = self.aws("cloudformation")
        formation.create_stack(
            StackName=f"{FLEET}-{purpose}",
            TemplateBody=body or self.template(purpose),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        formation.get_waiter("stack_create_complete").wait(
            StackName=f"{FLEET}-{purpose}", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
        )
        (found,) = formation.describe_stacks(StackName=f"{FLEET}-{purpose}")["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def template(self, purpose):
        """As the role sends it: without comments, CloudFormation takes no more."""
        return re.sub(r"(?m)^ *#.*\n", "", (self.templates / f"{purpose}.yml").read_text())

    def neighbours(self):
        """What other fleets have whose names begin alike, and a thing that is nobody's."""
        iot, s3 = self.aws("iot"), self.aws("s3")
        for fleet in (f"{FLEET}2", f"{FLEET}-blue"):
            iot.create_thing_type(thingTypeName=f"{fleet}-esp32-c3")
            iot.create_thing_group(thingGroupName=fleet)
            iot.create_thing_group(thingGroupName=f"{fleet}-blink-0a1b2c3d-w1-1")
            iot.create_policy(policyName=f"{fleet}-device", policyDocument=POLICY)
            iot.create_thing(thingName=f"{fleet}-device-001", thingTypeName=f"{fleet}-esp32-c3")
            iot.create_job(
                jobId=f"{fleet}-deliver-1", targets=[self.arn("thing", f"{fleet}-device-001")], document="{}"
            )
            s3.create_bucket(
                Bucket=f"{fleet}-programs-{self.account}-{REGION}",
                CreateBucketConfiguration={"LocationConstraint": REGION},
            )
        iot.create_thing(thingName=f"{FLEET}-bridge")

    def bucket(self, purpose):
        return f"{FLEET}-{purpose}-{self.account}-{REGION}"

    def arn(self, kind, name):
        return f"arn:aws:iot:{REGION}:{self.account}:{kind}/{name}"

    def world(self):
        """Everything that has a name."""
        iot = self.aws("iot")
        stacks = self.aws("cloudformation").describe_stacks()["Stacks"]
        return {
            "stacks": {one["StackName"] for one in stacks},
            "buckets": {one["Name"] for one in self.aws("s3").list_buckets()["Buckets"]},
            "things": {one["thingName"] for one in iot.list_things()["things"]},
            "groups": {one["groupName"] for one in iot.list_thing_groups()["thingGroups"]},
            "types": {one["thingTypeName"] for one in iot.list_thing_types()["thingTypes"]},
            "policies": {one["policyName"] for one in iot.list_policies()["policies"]},
            "certificates": {one["certificateId"] for one in iot.list_certificates()["certificates"]},
            "jobs": {one["jobId"] for one in iot.list_jobs()["jobs"]},
        }

    def removal(self, **more):
        """What the modules make of their options."""
        names = Names(FLEET, self.account, REGION)
        settings = Settings("tdn", "local", names, self.directory, concurrency=4, **more)
        return Teardown(self.client, settings, Quotas().scaled(1000))

    def info(self, **more):
        return report.facts(self.removal(**more).look())

    def teardown(self):
        removal = self.removal()
        return {
            "begin": removal.begin(FLEET, {}),
            "devices": removal.remove_devices(FLEET),
            "stacks": removal.remove_stacks(FLEET),
            "rest": removal.remove_rest(FLEET),
            "left": removal.end(FLEET).left,
        }

    def module(self, stage, confirm=FLEET, check_mode=False, **more):
        given = {**self.given, "stage": stage, "confirm": confirm, **more}
        return run_module("fleet_teardown", check_mode, **given)

    @property
    def journal(self):
        return list(read(self.directory / "teardown/journal.jsonl"))


@pytest.fixture
def site(aws, connection, account, tmp_path, root):
    return Site(aws, connection, account, tmp_path / "state", root)


@pytest.fixture
def fleet(site):
    site.deploy()
    return site


def test_nothing_of_the_fleet_is_left_and_everything_of_its_neighbours(site):
    site.neighbours()
    before = site.world()
    site.deploy()
    group = f"{FLEET}-blink-0a1b2c3d-w1-1"
    site.aws("iot").create_thing_group(thingGroupName=group)
    site.aws("iot").create_job(jobId=group, targets=[site.arn("thinggroup", FLEET)], document="{}")
    (key,) = [one["KeyId"] for one in site.aws("kms").list_keys()["Keys"]]
    plan = site.info()
    assert plan["counts"] == {"devices": 3, "jobs": 1, "stacks": 2, "retained": 12}
    assert not any("blue" in one or f"{FLEET}2" in one for one in plan["left"])
    done = site.teardown()
    assert done["devices"] == {"devices": 3, "jobs": 1, "certificates": 0}
    assert done["stacks"] == [f"{FLEET}-storage", f"{FLEET}-core"]
    assert site.world() == before
    assert site.aws("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert len(list((site.directory / "decommissioned").glob("*/device/private.key"))) == 3
    after = site.info()
    assert (after["is_complete"], after["left"]) == (True, [])
    assert after["removed"] == {
        "device": 3, "IoT policy": 2, "bucket": 5, "job": 1, "stack": 2, "thing group": 3, "thing type": 1,
    }  # fmt: skip
    assert any("AWS deletes it on" in why for _, why in after["stays"])
    assert [
        f"thing {FLEET}-bridge",
        "has a similar name, and nothing shows that it is this fleet's",
    ] in after["stays"]


def test_the_second_run_changes_nothing_and_the_same_names_can_be_deployed_anew(fleet):
    fleet.teardown()
    again = fleet.teardown()
    assert again == {
        "begin": False,
        "devices": {"devices": 0, "jobs": 0, "certificates": 0},
        "stacks": [],
        "rest": [],
        "left": [],
    }
    fleet.deploy()
    plan = fleet.info()
    assert (plan["is_open"], plan["counts"]["devices"], plan["snapshot"]) == (False, 3, {})


RUN = """
import sys
from pathlib import Path
import boto3
from fleetlib.core.quotas import Quotas
from fleetlib.core.teardown.names import Names
from fleetlib.teardown import Settings, Teardown

def client(service, **_):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="us-west-2",
                        aws_access_key_id=sys.argv[2], aws_secret_access_key="x")

names = Names("tdn-local", sys.argv[2], "us-west-2")
settings = Settings("tdn", "local", names, Path(sys.argv[3]), concurrency=4)
run = Teardown(client, settings, Quotas().scaled(1000))
print("begin", flush=True)
run.begin("tdn-local", {})
run.remove_devices("tdn-local")
run.remove_stacks("tdn-local")
run.remove_rest("tdn-local")
run.end("tdn-local")
"""


def test_killed_at_random_moments_it_ends_with_nothing_left(fleet, cloud):
    (key,) = [one["KeyId"] for one in fleet.aws("kms").list_keys()["Keys"]]
    chance = random.Random(7)
    killed = kill_until_done(
        RUN,
        cloud.endpoint_url,
        fleet.account,
        str(fleet.directory),
        patience=lambda attempt: chance.uniform(0.2, 0.7 + attempt / 3),
    )
    assert killed >= 2
    left = fleet.world()
    assert not any(left.values()), left
    assert fleet.aws("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert fleet.info()["is_complete"]
    assert [one["event"] for one in fleet.journal].count("ended") == 1


def test_without_the_exact_confirmation_nothing_happens(fleet):
    before, removal = fleet.world(), fleet.removal()
    for stage in (removal.remove_devices, removal.remove_stacks, removal.remove_rest):
        for given in ("", "tdn", f"{FLEET}2"):
            with pytest.raises(InvalidInputError, match=f"-e confirm={FLEET}$"):
                stage(given)
    assert f"-e confirm={FLEET}" in fleet.module("begin", confirm="")["msg"]
    assert fleet.world() == before
    assert fleet.journal == []


def test_check_mode_touches_nothing(fleet):
    before = fleet.world()
    would = fleet.module("stacks", confirm="", check_mode=True)
    assert (would["changed"], would["removed"]) == (True, [f"stack {FLEET}-storage", f"stack {FLEET}-core"])
    assert len(fleet.module("rest", confirm="", check_mode=True)["removed"]) == 11
    assert fleet.world() == before
    assert not (fleet.directory / "teardown").exists()


def test_a_protected_stack_and_what_teardown_cannot_remove_are_refused_before_anything_is_touched(fleet):
    fleet.aws("cloudformation").update_termination_protection(
        StackName=f"{FLEET}-core", EnableTerminationProtection=True
    )
    queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}
    fleet.stack("audit", json.dumps({"Resources": {"Queue": queue}}))
    before = fleet.world()
    refusals = fleet.info()["refusals"]
    assert any(f"--stack-name {FLEET}-core" in one for one in refusals)
    assert any("AWS::SQS::Queue" in one and "teach it" in one for one in refusals)
    with pytest.raises(FleetError, match="Nothing was changed"):
        fleet.removal().begin(FLEET, {})
    assert fleet.world() == before


def test_maintenance_and_a_rollout_that_are_at_work_are_refused(fleet, tmp_path):
    journal = tmp_path / "maintenance.jsonl"
    journal.write_text(json.dumps({"at": "2026-11-28T00:00:00Z", "event": "started"}) + "\n")
    s3, bucket = fleet.aws("s3"), fleet.bucket("deploy")
    pointer, record = {"rollout": "r-1", "version": "1"}, {"id": "r-1", "state": "running"}
    s3.put_object(Bucket=bucket, Key="rollouts/current/program/blink.json", Body=json.dumps(pointer))
    s3.put_object(Bucket=bucket, Key="rollouts/r-1/record.json", Body=json.dumps(record))
    refusals = " ".join(fleet.info(maintenance_journal=journal)["refusals"])
    assert "Maintenance that began at 2026-11-28" in refusals
    assert "Rollouts are open: r-1" in refusals


def test_certificates_that_only_a_policy_of_the_fleet_knows_go_and_shared_ones_stay(fleet):
    iot = fleet.aws("iot")
    iot.create_policy(policyName=f"{FLEET}-claim", policyDocument=POLICY)
    iot.create_policy(policyName="somebody-elses", policyDocument=POLICY)
    claim, shared = (iot.create_keys_and_certificate(setAsActive=True) for _ in range(2))
    for policy, certificate in (("claim", claim), ("device", shared)):
        iot.attach_policy(policyName=f"{FLEET}-{policy}", target=certificate["certificateArn"])
    iot.attach_policy(policyName="somebody-elses", target=shared["certificateArn"])
    assert fleet.teardown()["devices"]["certificates"] == 1
    left = fleet.world()
    assert left["certificates"] == {shared["certificateId"]}
    assert left["policies"] == {"somebody-elses"}


def test_an_object_under_lock_is_named_and_the_next_run_goes_on(fleet):
    s3, bucket = fleet.aws("s3"), fleet.bucket("trail")
    s3.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    s3.put_object(Bucket=bucket, Key="log", Body=b"x", ObjectLockLegalHoldStatus="ON")
    removal = fleet.removal()
    removal.begin(FLEET, {})
    removal.remove_devices(FLEET)
    removal.remove_stacks(FLEET)
    with pytest.raises(FleetError, match=f"1 object versions of {bucket}, such as log .* object lock"):
        removal.remove_rest(FLEET)
    with pytest.raises(FleetError, match=f"are left: .*bucket {bucket}"):
        removal.end(FLEET)
    s3.put_object_legal_hold(Bucket=bucket, Key="log", LegalHold={"Status": "OFF"})
    fleet.teardown()
    assert not any(fleet.world().values())


def test_a_snapshot_is_wanted_until_there_is_one_of_what_there_is_now(fleet, tmp_path):
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    fleet.aws("iot").update_indexing_configuration(thingIndexingConfiguration=modes)
    kept = tmp_path / "kept"
    removal = fleet.removal(snapshot_directory=kept)

    def needed(removal=removal):
        return removal.needs_snapshot(removal.look())

    assert needed()
    assert not needed(fleet.removal(wants_snapshot=False))
    taken = run_module(
        "fleet_snapshot",
        **fleet.connection,
        name_prefix="tdn",
        environment_name="local",
        bucket=fleet.bucket("backup"),
        directory=str(kept),
        signing_key_file=str(tmp_path / "private.key"),
        account_id=fleet.account,
        region_name=REGION,
        rate_factor=1000,
    )
    (kept / "public.pem").write_text(taken["public_key"])
    saved = {"id": taken["snapshot_id"], "things": taken["counts"]["things"], "directory": str(kept)}
    assert removal.begin(FLEET, saved)
    assert not needed()
    # Abandoned, and later taken up again with a device that the snapshot has not.
    fleet.aws("iot").create_thing(thingName=f"{FLEET}-device-004", thingTypeName=f"{FLEET}-esp32-c3")
    assert needed()


def test_who_may_not_is_told_who_may(fleet, aws):
    iam = aws("iam")
    iam.create_user(UserName="somebody")
    iam.put_user_policy(
        UserName="somebody",
        PolicyName="reads",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
        ),
    )
    made = iam.create_access_key(UserName="somebody")["AccessKey"]
    given = {"access_key": made["AccessKeyId"], "secret_key": made["SecretAccessKey"]}
    refused = run_module("fleet_teardown_info", **{**fleet.given, **given})
    assert "administrator's credentials" in refused["msg"]


@pytest.fixture
def play(fleet, ansible_playbook):
    """The playbook on this fleet, with reports and state of the test's own."""
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    fleet.aws("iot").update_indexing_configuration(thingIndexingConfiguration=modes)
    variables = {
        "fleet_account_id": fleet.account,
        "fleet_aws_connection": fleet.connection,
        "fleet_name_prefix": "tdn",
        "fleet_state_dir": str(fleet.directory),
    }

    def play(*arguments):
        ran = ansible_playbook("playbooks/teardown.yml", "-e", json.dumps(variables), *arguments)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    return play


def test_the_playbook_saves_removes_and_proves_and_changes_nothing_the_second_time(fleet, play, tmp_path):
    said = play("-e", f"confirm={FLEET}")
    assert "Every device that there was is in it: all 3 devices of today" in said
    assert not any(fleet.world().values())
    page = json.loads((tmp_path / "reports/teardown/latest/report.json").read_text())
    assert page["result"] == "passed"
    kept = fleet.directory / "teardown/snapshots"
    text = (tmp_path / "reports/teardown/latest/index.html").read_text()
    assert f"-e backup_directory={kept}" in text
    assert (kept / "public.pem").read_text().startswith("-----BEGIN PUBLIC KEY")
    again = play()
    assert "Nothing of tdn-local is left" in again
    assert "changed=0 " in again
