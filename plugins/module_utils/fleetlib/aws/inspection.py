"""What the stacks made, looked at one by one. Something that does not exist is ``None``, not an error."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from ..core.security.account import LogGroup
from ..core.security.buckets import Bucket
from ..core.validation.resources import Alarm
from . import storage

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

_UNSET = {
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
}
"""What S3 answers where a setting was never made."""


def stack_status(cloudformation: Any, name: str) -> str:
    """cloudformation:DescribeStacks: the status of a stack; empty when it does not exist."""
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return ""
        raise


def log_group(logs: Any, name: str) -> LogGroup | None:
    """logs:DescribeLogGroups."""
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for one in page["logGroups"]:
            if one["logGroupName"] == name:
                return LogGroup(one.get("retentionInDays"), one.get("kmsKeyId", ""))
    return None


def confirmed_subscriptions(sns: Any, topic_arn: str) -> int | None:
    """sns:GetTopicAttributes: how many confirmed subscriptions a topic has."""
    try:
        return int(sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"]["SubscriptionsConfirmed"])
    except sns.exceptions.NotFoundException:
        return None


def alarms(cloudwatch: Any, prefix: str) -> list[Alarm]:
    """cloudwatch:DescribeAlarms: metric and composite alarms by the beginning of their names."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [
        Alarm(one["AlarmName"], one["StateValue"], one["AlarmActions"] if one.get("ActionsEnabled") else ())
        for page in pages
        for kind in ("MetricAlarms", "CompositeAlarms")
        for one in page.get(kind, ())
    ]


def dashboard(cloudwatch: Any, name: str) -> str | None:
    """cloudwatch:GetDashboard: its body (JSON)."""
    try:
        return str(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "DashboardNotFoundError"):
            return None
        raise


def bucket(s3: Any, name: str) -> Bucket | None:
    """s3:ListBucket, GetEncryptionConfiguration, GetBucket(PublicAccessBlock|Policy|Versioning|Logging)."""
    if not storage.bucket_exists(s3, name):
        return None
    encryption = _setting(s3.get_bucket_encryption, name).get("ServerSideEncryptionConfiguration", {})
    rules = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in encryption.get("Rules", ())]
    rule = rules[0] if rules else {}
    return Bucket(
        name=name,
        encryption=rule.get("SSEAlgorithm", ""),
        key=rule.get("KMSMasterKeyID", ""),
        public_access=_setting(s3.get_public_access_block, name).get("PublicAccessBlockConfiguration", {}),
        policy=_setting(s3.get_bucket_policy, name).get("Policy", ""),
        versioning=s3.get_bucket_versioning(Bucket=name).get("Status", ""),
        log_bucket=s3.get_bucket_logging(Bucket=name).get("LoggingEnabled", {}).get("TargetBucket", ""),
    )


def key_rotates(kms: Any, key: str) -> bool | None:
    """kms:GetKeyRotationStatus."""
    try:
        return bool(kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"])
    except kms.exceptions.NotFoundException:
        return None


def policy_document(iot: Any, name: str) -> str | None:
    """iot:GetPolicy: the default version's document (JSON)."""
    try:
        return str(iot.get_policy(policyName=name)["policyDocument"])
    except iot.exceptions.ResourceNotFoundException:
        return None


def invoke(functions: Any, name: str, event: dict[str, Any]) -> dict[str, Any] | str | None:
    """lambda:InvokeFunction: the function's answer, or the text of why it gave none."""
    try:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    except functions.exceptions.ResourceNotFoundException:
        return None
    text = answer["Payload"].read().decode(errors="replace")
    if answer.get("FunctionError"):
        return f"The function failed ({answer['FunctionError']}): {text[:300]}"
    try:
        result = json.loads(text)
    except ValueError:
        result = None
    return result if isinstance(result, dict) else f"Its answer is no JSON object: {text[:100]!r}"


def _setting(get: Any, bucket_name: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = get(Bucket=bucket_name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _UNSET:
            return {}
        raise
    return answer
