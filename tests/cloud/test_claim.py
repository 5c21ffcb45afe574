"""Devices that register themselves: the operator prepares it, real MQTT clients go through it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from fleetlib import local_cloud
from fleetlib.core.provisioning.claim import client_id
from fleetlib.core.validation.device import Kind
from fleetlib.crypto import keys
from fleetlib.mqtt.session import Identity, Server, Session

from tests.module_runner import run_module

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("claim")]

PREFIX, ENVIRONMENT = "aws-iot-steel", "local"
FLEET = f"{PREFIX}-{ENVIRONMENT}"
TEMPLATE = f"{FLEET}-claim"
# The local cloud makes the key; on AWS the device sends a signing request to create-from-csr.
CREATE = "$aws/certificates/create/json"
REGISTER = f"$aws/provisioning-templates/{TEMPLATE}/provision/json"


class Site:
    """A local cloud with what `deploy.yml --tags bootstrap` makes."""

    def __init__(self, root, directory):
        port, mqtt_port = local_cloud.free_ports(2)
        self.root = root
        self.settings = local_cloud.Settings(directory / "cloud", port, mqtt_port)
        self.state = directory / "fleet"
        self.reports = directory / "reports"
        self.variables = {
            "device_count": 3,
            "fleet_state_dir": str(self.state),
            "local_cloud_directory": str(self.settings.directory),
            "local_cloud_mqtt_port": mqtt_port,
            "local_cloud_port": port,
        }

    def play(self, playbook, *arguments, **variables):
        """Run a playbook; its output. It has to succeed."""
        given = json.dumps(self.variables | variables)
        run = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), playbook, "-e", given, *arguments],
            cwd=self.root,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1", "FLEET_REPORTS_DIR": str(self.reports)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def client(self, service):
        return boto3.client(
            service,
            region_name=self.settings.region,
            endpoint_url=self.settings.endpoint_url,
            aws_access_key_id=local_cloud.ACCESS_KEY,
            aws_secret_access_key=local_cloud.SECRET_KEY,
        )

    def become_operator(self):
        """From now on playbooks run with the operator's role."""
        role = f"arn:aws:iam::000000000000:role/{FLEET}-operator"
        session = self.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        self.variables["fleet_aws_connection"] = {
            "access_key": session["AccessKeyId"],
            "endpoint_url": self.settings.endpoint_url,
            "region": self.settings.region,
            "secret_key": session["SecretAccessKey"],
            "session_token": session["SessionToken"],
        }

    @property
    def list(self):
        """The options of `iot_claim_devices` that say which list."""
        bucket = f"{FLEET}-deploy-000000000000-us-west-2"
        return {"bucket": bucket, "key": "provisioning/claim/expected.json", "name_prefix": PREFIX}

    def run(self, module, may_fail=False, **options):
        """Run a module as the operator."""
        answer = run_module(
            module, environment_name=ENVIRONMENT, **self.variables["fleet_aws_connection"], **options
        )
        assert may_fail or not answer["failed"], answer.get("msg")
        return answer

    @property
    def server(self):
        with urllib.request.urlopen(f"{self.settings.endpoint_url}/_ministack/iot/ca.pem") as answer:
            return Server("127.0.0.1", self.settings.mqtt_port, ca_pem=answer.read().decode())

    def claim_identity(self, name):
        folder = self.state / "claim" / TEMPLATE
        return Identity(name, folder / "private.key", folder / "certificate.pem")

    def expected(self):
        """The list as the hook reads it."""
        found = self.client("s3").get_object(Bucket=self.list["bucket"], Key=self.list["key"])
        return json.loads(found["Body"].read())


class Board:
    """A device that has nothing but the claim certificate."""

    def __init__(self, site, device_id, folder):
        self.site = site
        self.device_id = device_id
        self.folder = folder
        self.answers = queue.Queue()

    def ask(self, session, topic, request):
        """Publish a request; which topic answered, and what."""
        for kind in ("accepted", "rejected"):
            assert session.subscribe(f"{topic}/{kind}").kind is Kind.ALLOWED
        assert session.publish(topic, json.dumps(request).encode()).kind is Kind.ALLOWED
        answered, payload, _ = self.answers.get(timeout=15)
        return answered.removeprefix(f"{topic}/"), json.loads(payload)

    def register(self):
        """Go the whole way; how RegisterThing was answered."""
        name = client_id(PREFIX, ENVIRONMENT, self.device_id)
        identity = self.site.claim_identity(name)
        with Session(self.site.server, identity, on_message=lambda *one: self.answers.put(one)) as session:
            assert session.connected.kind is Kind.ALLOWED, session.connected.text
            kind, made = self.ask(session, CREATE, {})
            assert kind == "accepted", made
            self.folder.mkdir(exist_ok=True)
            (self.folder / "private.key").write_text(made["privateKey"])
            (self.folder / "certificate.pem").write_text(made["certificatePem"])
            self.certificate_id = made["certificateId"]
            request = {
                "certificateOwnershipToken": made["certificateOwnershipToken"],
                "parameters": {"SerialNumber": self.device_id},
            }
            return self.ask(session, REGISTER, request)

    def connect(self):
        """Connect with the certificate of its own, as the thing that it is now."""
        own = Identity(
            f"{FLEET}-{self.device_id}", self.folder / "private.key", self.folder / "certificate.pem"
        )
        with Session(self.site.server, own) as session:
            return session.connected.kind


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    site = Site(root, tmp_path_factory.mktemp("claim"))
    try:
        site.play("deploy.yml", "--tags", "bootstrap")
        yield site
    finally:
        local_cloud.stop(site.settings)


@pytest.fixture(scope="module")
def prepared(site):
    """The site with everything that devices need to register themselves; three are expected."""
    site.become_operator()
    site.play("playbooks/provision.yml", provisioning_strategy="claim")
    return site


@pytest.fixture
def board(prepared, tmp_path):
    return lambda device_id: Board(prepared, device_id, tmp_path / device_id)


def test_check_mode_shows_what_would_be_made_and_makes_nothing(site):
    text = site.play("playbooks/provision.yml", "--check", "--diff", provisioning_strategy="claim")
    assert "3 devices named: 0 are registered. 3 devices are expected, 3 of them new on the list." in text
    assert "+device-003" in text
    assert "Add Template (AWS::IoT::ProvisioningTemplate)" in " ".join(text.split())
    assert site.client("iot").list_provisioning_templates()["templates"] == []
    assert not (site.state / "claim").exists()


def test_a_second_run_changes_nothing(prepared):
    assert "changed=0 " in prepared.play("playbooks/provision.yml", provisioning_strategy="claim")


def test_the_claim_key_is_private_and_of_the_certificate(prepared):
    folder = prepared.state / "claim" / TEMPLATE
    key = folder / "private.key"
    assert (key.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    certificate = (folder / "certificate.pem").read_text()
    assert keys.certificate_key_id(certificate) == keys.public_key_id(key.read_bytes())


def test_an_expected_device_registers_itself_and_is_like_any_other(prepared, board):
    device = board("device-001")
    kind, answer = device.register()
    assert kind == "accepted", answer
    name = f"{FLEET}-device-001"
    assert answer["thingName"] == name
    iot = prepared.client("iot")
    thing = iot.describe_thing(thingName=name)
    assert thing["thingTypeName"] == f"{FLEET}-esp32-c3"
    assert thing["attributes"] == {
        "certificate_id": device.certificate_id,
        "device_id": "device-001",
        "environment": ENVIRONMENT,
        "firmware_version": "1.0.0",
        "hardware_revision": "1.0",
    }
    (principal,) = iot.list_thing_principals(thingName=name)["principals"]
    assert principal.endswith(device.certificate_id)
    (policy,) = iot.list_attached_policies(target=principal)["policies"]
    assert policy["policyName"] == f"{FLEET}-device"
    assert name in iot.list_things_in_thing_group(thingGroupName=FLEET)["things"]
    assert device.connect() is Kind.ALLOWED
    answer = prepared.run(
        "fleet_certificates_info", policy=f"{FLEET}-device", state_directory=str(prepared.state)
    )
    (row,) = (one for one in answer["certificates"] if one["thing"] == name)
    assert row["troubles"] == []


def test_a_device_that_nobody_expects_is_refused_by_the_hook(prepared, board):
    device = board("device-666")
    kind, answer = device.register()
    assert (kind, answer["errorCode"]) == ("rejected", "AccessDenied")
    things = prepared.client("iot").list_things(attributeName="device_id", attributeValue="device-666")
    assert things["things"] == []
    assert device.connect() is not Kind.ALLOWED


def test_a_registered_device_comes_again_only_with_permission_and_once(prepared, board):
    assert board("device-002").register()[0] == "accepted"
    assert board("device-002").register()[0] == "rejected"
    allowed = prepared.run(
        "iot_claim_devices", **prepared.list, device_ids=["device-001"], again=["device-002"]
    )
    assert any(line.startswith("device-002 may replace certificate") for line in allowed["lines"])
    device = board("device-002")
    assert device.register()[0] == "accepted"
    assert device.connect() is Kind.ALLOWED
    assert board("device-002").register()[0] == "rejected"


def test_the_claim_certificate_reaches_nothing_else(prepared):
    as_thing = prepared.claim_identity(f"{FLEET}-device-001")
    with Session(prepared.server, as_thing) as session:
        assert session.connected.kind is not Kind.ALLOWED
    claiming = prepared.claim_identity(client_id(PREFIX, ENVIRONMENT, "device-001"))
    with Session(prepared.server, claiming) as session:
        assert session.connected.kind is Kind.ALLOWED
        for topic in ("steel-programs/broadcast/load", f"{REGISTER.replace('claim', 'other')}/accepted"):
            assert session.subscribe(topic).kind is Kind.REFUSED


def test_a_device_leaves_the_list_only_with_the_confirmation_that_decommissioning_wants(prepared):
    given = {**prepared.list, "state": "absent", "device_ids": ["device-003"]}
    refused = prepared.run("iot_claim_devices", **given, confirm="device-00", may_fail=True)
    assert refused["failed"]
    assert "confirm" in refused["msg"]
    assert "device-003" in prepared.expected()["devices"]


def test_a_decommissioned_device_leaves_the_list_and_cannot_come_back(prepared, board):
    assert board("device-003").register()[0] == "accepted"
    assert "device-003" in prepared.expected()["devices"]
    prepared.play("playbooks/decommission.yml", device_ids=["device-003"], confirm="device-003")
    assert "device-003" not in prepared.expected()["devices"]
    assert board("device-003").register()[0] == "rejected"
