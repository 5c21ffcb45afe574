"""Registration tasks of AWS IoT (StartThingRegistrationTask), their input files and their reports."""

from __future__ import annotations

import contextlib
import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import FleetError
from ..core.provisioning.bulk import Task
from ..core.provisioning.model import Certificate
from . import certificates, storage, things
from .provisioning import explained

DOWNLOAD_SECONDS = 60
"""How long a report may stand still before its download counts as failed."""


class RegistrationTasks:
    """The tasks of an account. See `core.provisioning.bulk.Tasks`."""

    def __init__(self, iot: Any, s3: Any, bucket: str, role_arn: str) -> None:
        """``role_arn``: the role with which AWS reads the input file and registers."""
        certificates.never_repeat_tasks(iot)
        self._iot = iot
        self._s3 = s3
        self._bucket = bucket
        self._role_arn = role_arn

    def upload(self, path: Path, key: str) -> None:
        """Bring an input file to the bucket."""
        with explained("uploading the signing requests"):
            storage.upload(self._s3, path, self._bucket, key)

    def start(self, template: str, key: str) -> str:
        """iot:StartThingRegistrationTask; the id of the task."""
        with explained("StartThingRegistrationTask"):
            answer = self._iot.start_thing_registration_task(
                templateBody=template, inputFileBucket=self._bucket, inputFileKey=key, roleArn=self._role_arn
            )
        return str(answer["taskId"])

    def every(self) -> Iterator[Task]:
        """iot:ListThingRegistrationTasks, and each of them described."""
        with explained("ListThingRegistrationTasks"):
            pages = list(self._iot.get_paginator("list_thing_registration_tasks").paginate())
        return (self.describe(task_id) for page in pages for task_id in page["taskIds"])

    def describe(self, task_id: str) -> Task:
        """iot:DescribeThingRegistrationTask."""
        with explained("DescribeThingRegistrationTask"):
            found = self._iot.describe_thing_registration_task(taskId=task_id)
        return Task(
            task_id,
            found["status"],
            found["inputFileBucket"],
            found["inputFileKey"],
            found.get("successCount", 0),
            found.get("failureCount", 0),
            found.get("message", ""),
        )

    def results(self, task_id: str) -> Iterator[str]:
        """Lines about devices that the task has registered."""
        return self._lines(task_id, "RESULTS")

    def errors(self, task_id: str) -> Iterator[str]:
        """Lines about devices that the task has not registered."""
        return self._lines(task_id, "ERRORS")

    def certificate_of(self, thing: str) -> Iterator[Certificate]:
        """iot:ListThingPrincipals and iot:DescribeCertificate: the certificates attached to a thing."""
        with explained("reading a thing's certificate"):
            for arn in things.principals(self._iot, thing):
                if ":cert/" in arn:
                    yield certificates.describe(self._iot, arn.rpartition("/")[2])

    def _lines(self, task_id: str, kind: str) -> Iterator[str]:
        """iot:ListThingRegistrationTaskReports, and what its links lead to."""
        with explained("ListThingRegistrationTaskReports"):
            pages = self._iot.get_paginator("list_thing_registration_task_reports").paginate(
                taskId=task_id, reportType=kind
            )
            links = [link for page in pages for link in page["resourceLinks"]]
        for link in links:
            yield from downloaded(link)


def downloaded(link: str) -> Iterator[str]:
    """The lines of a report, without holding it in memory. The link is signed: it stands in no message."""
    where = urlsplit(link)
    if where.scheme not in ("https", "http"):
        raise FleetError(f"AWS IoT gave a link to a report that is no web address ({where.scheme}).")
    with (
        _readable(f"{where.scheme}://{where.netloc}"),
        urllib.request.urlopen(link, timeout=DOWNLOAD_SECONDS) as report,  # noqa: S310  # checked above
    ):
        for line in report:
            if line.strip():
                yield line.decode()
        if report.length:  # reading by lines does not notice that the end is missing
            raise http.client.IncompleteRead(b"", report.length)


@contextlib.contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise FleetError(
            f"A report of the registration task cannot be read from {where}: {type(error).__name__}.",
            "Look at the network, then run again: the task has ended, and its reports are read anew.",
        ) from error
