"""The operator's role, as the core stack makes it, is enough for every runbook."""

from __future__ import annotations

import re

import pytest

from tests.cloud.registry_state import export
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FLEET = {"name_prefix": "pit", "environment_name": "local"}
THING = "pit-local-device-001"


@pytest.fixture
def outputs(aws, connection, root, tmp_path):
    """The core stack of an account of its own, with one device."""
    text = (root / "roles/infrastructure/files/cloudformation/core.yml").read_text()
    template = re.sub(r"(?m)^ *#.*\n", "", text)  # as role infrastructure sends it
    parameters = {"NamePrefix": "pit", "Environment": "local", "OperatorRequiresMfa": "false"}
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="pit-local-core",
        TemplateBody=template,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="pit-local-core")
    (stack,) = cloudformation.describe_stacks(StackName="pit-local-core")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    made = run_module(
        "iot_thing_batch",
        **connection,
        **FLEET,
        count=1,
        thing_type=outputs["ThingTypeName"],
        policy=outputs["DevicePolicyName"],
        group=outputs["FleetGroupName"],
        state_directory=str(tmp_path),
        rate_factor=1000,
        settle_seconds=0,
    )
    assert not made["failed"], made
    aws("iot").update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    return outputs


@pytest.fixture
def operator(aws, connection, outputs, tmp_path):
    """``operator("module", …)`` runs a module with the operator's credentials."""
    session = aws("sts").assume_role(RoleArn=outputs["OperatorRoleArn"], RoleSessionName="test")[
        "Credentials"
    ]
    given = {
        **connection,
        "access_key": session["AccessKeyId"],
        "secret_key": session["SecretAccessKey"],
        "session_token": session["SessionToken"],
    }

    def run(module, **options):
        answer = run_module(module, **given, **options)
        assert not answer["failed"], answer["msg"]
        return answer

    return run


def test_the_operator_may_quarantine_release_and_revoke(aws, operator, outputs, tmp_path):
    iot = aws("iot")
    before = export(iot)
    work = {
        **FLEET,
        "directory": str(tmp_path),
        "quarantine_group": outputs["QuarantineGroupName"],
        "quarantine_policy": outputs["QuarantinePolicyName"],
        "end_sessions": False,
        "rate_factor": 1000,
    }
    answer = operator("iot_quarantine", **work, device_ids=["device-001"], incident_id="i")
    assert answer["state"] == "quarantined"
    found = operator("incident_evidence", incident_id="i", directory=str(tmp_path), rate_factor=1000)
    assert found["missing"] == {}
    operator("iot_quarantine", **work, action="release")
    assert export(iot) == before
    operator("iot_quarantine", **work, device_ids=["device-001"], incident_id="j")
    answer = operator("iot_quarantine", **work, action="revoke", confirm="j")
    assert answer["state"] == "revoked"


def test_the_operator_may_look_at_everything_and_tell_people(operator, outputs, tmp_path):
    found = operator(
        "iot_connection_info",
        **FLEET,
        device_ids=["device-001"],
        devices_directory=str(tmp_path / "devices"),
        quarantine_group=outputs["QuarantineGroupName"],
        quarantine_policy=outputs["QuarantinePolicyName"],
        broker_log_group="AWSIotLogsV2",
        device_log_group="/aws/iot/steel-runtime",
    )
    rows = {row["name"]: row for row in found["devices"][0]["checks"]}
    assert {row["status"] for row in rows.values()} <= {"passed", "warned", "not_checked"}, rows
    assert all(row["status"] == "passed" for name, row in rows.items() if name.startswith("Its policies"))
    seen = operator(
        "fleet_symptoms_info",
        **FLEET,
        parts=["alarms", "stacks", "connections", "programs", "errors", "resources", "changes"],
        stacks=["core"],
        device_log_group="/aws/iot/steel-runtime",
    )
    assert not [row for row in seen["checks"] if row["name"].startswith("AWS answers")], seen["checks"]
    told = operator(
        "incident_escalation",
        incident_id="i",
        severity="P4",
        summary="a test",
        fleet="pit-local",
        directory=str(tmp_path),
        contacts=[{"level": 1, "name": "Alarms", "channel": "sns", "to": outputs["AlarmTopicArn"]}],
    )
    assert told["troubles"] == []
