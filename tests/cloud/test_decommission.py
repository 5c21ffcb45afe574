"""Devices that go for good, on the local cloud: what is left there, and what is kept here."""

from __future__ import annotations

import json
import random
import stat

import pytest

from tests.killing import kill_until_done
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

GROUP = "p-local"


@pytest.fixture
def iot(aws, connection, tmp_path):
    """An account with three devices."""
    iot = aws("iot")
    iot.create_thing_type(thingTypeName="board")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    iot.create_policy(policyName="device", policyDocument=policy)
    iot.create_thing_group(thingGroupName=GROUP)
    provision(connection, tmp_path, count=3)
    return iot


def provision(connection, directory, **options):
    made = run_module(
        "iot_thing_batch",
        **connection,
        name_prefix="p",
        environment_name="local",
        thing_type="board",
        policy="device",
        group=GROUP,
        state_directory=str(directory),
        rate_factor=1000,
        settle_seconds=0,
        **options,
    )
    assert made["failed"] is False
    return made


@pytest.fixture
def remove(connection, tmp_path):
    def remove(device_ids, confirm=None, check_mode=False, **options):
        return run_module(
            "iot_decommission",
            check_mode=check_mode,
            **connection,
            name_prefix="p",
            environment_name="local",
            device_ids=device_ids,
            confirm=",".join(device_ids) if confirm is None else confirm,
            state_directory=str(tmp_path),
            rate_factor=1000,
            **options,
        )

    return remove


def things_of(iot):
    return sorted(one["thingName"] for one in iot.list_things()["things"])


def held(iot, thing):
    (principal,) = iot.list_thing_principals(thingName=thing)["principals"]
    return principal


def test_a_device_is_gone_and_its_evidence_is_kept(iot, aws, remove, tmp_path):
    name = "p-local-device-002"
    shadow = {"state": {"reported": {"led": True}}}
    aws("iot-data").update_thing_shadow(thingName=name, payload=json.dumps(shadow))
    certificate = held(iot, name).rpartition("/")[2]
    key = (tmp_path / "devices" / name / "private.key").read_bytes()
    gone = remove(["device-002"])
    assert gone["changed"]
    assert gone["counts"] == {"wanted": 1, "to_decommission": 1, "to_finish": 0, "gone": 0}
    assert things_of(iot) == ["p-local-device-001", "p-local-device-003"]
    assert certificate not in {one["certificateId"] for one in iot.list_certificates()["certificates"]}
    assert name not in iot.list_things_in_thing_group(thingGroupName=GROUP)["things"]
    data = aws("iot-data")
    with pytest.raises(data.exceptions.ResourceNotFoundException):
        data.get_thing_shadow(thingName=name)
    kept = tmp_path / "decommissioned" / gone["archived"][name].rpartition("/")[2]
    evidence = json.loads((kept / "evidence.json").read_text())
    assert evidence["description"]["attributes"]["device_id"] == "device-002"
    assert evidence["shadow"]["state"]["reported"] == {"led": True}
    assert evidence["groups"] == [GROUP]
    (written,) = evidence["certificates"]
    assert (written["id"], written["status"], written["policies"]) == (certificate, "ACTIVE", ["device"])
    assert written["pem"].startswith("-----BEGIN CERTIFICATE")
    assert (kept / "device" / "private.key").read_bytes() == key
    assert "PRIVATE KEY" not in json.dumps(evidence)
    assert not (tmp_path / "devices" / name).exists()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, kept / "evidence.json")] == [0o700, 0o600]


def test_the_second_run_changes_nothing_and_needs_no_confirmation(iot, remove):
    remove(["device-001"])
    again = remove(["device-001"], confirm="")
    assert not again["changed"]
    assert again["counts"]["gone"] == 1


def test_without_the_exact_confirmation_nothing_happens(iot, remove):
    for given in ("", "device-001", "device-002,device-001"):
        refused = remove(["device-001", "device-002"], confirm=given)
        assert "-e confirm=device-001,device-002" in refused["msg"]
    assert len(things_of(iot)) == 3


def test_check_mode_shows_the_plan_and_touches_nothing(iot, remove, tmp_path):
    plan = remove(["device-001", "device-009"], confirm="", check_mode=True)
    assert plan["changed"]
    assert plan["lines"][0] == "2 devices named: 1 to decommission, 0 to finish, 1 gone already."
    assert plan["estimate"]["calls"]["DeleteCertificate"] == 1
    assert "p-local-device-001:" in plan["diff"]["before"]
    assert len(things_of(iot)) == 3
    assert not (tmp_path / "decommissioned").exists()


def test_a_certificate_that_another_thing_uses_is_left_alone(iot, remove):
    principal = held(iot, "p-local-device-001")
    iot.attach_thing_principal(thingName="p-local-device-002", principal=principal)
    refused = remove(["device-001"])
    assert "is also attached to p-local-device-002" in refused["msg"]
    status = iot.describe_certificate(certificateId=principal.rpartition("/")[2])
    assert status["certificateDescription"]["status"] == "ACTIVE"


def test_a_second_certificate_goes_with_the_device(iot, remove):
    second = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_thing_principal(thingName="p-local-device-001", principal=second["certificateArn"])
    remove(["device-001"])
    left = {one["certificateId"] for one in iot.list_certificates()["certificates"]}
    assert len(left) == 2
    assert second["certificateId"] not in left


def test_a_device_whose_answer_may_be_lost_is_to_be_provisioned_first(iot, remove, tmp_path):
    folder = tmp_path / "devices" / "p-local-device-007"
    folder.mkdir(mode=0o700)
    (folder / "private.key").touch(mode=0o600)
    assert "Provision it once more" in remove(["device-007"])["msg"]
    assert folder.exists()


def test_a_device_can_come_back_under_its_name(iot, connection, remove, tmp_path):
    former = held(iot, "p-local-device-003")
    remove(["device-003"])
    assert provision(connection, tmp_path, device_ids=["device-003"])["counts"]["to_create"] == 1
    assert held(iot, "p-local-device-003") != former


@pytest.mark.parametrize(
    ("ids", "words"),
    [([], "device_ids is empty"), (["a/b"], "cannot be a device id"), (["a", "A"], "more than once")],
)
def test_ids_that_no_device_can_have_are_refused(iot, remove, ids, words):
    assert words in remove(ids)["msg"]


RUN = """
import sys
from pathlib import Path
import boto3
from fleetlib.core.provisioning.decommission import Order
from fleetlib.core.quotas import Quotas
from fleetlib.decommissioner import Decommissioner

def client(service):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="us-west-2",
                        aws_access_key_id=sys.argv[2], aws_secret_access_key="x")

order = Order("p", "local", [f"device-{number:03d}" for number in range(1, 9)])
run = Decommissioner(order, Path(sys.argv[3]), client("iot"), client("iot-data"), Quotas().scaled(1000), 4)
print("begin", flush=True)
outcome = run.remove(order.confirmation).outcome
sys.exit(1 if outcome.stopped or outcome.failed else 0)
"""


def test_killed_at_random_moments_it_ends_with_nothing_left(iot, connection, account, cloud, tmp_path):
    provision(connection, tmp_path, count=8)
    chance = random.Random(5)
    killed = kill_until_done(
        RUN,
        cloud.endpoint_url,
        account,
        str(tmp_path),
        patience=lambda attempt: chance.uniform(0.02, 0.1 + attempt / 20),
    )
    assert killed >= 2
    assert things_of(iot) == []
    assert iot.list_certificates()["certificates"] == []
    archived = [
        path for path in (tmp_path / "decommissioned").iterdir() if not path.name.endswith(".pending")
    ]
    assert len(archived) == 8
    assert all((path / "device" / "private.key").exists() for path in archived)
    for path in archived:
        assert len(json.loads((path / "evidence.json").read_text())["certificates"]) == 1
