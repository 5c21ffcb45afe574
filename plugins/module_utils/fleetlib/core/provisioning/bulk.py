"""Registration tasks: AWS works through a file of signing requests, and this host takes in what came out.

One line of the file registers one device: thing, certificate for the key that is kept here, policy. The
certificate's id cannot stand in a template, so the direct engine completes what the task has registered.

The journal has ``prepared`` before a task can exist, ``started`` once its id is known and ``collected`` when
its results are on this disk. A task that was prepared and not collected is found and waited for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .estimate import Estimate, Strategy, for_new_devices
from .model import Certificate, Fleet
from .plan import Plan
from .steps import OPERATIONS, Step

RUNNING = ("InProgress", "Cancelling")
"""States of a task that is still at work."""

REASON_LENGTH = 300
"""Of an error line that says more than anybody reads."""

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_REASONS = ("errorMessage", "message", "reason", "error")


@dataclass(frozen=True)
class Task:
    """A registration task as AWS describes it."""

    id: str
    status: str
    bucket: str = ""
    key: str = ""
    registered: int = 0
    failed: int = 0
    message: str = ""

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self.status in RUNNING

    def as_dict(self) -> dict[str, Any]:
        """The task as plain data."""
        return {
            "id": self.id,
            "status": self.status,
            "registered": self.registered,
            "failed": self.failed,
            "message": self.message,
        }


@dataclass(frozen=True)
class OpenTask:
    """A task whose results are not here yet."""

    key: str
    """Of its input file, in the bucket. It names the task until its id is known."""
    file: str
    """Name of the input file on this host."""
    total: int
    id: str = ""
    """Empty when it may not have been started."""


class Tasks(Protocol):
    """The registration tasks of the account, and the bucket of their input files."""

    def upload(self, path: Path, key: str) -> None:
        """Bring an input file to the bucket."""

    def start(self, template: str, key: str) -> str:
        """Start a task; its id. Raises `AnswerLostError` where it may have started."""

    def every(self) -> Iterator[Task]:
        """The tasks of the last 30 days, which is how long AWS keeps them."""

    def describe(self, task_id: str) -> Task:
        """One task."""

    def results(self, task_id: str) -> Iterator[str]:
        """Lines about devices that it has registered."""

    def errors(self, task_id: str) -> Iterator[str]:
        """Lines about devices that it has not."""

    def certificate_of(self, thing: str) -> Iterator[Certificate]:
        """The certificates that are attached to a thing."""


def tell(records: Iterable[Mapping[str, Any]]) -> OpenTask | None:
    """The task that the journal has not seen the end of."""
    task: OpenTask | None = None
    for record in records:
        if record["event"] == "prepared":
            task = OpenTask(record["key"], record["file"], record["total"])
        elif record["event"] == "started" and task is not None:
            task = OpenTask(task.key, task.file, task.total, record["task"])
        elif record["event"] == "collected":
            task = None
    return task


def candidates(plan: Plan, requests: Container[str]) -> list[str]:
    """Things that a task can register: there is no thing, and no certificate can exist for the key.

    ``requests``: things whose signing request once left this host in a call of its own.
    """
    return [
        name
        for steps, names in plan.groups.items()
        if Step.CREATE in steps and Step.CERTIFICATE in steps
        for name in names
        if name not in requests
    ]


def estimate(plan: Plan, names: Collection[str]) -> Estimate:
    """The calls when a task registers ``names`` and this host does the rest."""
    whole = for_new_devices(len(names), Strategy.BULK, plan.quotas)
    then = dict(whole.then)
    for steps, left in plan.without(frozenset(names)).groups.items():
        for operation in (OPERATIONS[step] for step in steps if step in OPERATIONS):
            then[operation] = then.get(operation, 0) + len(left)
    return Estimate(
        {name: count for name, count in whole.calls.items() if count}, plan.quotas, Strategy.BULK, then
    )


def template(fleet: Fleet) -> str:
    """The provisioning template of a task: ``environment`` is what the registry is searched by."""
    thing = {
        "ThingName": {"Ref": "ThingName"},
        "ThingTypeName": fleet.type_name,
        "AttributePayload": {"device_id": {"Ref": "DeviceId"}, "environment": fleet.environment},
    }
    certificate = {"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"}
    body = {
        "Parameters": {name: {"Type": "String"} for name in ("ThingName", "DeviceId", "CSR")},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": thing},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": fleet.policy}},
        },
    }
    return json.dumps(body)


def line(thing: str, device_id: str, signing_request: str) -> str:
    """A device's line in the input file."""
    return json.dumps({"ThingName": thing, "DeviceId": device_id, "CSR": signing_request}) + "\n"


def things_in(lines: Iterable[str]) -> Iterator[str]:
    """The things of an input file."""
    return (json.loads(one)["ThingName"] for one in lines)


def registered(text: str, things: Container[str]) -> tuple[str, Certificate] | None:
    """Thing and certificate out of a line of the results; None for a line that does not tell them."""
    try:
        response = json.loads(text)["response"]
        arns = response["ResourceArns"]
        thing = str(arns["thing"]).rpartition("thing/")[2]
        arn = str(arns["certificate"])
        certificate = Certificate(arn.rpartition("/")[2], arn, str(response["CertificatePem"]))
    except (ValueError, KeyError, TypeError):
        return None
    return (thing, certificate) if thing in things else None


def failure(text: str, things: Container[str]) -> tuple[str, str]:
    """Thing and reason out of a line of the errors; the thing is empty where the line names none.

    AWS does not document these lines. Any that holds the name of a thing is understood.
    """
    thing = next((word for word in _WORD.findall(text) if word in things), "")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    said = [str(record[name]) for name in _REASONS if record.get(name)] if isinstance(record, dict) else []
    return thing, (said[0] if said else text.strip())[:REASON_LENGTH]


def find(tasks: Iterable[Task], bucket: str, key: str) -> Task | None:
    """The task that works, or has worked, on an input file."""
    return next((task for task in tasks if (task.bucket, task.key) == (bucket, key)), None)
