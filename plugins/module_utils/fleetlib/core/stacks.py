"""What the state of a CloudFormation stack allows, and what to tell the operator where it allows nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .errors import FleetError

PURPOSES = (
    "core",
    "storage",
    "validator",
    "monitoring",
    "telemetry",
    "audit",
    "pipeline",
    "claim",
    "replication",
)
"""The stacks of a fleet, in the order in which they are deployed."""

_RESOURCE = re.compile(r"^  ([A-Za-z0-9]+):\n    Type: (\S+)$", re.MULTILINE)


class Action(StrEnum):
    """What to do with a stack."""

    CREATE = "create"
    UPDATE = "update"
    RECREATE = "delete and create"


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it; ``failures`` are the reasons in its events, latest first."""

    name: str
    purpose: str
    status: str
    failures: Sequence[str] = ()


def choose(stack: Stack | None, recreate: bool) -> Action:
    """What to do with a stack; None does not exist yet.

    Raises ``FleetError`` for a state that CloudFormation refuses to leave by an update. Only a stack whose
    creation failed can be deleted here (``recreate``): it never held anything.
    """
    if stack is None:
        return Action.CREATE
    if stack.status.endswith("_IN_PROGRESS"):
        raise FleetError(
            f"Stack {stack.name} is {stack.status}: somebody else is changing it.",
            "Wait until it is done, then run again.",
        )
    if stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        return _failed_creation(stack, recreate)
    if stack.status in ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"):
        raise FleetError(
            f"Stack {stack.name} is {stack.status}{_because(stack)}",
            "Mend the cause, then: aws cloudformation continue-update-rollback "
            f"--stack-name {stack.name}; then run again.",
        )
    return Action.UPDATE


def resources(template: str) -> list[str]:
    """Logical name and type of every resource of a template in the style of this project."""
    section = template.partition("\nResources:\n")[2].partition("\nOutputs:\n")[0]
    return [f"{name} ({kind})" for name, kind in _RESOURCE.findall(section)]


def _failed_creation(stack: Stack, recreate: bool) -> Action:
    if recreate:
        return Action.RECREATE
    raise FleetError(
        f"Stack {stack.name} is {stack.status}: its creation failed{_because(stack)}",
        "Mend the cause, then run again with -e infrastructure_recreate="
        f"{stack.purpose}, which deletes the failed stack and creates it anew.",
    )


def _because(stack: Stack) -> str:
    return f" ({'; '.join(stack.failures)})." if stack.failures else "."
