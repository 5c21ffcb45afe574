"""What AWS IoT Device Defender found in its own last audit: checks that only AWS can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .model import Finding, Look, Rule, Severity, Source, Unreadable, not_looked_at

_GUIDE: Final = (
    "https://docs.aws.amazon.com/iot-device-defender/latest/devguide/device-defender-audit-checks.html"
)
_LOOK: Final = (
    "aws iot list-audit-findings --check-name CHECK names the devices; the page of the check says how"
)
FINISHED: Final = ("COMPLETED_COMPLIANT", "COMPLETED_NON_COMPLIANT")


@dataclass(frozen=True)
class Check:
    """One check of an audit."""

    status: str
    """``COMPLETED_COMPLIANT``, ``COMPLETED_NON_COMPLIANT``, ``FAILED``, ``CANCELED``, …"""
    resources: int = 0


@dataclass(frozen=True)
class Found:
    """A resource that an audit found fault with."""

    check: str
    resource: str
    reason: str


@dataclass(frozen=True)
class Audit:
    """The last audit that came to its end."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    found: Sequence[Found] = ()


def _rule(check: str, severity: Severity, title: str) -> Rule:
    name = check.removesuffix("_CHECK").lower().replace("_", "-")
    return Rule(
        f"defender-{name}", severity, title, _LOOK, Source(f"AWS IoT Device Defender {check}", _GUIDE)
    )


RULES: Final[Mapping[str, Rule]] = {
    check: _rule(check, severity, title)
    for check, severity, title in (
        ("REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK", Severity.CRITICAL, "No revoked authority is active"),
        ("CA_CERTIFICATE_KEY_QUALITY_CHECK", Severity.CRITICAL, "Keys of authorities are strong"),
        ("DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", Severity.CRITICAL, "Keys of devices are strong"),
        (
            "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
            Severity.CRITICAL,
            "Guests of Cognito may do little",
        ),
        (
            "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
            Severity.CRITICAL,
            "Users of Cognito may do little",
        ),
        ("CONFLICTING_CLIENT_IDS_CHECK", Severity.HIGH, "No two devices use one client id"),
        ("CA_CERTIFICATE_EXPIRING_CHECK", Severity.MEDIUM, "No authority expires soon"),
        (
            "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
            Severity.MEDIUM,
            "No revoked device certificate is active",
        ),
    )
}
"""Those that are not made here; the severities are AWS's."""


def judge(audit: Audit | Unreadable | None) -> list[Look]:
    """The checks of the last audit; nothing: none came to its end lately."""
    if audit is None:
        return not_looked_at(RULES.values(), "Device Defender finished no audit lately.")
    if isinstance(audit, Unreadable):
        return not_looked_at(RULES.values(), audit.why)
    return [_judge(check, rule, audit) for check, rule in RULES.items()]


def _judge(check: str, rule: Rule, audit: Audit) -> Look:
    made = audit.checks.get(check)
    if made is None:
        return Look(rule, unreadable="The account's Device Defender does not make this check.")
    if made.status not in FINISHED:
        return Look(rule, unreadable=f"Device Defender's last audit left it {made.status}.")
    found = tuple(Finding(rule, one.resource, one.reason) for one in audit.found if one.check == check)
    return Look(rule, made.resources, found)
