"""What an account writes down and how long: CloudTrail, AWS IoT's log, log groups; and keys that rotate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .model import Limits, Rule, Severity, Source, Table

DISABLED: Final = "DISABLED"


@dataclass(frozen=True)
class Trail:
    """A trail of CloudTrail that records this region."""

    name: str
    is_logging: bool = False
    is_multi_region: bool = False
    is_validated: bool = False
    """Digests of its files prove that nobody changed them."""
    key: str = ""


@dataclass(frozen=True)
class Logging:
    """AWS IoT's own log."""

    level: str = DISABLED
    is_disabled: bool = False
    """Whether all of it is off, whatever the level says."""


@dataclass(frozen=True)
class LogGroup:
    """A log group as it is."""

    retention_days: int | None = None
    """Nothing: it keeps everything, for ever."""
    key: str = ""
    """ARN of the KMS key that encrypts it; empty for CloudWatch's own."""


def is_recorded(trails: tuple[Trail, ...], _: Limits) -> str:
    """Somebody writes down who did what, in every region."""
    if any(one.is_logging and one.is_multi_region for one in trails):
        return ""
    if not trails:
        return "There is no trail."
    said = [f"{one.name} {'records one region only' if one.is_logging else 'is off'}" for one in trails]
    return f"{', '.join(said)}."


def is_validated(trail: Trail, _: Limits) -> str:
    """Whether a changed or missing file of the trail would be noticed."""
    return "" if trail.is_validated else "Its files are not validated: nobody would notice a change."


def trail_is_encrypted(trail: Trail, _: Limits) -> str:
    """With a key of KMS, so that reading it takes two rights."""
    return "" if trail.key else "Its files are encrypted with S3's own key only."


def iot_logs(logging: Logging, _: Limits) -> str:
    """AWS IoT writes down what it refuses."""
    return "AWS IoT writes no log." if logging.is_disabled or logging.level == DISABLED else ""


def kept(group: LogGroup, limits: Limits) -> str:
    """Long enough to look into an incident, and not for ever."""
    if group.retention_days is None:
        return "It keeps everything for ever."
    if group.retention_days < limits.log_retention_days:
        return f"It keeps {group.retention_days} days; {limits.log_retention_days} are needed."
    return ""


def group_is_encrypted(group: LogGroup, _: Limits) -> str:
    """With the fleet's key: what boards say may name places and people."""
    return "" if group.key else "No key of KMS encrypts it."


def key_rotates(rotates: bool, _: Limits) -> str:
    """New key material every year."""
    return "" if rotates else "Automatic rotation is off."


def _hub(service: str, control: str) -> Source:
    guide = f"https://docs.aws.amazon.com/securityhub/latest/userguide/{service}-controls.html"
    return Source(f"AWS Security Hub {control}", f"{guide}#{control.lower().replace('.', '-')}")


_AUDIT_STACK: Final = "ansible-playbook deploy.yml: the audit stack makes it."

TRAILS: Final[Table[tuple[Trail, ...]]] = (
    (
        Rule(
            "cloudtrail-on",
            Severity.HIGH,
            "CloudTrail records every region",
            _AUDIT_STACK,
            _hub("cloudtrail", "CloudTrail.1"),
        ),
        is_recorded,
    ),
)
EACH_TRAIL: Final[Table[Trail]] = (
    (
        Rule(
            "cloudtrail-validation",
            Severity.LOW,
            "Files of CloudTrail are validated",
            "aws cloudtrail update-trail --enable-log-file-validation --name TRAIL",
            _hub("cloudtrail", "CloudTrail.4"),
        ),
        is_validated,
    ),
    (
        Rule(
            "cloudtrail-encryption",
            Severity.MEDIUM,
            "CloudTrail is encrypted with a key of KMS",
            "aws cloudtrail update-trail --kms-key-id KEY --name TRAIL",
            _hub("cloudtrail", "CloudTrail.2"),
        ),
        trail_is_encrypted,
    ),
)
IOT_LOGGING: Final[Table[Logging]] = (
    (
        Rule(
            "iot-logging",
            Severity.LOW,
            "AWS IoT writes its log",
            _AUDIT_STACK,
            Source(
                "AWS IoT Device Defender LOGGING_DISABLED_CHECK",
                "https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-logging-disabled.html",
            ),
        ),
        iot_logs,
    ),
)
LOG_GROUPS: Final[Table[LogGroup]] = (
    (
        Rule(
            "log-retention",
            Severity.MEDIUM,
            "Log groups keep what an investigation needs",
            "infrastructure_log_retention_days, then ansible-playbook deploy.yml",
            _hub("cloudwatch", "CloudWatch.16"),
        ),
        kept,
    ),
    (
        Rule(
            "log-encryption",
            Severity.LOW,
            "Log groups are encrypted with a key of KMS",
            "aws logs associate-kms-key --log-group-name GROUP --kms-key-id KEY; deploy.yml sets it",
            Source(
                "AWS Config cloudwatch-log-group-encrypted",
                "https://docs.aws.amazon.com/config/latest/developerguide/cloudwatch-log-group-encrypted.html",
            ),
        ),
        group_is_encrypted,
    ),
)
KEYS: Final[Table[bool]] = (
    (
        Rule(
            "kms-rotation",
            Severity.MEDIUM,
            "Keys of KMS rotate",
            "aws kms enable-key-rotation --key-id KEY",
            _hub("kms", "KMS.4"),
        ),
        key_rotates,
    ),
)
