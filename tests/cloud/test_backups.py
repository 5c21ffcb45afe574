"""Snapshots of a real fleet on the local cloud: taken, verified, and put back into an emptied registry."""

from __future__ import annotations

import json

import pytest
from fleetlib.aws import registry, snapshot

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

ELSEWHERE = "eu-west-1"
"""Another region of the local cloud: its registry is empty, and it reads the same buckets."""


@pytest.fixture
def bucket(aws, account):
    for name in (f"backup-{account}", f"programs-{account}"):
        aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    aws("s3").put_object(
        Bucket=f"programs-{account}", Key="packages/a/1.json", Body=b"{}", ContentType="application/json"
    )
    return f"backup-{account}"


@pytest.fixture
def iot(aws, connection, tmp_path):
    """Five devices with groups, two policy versions, shadows, and a rule."""
    iot = aws("iot")
    index(iot)
    iot.create_thing_type(
        thingTypeName="p-local-board",
        thingTypeProperties={"thingTypeDescription": "board", "searchableAttributes": ["environment"]},
    )
    policy = {"Version": "2012-10-17", "Statement": []}
    iot.create_policy(policyName="p-local-device", policyDocument=json.dumps(policy))
    allow = {**policy, "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
    iot.create_policy_version(
        policyName="p-local-device", policyDocument=json.dumps(allow), setAsDefault=True
    )
    iot.create_thing_group(thingGroupName="p-local", thingGroupProperties={"thingGroupDescription": "all"})
    ring = iot.create_thing_group(thingGroupName="p-local-canary", parentGroupName="p-local")
    iot.attach_policy(policyName="p-local-device", target=ring["thingGroupArn"])
    made = run_module(
        "iot_thing_batch",
        **connection,
        name_prefix="p",
        environment_name="local",
        count=5,
        thing_type="p-local-board",
        policy="p-local-device",
        group="p-local",
        state_directory=str(tmp_path / "state"),
        rate_factor=1000,
        settle_seconds=0,
    )
    assert made["done"] == 5, made
    iot.add_thing_to_thing_group(thingName="p-local-device-002", thingGroupName="p-local-canary")
    state = {"state": {"desired": {"led": 1}, "reported": {"led": 0, "program": {"id": "blink"}}}}
    aws("iot-data").update_thing_shadow(thingName="p-local-device-001", payload=json.dumps(state))
    rule = {"sql": "SELECT * FROM 'x'", "description": "nothing yet", "actions": []}
    iot.create_topic_rule(ruleName="p_local_x", topicRulePayload=rule)
    stranger = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_thing(thingName="q-local-1", attributePayload={"attributes": {"environment": "local"}})
    iot.attach_thing_principal(thingName="q-local-1", principal=stranger["certificateArn"])
    return iot


def index(iot):
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )


@pytest.fixture
def use(connection, bucket, account, tmp_path):
    """``use("fleet_snapshot")`` runs one of the three modules."""

    def use(module, check_mode=False, **options):
        given = {
            **connection,
            "name_prefix": "p",
            "environment_name": "local",
            "bucket": bucket,
            "objects": [{"purpose": "programs", "bucket": f"programs-{account}"}],
            "rate_factor": 1000,
        }
        if module == "fleet_snapshot":
            given |= {"account_id": account, "region_name": "us-west-2"}
            given["signing_key_file"] = str(tmp_path / "signing/private.key")
        else:
            given["public_key_file"] = str(tmp_path / "signing/public.pem")
        return run_module(module, check_mode=check_mode, **{**given, **options})

    return use


def export(iot, data, shared=True):
    """What a registry holds of the fleet, asked thing by thing: another way than the snapshot's."""
    things = {}
    for one in iot.list_things()["things"]:
        name = one["thingName"]
        if not name.startswith("p-local-"):
            continue
        principals = iot.list_thing_principals(thingName=name)["principals"]
        groups = iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]
        certificates = {}
        for arn in principals:
            found = iot.describe_certificate(certificateId=arn.rpartition("/")[2])["certificateDescription"]
            attached = iot.list_attached_policies(target=arn)["policies"]
            certificates[found["certificateId"]] = (
                found["status"],
                found["certificatePem"],
                sorted(policy["policyName"] for policy in attached),
            )
        things[name] = {
            "type": one.get("thingTypeName"),
            "attributes": one["attributes"],
            "groups": sorted(group["groupName"] for group in groups),
            "certificates": certificates,
            "shadow": shadow(data, name),
        }
    return {"things": things, **(export_of_what_is_shared(iot) if shared else {})}


def shadow(data, name):
    try:
        return json.loads(data.get_thing_shadow(thingName=name)["payload"].read())["state"]
    except data.exceptions.ResourceNotFoundException:
        return None


def export_of_what_is_shared(iot):
    groups, policies = {}, {}
    for name in ("p-local", "p-local-canary"):
        found = iot.describe_thing_group(thingGroupName=name)
        attached = iot.list_attached_policies(target=found["thingGroupArn"])["policies"]
        properties = found["thingGroupProperties"]
        parent = found.get("thingGroupMetadata", {}).get("parentGroupName")
        groups[name] = (properties, parent, [policy["policyName"] for policy in attached])
    for version in iot.list_policy_versions(policyName="p-local-device")["policyVersions"]:
        found = iot.get_policy_version(policyName="p-local-device", policyVersionId=version["versionId"])
        policies[version["versionId"]] = (found["policyDocument"], found["isDefaultVersion"])
    rule = iot.get_topic_rule(ruleName="p_local_x")["rule"]
    return {
        "groups": groups,
        "policies": policies,
        "rule": {name: value for name, value in rule.items() if name != "createdAt"},
        "types": iot.describe_thing_type(thingTypeName="p-local-board")["thingTypeProperties"],
        "indexing": iot.get_indexing_configuration()["thingIndexingConfiguration"],
    }


def test_a_snapshot_is_whole_complete_and_young_and_the_next_stores_only_what_is_new(iot, use, aws):
    first = use("fleet_snapshot")
    assert (
        first["counts"]["things"] == first["counts"]["certificates"] == first["described_certificates"] == 5
    )
    assert first["changed_meanwhile"] == {}
    found = use("fleet_snapshot_info")
    assert found["intact"], found
    assert {row["status"] for row in found["checks"]} == {"passed"}
    assert found["verified"] == [first["snapshot_id"]]
    second = use("fleet_snapshot")
    assert second["described_certificates"] == 0
    (stored,) = second["stored_bytes"].values()
    assert stored < sum(first["stored_bytes"].values()) / 2


@pytest.mark.parametrize("bare_every", [10, 1], ids=["few without a certificate", "none with one"])
def test_beyond_a_page_the_shadow_of_every_device_is_read_also_where_it_names_no_certificate(
    aws, monkeypatch, bare_every
):
    monkeypatch.setattr(registry, "SEARCH_PAGE_SIZE", 10)
    iot, data = aws("iot"), aws("iot-data")
    index(iot)
    names = [f"p-local-device-{number:03d}" for number in range(30)]
    for number, name in enumerate(names):
        attributes = {"environment": "local"}
        if number % bare_every:
            attributes["certificate_id"] = f"{number % 16:x}{number:063x}"
        iot.create_thing(thingName=name, attributePayload={"attributes": attributes})
        data.update_thing_shadow(thingName=name, payload=json.dumps({"state": {"desired": {"n": number}}}))
    found = snapshot.read(lambda service, **_: aws(service), snapshot.Scope("p-local", "local"), whole=False)
    desired = {name: shadow["desired"] for name, shadow in found.state["shadows"].items()}
    assert desired == {name: {"n": number} for number, name in enumerate(names)}


def test_an_emptied_registry_is_put_back_field_by_field(iot, use, aws, bucket, account):
    before = export(iot, aws("iot-data"))
    assert len(before["things"]) == 5
    use("fleet_snapshot")
    aws("s3").delete_object(Bucket=f"programs-{account}", Key="packages/a/1.json")
    elsewhere = aws("iot", region=ELSEWHERE)
    planned = use("fleet_restore", check_mode=True, region=ELSEWHERE)
    assert planned["steps"]["thing"] == 5
    assert elsewhere.list_things()["things"] == []
    done = use("fleet_restore", region=ELSEWHERE)
    assert not done["failed"], done
    assert export(elsewhere, aws("iot-data", region=ELSEWHERE)) == before
    again = use("fleet_restore", region=ELSEWHERE)
    assert not again["changed"], again["steps"]
    answer = aws("s3").get_object(Bucket=f"programs-{account}", Key="packages/a/1.json")
    assert (answer["Body"].read(), answer["ContentType"]) == (b"{}", "application/json")


def test_one_deleted_device_comes_back_with_its_identity_and_the_others_are_not_touched(iot, use, aws):
    use("fleet_snapshot")
    before = export(iot, aws("iot-data"))
    name = "p-local-device-002"
    (arn,) = iot.list_thing_principals(thingName=name)["principals"]
    iot.detach_thing_principal(thingName=name, principal=arn)
    iot.delete_thing(thingName=name)
    iot.update_thing(
        thingName="p-local-device-001", attributePayload={"attributes": {"x": "y"}, "merge": True}
    )
    done = use("fleet_restore", device_ids=["device-002"])
    assert done["steps"] == {"thing": 1, "certificate of a thing": 1, "membership": 2}
    after = export(iot, aws("iot-data"))
    assert after["things"][name] == before["things"][name]
    assert after["things"]["p-local-device-001"]["attributes"]["x"] == "y"


def test_a_certificate_that_is_not_tied_to_its_device_any_more_is_noticed_for_one_device(iot, use):
    use("fleet_snapshot")
    name = "p-local-device-003"
    (arn,) = iot.list_thing_principals(thingName=name)["principals"]
    iot.detach_thing_principal(thingName=name, principal=arn)
    assert use("fleet_restore", device_ids=["device-003"])["steps"] == {"certificate of a thing": 1}
    assert iot.list_thing_principals(thingName=name)["principals"] == [arn]


def test_a_quarantined_device_stays_where_it_was_put(iot, use):
    use("fleet_snapshot")
    iot.create_thing_group(thingGroupName="p-local-quarantine")
    iot.add_thing_to_thing_group(thingName="p-local-device-001", thingGroupName="p-local-quarantine")
    certificate = iot.describe_thing(thingName="p-local-device-001")["attributes"]["certificate_id"]
    iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
    done = use("fleet_restore")
    assert not done["changed"], done["steps"]
    assert done["left"]["groups that devices were put into later"] == [
        "p-local-device-001 in p-local-quarantine"
    ]
    status = iot.describe_certificate(certificateId=certificate)["certificateDescription"]["status"]
    assert status == "INACTIVE"


def test_what_changed_while_it_was_copied_is_in_the_snapshot_and_named(iot, use, monkeypatch):
    from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import snapshot

    listed, times = snapshot._things, []

    def things(*arguments):
        times.append(None)
        if len(times) == 2:
            change()
        return listed(*arguments)

    def change():
        iot.create_thing(
            thingName="p-local-device-777", attributePayload={"attributes": {"environment": "local"}}
        )
        iot.update_thing(
            thingName="p-local-device-001", attributePayload={"attributes": {"x": "y"}, "merge": True}
        )
        (arn,) = iot.list_thing_principals(thingName="p-local-device-005")["principals"]
        iot.detach_thing_principal(thingName="p-local-device-005", principal=arn)
        iot.delete_thing(thingName="p-local-device-005")

    monkeypatch.setattr(snapshot, "_things", things)
    taken = use("fleet_snapshot")
    assert taken["changed_meanwhile"] == {
        "things made": ["p-local-device-777"],
        "things deleted": ["p-local-device-005"],
        "things changed": ["p-local-device-001"],
    }
    assert taken["counts"]["things"] == 5


def test_a_damaged_snapshot_is_found_and_not_restored_and_a_full_one_heals(iot, use, aws, bucket, tmp_path):
    directory = str(tmp_path / "copy")
    use("fleet_snapshot", directory=directory)
    s3 = aws("s3")
    for one in s3.list_objects_v2(Bucket=bucket, Prefix="blobs/")["Contents"]:
        body = bytearray(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
        body[len(body) // 2] ^= 1
        s3.put_object(Bucket=bucket, Key=one["Key"], Body=bytes(body))
    found = use("fleet_snapshot_info", directory=directory)
    failed = [row["name"] for row in found["checks"] if row["status"] == "failed"]
    assert not found["intact"]
    assert len(failed) == 1
    assert f"s3://{bucket}: Every blob is there and unchanged" in failed[0]
    assert "is damaged and is not restored" in use("fleet_restore")["msg"]
    use("fleet_snapshot", full=True)
    assert use("fleet_snapshot_info")["intact"]


def test_what_is_wrong_is_said_in_one_message(iot, use):
    assert "There is no backup bucket nowhere" in use("fleet_snapshot", bucket="nowhere")["msg"]
    assert "/nowhere cannot be read" in use("fleet_restore", public_key_file="/nowhere")["msg"]
    use("fleet_snapshot")
    assert "snapshot_id is 'x'" in use("fleet_restore", snapshot_id="x")["msg"]
    missing = use("fleet_restore", snapshot_id="2020-01-01T00-00-00Z")["msg"]
    assert "There is no snapshot 2020-01-01T00-00-00Z" in missing
    assert "p-local-x is not in this snapshot" in use("fleet_restore", device_ids=["x"])["msg"]
    assert "rpo_minutes is 0" in use("fleet_snapshot_info", rpo_minutes=0)["msg"]


def test_without_an_index_a_snapshot_is_refused_instead_of_lacking_shadows(aws, use):
    aws("iot").update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})
    assert "Shadows are not indexed (thingIndexingMode is OFF)" in use("fleet_snapshot")["msg"]
