"""What the CloudFormation templates promise, whatever else changes in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cfnlint.decode import decode
from fleetlib.core import stacks

TEMPLATES = Path(__file__).parents[3] / "roles/infrastructure/files/cloudformation"
THING = "${iot:Connection.Thing.ThingName}"
# AWS knows no resource for these actions, or none before the call (its Service Authorization Reference);
# those behind the empty line are reads for which the local cloud knows none.
WITHOUT_RESOURCE = {
    "cloudtrail:DescribeTrails",
    "cloudtrail:LookupEvents",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "iam:GenerateCredentialReport",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetCredentialReport",
    "iot:AttachPolicy",
    "iot:AttachThingPrincipal",
    "iot:CreateCertificateFromCsr",
    "iot:DeleteAccountAuditConfiguration",
    "iot:DescribeAccountAuditConfiguration",
    "iot:DescribeAuditTask",
    "iot:DescribeEndpoint",
    "iot:DescribeEventConfigurations",
    "iot:DescribeThingRegistrationTask",
    "iot:DetachPolicy",
    "iot:DetachThingPrincipal",
    "iot:GetIndexingConfiguration",
    "iot:GetLoggingOptions",
    "iot:GetV2LoggingOptions",
    "iot:ListAuditFindings",
    "iot:ListAuditTasks",
    "iot:ListCACertificates",
    "iot:ListCertificates",
    "iot:ListJobs",
    "iot:ListPolicies",
    "iot:ListPrincipalThings",
    "iot:ListThingGroups",
    "iot:ListThingRegistrationTaskReports",
    "iot:ListThingRegistrationTasks",
    "iot:ListThingTypes",
    "iot:ListThings",
    "iot:ListTopicRules",
    "iot:RegisterCertificateWithoutCA",
    "iot:RegisterThing",
    "iot:SetV2LoggingOptions",
    "iot:StartThingRegistrationTask",
    "iot:UpdateAccountAuditConfiguration",
    "iot:UpdateEventConfigurations",
    "iot:UpdateIndexingConfiguration",
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "s3:ListAllMyBuckets",
    "servicequotas:ListServiceQuotas",
    #
    "cloudwatch:GetDashboard",
    "iot:DescribeCACertificate",
    "iot:DescribeCertificate",
    "iot:GetEffectivePolicies",
    "iot:GetPolicy",
    "iot:ListAttachedPolicies",
    "iot:ListTargetsForPolicy",
    "iot:SearchIndex",
}


def template(purpose):
    read, errors = decode(str(TEMPLATES / f"{purpose}.yml"))
    assert not errors
    return json.loads(json.dumps(read))


def resources(purpose, kind):
    found = {
        name: resource["Properties"]
        for name, resource in template(purpose)["Resources"].items()
        if resource["Type"] == kind
    }
    assert found, f"{purpose} has no {kind}"
    return found


def as_list(value):
    return value if isinstance(value, list) else [value]


def filled(value):
    """A name or ARN with the pseudo parameters filled in and the variables of the policy left."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    text, parts = text if isinstance(text, list) else (text, {})
    for name, part in parts.items():
        text = text.replace(f"${{{name}}}", part["Fn::Sub"])
    known = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
    for name, part in known.items():
        text = text.replace(f"${{{name}}}", part)
    return text.replace("${!", "${")


@pytest.fixture
def device_statements():
    return resources("core", "AWS::IoT::Policy")["DevicePolicy"]["PolicyDocument"]["Statement"]


def statements_of_roles():
    for purpose in stacks.PURPOSES:
        for name, resource in template(purpose)["Resources"].items():
            properties = resource["Properties"]
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                documents.append(properties["PolicyDocument"])
            for document in documents:
                for statement in document["Statement"]:
                    yield pytest.param(statement, id=f"{purpose}-{name}-{as_list(statement['Action'])[0]}")


def test_there_is_one_template_per_purpose():
    assert {path.stem for path in TEMPLATES.glob("*.yml")} == set(stacks.PURPOSES)


def test_the_device_policy_fits_what_aws_allows(device_statements):
    # AWS: 2,048 characters, white space not counted; region and account of the longest.
    for statement in device_statements:
        arns = as_list(statement["Resource"])
        statement["Resource"] = [filled(arn).replace("eu-central-1", "ap-southeast-1") for arn in arns]
    document = json.dumps({"Version": "2012-10-17", "Statement": device_statements})
    assert len(re.sub(r"\s", "", document)) <= 2048


def test_a_device_connects_under_its_own_name_only(device_statements):
    (connect,) = (one for one in device_statements if one["Action"] == "iot:Connect")
    assert filled(connect["Resource"]) == f"arn:aws:iot:eu-central-1:123456789012:client/{THING}"
    assert connect["Condition"] == {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def test_a_device_reaches_topics_of_its_own_name_only(device_statements):
    topics = [
        filled(arn).partition("/")[2]
        for one in device_statements
        if one["Action"] != "iot:Connect"
        for arn in as_list(one["Resource"])
    ]
    shared = [topic for topic in topics if THING not in topic]
    assert set(shared) == {"steel-programs/broadcast/*"}
    assert all("*" not in topic.partition(THING)[0] for topic in topics if topic not in shared)


def test_a_device_may_only_listen_to_what_is_said_to_all(device_statements):
    actions = {
        one["Action"]
        for one in device_statements
        if any("broadcast" in filled(arn) for arn in as_list(one["Resource"]))
    }
    assert actions == {"iot:Receive", "iot:Subscribe"}


def test_quarantine_denies_everything():
    policy = resources("core", "AWS::IoT::Policy")["QuarantinePolicy"]["PolicyDocument"]
    assert policy["Statement"] == [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]


@pytest.mark.parametrize("statement", list(statements_of_roles()))
def test_a_role_names_its_actions_and_its_resources(statement):
    actions = set(as_list(statement["Action"]))
    # Only what ends a tag's or an object version's many forms may stand for several actions.
    assert not [action for action in actions if action == "*" or action.endswith(":*")]
    if "*" in as_list(statement["Resource"]) and "Condition" not in statement:
        assert actions <= WITHOUT_RESOURCE


def test_every_key_rotates():
    assert all(key["EnableKeyRotation"] is True for key in resources("core", "AWS::KMS::Key").values())


@pytest.mark.parametrize("name", resources("storage", "AWS::S3::Bucket"))
def test_a_bucket_is_private_encrypted_versioned_and_forgets(name):
    bucket = resources("storage", "AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert {rule["Status"] for rule in bucket["LifecycleConfiguration"]["Rules"]} == {"Enabled"}


@pytest.mark.parametrize("name", resources("storage", "AWS::S3::Bucket"))
def test_a_bucket_refuses_connections_without_tls(name):
    policies = resources("storage", "AWS::S3::BucketPolicy").values()
    (policy,) = (one for one in policies if one["Bucket"] == {"Ref": name})
    denials = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert any(one["Condition"].get("Bool") == {"aws:SecureTransport": "false"} for one in denials)


@pytest.mark.parametrize("purpose", ["core", "storage"])
def test_what_holds_data_outlives_its_stack(purpose):
    holding = {
        "AWS::IoT::Policy",
        "AWS::IoT::ThingGroup",
        "AWS::IoT::ThingType",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
    }
    kept = [one for one in template(purpose)["Resources"].values() if one["Type"] in holding]
    assert {one["DeletionPolicy"] for one in kept} == {"RetainExceptOnCreate"}
    assert {one["UpdateReplacePolicy"] for one in kept} == {"Retain"}
