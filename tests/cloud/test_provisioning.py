"""Provisioning against the local cloud: what is in the registry afterwards, read back by other means."""

from __future__ import annotations

import json

import pytest
from botocore.config import Config
from cryptography import x509
from fleetlib.core.errors import FleetError
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.provisioning.engine import Settings
from fleetlib.core.provisioning.model import Fleet
from fleetlib.core.quotas import Quotas
from fleetlib.crypto import keys
from fleetlib.provisioner import Provisioner

pytestmark = pytest.mark.cloud

FAST = Quotas().scaled(1000)


@pytest.fixture
def iot(aws):
    """A client of an account that has what provisioning needs."""
    client = aws(
        "iot", config=Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=32)
    )
    client.create_thing_type(thingTypeName="board")
    client.create_policy(
        policyName="device", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    client.create_thing_group(thingGroupName="p-local")
    return client


def fleet(count=2, **changes):
    wanted = {
        "prefix": "p",
        "environment": "local",
        "device_ids": numbered_device_ids(1, count),
        "type_name": "board",
        "policy": "device",
        "group": "p-local",
        "attributes": {"hardware_revision": "1.0"},
        "initial_attributes": {"firmware_version": "1.0.0"},
    }
    return Fleet(**(wanted | changes))


def run(iot, directory, wanted=None, **options):
    return Provisioner(
        wanted or fleet(), directory, iot, FAST, settings=Settings(8, 0), **options
    ).provision()


def calls_of(iot):
    """Counts the operations a client is asked for from now on."""
    seen = []
    iot.meta.events.register("before-call.iot", lambda model, **_: seen.append(model.name))
    return seen


def test_a_device_is_complete_and_its_key_never_left(iot, tmp_path):
    result = run(iot, tmp_path, fleet(1))
    assert (result.outcome.done, result.outcome.failed) == (1, {})
    name = "p-local-device-001"
    thing = iot.describe_thing(thingName=name)
    certificate_id = thing["attributes"]["certificate_id"]
    assert thing["thingTypeName"] == "board"
    assert thing["attributes"] == {
        "device_id": "device-001",
        "environment": "local",
        "hardware_revision": "1.0",
        "firmware_version": "1.0.0",
        "certificate_id": certificate_id,
    }
    (principal,) = iot.list_thing_principals(thingName=name)["principals"]
    assert principal.endswith(certificate_id)
    assert [one["policyName"] for one in iot.list_attached_policies(target=principal)["policies"]] == [
        "device"
    ]
    assert iot.list_things_in_thing_group(thingGroupName="p-local")["things"] == [name]
    description = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    assert description["status"] == "ACTIVE"
    folder = tmp_path / "devices" / name
    assert keys.certificate_key_id(description["certificatePem"]) == keys.public_key_id(
        (folder / "private.key").read_bytes()
    )
    issued = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    assert issued.subject.rfc4514_string() == f"CN={name}"
    assert json.loads((folder / "certificate.json").read_text())["certificate_id"] == certificate_id


def test_a_second_run_reads_five_lists_and_calls_nothing_per_device(iot, tmp_path):
    run(iot, tmp_path, fleet(10))
    calls = calls_of(iot)
    result = run(iot, tmp_path, fleet(10))
    assert not result.plan.changed
    assert sorted(calls) == [
        "DescribeThingType",
        "ListCertificates",
        "ListTargetsForPolicy",
        "ListThings",
        "ListThingsInThingGroup",
    ]


def test_looking_changes_nothing_even_on_an_empty_account(aws, tmp_path):
    plan, _ = Provisioner(fleet(3), tmp_path / "state", aws("iot"), FAST).look()
    assert plan.counts["to_create"] == 3
    assert plan.registry.missing == ("thing type board", "policy device", "thing group p-local")
    assert not (tmp_path / "state").exists()
    assert aws("iot").list_things()["things"] == []


def test_provisioning_an_empty_account_names_everything_that_is_missing(aws, tmp_path):
    with pytest.raises(
        FleetError, match="Missing in AWS IoT: thing type board, policy device, thing group p-local"
    ):
        run(aws("iot"), tmp_path)


def test_a_policy_that_does_not_exist_is_named_before_any_key_is_made(iot, tmp_path):
    with pytest.raises(
        FleetError, match=r"Missing in AWS IoT: policy other\. Deploy the infrastructure first"
    ):
        run(iot, tmp_path, fleet(policy="other"))
    assert not (tmp_path / "devices").exists()


def test_a_changed_attribute_is_updated_and_a_foreign_one_stays(iot, tmp_path):
    run(iot, tmp_path)
    iot.update_thing(
        thingName="p-local-device-001",
        attributePayload={"attributes": {"site": "b2", "firmware_version": "1.4.2"}, "merge": True},
    )
    result = run(iot, tmp_path, fleet(attributes={"hardware_revision": "1.1"}))
    assert result.plan.counts["to_update"] == 2
    attributes = iot.describe_thing(thingName="p-local-device-001")["attributes"]
    assert (attributes["hardware_revision"], attributes["site"], attributes["firmware_version"]) == (
        "1.1",
        "b2",
        "1.4.2",
    )


def test_a_thing_whose_key_is_elsewhere_is_named_and_left_alone(iot, tmp_path):
    run(iot, tmp_path / "here")
    before = iot.describe_thing(thingName="p-local-device-001")
    result = run(iot, tmp_path / "elsewhere")
    assert set(result.plan.problems) == {"p-local-device-001", "p-local-device-002"}
    assert "private key is not on this host" in result.plan.problems["p-local-device-001"]
    after = iot.describe_thing(thingName="p-local-device-001")
    assert (after["version"], after["attributes"]) == (before["version"], before["attributes"])
    assert len(iot.list_certificates()["certificates"]) == 2


def test_a_device_with_an_rsa_key_is_provisioned_alike(iot, tmp_path):
    run(iot, tmp_path, fleet(1), key_type=keys.KeyType.RSA_2048)
    pem = (tmp_path / "devices/p-local-device-001/certificate.pem").read_bytes()
    assert x509.load_pem_x509_certificate(pem).public_key().key_size == 2048


def test_a_cloud_that_does_not_answer_is_named(aws, tmp_path):
    client = aws("iot", config=Config(retries={"max_attempts": 0}))
    client.meta.events.register(
        "before-sign.iot", lambda request, **_: setattr(request, "url", "http://127.0.0.1:9/x")
    )
    with pytest.raises(FleetError, match=r"http://127\.0\.0\.1:9 does not answer any more"):
        run(client, tmp_path)


def test_the_journal_of_a_finished_run_is_put_aside_by_the_next(iot, tmp_path):
    run(iot, tmp_path, fleet(1))
    run(iot, tmp_path, fleet(2))
    journals = sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert len(journals) == 2
    assert journals[1] == "provisioning.jsonl"
    events = [json.loads(line)["event"] for line in (tmp_path / journals[1]).read_text().splitlines()]
    assert events == ["started", "request", "certificate", "done", "ended"]
