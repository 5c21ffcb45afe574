"""What a security audit reads: IAM, CloudTrail, AWS IoT's policies, log and Device Defender; all in pages."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from ..core.errors import FleetError
from ..core.quotas import PAGE_SIZE
from ..core.security.account import Logging, LogGroup, Trail
from ..core.security.defender import Audit, Check, Found
from ..core.security.model import Unreadable

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

T = TypeVar("T")

REPORT_SECONDS: Final = 60
"""How long IAM may take to make its credential report; a few seconds, says AWS."""
POLL_SECONDS: Final = 2
READERS: Final = 8
MOST_BYTES: Final = 256 * 1024
"""Of a published program; a board takes far less."""
LOOK_BACK: Final = timedelta(days=8)
"""How far an audit of Device Defender may lie back; the fleet's own is weekly."""


def ask(read: Callable[..., T], *arguments: Any) -> T | Unreadable:
    """What ``read`` answers, or why this cloud, or this caller, gets no answer: an audit goes on."""
    try:
        return read(*arguments)
    except ClientError as error:
        said = error.response["Error"]
        words = f"{said.get('Code', 'refused')}: {said.get('Message', '')}".rstrip(": .")
        return Unreadable(f"{error.operation_name} was not answered: {words}.")
    except FleetError as error:
        return Unreadable(error.message)
    except (BotoCoreError, ResponseParserError) as error:
        return Unreadable(f"The answer could not be read: {type(error).__name__}.")


def credential_report(iam: Any, sleep: Any = time.sleep) -> str:
    """iam:GenerateCredentialReport and GetCredentialReport: every user of the account, as CSV."""
    for _ in range(REPORT_SECONDS // POLL_SECONDS):
        if iam.generate_credential_report()["State"] == "COMPLETE":
            content: bytes = iam.get_credential_report()["Content"]
            return content.decode()
        sleep(POLL_SECONDS)
    raise FleetError(f"IAM made no credential report within {REPORT_SECONDS} seconds.", "Run it again.")


def authorization_details(iam: Any) -> dict[str, list[dict[str, Any]]]:
    """iam:GetAccountAuthorizationDetails: users, groups, roles and the account's own policies."""
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Role", "Group", "LocalManagedPolicy"]
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for page in pages:
        for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"):
            found.setdefault(kind, []).extend(page.get(kind, ()))
    return found


def trails(cloudtrail: Any) -> tuple[Trail, ...]:
    """cloudtrail:DescribeTrails, and GetTrailStatus of each: those that record this region."""
    return tuple(
        Trail(
            one["Name"],
            bool(cloudtrail.get_trail_status(Name=one["TrailARN"])["IsLogging"]),
            bool(one.get("IsMultiRegionTrail")),
            bool(one.get("LogFileValidationEnabled")),
            one.get("KmsKeyId", ""),
        )
        for one in cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]
    )


def iot_logging(iot: Any) -> Logging:
    """iot:GetV2LoggingOptions."""
    try:
        found = iot.get_v2_logging_options()
    except iot.exceptions.NotConfiguredException:
        return Logging()
    return Logging(found.get("defaultLogLevel", "DISABLED"), bool(found.get("disableAllLogs")))


def log_groups(logs: Any, name_prefix: str) -> dict[str, LogGroup]:
    """logs:DescribeLogGroups: log groups whose names begin with ``name_prefix``."""
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name_prefix)
    return {
        one["logGroupName"]: LogGroup(one.get("retentionInDays"), one.get("kmsKeyId", ""))
        for page in pages
        for one in page["logGroups"]
    }


def iot_policies(iot: Any) -> dict[str, str]:
    """iot:ListPolicies, and GetPolicy of each: name → default document of every policy of the account."""
    pages = iot.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": PAGE_SIZE})
    names = [one["policyName"] for page in pages for one in page["policies"]]
    return {name: str(iot.get_policy(policyName=name)["policyDocument"]) for name in names}


def published_programs(s3: Any, bucket: str) -> dict[str, str]:
    """s3:ListBucket, and GetObject of each program and package: where → the program's text."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [
        one["Key"]
        for page in pages
        for one in page.get("Contents", ())
        if one["Key"].endswith((".scm", "/package.json")) and one["Size"] <= MOST_BYTES
    ]
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        texts = pool.map(lambda key: _program(s3, bucket, key), keys)
        return {f"s3://{bucket}/{key}": text for key, text in zip(keys, texts, strict=True)}


def _program(s3: Any, bucket: str, key: str) -> str:
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace")
    return str(json.loads(body)["code"]) if key.endswith(".json") else body


def defender_audit(iot: Any, now: datetime) -> Audit | None:
    """iot:ListAuditTasks, DescribeAuditTask, ListAuditFindings: Device Defender's last audit that ended."""
    pages = iot.get_paginator("list_audit_tasks").paginate(
        startTime=now - LOOK_BACK, endTime=now, taskStatus="COMPLETED"
    )
    ids = [one["taskId"] for page in pages for one in page["tasks"]]
    if not ids:
        return None
    # The list does not say when; there are two in eight days where the audit is weekly.
    described = {one: iot.describe_audit_task(taskId=one) for one in ids}
    last = max(ids, key=lambda one: described[one]["taskStartTime"])
    checks = {
        name: Check(one.get("checkRunStatus", "UNKNOWN"), one.get("totalResourcesCount", 0))
        for name, one in described[last].get("auditDetails", {}).items()
    }
    return Audit(checks, tuple(_findings(iot, last)))


def _findings(iot: Any, task: str) -> Iterator[Found]:
    for page in iot.get_paginator("list_audit_findings").paginate(taskId=task):
        for one in page["findings"]:
            if not one.get("isSuppressed"):
                identifier = one.get("nonCompliantResource", {}).get("resourceIdentifier", {})
                reason = one.get("reasonForNonCompliance", one.get("reasonForNonComplianceCode", ""))
                yield Found(one["checkName"], _resource(identifier), reason)


def _resource(identifier: dict[str, Any]) -> str:
    """``deviceCertificateId …`` of what Device Defender names by one or more keys."""
    return ", ".join(f"{name} {value}" for name, value in sorted(identifier.items()))
