"""A second region on the local cloud: filled, compared field by field, followed, filled from a snapshot."""

from __future__ import annotations

import json

import pytest

from tests.cloud.test_backups import export, index
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FIRST, SECOND = "us-west-2", "eu-west-1"
"""Two regions of one local cloud: each has a registry of its own."""
DEVICES = 4


def buckets(account, region):
    return {purpose: f"{purpose}-{account}-{region}" for purpose in ("programs", "backup")}


@pytest.fixture
def objects(aws, account):
    """Pairs of buckets, with a program in the first region."""
    for region in (FIRST, SECOND):
        for bucket in buckets(account, region).values():
            s3 = aws("s3", region=region)
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    program = {"Bucket": buckets(account, FIRST)["programs"], "Key": "a/1.json", "Body": b"{}"}
    aws("s3").put_object(**program, ContentType="application/json", Metadata={"by": "me"}, Tagging="kind=x")
    first, second = buckets(account, FIRST), buckets(account, SECOND)
    return [{"purpose": one, "origin": first[one], "bucket": second[one]} for one in first]


@pytest.fixture
def iot(aws, connection, tmp_path):
    """A fleet in the first region, with a policy that names it, a group below another, and a shadow."""
    iot = aws("iot")
    index(iot)
    iot.create_thing_type(
        thingTypeName="p-local-board", thingTypeProperties={"thingTypeDescription": "board"}
    )
    resource = f"arn:aws:iot:{FIRST}:{connection['access_key']}:client/*"
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": resource}
    for name in ("p-local-device", "p-local-deny"):
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iot.create_policy(policyName=name, policyDocument=json.dumps(document))
    iot.create_thing_group(thingGroupName="p-local")
    iot.create_thing_group(thingGroupName="p-local-ring", parentGroupName="p-local")
    made = run_module(
        "iot_thing_batch",
        **connection,
        name_prefix="p",
        environment_name="local",
        count=DEVICES,
        thing_type="p-local-board",
        policy="p-local-device",
        group="p-local",
        state_directory=str(tmp_path / "state"),
        rate_factor=1000,
        settle_seconds=0,
    )
    assert made["done"] == DEVICES, made
    iot.add_thing_to_thing_group(thingName="p-local-device-002", thingGroupName="p-local-ring")
    shadow = {"state": {"desired": {"led": 1}, "reported": {"led": 0}}}
    aws("iot-data").update_thing_shadow(thingName="p-local-device-001", payload=json.dumps(shadow))
    return iot


@pytest.fixture
def use(connection, objects, tmp_path):
    """``use("fleet_region_mirror")`` runs a module in the second region."""

    def use(module, check_mode=False, **options):
        given = {
            **connection,
            "region": SECOND,
            "origin": {**connection, "region": FIRST},
            "name_prefix": "p",
            "environment_name": "local",
            "objects": objects,
            "rate_factor": 1000,
        }
        return run_module(module, check_mode=check_mode, **{**given, **options})

    return use


def fleet_of(aws, region):
    """What a region holds, asked thing by thing, with the names of regions taken out of policies."""
    iot, data = aws("iot", region=region), aws("iot-data", region=region)
    policy = iot.get_policy(policyName="p-local-device")["policyDocument"]
    return {
        "things": export(iot, data, shared=False)["things"],
        "policy": json.loads(policy.replace(region, "")),
        "parent": iot.describe_thing_group(thingGroupName="p-local-ring")["thingGroupMetadata"][
            "parentGroupName"
        ],
        "type": iot.describe_thing_type(thingTypeName="p-local-board")["thingTypeProperties"],
    }


def test_an_empty_second_region_is_filled_until_nothing_differs_and_a_second_run_changes_nothing(
    iot, use, aws
):
    planned = use("fleet_region_mirror", check_mode=True)
    assert planned["changed"], planned
    assert planned["calls"]["RegisterCertificateWithoutCA"] == DEVICES
    assert aws("iot", region=SECOND).list_things()["things"] == []
    done = use("fleet_region_mirror")
    assert done["steps"]["thing"] == DEVICES, done
    assert fleet_of(aws, SECOND) == fleet_of(aws, FIRST)
    again = use("fleet_region_mirror")
    assert not again["changed"], again["steps"]
    assert again["differences"] == []


def test_objects_come_with_type_metadata_and_tags_and_again_when_they_were_written_again(
    iot, use, aws, account
):
    use("fleet_region_mirror")
    s3, mine, theirs = aws("s3"), buckets(account, FIRST)["programs"], buckets(account, SECOND)["programs"]
    found = s3.get_object(Bucket=theirs, Key="a/1.json")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (
        b"{}",
        "application/json",
        {"by": "me"},
    )
    assert s3.get_object_tagging(Bucket=theirs, Key="a/1.json")["TagSet"] == [{"Key": "kind", "Value": "x"}]
    s3.put_object(Bucket=mine, Key="a/1.json", Body=b"longer")
    again = use("fleet_region_mirror")
    (one,) = (row for row in again["differences"] if row["field"] == "size_bytes")
    assert (one["kind"], one["first"], one["second"]) == ("object", "6", "2")
    assert again["steps"] == {"object": 1}
    assert s3.get_object(Bucket=theirs, Key="a/1.json")["Body"].read() == b"longer"


def test_a_quarantined_and_a_released_device_are_followed(iot, use, aws):
    name = "p-local-device-001"
    (arn,) = iot.list_thing_principals(thingName=name)["principals"]
    certificate = arn.rpartition("/")[2]
    iot.create_thing_group(thingGroupName="p-local-quarantine")
    iot.add_thing_to_thing_group(thingName=name, thingGroupName="p-local-quarantine")
    iot.attach_policy(policyName="p-local-deny", target=arn)
    iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
    use("fleet_region_mirror")
    assert fleet_of(aws, SECOND)["things"][name] == fleet_of(aws, FIRST)["things"][name]
    iot.remove_thing_from_thing_group(thingName=name, thingGroupName="p-local-quarantine")
    iot.detach_policy(policyName="p-local-deny", target=arn)
    iot.update_certificate(certificateId=certificate, newStatus="ACTIVE")
    released = use("fleet_region_mirror")
    assert released["steps"] == {
        "status of a certificate": 1,
        "policy taken off a certificate": 1,
        "membership ended": 1,
    }
    assert fleet_of(aws, SECOND)["things"][name] == fleet_of(aws, FIRST)["things"][name]


def test_certificates_may_wait_until_a_failover_makes_them_active(iot, use, aws):
    use("fleet_region_mirror", certificate_status="inactive")
    second = aws("iot", region=SECOND)
    statuses = {one["status"] for one in second.list_certificates()["certificates"]}
    assert statuses == {"INACTIVE"}
    assert use("fleet_region_info", certificate_status="inactive")["differences"] == []
    assert use("fleet_region_mirror")["steps"] == {"status of a certificate": DEVICES}


def test_a_run_that_was_killed_goes_on_without_doubling_or_losing_anything(iot, use, aws, monkeypatch):
    from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import restoring

    attach = restoring.things.attach_certificate

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring.things, "attach_certificate", killed)
    with pytest.raises(KeyboardInterrupt):
        use("fleet_region_mirror")
    monkeypatch.setattr(restoring.things, "attach_certificate", attach)
    assert not use("fleet_region_mirror")["failed"]
    assert fleet_of(aws, SECOND) == fleet_of(aws, FIRST)


def test_a_region_that_does_not_answer_is_stood_in_for_by_its_replicated_snapshot(
    iot, use, aws, connection, objects, tmp_path
):
    taken = run_module(
        "fleet_snapshot",
        **connection,
        name_prefix="p",
        environment_name="local",
        bucket=objects[1]["origin"],
        objects=[
            {"purpose": "programs", "bucket": objects[0]["origin"]},
            {"purpose": "deploy", "bucket": objects[0]["origin"]},  # which a second region does not follow
        ],
        signing_key_file=str(tmp_path / "signing/private.key"),
        account_id=connection["access_key"],
        region_name=FIRST,
        rate_factor=1000,
    )
    for one in aws("s3").list_objects_v2(Bucket=objects[1]["origin"])["Contents"]:
        aws("s3").copy_object(
            Bucket=objects[1]["bucket"],
            Key=one["Key"],
            CopySource={"Bucket": objects[1]["origin"], "Key": one["Key"]},
        )
    silent = {**connection, "region": FIRST, "endpoint_url": "http://127.0.0.1:9"}
    done = use(
        "fleet_region_mirror",
        origin=silent,
        snapshot_id="latest",
        snapshot_bucket=objects[1]["bucket"],
        public_key_file=str(tmp_path / "signing/public.pem"),
    )
    assert not done["failed"], done
    assert taken["counts"]["things"] == DEVICES
    assert fleet_of(aws, SECOND) == fleet_of(aws, FIRST)
    assert aws("s3").get_object(Bucket=objects[0]["bucket"], Key="a/1.json")["Body"].read() == b"{}"


def test_s3_replicates_between_regions_what_is_written_from_then_on(aws, connection, objects):
    given = {**connection, "role_arn": "arn:aws:iam::000000000000:role/replication", "objects": objects[:1]}
    assert run_module("s3_replication", check_mode=True, **given)["set"] == [objects[0]["origin"]]
    assert run_module("s3_replication", **given)["changed"]
    aws("s3").put_object(Bucket=objects[0]["origin"], Key="b", Body=b"new")
    assert aws("s3").get_object(Bucket=objects[0]["bucket"], Key="b")["Body"].read() == b"new"
    again = run_module("s3_replication", **given)
    assert not again["changed"]
    (row,) = again["checks"]
    assert row["detail"].startswith("1 COMPLETED, 1 from before the rule")


def test_nobody_is_told_where_nobody_is_connected(iot, use, connection):
    use("fleet_region_mirror")
    given = {
        **connection,
        "region": SECOND,
        "origin": {**connection, "region": FIRST},
        "name_prefix": "p",
        "environment_name": "local",
        "group": "p-local",
        "rate_factor": 1000,
    }
    found = run_module("iot_endpoint_switch", **given)
    assert not found["job_id"]
    assert found["connected_before"] == {FIRST: 0, SECOND: 0}
    assert not run_module("iot_endpoint_switch", **given)["changed"]
    silent = run_module(
        "iot_endpoint_switch",
        **{**given, "origin": {**given["origin"], "endpoint_url": "http://127.0.0.1:9"}},
        timeout_minutes=0.001,
    )
    assert not silent["origin_answers"]
    assert len(silent["missing"]) == DEVICES


def test_what_the_first_region_holds_is_not_copied_over_the_one_to_which_the_fleet_was_moved(
    iot, use, aws, connection
):
    use("fleet_region_mirror")
    for region in (FIRST, SECOND):
        aws("iot", region=region).update_thing_group(
            thingGroupName="p-local",
            thingGroupProperties={"attributePayload": {"attributes": {"owner": "me"}}},
        )
    regions = {"region": SECOND, "origin": {**connection, "region": FIRST}}
    names = {"name_prefix": "p", "environment_name": "local", "group": "p-local", "rate_factor": 1000}
    assert run_module("iot_endpoint_switch", **{**connection, **regions, **names})["changed"]
    group = aws("iot", region=SECOND).describe_thing_group(thingGroupName="p-local")
    assert group["thingGroupProperties"]["attributePayload"]["attributes"].keys() == {"owner", "serves_since"}
    refused = use("fleet_region_mirror")
    assert "The fleet was moved to eu-west-1" in refused["msg"]
    assert "region_failover.yml -e confirm=us-west-2" in refused["msg"]
    assert use("fleet_region_mirror", replace_newer=True)["differences"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"region": FIRST}, "Both regions are us-west-2"),
        ({"snapshot_id": "latest", "public_key_file": "/nowhere"}, "There is no backup bucket"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(use, options, message):
    assert message in use("fleet_region_info", **options)["msg"]
