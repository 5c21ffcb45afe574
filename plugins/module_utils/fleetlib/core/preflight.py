"""What must hold before anything is touched, and the guide's pre-deployment checklist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

MINIMUM_VERSIONS = {
    "ansible-core": "2.19.0",
    "boto3": "1.43.0",
    "botocore": "1.43.0",
    "cryptography": "42.0.0",
    "jmespath": "1.0.0",
    "paho-mqtt": "2.0.0",
}
"""Python distributions that the control host needs; tested with those of requirements.txt."""

MAX_DEVICES = 1_000_000
"""What the planners are tested for; AWS IoT itself has no limit on things."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_PREFIX = re.compile(r"[a-z][a-z0-9-]{1,13}[a-z0-9]")


class Status(StrEnum):
    """How a line of the checklist stands."""

    READY = "ready"
    PLANNED = "planned"
    """The deployment itself creates it."""
    MISSING = "missing"
    PERSON = "person"
    """No machine can tell: somebody has to say yes."""
    NOT_APPLICABLE = "not applicable"


MARKS = {
    Status.READY: "[x]",
    Status.PLANNED: "[+]",
    Status.MISSING: "[!]",
    Status.PERSON: "[?]",
    Status.NOT_APPLICABLE: "[-]",
}


@dataclass(frozen=True)
class Item:
    """One line of the checklist."""

    section: str
    name: str
    status: Status
    detail: str

    def as_dict(self) -> dict[str, str]:
        """The line as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Configuration:
    """The common variables, as the operator gave them and the argument spec converted them."""

    fleet_account_id: str
    fleet_region: str
    fleet_name_prefix: str
    device_count: int


@dataclass(frozen=True)
class Facts:
    """What was found in the account."""

    account: str
    caller: str
    stacks: Mapping[str, str]
    """Purpose (``core``, …) → CloudFormation status of the stacks that exist."""
    unsupported: Collection[str] = ()
    """Stacks that this environment cannot have, as its inventory states."""
    custom_endpoint: str = ""


def configuration_problems(configuration: Configuration, regions: Collection[str]) -> list[str]:
    """Everything wrong with the values: each text names the variable, its value and what is allowed."""
    problems = []
    if not _ACCOUNT.fullmatch(configuration.fleet_account_id):
        problems.append(
            f"fleet_account_id is {configuration.fleet_account_id!r}; it must be the 12 digits of the AWS "
            "account this environment lives in (set it in the inventory's group_vars/all/fleet.yml)."
        )
    if configuration.fleet_region not in regions:
        problems.append(_unknown_region(configuration.fleet_region, regions))
    if not _PREFIX.fullmatch(configuration.fleet_name_prefix):
        problems.append(
            f"fleet_name_prefix is {configuration.fleet_name_prefix!r}; it must have 3 to 15 characters out "
            "of a-z, 0-9 and -, begin with a letter and not end with - (it becomes part of bucket names, "
            "which AWS limits to 63 characters)."
        )
    if not 1 <= configuration.device_count <= MAX_DEVICES:
        problems.append(
            f"device_count is {configuration.device_count}; it must be from 1 to {MAX_DEVICES:,}. "
            "To remove devices use playbooks/decommission.yml; to remove everything, playbooks/teardown.yml."
        )
    return problems


def account_problem(configured: str, found: str, caller: str) -> str:
    """Why the credentials in use must not be used here, or an empty text."""
    if configured == found:
        return ""
    return (
        f"The credentials in use belong to account {found} ({caller}), but fleet_account_id says "
        f"{configured}. Use the credentials of that account (fleet_profile), or correct fleet_account_id. "
        "Nothing was touched."
    )


def version_problems(found: Mapping[str, str | None]) -> list[str]:
    """What is missing or too old among ``MINIMUM_VERSIONS``; ``found`` maps a distribution to its version."""
    problems = []
    for name, minimum in MINIMUM_VERSIONS.items():
        version = found.get(name)
        if version is None:
            problems.append(f"{name} is not installed; {minimum} or later is needed (make setup).")
        elif _release(version) < _release(minimum):
            problems.append(f"{name} {version} is too old; {minimum} or later is needed (make setup).")
    return problems


def checklist(facts: Facts) -> list[Item]:
    """The guide's pre-deployment checklist, each line answered by the machine where it can be."""

    def of_stack(section: str, name: str, stack: str, what: str) -> Item:
        return Item(section, name, *_stack_state(facts, stack, what))

    infrastructure, security, operation = "Infrastructure", "Security", "Operation"
    return [
        Item(
            infrastructure, "AWS account and permissions", Status.READY, f"{facts.account} as {facts.caller}"
        ),
        of_stack(infrastructure, "Bucket for deployments", "storage", "deployment bucket"),
        _custom_domain(infrastructure, facts),
        of_stack(infrastructure, "Alarm topic for monitoring", "monitoring", "SNS topic"),
        of_stack(security, "Device certificates", "core", "device policy; certificates come from local keys"),
        of_stack(security, "Encryption keys", "core", "KMS key with rotation"),
        of_stack(security, "IAM roles and policies", "core", "operator role"),
        Item(security, "IAM roles and policies reviewed", Status.PERSON, "docs/security.md lists them all"),
        Item(
            security,
            "Security groups and network ACLs",
            Status.NOT_APPLICABLE,
            "nothing of the system runs in a VPC",
        ),
        of_stack(security, "Audit logging", "audit", "CloudTrail, IoT logging, Device Defender"),
        of_stack(operation, "Dashboards", "monitoring", "CloudWatch dashboard"),
        of_stack(operation, "Alarms", "monitoring", "alarms with thresholds for device_count"),
        of_stack(operation, "Place for backups", "storage", "backup bucket"),
        Item(
            operation,
            "Disaster recovery plan reviewed",
            Status.PERSON,
            "rehearse it on the local cloud first",
        ),
        Item(operation, "Team trained", Status.PERSON, "docs/runbooks/ is what they follow"),
    ]


def render(items: Sequence[Item]) -> list[str]:
    """The checklist as lines for a terminal."""
    width = max(len(item.name) for item in items)
    lines = []
    section = ""
    for item in items:
        if item.section != section:
            section = item.section
            lines.append(f"{section}:")
        lines.append(f"  {MARKS[item.status]} {item.name:<{width}}  {item.detail}")
    legend = "   ".join(f"{mark} {status}" for status, mark in MARKS.items())
    return [*lines, f"({legend})"]


def _stack_state(facts: Facts, stack: str, what: str) -> tuple[Status, str]:
    if stack in facts.unsupported:
        return (
            Status.NOT_APPLICABLE,
            f"this environment cannot have the {stack} stack (its inventory says so)",
        )
    state = facts.stacks.get(stack)
    if state is None:
        return Status.PLANNED, f"{what}: the {stack} stack will create it"
    if state.endswith("_COMPLETE") and "ROLLBACK" not in state:
        return Status.READY, f"{what}: {stack} stack"
    return Status.MISSING, f"{what}: the {stack} stack is {state}"


def _custom_domain(section: str, facts: Facts) -> Item:
    name = "Domain and certificate for custom endpoints (optional)"
    if facts.custom_endpoint:
        return Item(section, name, Status.READY, f"fleet_mqtt_endpoint is {facts.custom_endpoint}")
    return Item(section, name, Status.NOT_APPLICABLE, "the account's own IoT endpoint is used")


def _unknown_region(region: str, regions: Collection[str]) -> str:
    close = difflib.get_close_matches(region, list(regions), n=3)
    advice = (
        f"Did you mean {' or '.join(close)}?" if close else f"AWS IoT is in: {', '.join(sorted(regions))}."
    )
    return f"fleet_region is {region!r}, which is not a region with AWS IoT. {advice}"


def _release(version: str) -> tuple[int, ...]:
    """``2.19.14rc1`` → (2, 19, 14); enough for minimum versions."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
