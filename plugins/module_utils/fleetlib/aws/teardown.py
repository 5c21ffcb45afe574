"""Stacks and what they leave behind: look, and remove. What is gone already is nothing to complain about."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from ..core.clock import Clock, iso
from ..core.errors import FleetError
from ..core.quotas import PAGE_SIZE
from ..core.stacks import PURPOSES
from ..core.teardown.model import Resource, Stack, retained
from ..core.teardown.names import ALARM, BUCKET, FUNCTION, GROUP, JOB, LOG_GROUP, POLICY, STACK, TYPE, Names
from . import account, certificates, registry
from .detaching import gone, when_detached

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

Client = Callable[..., Any]

POLL_SECONDS = 1.0
"""Pause between two looks at a stack that is being deleted."""

TYPE_REST = timedelta(minutes=5)
"""How long a thing type has to be deprecated before AWS deletes it."""

DELETING_JOBS_SECONDS = 300.0
"""How long to wait for one of the ten places that jobs have which are being deleted."""

STILL_WRITTEN = 5
"""How often a bucket is emptied again that others still write to."""


def stack_names(cloudformation: Any) -> list[str]:
    """cloudformation:DescribeStacks: every stack of the region."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return [one["StackName"] for page in pages for one in page["Stacks"]]


def stacks(cloudformation: Any, names: Names) -> list[Stack]:
    """The fleet's stacks that are there, with what each holds, in the order in which they are deployed."""
    found = []
    for name, purpose in zip(names.given(STACK), PURPOSES, strict=True):
        one = account.describe_stack(cloudformation, name)
        if one is not None:
            protected = one.get("EnableTerminationProtection", False)
            held = resources(cloudformation, name)
            found.append(Stack(name, purpose, one["StackStatus"], one["StackId"], protected, held))
    return found


def resources(cloudformation: Any, stack: str) -> list[Resource]:
    """cloudformation:ListStackResources and GetTemplate: what a stack holds."""
    left = retained(cloudformation.get_template(StackName=stack)["TemplateBody"])
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        Resource(one["ResourceType"], one["PhysicalResourceId"], stack, one["LogicalResourceId"] in left)
        for page in pages
        for one in page["StackResourceSummaries"]
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def delete_stack(cloudformation: Any, stack: str, clock: Clock) -> None:
    """cloudformation:DeleteStack, and wait until it is gone. It works with the role that made the stack."""
    cloudformation.delete_stack(StackName=stack)
    while (found := account.describe_stack(cloudformation, stack)) is not None:
        if found["StackStatus"] == "DELETE_FAILED":
            why = "; ".join(account.stack_failures(cloudformation, stack)) or found.get(
                "StackStatusReason", ""
            )
            raise FleetError(
                f"Stack {stack} cannot be deleted: {why}.",
                "Mend the cause, then run again: it goes on.",
            )
        clock.sleep(POLL_SECONDS)


def found(client: Client, names: Names) -> list[Resource]:
    """Whatever has a name that begins like the fleet's, from lists; without stacks and things."""
    iot = client("iot")
    listed = {
        POLICY: _listed(iot, "list_policies", "policies", "policyName"),
        GROUP: registry.iter_groups(iot, names.fleet),
        TYPE: types(iot),
        JOB: _jobs(iot),
        BUCKET: (one["Name"] for one in client("s3").list_buckets().get("Buckets", [])),
        FUNCTION: _listed(client("lambda"), "list_functions", "Functions", "FunctionName"),
        ALARM: _alarms(client("cloudwatch"), names.fleet),
    }
    like = [
        Resource(kind, name)
        for kind, all_names in listed.items()
        for name in all_names
        if names.is_like(name)
    ]
    logs = client("logs")
    groups = (
        one
        for start in names.log_group_starts
        for one in _listed(logs, "describe_log_groups", "logGroups", "logGroupName", logGroupNamePrefix=start)
    )
    return [*like, *(Resource(LOG_GROUP, one) for one in groups)]


def types(iot: Any) -> list[str]:
    """iot:ListThingTypes: every type of the region."""
    return list(_listed(iot, "list_thing_types", "thingTypes", "thingTypeName"))


def things(iot: Any, names: Names) -> tuple[dict[str, dict[str, Any]], list[str], list[str]]:
    """iot:ListThings and ListThingsInThingGroup: the fleet's devices with their records; things of its type
    under somebody else's name; things under its name without its type or group."""
    type_name = names.given(TYPE)[0]
    members: set[str] = set()
    for group in names.given(GROUP):
        with gone(iot):
            members.update(registry.iter_things_in_group(iot, group))
    mine, strangers, alike = {}, [], []
    for one in registry.iter_things(iot):
        name, typed = one["thingName"], one.get("thingTypeName") == type_name
        if names.may_own(name) and (typed or name in members):
            mine[name] = one
        elif typed:
            strangers.append(name)
        elif names.is_like(name):
            alike.append(name)
    return mine, strangers, alike


def parents(iot: Any, groups: Iterable[str]) -> dict[str, str]:
    """iot:DescribeThingGroup: group → the one above it."""
    described = {one: iot.describe_thing_group(thingGroupName=one) for one in groups}
    above = {one: has.get("thingGroupMetadata", {}).get("parentGroupName") for one, has in described.items()}
    return {one: parent for one, parent in above.items() if parent}


def key_deletion(kms: Any, key: str) -> str | None:
    """kms:DescribeKey: when the key goes; empty while not scheduled, None where there is none."""
    try:
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        return None
    return iso(found["DeletionDate"]) if found["KeyState"].startswith("Pending") else ""


def delete_job(iot: Any, job: str, clock: Clock) -> None:
    """iot:CancelJob and DeleteJob, also one at work; AWS deletes ten at a time in the background."""
    with gone(iot), contextlib.suppress(iot.exceptions.InvalidRequestException):  # it has ended
        iot.cancel_job(jobId=job, reasonCode="TEARDOWN", comment="The fleet is torn down", force=True)
    deadline = clock.monotonic() + DELETING_JOBS_SECONDS
    while True:
        try:
            with gone(iot), contextlib.suppress(iot.exceptions.InvalidStateTransitionException):  # on its way
                iot.delete_job(jobId=job, force=True)
            return
        except iot.exceptions.LimitExceededException:
            if clock.monotonic() >= deadline:
                raise
        clock.sleep(POLL_SECONDS)


def detach_policy(iot: Any, policy: str) -> list[str]:
    """iot:ListTargetsForPolicy and DetachPolicy: ids of the certificates that had it."""
    held = []
    with gone(iot):
        for target in list(certificates.iter_policy_targets(iot, policy)):
            certificates.detach_policy(iot, policy, target)
            if ":cert/" in target:
                held.append(target.rpartition("/")[2])
    return held


def delete_free_certificate(iot: Any, certificate: str, clock: Clock) -> bool:
    """iot:DeleteCertificate for one that nothing is attached to any more; whether it is gone."""
    with gone(iot):
        arn = certificates.description(iot, certificate)["certificateArn"]
        if any(certificates.iter_things(iot, arn)) or any(certificates.iter_policies(iot, arn)):
            return False
        certificates.set_status(iot, certificate, "INACTIVE")
        when_detached(
            lambda: certificates.delete(iot, certificate), iot.exceptions.DeleteConflictException, clock
        )
    return True


def delete_policy(iot: Any, policy: str, clock: Clock) -> None:
    """iot:DeletePolicyVersion and DeletePolicy, after it was detached."""
    detach_policy(iot, policy)
    with gone(iot):
        for version in iot.list_policy_versions(policyName=policy)["policyVersions"]:
            if not version["isDefaultVersion"]:
                iot.delete_policy_version(policyName=policy, policyVersionId=version["versionId"])
        when_detached(
            lambda: iot.delete_policy(policyName=policy), iot.exceptions.DeleteConflictException, clock
        )


def delete_group(iot: Any, group: str) -> None:
    """iot:DeleteThingGroup, or DeleteDynamicThingGroup."""
    with gone(iot):
        dynamic = "queryString" in iot.describe_thing_group(thingGroupName=group)
        delete = iot.delete_dynamic_thing_group if dynamic else iot.delete_thing_group
        delete(thingGroupName=group)


def deprecate_type(iot: Any, name: str) -> None:
    """iot:DeprecateThingType, once: its five minutes begin with the first time."""
    with gone(iot):
        if not iot.describe_thing_type(thingTypeName=name)["thingTypeMetadata"].get("deprecated"):
            iot.deprecate_thing_type(thingTypeName=name)


def delete_type(iot: Any, name: str, clock: Clock, wait_seconds: float) -> None:
    """iot:DeleteThingType. AWS takes it from five minutes after the deprecation on, which is waited for.

    Raises `FleetError` with the time from which on it goes, where that is longer than ``wait_seconds``.
    """
    deprecate_type(iot, name)
    deadline = clock.monotonic() + wait_seconds
    while True:
        try:
            with gone(iot):
                iot.delete_thing_type(thingTypeName=name)
            return
        except iot.exceptions.InvalidRequestException as error:
            since = iot.describe_thing_type(thingTypeName=name)["thingTypeMetadata"]["deprecationDate"]
            left = (since + TYPE_REST - clock.now()).total_seconds()
            if clock.monotonic() + max(left, 0) >= deadline:
                raise FleetError(
                    f"Thing type {name} is the last of the fleet and cannot be deleted yet "
                    f"({error.response['Error'].get('Message', error)}).",
                    f"Run again after {iso(since + TYPE_REST)}.",
                ) from error
        clock.sleep(min(10.0, max(1.0, left)))


def delete_bucket(s3: Any, bucket: str, count: Callable[[int], None]) -> None:
    """s3:DeleteObjects for every version and delete marker, a thousand at once, and DeleteBucket.

    Raises `FleetError` where S3 refuses to delete an object. ``count`` hears how many went.
    """
    for attempt in range(STILL_WRITTEN):
        try:
            for versions in _versions(s3, bucket):
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
                _require_deleted(bucket, answer.get("Errors", []))
                count(len(versions))
            s3.delete_bucket(Bucket=bucket)
            return
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                return
            if code != "BucketNotEmpty" or attempt == STILL_WRITTEN - 1:
                raise


def schedule_key_deletion(kms: Any, key: str, days: int) -> str:
    """kms:ScheduleKeyDeletion: when the key goes."""
    return iso(kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)["DeletionDate"])


def delete_function(functions: Any, name: str) -> None:
    """lambda:DeleteFunction."""
    with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=name)


def delete_log_group(logs: Any, name: str) -> None:
    """logs:DeleteLogGroup."""
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=name)


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        both = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if both:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in both]


def _require_deleted(bucket: str, errors: list[dict[str, str]]) -> None:
    if errors:
        first = errors[0]
        raise FleetError(
            f"S3 refuses to delete {len(errors):,} object versions of {bucket}, such as {first['Key']} "
            f"({first.get('VersionId', '')}): {first.get('Message') or first.get('Code')}.",
            "Look at its object lock, legal holds and bucket policy; then run again.",
        )


def _listed(client: Any, operation: str, field: str, name: str, **options: Any) -> Iterator[str]:
    for page in client.get_paginator(operation).paginate(**options):
        yield from (one[name] for one in page.get(field, ()))


def _jobs(iot: Any) -> Iterator[str]:
    for page in iot.get_paginator("list_jobs").paginate(PaginationConfig={"PageSize": PAGE_SIZE}):
        yield from (one["jobId"] for one in page["jobs"] if one.get("status") != "DELETION_IN_PROGRESS")


def _alarms(cloudwatch: Any, start: str) -> Iterator[str]:
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=start, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    for page in pages:
        for one in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
            yield one["AlarmName"]
