# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Lambda function that AWS IoT asks before a device registers itself with the claim certificate.

It decides by the list of expected devices, an object in S3, and by the registry; the decision itself is
``fleetlib.core.provisioning.claim``, in the same zip file. Whatever goes wrong, the device is refused: AWS
IoT takes an error for a no.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetlib.core.naming import thing_name
from fleetlib.core.provisioning.claim import SERIAL, Expectations, decide

UNCHANGED = "304"
MAX_LOGGED = 128
"""A serial number comes from whoever holds the claim certificate; no device id is longer."""


class ExpectedDevices:
    """The list, read again only when it has changed."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        """Nothing is read before `current`."""
        self._s3 = s3
        self._where = {"Bucket": bucket, "Key": key}
        self._etag = ""
        self._read = Expectations()

    def current(self) -> Expectations:
        """The list as it is now."""
        condition = {"IfNoneMatch": self._etag} if self._etag else {}
        try:
            found = self._s3.get_object(**self._where, **condition)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != UNCHANGED:
                raise
            return self._read
        self._read = Expectations.read(json.loads(found["Body"].read()))
        self._etag = found["ETag"]
        return self._read


@dataclass(frozen=True)
class Surroundings:
    """What the function works with: the list, the registry (boto3), the fleet, the log."""

    expected: ExpectedDevices
    iot: Any
    prefix: str
    environment: str
    log: Callable[..., None]

    def look(self, device_id: str) -> Mapping[str, str] | None:
        """Attributes of the registered device; None when there is none."""
        name = thing_name(self.prefix, self.environment, device_id)
        try:
            found: Mapping[str, str] = self.iot.describe_thing(thingName=name)["attributes"]
        except self.iot.exceptions.ResourceNotFoundException:
            return None
        return found


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of Lambda."""
    return answer(event, surroundings(), getattr(context, "aws_request_id", ""))


def answer(event: Mapping[str, Any], around: Surroundings, request_id: str = "") -> dict[str, Any]:
    """Decide, and leave one line in the log whatever the decision is."""
    decision = decide(event.get("parameters"), around.expected.current(), around.look)
    around.log(
        "INFO" if decision.allow else "WARNING",
        f"{'Admitted' if decision.allow else 'Refused'}: {decision.reason}.",
        device_id=decision.device_id[:MAX_LOGGED],
        client_id=event.get("clientId"),
        claim_certificate_id=event.get("claimCertificateId"),
        certificate_id=event.get("certificateId"),
        request_id=request_id,
    )
    return {
        "allowProvisioning": decision.allow,
        "parameterOverrides": {SERIAL: decision.device_id} if decision.allow else {},
    }


@functools.cache
def surroundings() -> Surroundings:
    """Clients and list, made when they are first needed and kept while the function is warm."""
    import boto3

    expected = ExpectedDevices(boto3.client("s3"), os.environ["EXPECTED_BUCKET"], os.environ["EXPECTED_KEY"])
    prefix, environment = os.environ["NAME_PREFIX"], os.environ["ENVIRONMENT_NAME"]
    return Surroundings(expected, boto3.client("iot"), prefix, environment, write_log)


def write_log(level: str, message: str, **fields: Any) -> None:
    """One JSON object a line, which CloudWatch Logs can filter by field."""
    sys.stdout.write(json.dumps({"level": level, "message": message, **fields}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
