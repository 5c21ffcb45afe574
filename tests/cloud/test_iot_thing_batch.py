"""The module as a playbook calls it: check mode, diff, results, refusals."""

from __future__ import annotations

import json

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def iot(aws):
    client = aws("iot")
    client.create_thing_type(thingTypeName="board")
    client.create_policy(
        policyName="device", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    client.create_thing_group(thingGroupName="p-local")
    return client


@pytest.fixture
def provision(connection, tmp_path):
    def provision(**options):
        given = {
            **connection,
            "name_prefix": "p",
            "environment_name": "local",
            "thing_type": "board",
            "policy": "device",
            "group": "p-local",
            "state_directory": str(tmp_path / "state"),
            "rate_factor": 1000,
            "settle_seconds": 0,
        }
        chosen = {} if "device_ids" in options else {"count": 2}
        return run_module("iot_thing_batch", **{**given, **chosen, **options})

    return provision


def test_the_first_run_changes_the_second_does_not(iot, provision):
    first = provision(initial_attributes={"firmware_version": "1.0.0"})
    assert (first["changed"], first["done"], first["counts"]["to_create"]) == (True, 2, 2)
    assert first["requests"]["CreateThing"] == 2
    second = provision(initial_attributes={"firmware_version": "1.0.0"})
    assert (second["changed"], second["done"], second["counts"]["complete"]) == (False, 0, 2)
    assert set(second["requests"]) == {
        "DescribeThingType",
        "ListCertificates",
        "ListTargetsForPolicy",
        "ListThings",
        "ListThingsInThingGroup",
    }


def test_check_mode_on_an_empty_account_shows_the_plan_and_its_cost(provision, tmp_path):
    result = provision(check_mode=True, count=100_000, thing_type="", policy="", rate_factor=1)
    assert result["changed"]
    assert result["missing"] == [
        "thing type (not named yet)",
        "policy (not named yet)",
        "thing group p-local",
    ]
    assert result["estimate"]["calls"]["CreateCertificateFromCsr"] == 100_000
    assert result["estimate"]["seconds"] == 6666.7
    assert any(
        "A higher quota of AttachPolicy and CreateCertificateFromCsr" in line for line in result["lines"]
    )
    assert "… and 99,950 more" in result["diff"]["after"]
    assert not (tmp_path / "state").exists()


def test_check_mode_on_a_provisioned_fleet_finds_nothing_to_do(iot, provision):
    provision()
    result = provision(check_mode=True)
    assert (result["changed"], result["diff"]["after"]) == (False, "")


def test_numbers_from_yaml_become_text(iot, provision):
    provision(attributes={"hardware_revision": 1.0, "batch": 7}, count=1)
    attributes = iot.describe_thing(thingName="p-local-device-001")["attributes"]
    assert (attributes["hardware_revision"], attributes["batch"]) == ("1.0", "7")


def test_a_device_may_have_attributes_of_its_own(iot, provision):
    provision(
        device_ids=["lab-a", "lab-b"], attributes={"site": "b1"}, device_attributes={"lab-b": {"site": "b2"}}
    )
    sites = [
        iot.describe_thing(thingName=f"p-local-{one}")["attributes"]["site"] for one in ("lab-a", "lab-b")
    ]
    assert sites == ["b1", "b2"]


def test_devices_that_are_not_complete_fail_the_module_by_name(iot, provision, tmp_path):
    provision()
    (tmp_path / "state/devices/p-local-device-002/private.key").unlink()
    result = provision(count=3)
    assert result["failed"]
    assert "1 of 3 devices are not complete. p-local-device-002: certificate" in result["msg"]
    assert "1 devices were completed; running again goes on from there." in result["msg"]
    assert list(result["failed_devices"]) == ["p-local-device-002"]
    assert iot.describe_thing(thingName="p-local-device-003")


@pytest.fixture
def kms_options(aws):
    key = aws("kms").create_key(Description="device keys")["KeyMetadata"]["Arn"]
    return {"key_protection": "kms", "key_kms_key": key}


def test_kms_opens_the_keys_of_all_devices_with_one_data_key(iot, provision, kms_options, tmp_path):
    provision()
    planned = provision(check_mode=True, count=3, **kms_options)
    assert (planned["encrypted_keys"], planned["changed"]) == (2, True)
    devices = tmp_path / "state/devices"
    assert not (devices / ".data-key.json").exists()
    assert provision(count=3, **kms_options)["encrypted_keys"] == 2
    assert [b"ENCRYPTED" in path.read_bytes() for path in devices.glob("*/private.key")] == [True] * 3
    wrapped = json.loads((devices / ".data-key.json").read_text())
    assert (devices / ".data-key.json").stat().st_mode & 0o777 == 0o600
    assert wrapped.keys() == {"kms_key", "wrapped"}
    assert not provision(count=3, **kms_options)["changed"]
    # A device whose certificate is lost needs its key again.
    for name in ("certificate.pem", "certificate.json"):
        (devices / "p-local-device-002" / name).unlink()
    assert provision(count=3, **kms_options)["adopted"] == ["p-local-device-002"]


def test_without_the_data_key_nothing_is_done(iot, provision, kms_options, tmp_path):
    provision(**kms_options)
    (tmp_path / "state/devices/.data-key.json").unlink()
    result = provision(count=3, **kms_options)
    assert result["failed"]
    assert ".data-key.json is missing; the device keys there cannot be opened without it." in result["msg"]
    assert len(iot.list_things()["things"]) == 2


def test_a_run_that_was_cut_off_is_mentioned(iot, provision, tmp_path):
    provision(count=1)
    journal = tmp_path / "state/provisioning.jsonl"
    journal.write_text("".join(line for line in journal.read_text().splitlines(True) if "ended" not in line))
    result = provision(count=2)
    assert any("was cut off with 1 of 1 devices done" in warning for warning in result["warnings"])


def test_progress_is_left_in_the_file(iot, provision, tmp_path):
    provision(progress_file=str(tmp_path / "progress.json"))
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 2


def test_account_quotas_that_cannot_be_read_leave_the_defaults(iot, provision):
    assert provision(account_quotas=True)["estimate"]["quotas"] == "AWS defaults x 1000"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count is 0; from number 1 on there is room for 1 to 1,000,000"),
        ({"count": -1}, "count is -1"),
        ({"count": "abc"}, "unable to convert to int"),
        ({"start_id": 0}, "start_id is 0"),
        ({"device_ids": ["device 1"]}, "'device 1' cannot be a device id. Allowed are"),
        ({"device_ids": ["a", "b", "A"]}, "'A': given more than once"),
        ({"device_ids": []}, "device_ids is empty"),
        ({"device_ids": ["a"], "count": 1}, "mutually exclusive: device_ids|count"),
        ({"attributes": {"site": "b 2"}}, "attributes: 'b 2' cannot be the value of site"),
        ({"attributes": {"site": True}}, "site is True; it must be text or a number"),
        ({"device_attributes": {"device-001": 3}}, "device_attributes of device-001 is 3"),
        ({"rate_factor": 0}, "The rate factor is 0.0; it must be more than 0"),
        ({"quotas": {"CreateThing": "fast"}}, "quotas: could not convert string to float: 'fast'"),
        ({"quotas": {"CreateThing": -1}}, "The quota of CreateThing is -1.0"),
        ({"concurrency": 0}, "concurrency is 0; it must be from 1 to 256"),
        ({"policy": "other"}, "Missing in AWS IoT: policy other. Deploy the infrastructure first"),
        ({"key_type": "ed25519"}, "value of key_type must be one of: ec-p256, rsa-2048"),
    ],
)
def test_bad_input_is_named_and_nothing_is_made(iot, provision, options, message):
    result = provision(**options)
    assert result["failed"]
    assert message in result["msg"]
    assert iot.list_certificates()["certificates"] == []


def test_a_state_directory_that_cannot_be_made_is_named(iot, provision, tmp_path):
    (tmp_path / "file").write_text("")
    result = provision(state_directory=str(tmp_path / "file" / "state"))
    assert "file/state: Not a directory. Device keys and certificates are kept there" in result["msg"]


def test_another_run_at_work_is_named(iot, provision, tmp_path):
    from fleetlib.core.clock import SystemClock
    from fleetlib.core.journal import sole_run

    (tmp_path / "state").mkdir()
    with sole_run(tmp_path / "state/provisioning.lock", SystemClock()):
        result = provision()
    assert "Another run is at work on this fleet: process" in result["msg"]
    assert result["pid"]
