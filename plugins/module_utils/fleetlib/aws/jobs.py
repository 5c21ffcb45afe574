"""AWS IoT Jobs: one job reaches a group of devices."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.quotas import PAGE_SIZE
from ..core.rollout.gate import Counts
from ..core.rollout.plan import Wave
from ..core.rollout.ports import Execution

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import ClientError

COMMENT_LENGTH = 2028

_COUNTED = {
    "queued": "numberOfQueuedThings",
    "in_progress": "numberOfInProgressThings",
    "succeeded": "numberOfSucceededThings",
    "failed": "numberOfFailedThings",
    "rejected": "numberOfRejectedThings",
    "timed_out": "numberOfTimedOutThings",
    "canceled": "numberOfCanceledThings",
    "removed": "numberOfRemovedThings",
}


def create(
    iot: Any,
    job: str,
    target_arn: str,
    document: Mapping[str, Any],
    wave: Wave,
    *,
    keep_open: bool,
    presign_role: str = "",
    comment: str = "",
) -> None:
    """iot:CreateJob with a wave's rate, timeout, retries and abort criteria; keeps a job of that id as is."""
    options: dict[str, Any] = {
        "jobId": job,
        "targets": [target_arn],
        "document": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
        "description": comment[:COMMENT_LENGTH],
        "targetSelection": "CONTINUOUS" if keep_open else "SNAPSHOT",
        "jobExecutionsRolloutConfig": _rate(wave),
        "timeoutConfig": {"inProgressTimeoutInMinutes": wave.timeout_minutes},
    }
    if wave.retries:
        retry = {"failureType": "ALL", "numberOfRetries": wave.retries}
        options["jobExecutionsRetryConfig"] = {"criteriaList": [retry]}
    if not keep_open:
        options["abortConfig"] = {"criteriaList": [_abort(wave)]}
    if presign_role:
        options["presignedUrlConfig"] = {"roleArn": presign_role, "expiresInSec": 3600}
    with contextlib.suppress(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_job(**options)


def counts(iot: Any, job: str) -> Counts:
    """iot:DescribeJob: executions by status; none where there is no such job."""
    try:
        details = iot.describe_job(jobId=job)["job"].get("jobProcessDetails", {})
    except iot.exceptions.ResourceNotFoundException:
        return Counts()
    return Counts(**{name: int(details.get(field) or 0) for name, field in _COUNTED.items()})


def executions(iot: Any, job: str) -> Iterator[Execution]:
    """iot:ListJobExecutionsForJob in pages: the last execution of every device; none without such a job."""
    latest: dict[str, tuple[int, Execution]] = {}
    pages = iot.get_paginator("list_job_executions_for_job").paginate(
        jobId=job, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    try:
        for page in pages:
            for one in page["executionSummaries"]:
                thing, summary = one["thingArn"].rpartition("/")[2], one["jobExecutionSummary"]
                number = summary.get("executionNumber", 1)
                if thing not in latest or number > latest[thing][0]:
                    began = summary.get("startedAt") is not None or number > 1
                    latest[thing] = (number, Execution(thing, summary["status"], began))
    except iot.exceptions.ResourceNotFoundException:
        return
    for _, execution in latest.values():
        yield execution


def in_flight(iot: Any) -> list[str]:
    """iot:ListJobs: ids of the jobs that have not ended."""
    pages = iot.get_paginator("list_jobs").paginate(status="IN_PROGRESS")
    return [one["jobId"] for page in pages for one in page["jobs"]]


def cancel(iot: Any, job: str, why: str, *, running_too: bool) -> None:
    """iot:CancelJob. A job that has ended, or never was, is left as it is."""
    try:
        iot.cancel_job(jobId=job, reasonCode="ROLLOUT", comment=why[:COMMENT_LENGTH], force=running_too)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "InvalidRequestException"):
            raise


def execution_details(iot: Any, job: str, thing: str) -> tuple[str, dict[str, str]]:
    """iot:DescribeJobExecution: status and what the device said; empty where there is none yet."""
    try:
        found = iot.describe_job_execution(jobId=job, thingName=thing)["execution"]
    except iot.exceptions.ResourceNotFoundException:
        return "", {}
    return found["status"], found.get("statusDetails", {}).get("detailsMap", {})


def said(iot: Any, jobs_data: Any, job: str, thing: str) -> dict[str, str]:
    """What the device said; empty where it said nothing yet.

    iot-jobs-data:DescribeJobExecution (200/s), which knows nothing of executions that have ended; for those
    iot:DescribeJobExecution (10/s).
    """
    try:
        found = jobs_data.describe_job_execution(jobId=job, thingName=thing)["execution"]
    except jobs_data.exceptions.TerminalStateException:
        return execution_details(iot, job, thing)[1]
    except jobs_data.exceptions.ResourceNotFoundException:
        return {}
    return dict(found.get("statusDetails", {}))


def _rate(wave: Wave) -> dict[str, Any]:
    rate = wave.rate
    if rate.start_per_minute is None:
        return {"maximumPerMinute": rate.per_minute}
    return {
        "maximumPerMinute": rate.per_minute,
        "exponentialRate": {
            "baseRatePerMinute": rate.start_per_minute,
            "incrementFactor": round(rate.growth or 1.1, 1),
            "rateIncreaseCriteria": {"numberOfSucceededThings": rate.after_successes},
        },
    }


def _abort(wave: Wave) -> dict[str, Any]:
    """What stops the job also when no control host looks. AWS stops at the threshold, the engine above it."""
    return {
        "failureType": "ALL",
        "action": "CANCEL",
        "thresholdPercentage": round(min(100.0, wave.abort_percent + 0.01), 2),
        "minNumberOfExecutedThings": wave.abort_after,
    }
