"""Validation against a real broker and registry: it finds what is wrong, and passes what is right."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fleetlib.aws import fleet_state
from fleetlib.core.provisioning.model import Certificate
from fleetlib.core.validation import device
from fleetlib.core.validation.device import Kind
from fleetlib.crypto import keys
from fleetlib.device_probe import HARMLESS
from fleetlib.device_store import DeviceStore
from fleetlib.mqtt.session import Identity, Server, Session

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

THING = "${iot:Connection.Thing.ThingName}"


@dataclass(frozen=True)
class Cloud:
    """An account with devices whose keys are on this disk."""

    aws: Any
    directory: Path
    connection: dict[str, str]
    options: dict[str, Any]

    @property
    def iot(self):
        return self.aws("iot")

    def allow(self, *statements):
        """Give the device policy these statements instead of its own."""
        self.iot.create_policy_version(
            policyName="device", policyDocument=document(*statements), setAsDefault=True
        )

    def add(self, *device_ids):
        """Provision devices."""
        store = DeviceStore(self.directory)
        for device_id in device_ids:
            thing, key = f"p-local-{device_id}", keys.new_key()
            store.keep_key(thing, key)
            made = self.iot.create_certificate_from_csr(
                certificateSigningRequest=keys.signing_request(key, thing), setAsActive=True
            )
            certificate = Certificate(made["certificateId"], made["certificateArn"], made["certificatePem"])
            store.keep_certificate(thing, certificate)
            attributes = {"environment": "local", "device_id": device_id, "certificate_id": certificate.id}
            self.iot.create_thing(thingName=thing, attributePayload={"attributes": attributes})
            self.iot.attach_policy(policyName="device", target=certificate.arn)
            self.iot.attach_thing_principal(thingName=thing, principal=certificate.arn)
            self.iot.add_thing_to_thing_group(thingName=thing, thingGroupName="p-local")

    def certificate(self, device_id):
        """Id of a device's certificate."""
        return DeviceStore(self.directory).certificate(f"p-local-{device_id}").id

    def certificate_arn(self, device_id):
        """ARN of a device's certificate."""
        return DeviceStore(self.directory).certificate(f"p-local-{device_id}").arn

    def run(self, module, check_mode=False, **options):
        """The rows of a module, by name, and its whole answer."""
        given = {"name_prefix": "p", "environment_name": "local", **self.connection, **options}
        answer = run_module(module, check_mode=check_mode, **given)
        assert not answer["failed"], answer.get("msg")
        return {row["name"]: row for row in answer["checks"]}, answer

    def probe(self, check_mode=False, **options):
        return self.run("iot_device_probe", check_mode, **{**self.options, "count": 2, **options})

    def load(self, check_mode=False, **options):
        return self.run("iot_load_probe", check_mode, **{**self.options, "count": 6, **options})

    def registry(self, check_mode=False, **options):
        given = {"count": 3, "policy": "device", "group": "p-local", "rate_factor": 1000, **options}
        return self.run("fleet_registry_info", check_mode, **given)[0]


def statement(actions, *resources, **more):
    arns = [f"arn:aws:iot:*:*:{resource}" for resource in resources]
    return {"Effect": "Allow", "Action": actions, "Resource": arns, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


CONNECT = statement(
    "iot:Connect", f"client/{THING}", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
)
SUBSCRIBE = statement("iot:Subscribe", f"topicfilter/steel-programs/{THING}/*")
RECEIVE = statement("iot:Receive", f"topic/steel-programs/{THING}/*")
PUBLISH = statement("iot:Publish", f"topic/$aws/things/{THING}/shadow/get")


@pytest.fixture
def ca(cloud):
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/iot/ca.pem") as answer:
        return answer.read().decode()


@pytest.fixture
def fleet(cloud, aws, connection, ca, tmp_path):
    iot = aws("iot")
    iot.create_policy(policyName="device", policyDocument=document(CONNECT, SUBSCRIBE, RECEIVE, PUBLISH))
    iot.create_thing_group(thingGroupName="p-local")
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    options = {
        "devices_directory": str(tmp_path / "devices"),
        "mqtt_endpoint": "127.0.0.1",
        "mqtt_port": cloud.mqtt_port,
        "ca_certificates": ca,
        "index_timeout_seconds": 0,
    }
    return Cloud(aws, tmp_path / "devices", connection, options)


def statuses(rows):
    return {name: row["status"] for name, row in rows.items()}


def failures(rows):
    return {name for name, row in rows.items() if row["status"] == "failed"}


# The device probe.


def test_a_device_with_the_right_policy_passes_every_row(fleet):
    fleet.add("device-001", "device-002")
    rows, answer = fleet.probe()
    assert set(statuses(rows).values()) == {"passed"}, rows
    assert answer["thing"] == "p-local-device-001"
    assert answer["changed"] is False
    assert "TLSv1.3" in rows[device.CONNECTS]["detail"]
    assert "p-local-device-002" in rows[device.FOREIGN_CLIENT]["detail"]


@pytest.mark.parametrize(
    ("policy", "broken"),
    [
        (
            (CONNECT, statement("iot:Subscribe", "topicfilter/steel-programs/*"), RECEIVE, PUBLISH),
            {device.FOREIGN_SUBSCRIBE},
        ),
        (
            (CONNECT, statement("iot:Subscribe", "topicfilter/*"), RECEIVE, PUBLISH),
            {device.FOREIGN_SUBSCRIBE},
        ),
        (
            (CONNECT, SUBSCRIBE, RECEIVE, statement("iot:Publish", "topic/*")),
            {device.FOREIGN_PUBLISH},
        ),
        (
            (statement("iot:Connect", "client/*"), SUBSCRIBE, RECEIVE, PUBLISH),
            {device.FOREIGN_CLIENT},
        ),
        (
            (statement("iot:*", "*"),),
            {device.FOREIGN_SUBSCRIBE, device.FOREIGN_PUBLISH, device.FOREIGN_CLIENT},
        ),
        ((CONNECT, SUBSCRIBE, PUBLISH), {device.RECEIVES}),
        ((CONNECT, SUBSCRIBE, RECEIVE), {device.PUBLISHES}),
    ],
)
def test_a_policy_that_allows_too_much_or_too_little_fails_its_row(fleet, policy, broken):
    fleet.add("device-001", "device-002")
    fleet.allow(*policy)
    rows, _ = fleet.probe(timeout_seconds=1)
    assert failures(rows) == broken, rows


def test_what_was_allowed_is_named(fleet):
    fleet.add("device-001", "device-002")
    fleet.allow(CONNECT, statement("iot:Subscribe", "topicfilter/steel-programs/*"), RECEIVE, PUBLISH)
    rows, _ = fleet.probe()
    assert rows[device.FOREIGN_SUBSCRIBE]["detail"] == (
        "It was allowed steel-programs/p-local-device-002/load, steel-programs/+/load."
    )


def test_an_inactive_certificate_cannot_connect_and_proves_nothing_else(fleet):
    fleet.add("device-001", "device-002")
    fleet.iot.update_certificate(certificateId=fleet.certificate("device-001"), newStatus="INACTIVE")
    rows, _ = fleet.probe()
    assert failures(rows) == {device.CONNECTS}
    assert "when the certificate is not active" in rows[device.CONNECTS]["detail"]
    assert [row["status"] for row in rows.values()].count("not_checked") == 5


def test_a_certificate_without_the_policy_cannot_connect(fleet):
    fleet.add("device-001", "device-002")
    fleet.iot.detach_policy(policyName="device", target=fleet.certificate_arn("device-001"))
    rows, _ = fleet.probe()
    assert rows[device.CONNECTS]["status"] == "failed"
    assert "Not authorized (0x87)" in rows[device.CONNECTS]["detail"]


def test_a_server_of_another_authority_is_not_trusted(fleet):
    fleet.add("device-001")
    rows, _ = fleet.probe(ca_certificates=None)
    assert rows[device.CONNECTS]["status"] == "failed"
    assert "is not trusted: self-signed certificate in certificate chain" in rows[device.CONNECTS]["detail"]
    assert "fleet_mqtt_ca_file" in rows[device.CONNECTS]["detail"]


def test_a_server_that_answers_to_another_name_is_not_trusted(fleet):
    fleet.add("device-001")
    rows, _ = fleet.probe(mqtt_endpoint="127.0.0.2")
    assert "IP address mismatch" in rows[device.CONNECTS]["detail"]


def test_a_port_where_nobody_listens_is_named(fleet):
    fleet.add("device-001")
    rows, _ = fleet.probe(mqtt_port=1)
    assert "127.0.0.1:1 cannot be reached" in rows[device.CONNECTS]["detail"]


def test_a_connected_device_is_left_alone_and_another_one_is_taken(fleet, cloud, ca):
    fleet.add("device-001", "device-002")
    with Session(Server("127.0.0.1", cloud.mqtt_port, ca_pem=ca), identity(fleet, "device-001")) as session:
        rows, answer = fleet.probe()
        assert answer["thing"] == "p-local-device-002"
        assert set(statuses(rows).values()) == {"passed"}
        named, _ = fleet.probe(device_id="device-001")
        assert set(statuses(named).values()) == {"not_checked"}
        assert "1 are connected and stay undisturbed" in named[device.CONNECTS]["detail"]
        assert session.closed == ""


def test_without_knowing_who_is_connected_no_device_is_taken(fleet):
    fleet.add("device-001")
    fleet.iot.update_indexing_configuration(
        thingIndexingConfiguration={"thingIndexingMode": "REGISTRY", "thingConnectivityIndexingMode": "OFF"}
    )
    rows, _ = fleet.probe()
    assert set(statuses(rows).values()) == {"not_checked"}
    assert "fleet indexing of connectivity is off" in rows[device.CONNECTS]["detail"]
    allowed, _ = fleet.probe(interrupt_devices=True)
    assert set(statuses(allowed).values()) == {"passed"}


def test_without_keys_on_this_host_nothing_is_checked(fleet):
    rows, _ = fleet.probe()
    assert set(statuses(rows).values()) == {"not_checked"}
    assert "are not on this host" in rows[device.CONNECTS]["detail"]


def test_check_mode_connects_as_nobody(fleet):
    fleet.add("device-001")
    for rows, _ in (fleet.probe(check_mode=True), fleet.load(check_mode=True)):
        assert set(statuses(rows).values()) == {"not_checked"}
    found = fleet.iot.search_index(queryString="thingName:p-local-device-001")["things"][0]
    assert "timestamp" not in found["connectivity"]


def test_what_is_sent_where_a_refusal_is_expected_is_no_program(fleet, cloud, ca):
    fleet.add("device-001", "device-002")
    fleet.allow(CONNECT, SUBSCRIBE, RECEIVE, statement("iot:Publish", "topic/*"))
    heard = []
    server = Server("127.0.0.1", cloud.mqtt_port, ca_pem=ca)
    victim = identity(fleet, "device-002")
    with Session(server, victim, on_message=lambda topic, payload, moment: heard.append(payload)) as session:
        assert session.subscribe("steel-programs/p-local-device-002/#").allowed
        rows, _ = fleet.probe(interrupt_devices=True)
        assert failures(rows) == {device.FOREIGN_PUBLISH}
    assert heard == [HARMLESS]
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(HARMLESS)


# The connection itself.


def identity(fleet, device_id, client_id=""):
    store = DeviceStore(fleet.directory)
    thing = f"p-local-{device_id}"
    return Identity(client_id or thing, store.key_path(thing), store.certificate_path(thing))


def test_a_server_that_ends_the_connection_is_noticed(fleet, cloud, ca):
    fleet.add("device-001")
    server = Server("127.0.0.1", cloud.mqtt_port, ca_pem=ca)
    with Session(server, identity(fleet, "device-001")) as first:
        with Session(server, identity(fleet, "device-001")):
            assert first.receive(b"nothing", timeout_seconds=10) is None
        assert first.closed == "The server ended the connection: Session taken over."
        answer = first.publish("steel-programs/x", b"")
        assert (answer.kind, answer.text) == (Kind.UNCLEAR, first.closed)


def test_a_key_that_is_of_another_certificate_is_refused_before_anything_is_sent(fleet, cloud, ca):
    fleet.add("device-001", "device-002")
    mixed = replace(identity(fleet, "device-001"), key=identity(fleet, "device-002").key)
    with pytest.raises(Exception, match="PEM files that belong together"):
        Session(Server("127.0.0.1", cloud.mqtt_port, ca_pem=ca), mixed)


# The registry.


def test_a_complete_fleet_passes(fleet):
    fleet.add("device-001", "device-002", "device-003")
    assert set(statuses(fleet.registry()).values()) == {"passed"}


def test_each_defect_of_a_device_fails_its_own_row(fleet):
    fleet.add(*(f"device-00{number}" for number in range(1, 6)))
    fleet.iot.update_certificate(certificateId=fleet.certificate("device-001"), newStatus="INACTIVE")
    fleet.iot.detach_policy(policyName="device", target=fleet.certificate_arn("device-002"))
    fleet.iot.detach_thing_principal(
        thingName="p-local-device-003", principal=fleet.certificate_arn("device-003")
    )
    fleet.iot.remove_thing_from_thing_group(thingName="p-local-device-004", thingGroupName="p-local")
    rows = fleet.registry(count=6)
    assert {name: row["detail"] for name, row in rows.items() if row["status"] == "failed"} == {
        "Every device is in the registry": "1 of 6 wanted devices are missing: p-local-device-006.",
        "Every device has an active certificate": (
            "1 of 5 devices have none: p-local-device-001 (INACTIVE)."
        ),
        "Every certificate has the device policy": "1 of 5 devices may do nothing: p-local-device-002.",
        "Every certificate belongs to its device": (
            "1 of 5 devices looked at are not tied to theirs: p-local-device-003."
        ),
        "Every device is in the fleet's group": "1 of 5 devices are not in it: p-local-device-004.",
    }


def test_principals_are_asked_for_a_sample_only(fleet):
    fleet.add("device-001", "device-002", "device-003")
    rows = fleet.registry(principal_sample=2)
    assert rows["Every certificate belongs to its device"]["detail"].endswith(
        "(a random sample of 2 of 3 devices)."
    )


def test_check_mode_on_an_empty_account_fails_nothing(fleet):
    rows = fleet.registry(check_mode=True, policy="", group="")
    assert set(statuses(rows).values()) == {"not_checked"}


def test_check_mode_warns_of_what_is_wrong_now(fleet):
    fleet.add("device-001")
    fleet.iot.update_certificate(certificateId=fleet.certificate("device-001"), newStatus="INACTIVE")
    row = fleet.registry(check_mode=True, count=1)["Every device has an active certificate"]
    assert row["status"] == "warned"
    assert row["detail"].startswith("As it is now: ")


def test_a_fleet_is_read_in_pages_of_any_number(fleet):
    fleet.add("device-001")
    found = fleet_state.read_fleet(fleet.iot, "local", "no-such-policy", "no-such-group")
    assert list(found.things) == ["p-local-device-001"]
    assert (found.policy_targets, found.members) == (None, None)


# Load.


def test_devices_under_load_meet_generous_targets_and_the_report_gets_its_plots(fleet):
    fleet.add(*(f"device-00{number}" for number in range(1, 7)))
    rows, answer = fleet.load(
        devices=6, messages_per_device=5, connects_per_second=200, messages_per_second=200, response_ms=5000
    )
    assert set(statuses(rows).values()) == {"passed"}, rows
    assert answer["measured"]["arrived"] == 30
    assert [section["kind"] for section in answer["sections"]] == ["table", "histogram", "series"]


def test_an_impossible_target_is_missed_and_says_so(fleet):
    fleet.add("device-001")
    rows, _ = fleet.load(devices=1, messages_per_device=2, response_ms=0.001)
    assert failures(rows) == {"Messages arrive in time"}
    assert "Missed" in rows["Messages arrive in time"]["detail"]


def test_fewer_devices_than_asked_for_is_said(fleet):
    fleet.add("device-001", "device-002")
    rows, _ = fleet.load(devices=50, messages_per_device=1, response_ms=5000)
    row = rows["Devices connect side by side"]
    assert row["status"] == "warned"
    assert "fewer than the 50 asked for" in row["detail"]


def test_devices_that_cannot_connect_miss_the_target(fleet):
    fleet.add("device-001", "device-002")
    fleet.iot.update_certificate(certificateId=fleet.certificate("device-002"), newStatus="INACTIVE")
    rows, _ = fleet.load(devices=2, messages_per_device=1, response_ms=5000)
    row = rows["Devices connect side by side"]
    assert row["status"] == "failed"
    assert "1 of 2 stayed connected" in row["detail"]
    assert "p-local-device-002: The server closed the connection" in row["detail"]


def test_messages_that_a_device_may_not_receive_miss_the_target(fleet):
    fleet.add("device-001")
    fleet.allow(CONNECT, SUBSCRIBE, PUBLISH)
    rows, _ = fleet.load(devices=1, messages_per_device=2, timeout_seconds=1)
    assert rows["Messages arrive"]["detail"] == "Missed: 0 of 2 (target: above 99.5 %)"
    assert rows["Messages arrive in time"]["status"] == "not_checked"


def test_a_load_beyond_the_quotas_is_refused(fleet):
    given = {"name_prefix": "p", "environment_name": "local", **fleet.connection, **fleet.options}
    answer = run_module("iot_load_probe", count=1, **given, messages_per_second=50_000)
    assert answer["failed"]
    assert answer["msg"].startswith("messages_per_second is 50000; it must be above 0 and at most 20,000")
