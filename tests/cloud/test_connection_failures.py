"""Devices that cannot connect: the runbook says why, and the broker refuses each of them, too."""

from __future__ import annotations

import json
import time

import pytest
from fleetlib.core import connection_diagnosis as diagnosis
from fleetlib.crypto import keys

from tests.cloud.incident_site import Site, document, reports, statement
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

THING = "pit-local-device-001"


@pytest.fixture
def site(aws, connection, account, tmp_path, cloud):
    site = Site(aws, connection, account, tmp_path, cloud)
    site.provision(2)
    return site


@pytest.fixture
def look(site):
    def look(**options):
        given = {
            "name_prefix": "pit",
            "environment_name": "local",
            "device_ids": ["device-001"],
            "devices_directory": str(site.directory / "devices"),
            "quarantine_group": "pit-local-quarantine",
            "quarantine_policy": "pit-local-quarantine",
            "device_log_group": "/fleet/boards",
        }
        return run_module("iot_connection_info", **site.connection, **{**given, **options})

    return look


def why(answer):
    assert not answer["failed"], answer
    return answer["devices"][0]["why"]


def test_a_device_that_is_well_is_said_to_be(site, look):
    with site.session(THING) as session:
        assert session.connected.allowed
        answer = look()
    assert why(answer) == "It is connected, and nothing is in its way."
    rows = {row["name"]: row["status"] for row in answer["devices"][0]["checks"]}
    assert rows.pop("Log group /fleet/boards has no complaint of it") == "not_checked"
    assert set(rows.values()) == {"passed"}


def inactive(site):
    site.iot.update_certificate(certificateId=site.certificate(THING).id, newStatus="INACTIVE")


def detached(site):
    site.iot.detach_thing_principal(thingName=THING, principal=site.certificate(THING).arn)


def without_policy(site):
    site.iot.detach_policy(policyName="pit-local-device", target=site.certificate(THING).arn)


def denied(site):
    site.iot.attach_policy(policyName="pit-local-quarantine", target=site.certificate(THING).arn)


def connects_only_as_another(site):
    other = document(statement("iot:Connect", "client/pit-local-device-002"))
    site.iot.create_policy_version(policyName="pit-local-device", policyDocument=other, setAsDefault=True)


def gone(site):
    detached(site)
    site.iot.delete_thing(thingName=THING)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (inactive, "The certificate is active: no."),
        (detached, "A certificate is attached to it: no."),
        (without_policy, "No policy has a statement that allows iot:Connect"),
        (denied, "policy pit-local-quarantine on its certificate"),
        (
            connects_only_as_another,
            "statement 1 of policy pit-local-device on the certificate: its resources do not",
        ),
        (gone, "There is no thing pit-local-device-001"),
    ],
)
def test_the_runbook_says_why_and_the_broker_refuses(site, look, spoil, words):
    spoil(site)
    with site.session(THING) as session:
        assert not session.connected.allowed
    assert words in why(look())


def test_a_key_that_is_not_the_certificates_is_found(site, look):
    path = site.store.key_path(THING)
    path.write_bytes(keys.new_key())
    assert "The private key on this host is not the one that" in why(look())
    path.write_text("nothing")
    assert "its private key is damaged" in look()["msg"]


def test_quarantine_by_the_group_alone_is_found(site, look):
    deny = site.iot.describe_thing_group(thingGroupName="pit-local-quarantine")["thingGroupArn"]
    site.iot.attach_policy(policyName="pit-local-quarantine", target=deny)
    site.iot.add_thing_to_thing_group(thingName=THING, thingGroupName="pit-local-quarantine")
    answer = look()
    assert "It is (thing group pit-local-quarantine)" in why(answer)
    connect = next(
        one for one in answer["devices"][0]["checks"] if one["name"] == diagnosis.MAY["iot:Connect"]
    )
    assert "Denied by statement 1 of policy pit-local-quarantine on thing group" in connect["detail"]


def test_the_last_disconnect_and_the_errors_it_logged_are_told(site, look):
    with site.session(THING) as session:
        assert session.connected.allowed
    logs = site.aws("logs")
    logs.create_log_group(logGroupName="/fleet/boards")
    logs.create_log_stream(logGroupName="/fleet/boards", logStreamName="s")
    lines = [{"level": "error", "thing": one, "message": f"no sensor {one}"} for one in (THING, "zebra")]
    logs.put_log_events(
        logGroupName="/fleet/boards",
        logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(one)} for one in lines],
    )
    details = " ".join(row["detail"] for row in look()["devices"][0]["checks"])
    assert "it said goodbye itself (CLIENT_INITIATED_DISCONNECT)" in details
    assert f"no sensor {THING}" in details
    assert "no sensor zebra" not in details


def test_without_names_those_are_looked_at_who_are_away(site, look):
    with site.session(THING) as session:
        assert session.connected.allowed
        found = look(device_ids=[])
    assert [one["thing"] for one in found["devices"]] == ["pit-local-device-002"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"most_devices": 0}, "most_devices is 0; it can be 1 to 100"),
        ({"since_minutes": 0}, "since_minutes is 0"),
        ({"device_ids": ["a/b"]}, "'a/b' cannot be a device id"),
        ({"device_ids": ["a", "b"], "most_devices": 1}, "2 devices are more than 1"),
    ],
)
def test_a_wrong_option_is_named(site, look, options, words):
    assert words in look(**options)["msg"]


def test_the_runbook_only_reads_and_leaves_a_page(site, ansible_playbook, tmp_path):
    inactive(site)
    before = site.iot.list_certificates()["certificates"]
    run = ansible_playbook(
        *("playbooks/runbooks/connection_failures.yml", "-i", "inventory/local/control.yml"),
        *("-e", site.variables(), "-e", "device_id=device-001"),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "The certificate is active: no." in run.stdout
    assert "changed=0" in run.stdout
    assert site.iot.list_certificates()["certificates"] == before
    (report,) = reports(tmp_path / "reports")
    assert report["playbook"] == "runbooks/connection_failures"
    assert report["warnings"] == []
    assert [one["title"] for one in report["sections"]] == ["Why they cannot connect", THING]
    assert "PRIVATE KEY" not in run.stdout + json.dumps(report)
