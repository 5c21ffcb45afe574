"""Validation against a real broker and registry: it finds what is wrong, and passes what is right."""

from __future__ import annotations

import io
import json
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fleetlib.aws import fleet_state
from fleetlib.core.provisioning.model import Certificate
from fleetlib.core.security.buckets import PUBLIC_ACCESS_SWITCHES
from fleetlib.core.validation import device
from fleetlib.core.validation.device import Kind
from fleetlib.crypto import keys
from fleetlib.device_probe import HARMLESS
from fleetlib.device_store import DeviceStore
from fleetlib.key_protection import Passphrase
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


def test_a_device_connects_with_a_key_that_is_encrypted(fleet):
    fleet.add("device-001", "device-002")
    store = DeviceStore(fleet.directory, Passphrase("a passphrase of the test, 40 characters."))
    store.encrypt_keys("p-local-device-001")
    rows, answer = fleet.probe(
        device_id="device-001",
        key_protection="passphrase",
        key_passphrase=store.key_password("p-local-device-001").decode(),
    )
    assert answer["thing"] == "p-local-device-001"
    assert set(statuses(rows).values()) == {"passed"}
    refused = run_module(
        "iot_device_probe",
        name_prefix="p",
        environment_name="local",
        **fleet.connection,
        **fleet.options,
        count=2,
        device_id="device-001",
    )
    assert "key of p-local-device-001 is encrypted. Set provisioning_key_protection" in refused["msg"]


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


# Stacks and what they made.

REPLY = """
def handler(event, context):
    errors = abs(event["source"].count("(") - event["source"].count(")"))
    return {"validation": "failed" if errors else "passed", "errors": errors, "diagnostics": []}
"""
PROGRAMS = [
    {"name": "a right program", "source": "(led-on)", "right": True},
    {"name": "a wrong program", "source": "(led-on", "right": False},
]


@pytest.fixture
def deployment(fleet):
    """What stacks would have made, rightly; name → what it is called."""
    aws = fleet.aws
    aws("cloudformation").create_stack(StackName="p-local-core", TemplateBody=TEMPLATE)
    aws("logs").create_log_group(logGroupName="/fleet/boards")
    aws("logs").put_retention_policy(logGroupName="/fleet/boards", retentionInDays=30)
    topic = aws("sns").create_topic(Name="alarms")["TopicArn"]
    queue = "arn:aws:sqs:us-west-2:000000000000:somebody"
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_metric_alarm(**alarm("p-local-silent", topic))
    cloudwatch.put_dashboard(DashboardName="p-local", DashboardBody=json.dumps({"widgets": [WIDGET]}))
    key = make_key(aws)
    return {
        "topic": topic,
        "function": deploy_function(aws, REPLY),
        "bucket": make_bucket(aws, key),
        "key": key,
    }


TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
WIDGET = {"type": "text", "properties": {"markdown": "x"}}


def alarm(name, topic):
    return {
        "AlarmName": name,
        "Namespace": "x",
        "MetricName": "x",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [topic] if topic else [],
    }


def deploy_function(aws, code):
    role = aws("iam").create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("function.py", code)
    made = aws("lambda").create_function(
        FunctionName="validator",
        Runtime="python3.11",
        Role=role,
        Handler="function.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    return made["FunctionArn"]


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def make_bucket(aws, key):
    s3, name = aws("s3"), f"programs-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
            ]
        },
    )
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(PUBLIC_ACCESS_SWITCHES, True)
    )
    s3.put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls_only(name)]})
    )
    return name


def tls_only(bucket):
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        # As the storage stack has it on a local cloud, which is reached over plain HTTP.
        "Condition": {
            "Bool": {"aws:SecureTransport": "false"},
            "NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"},
        },
    }


def make_key(aws):
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    aws("kms").enable_key_rotation(KeyId=key)
    return key


def resources(fleet, deployment, check_mode=False, **options):
    given = {
        "stacks": ["core"],
        "log_groups": ["/fleet/boards"],
        "alarm_topic_arn": deployment["topic"],
        "alarm_prefix": "p-local-",
        "dashboard": "p-local",
        "validator": {"function": deployment["function"], "programs": PROGRAMS},
        **options,
    }
    return fleet.run("fleet_resource_info", check_mode, **given)[0]


def test_what_the_stacks_made_passes(fleet, deployment):
    rows = resources(fleet, deployment)
    assert set(statuses(rows).values()) == {"passed"}, rows
    assert rows["The validator refuses a wrong program"]["detail"] == "failed, errors: 1"


def test_what_does_not_exist_fails_and_in_check_mode_is_not_there_yet(fleet):
    missing = {"topic": f"arn:aws:sns:us-west-2:{fleet.connection['access_key']}:none", "function": "none"}
    options = {"log_groups": ["/none"], "dashboard": "none", "alarm_prefix": "none-", "stacks": ["none"]}
    rows = resources(fleet, missing, **options)
    assert set(statuses(rows).values()) == {"failed"}, rows
    seen = resources(fleet, missing, check_mode=True, **options)
    assert set(statuses(seen).values()) == {"not_checked"}, seen


def test_names_that_no_stack_gave_stand_for_what_does_not_exist(fleet):
    rows = resources(
        fleet, {"topic": "", "function": ""}, check_mode=True, log_groups=[""], dashboard="", stacks=[]
    )
    assert set(statuses(rows).values()) == {"not_checked"}, rows


def test_only_what_is_asked_for_is_checked(fleet):
    assert fleet.run("fleet_resource_info", stacks=["core"])[0].keys() == {"Stack core is healthy"}


def test_a_deployment_that_was_changed_by_hand_fails_row_by_row(fleet, deployment):
    aws = fleet.aws
    aws("logs").delete_retention_policy(logGroupName="/fleet/boards")
    aws("cloudwatch").put_metric_alarm(**alarm("p-local-mute", ""))
    aws("cloudwatch").put_dashboard(DashboardName="p-local", DashboardBody='{"widgets": []}')
    rows = resources(fleet, deployment)
    assert failures(rows) == {
        "Log group /fleet/boards keeps 30 days",
        "The alarms notify the alarm topic",
        "Dashboard p-local has widgets",
    }
    assert rows["The alarms notify the alarm topic"]["detail"] == "1 of 2 do not: p-local-mute."


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("def handler(event, context):\n    raise ValueError('broken')\n", "The function failed"),
        ("def handler(event, context):\n    return 'yes'\n", "Its answer is no JSON object: '\"yes\"'"),
        (
            "def handler(event, context):\n    return {'validation': 'passed', 'errors': 0}\n",
            "passed, errors: 0",
        ),
    ],
)
def test_a_validator_that_fails_or_accepts_everything_is_found(fleet, code, detail):
    asked = {"function": deploy_function(fleet.aws, code), "programs": PROGRAMS}
    rows, _ = fleet.run("fleet_resource_info", validator=asked)
    assert "The validator refuses a wrong program" in failures(rows)
    assert detail in rows["The validator refuses a wrong program"]["detail"]


# The role.


@pytest.fixture
def play(fleet, deployment, cloud, ansible_playbook, tmp_path):
    """Run the role as playbooks do, against what the fixtures deployed."""

    def play(*arguments, **variables):
        playbook = tmp_path / "playbook.yml"
        playbook.write_text(
            yaml.safe_dump(
                [
                    {
                        "name": "Try the role",
                        "hosts": "localhost",
                        "gather_facts": False,
                        "module_defaults": {"group/steel.fleet.fleet": fleet.connection},
                        "roles": ["steel.fleet.validation"],
                    }
                ]
            )
        )
        given = {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "fleet_name_prefix": "p",
            "fleet_environment": "local",
            "fleet_region": fleet.connection["region"],
            "fleet_state_dir": str(tmp_path),
            "fleet_stacks": {
                "core": {
                    "DevicePolicyName": "device",
                    "FleetGroupName": "p-local",
                    "AlarmTopicArn": deployment["topic"],
                    "KmsKeyArn": deployment["key"],
                },
                "storage": {"ProgramsBucket": deployment["bucket"], "SourceKey": "no bucket"},
                "validator": {"FunctionArn": deployment["function"], "LogGroup": "/fleet/boards"},
                "monitoring": {"DashboardName": "p-local", "RuntimeLogGroup": "/fleet/boards"},
            },
            "fleet_mqtt_endpoint": "127.0.0.1",
            "fleet_mqtt_port": cloud.mqtt_port,
            "fleet_mqtt_ca_url": f"{cloud.endpoint_url}/_ministack/iot/ca.pem",
            "device_count": 2,
            "validation_stacks": ["core", "audit"],
            "infrastructure_unsupported_stacks": ["audit"],
        }
        run = ansible_playbook(
            *(str(playbook), "-i", "localhost,", "-c", "local", "-e", json.dumps(given | variables)),
            *arguments,
            FLEET_REPORTS_DIR=str(tmp_path / "reports"),
        )
        reports = sorted((tmp_path / "reports").rglob("report.json"), key=lambda path: path.stat().st_mtime)
        return run, json.loads(reports[-1].read_text())

    return play


def reported(report):
    """Title of a section → its rows by name."""
    return {
        section["title"]: {row["name"]: row for row in section["checks"]}
        for section in report["sections"]
        if section["kind"] == "checks"
    }


def test_the_role_checks_everything_and_changes_nothing(fleet, play):
    fleet.add("device-001", "device-002")
    run, report = play()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "changed=0" in run.stdout
    assert report["checks"]["failed"] == 0
    sections = reported(report)
    assert set(sections) == {"End to end", "Security"}
    assert sections["End to end"]["Stack audit is healthy"]["status"] == "not_checked"
    assert sections["End to end"]["A device is refused another device's client id"]["status"] == "passed"
    assert len(sections["Security"]) == 5
    assert "PRIVATE KEY" not in run.stdout + run.stderr + json.dumps(report)


def test_the_role_fails_at_the_end_and_names_every_failed_row(fleet, play):
    fleet.add("device-001", "device-002")
    fleet.iot.update_certificate(certificateId=fleet.certificate("device-002"), newStatus="INACTIVE")
    fleet.allow(CONNECT, statement("iot:Subscribe", "topicfilter/*"), RECEIVE, PUBLISH)
    run, report = play()
    assert run.returncode != 0
    message = "2 of 26 checks failed: Every device has an active certificate: 1 of 2 devices have none: "
    assert message + "p-local-device-002 (INACTIVE). A device is refused a subscription" in run.stdout, (
        run.stdout
    )
    assert report["result"] == "failed"
    assert report["checks"]["failed"] == 2


def test_tags_choose_a_part(fleet, play):
    fleet.add("device-001", "device-002")
    load = {
        "validation_parts": ["e2e", "security", "load"],
        "validation_load_devices": 2,
        "validation_load_messages_per_device": 2,
        "validation_targets": {"response_ms": 5000},
    }
    for tag, title in (("load", "Load"), ("security", "Security"), ("e2e", "End to end")):
        run, report = play("--tags", tag, **load)
        assert run.returncode == 0, run.stdout + run.stderr
        assert set(reported(report)) == {title}


def test_check_mode_on_an_empty_account_passes_and_checks_nothing(fleet, play):
    run, report = play(
        *("--check", "--diff"),
        fleet_stacks={},
        fleet_name_prefix="empty",
        validation_parts=["e2e", "security", "load"],
        validation_stacks=["core", "audit"],
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert {name for name, count in report["checks"].items() if count} == {"not_checked"}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"validation_parts": ["everything"]}, "validation_parts"),
        ({"validation_targets": {"speed": 1}}, "speed"),
        ({"validation_load_devices": 5000, "validation_parts": ["load"]}, "devices is 5000; it must be"),
        ({"device_count": 0}, "count is 0"),
    ],
)
def test_a_wrong_value_is_named(play, variables, message):
    run, _ = play(**variables)
    assert run.returncode != 0
    assert message in run.stdout


# What protects data.


def security(fleet, check_mode=False, **options):
    answer = run_module("fleet_security_info", check_mode, **fleet.connection, **options)
    assert not answer["failed"], answer
    return {row["name"]: row for row in answer["checks"]}


def test_protected_buckets_and_keys_pass(fleet, deployment):
    rows = security(
        fleet, buckets=[deployment["bucket"]], bucket_key=deployment["key"], kms_keys=[deployment["key"]]
    )
    assert set(statuses(rows).values()) == {"passed"}, rows
    assert len(rows) == 5


def test_each_weakness_of_a_bucket_or_key_fails_its_own_row(fleet, deployment):
    name, s3 = deployment["bucket"], fleet.aws("s3")
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    fleet.aws("kms").disable_key_rotation(KeyId=deployment["key"])
    rows = security(fleet, buckets=[name], bucket_key="another-key", kms_keys=[deployment["key"]])
    assert failures(rows) == {
        f"Bucket {name} is encrypted",
        f"Bucket {name} is private",
        f"Bucket {name} takes TLS only",
        f"Bucket {name} is versioned",
        f"Key {deployment['key']} rotates",
    }


def test_buckets_and_keys_that_are_missing_or_unknown_fail(fleet):
    rows = security(fleet, buckets=["no-such-bucket"], kms_keys=["alias/none"])
    assert set(statuses(rows).values()) == {"failed"}
    rows = security(fleet, buckets=[], kms_keys=[])
    assert {row["detail"] for row in rows.values()} == {"There is none."}
    rows = security(fleet, check_mode=True, buckets=[], kms_keys=[])
    assert set(statuses(rows).values()) == {"not_checked"}
