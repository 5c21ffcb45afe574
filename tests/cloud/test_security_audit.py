"""An audit of an account on a local cloud in which many things are wrong, beside others that are right."""

from __future__ import annotations

import json
import os
import urllib.request

import boto3
import pytest
from fleetlib import local_cloud

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

PREFIX = "aws-iot-steel-local-"
SECRET = "AKIA" + "ABCDEFGHIJKLMNOP"
STACK = {
    "Resources": {"Group": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": "fleet"}}},
    "Outputs": {"FleetGroupName": {"Value": "fleet"}},
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def account():
    return f"{os.getpid() % 10**6:06d}770001"


@pytest.fixture(scope="module")
def connection(cloud, account):
    return {
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "access_key": account,
        "secret_key": local_cloud.SECRET_KEY,
    }


@pytest.fixture(scope="module")
def site(account, connection):
    """Much that is wrong, beside a core stack without anything in it that is."""

    def aws(service):
        return boto3.client(
            service,
            region_name=connection["region"],
            endpoint_url=connection["endpoint_url"],
            aws_access_key_id=account,
            aws_secret_access_key=local_cloud.SECRET_KEY,
        )

    iot, s3, iam, stacks = aws("iot"), aws("s3"), aws("iam"), aws("cloudformation")
    stacks.create_stack(StackName=f"{PREFIX}core", TemplateBody=json.dumps(STACK))
    stacks.get_waiter("stack_create_complete").wait(StackName=f"{PREFIX}core", WaiterConfig={"Delay": 1})
    for name, resource in (
        ("wide", "*"),
        ("device", "arn:aws:iot:us-west-2:1:client/${iot:Connection.Thing.ThingName}"),
    ):
        document = {"Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": resource}]}
        iot.create_policy(policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", **document}))
    made = [iot.create_keys_and_certificate(setAsActive=True) for _ in range(2)]
    for one in made:
        iot.attach_policy(policyName="device", target=one["certificateArn"])
    for name in ("one", "two"):
        attributes = {"environment": "local", "certificate_id": made[0]["certificateId"]}
        iot.create_thing(thingName=f"{PREFIX}{name}", attributePayload={"attributes": attributes})
    bucket = f"{PREFIX}programs-{account}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="programs/x.scm", Body=f'(define key "{SECRET}")'.encode())
    package = {"code": f'(define wifi-password "{"x" * 9}")'}
    s3.put_object(Bucket=bucket, Key="packages/x/1.0.0/package.json", Body=json.dumps(package).encode())
    iam.create_user(UserName="ada")
    iam.create_login_profile(UserName="ada", Password="not-a-real-one-1A!")
    iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    aws("logs").create_log_group(logGroupName="/aws/iot/steel-runtime")
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    return {"bucket": bucket, "key": key, "left_over": made[1]["certificateId"]}


@pytest.fixture(scope="module")
def audit(connection, site):
    def audit(**options):
        given = {
            "environment_name": "local",
            "name_prefix": PREFIX,
            "policy": "device",
            "devices_directory": "/none",
            "buckets": [site["bucket"], "no-such-bucket-anywhere"],
            "kms_keys": [site["key"]],
            "log_groups": ["/aws/iot/steel-runtime"],
            "programs_bucket": site["bucket"],
        }
        return run_module("fleet_audit_info", **connection, **{**given, **options})

    return audit


@pytest.fixture(scope="module")
def found(audit):
    """One audit of everything, for several questions."""
    return audit()


def by_rule(found):
    return {one["rule"]: one["resource"] for one in found["audit"]["findings"]}


def test_what_is_wrong_is_found_and_what_is_right_is_not(found, site):
    found = by_rule(found)
    assert found["iot-policy-client-id"] == "wide"
    assert found["certificate-orphan"] == f"cert/{site['left_over']}"
    assert found["program-secret"] == f"s3://{site['bucket']}/programs/x.scm"
    assert found["program-possible-secret"] == f"s3://{site['bucket']}/packages/x/1.0.0/package.json"
    assert found["iam-user-mfa"] == "ada"
    assert found["iam-administrator"] == "policy/all"
    assert found["kms-rotation"] == site["key"]
    assert {"certificate-shared", "s3-public-access", "s3-tls", "s3-versioning", "s3-access-log"} <= set(
        found
    )
    assert {"log-retention", "log-encryption", "cloudtrail-on", "iam-root-mfa"} <= set(found)
    assert not {"s3-public-policy", "iot-policy-actions", "certificate-missing", "iam-unused-role"} & set(
        found
    )


def test_what_the_cloud_does_not_answer_is_said_and_not_passed(found):
    unchecked = {one["rule"]: one["why"] for one in found["audit"]["not_checked"]}
    assert "GetV2LoggingOptions was not answered" in unchecked["iot-logging"]
    assert "ListAuditTasks was not answered" in unchecked["defender-conflicting-client-ids"]
    rows = next(one for one in found["sections"] if one["title"] == "Rules")["checks"]
    row = next(one for one in rows if one["name"].startswith("AWS IoT writes its log"))
    assert row["status"] == "not_checked"


def test_a_bucket_that_is_not_there_is_said_beside_what_is_found_in_others(found, site):
    assert by_rule(found)["s3-tls"] == site["bucket"]
    unchecked = {one["rule"]: one["why"] for one in found["audit"]["not_checked"]}
    assert unchecked["s3-tls"] == "no-such-bucket-anywhere: It does not exist."


def test_no_secret_is_repeated(found):
    assert SECRET not in json.dumps(found)


def test_the_authority_of_an_emulator_is_no_authority_for_boards(audit, cloud):
    url = f"{cloud.endpoint_url}/_ministack/iot/ca.pem"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found = audit(authority=answer.read().decode(), authority_url=url)
    assert by_rule(found)["root-ca-foreign"] == url
    missing = {one["rule"]: one["why"] for one in audit(authority_url=url)["audit"]["not_checked"]}
    assert missing["root-ca-foreign"] == f"{url}: It could not be fetched."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"suppressions": [{"rule": "s3-tsl", "reason": "x", "expires": "2030-01-01"}]},
            "names the rule 's3-tsl'",
        ),
        ({"suppressions": [{"rule": "s3-tls", "expires": "2030-01-01"}]}, "gives no reason"),
        ({"fail_on": "bad"}, "fail_on must be one of: critical, high"),
    ],
)
def test_what_makes_no_sense_is_named(audit, options, words):
    found = audit(**options)
    assert found["failed"]
    assert words in found["msg"]


def test_the_playbook_fails_with_findings_and_passes_with_reasons(
    site, ansible_playbook, connection, account, tmp_path
):
    settings = {
        "fleet_aws_connection": connection,
        "fleet_account_id": account,
        "device_count": 2,
        "fleet_state_dir": str(tmp_path / "fleet"),
        "security_audit_policy": "device",
    }
    run = ansible_playbook("playbooks/security_audit.yml", "-e", json.dumps(settings))
    assert run.returncode != 0
    assert "findings are high or worse" in " ".join(run.stdout.split()), run.stdout
    reasons = [{"rule": "*", "reason": "a test", "expires": "2099-12-31"}]
    sarif = tmp_path / "audit.sarif"
    kept = {**settings, "security_audit_suppressions": reasons, "sarif_file": str(sarif)}
    run = ansible_playbook("playbooks/security_audit.yml", "-e", json.dumps(kept))
    assert run.returncode == 0, run.stdout
    record = json.loads((tmp_path / "reports/security_audit/latest/report.json").read_text())
    data, summary = record["data"]["security_audit"], record["summary"]
    assert summary["Suppressed"] == len(data["suppressed"]) > 5
    assert summary["Not checked"] == len(data["not_checked"])
    history = next(one for one in record["sections"] if one["title"] == "History")
    assert history["rows"][0][:2] == ["Critical", 0]
    assert history["rows"][0][2] > 0
    log = json.loads(sarif.read_text())
    assert len(log["runs"][0]["results"]) == len(data["suppressed"])
