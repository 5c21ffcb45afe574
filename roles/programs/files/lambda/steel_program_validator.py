# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Lambda function that validates every Steel program that arrives in the programs bucket.

It runs the very checks of the control host (``fleetlib.core.scheme``, in the same zip file) and answers two
kinds of events:

- EventBridge's "Object Created": the object gets the tags ``validation`` (``passed`` or ``failed``) and
  ``validation-errors`` (their number); a failure is published to the topic ``ALARM_TOPIC_ARN``.
- a direct invocation ``{"source": "<program text>", "profile": "<profile>"}``: the report is the answer, and
  nothing is tagged or published.

The object's metadata or the invocation name the ``profile``; otherwise the variable ``PROFILE`` does.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetlib.core.errors import FleetError
from fleetlib.core.scheme.files import check_bytes

MAX_BYTES = 1 << 20
"""Objects above this are refused unread; no profile allows as much."""
DEFAULT_PROFILE = os.environ.get("PROFILE", "esp32-c3")
MAX_REPORTED = 20
"""Diagnostics in a log line or an alarm, which have size limits; the number of errors is always complete."""
TAG, ERRORS_TAG = "validation", "validation-errors"
GONE = ("404", "NoSuchKey", "NoSuchVersion")


@dataclass(frozen=True)
class Surroundings:
    """What the function works with: boto3 clients, the topic of the alarms, the usual profile, the log."""

    s3: Any
    sns: Any
    topic_arn: str
    profile: str
    log: Callable[..., None]


@dataclass(frozen=True)
class Verdict:
    """What the checks say about one program."""

    profile: str
    errors: int
    diagnostics: list[dict[str, Any]]

    @property
    def outcome(self) -> str:
        """The value of the tag ``validation``."""
        return "failed" if self.errors else "passed"

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain data, with the first diagnostics only."""
        return {
            "validation": self.outcome,
            "profile": self.profile,
            "errors": self.errors,
            "diagnostics": self.diagnostics[:MAX_REPORTED],
        }


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of Lambda."""
    request_id = getattr(context, "aws_request_id", "")
    surroundings = Surroundings(
        client("s3"),
        client("sns"),
        os.environ.get("ALARM_TOPIC_ARN", ""),
        os.environ.get("PROFILE", "esp32-c3"),
        functools.partial(write_log, request_id=request_id),
    )
    return answer(event, surroundings)


def answer(event: Mapping[str, Any], surroundings: Surroundings) -> dict[str, Any]:
    """Tell the two kinds of events apart: EventBridge's have a ``detail``."""
    if "detail" in event:
        return validate_object(event["detail"], surroundings)
    if isinstance(event.get("source"), str):
        program = event["source"].encode(errors="surrogatepass")
        verdict = judge(program, "program.scm", str(event.get("profile", surroundings.profile)))
        return {**verdict.as_dict(), "diagnostics": verdict.diagnostics}
    raise ValueError("The event is neither an EventBridge event of S3 nor {source, profile}.")


def validate_object(detail: Mapping[str, Any], surroundings: Surroundings) -> dict[str, Any]:
    """Check the object of an event, alarm if it fails, and tag it last: the tag says that all is done."""
    started = time.monotonic()
    where = {"Bucket": detail["bucket"]["name"], "Key": detail["object"]["key"]}
    if "version-id" in detail["object"]:
        where["VersionId"] = detail["object"]["version-id"]
    log = functools.partial(
        surroundings.log, bucket=where["Bucket"], key=where["Key"], version_id=where.get("VersionId")
    )
    s3 = surroundings.s3
    try:
        tags = {one["Key"]: one["Value"] for one in s3.get_object_tagging(**where)["TagSet"]}
        if TAG in tags:
            log("INFO", "Validated before: the event came twice.", validation=tags[TAG])
            return {"validation": tags[TAG]}
        verdict = read_and_judge(s3, where, surroundings.profile)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        log("WARNING", "The object is gone; there is nothing to validate.")
        return {"validation": "gone"}
    log(
        "ERROR" if verdict.errors else "INFO",
        f"Validation {verdict.outcome}.",
        duration_ms=round(1000 * (time.monotonic() - started)),
        **verdict.as_dict(),
    )
    if verdict.errors:
        alarm(where, verdict, surroundings)
    tags |= {TAG: verdict.outcome, ERRORS_TAG: str(verdict.errors)}
    tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
    s3.put_object_tagging(**where, Tagging={"TagSet": tag_set})
    return verdict.as_dict()


def read_and_judge(s3: Any, where: Mapping[str, str], usual_profile: str) -> Verdict:
    """Read the object, unless it is too large for any device, and check it."""
    found = s3.get_object(**where)
    profile = found["Metadata"].get("profile", usual_profile)
    if found["ContentLength"] > MAX_BYTES:
        text = f"the object has {found['ContentLength']} bytes; more than {MAX_BYTES} are not read"
        return refuse(profile, "too-large", text)
    return judge(found["Body"].read(), where["Key"], profile)


def judge(program: bytes, path: str, profile: str) -> Verdict:
    """The verdict of the library."""
    try:
        report = check_bytes(program, path=path, profile=profile).as_dict()
    except FleetError as error:
        return refuse(profile, "cannot-check", str(error))
    return Verdict(profile, report["errors"], report["diagnostics"])


def refuse(profile: str, code: str, message: str) -> Verdict:
    """A verdict about something that the checks cannot even look at."""
    return Verdict(profile, 1, [{"code": code, "severity": "error", "message": message}])


def alarm(where: Mapping[str, str], verdict: Verdict, surroundings: Surroundings) -> None:
    """Tell the people who subscribed to the topic."""
    if not surroundings.topic_arn:
        surroundings.log("WARNING", "ALARM_TOPIC_ARN is not set: nobody is told of the failure.")
        return
    subject = f"Steel program failed validation: {where['Key']}"
    message = {"bucket": where["Bucket"], "key": where["Key"], **verdict.as_dict()}
    surroundings.sns.publish(
        TopicArn=surroundings.topic_arn,
        Subject=re.sub("[^ -~]", "?", subject)[:100],  # SNS takes no more, and no other characters
        Message=json.dumps(message, indent=2, ensure_ascii=False),
    )


def write_log(level: str, message: str, **fields: Any) -> None:
    """One JSON object a line, which CloudWatch Logs can filter by field."""
    sys.stdout.write(json.dumps({"level": level, "message": message, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@functools.cache
def client(service: str) -> Any:
    """A boto3 client, made when it is first needed and kept while the function is warm."""
    import boto3

    return boto3.client(service)
