"""Certificates of devices: of an age, of their own, active, with the policy, and none left over.

What is wrong with which is found by `core.certificates` and `core.validation.registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from .. import certificates as found
from ..validation.registry import Fleet, shared
from .model import Finding, Limits, Look, Rule, Severity, Source, Unreadable, not_looked_at

_GUIDE: Final = "https://docs.aws.amazon.com/iot-device-defender/latest/devguide"
_BEST: Final = Source(
    "AWS IoT Core, Security best practices",
    "https://docs.aws.amazon.com/iot/latest/developerguide/security-best-practices.html",
)


def _defender(check: str, page: str) -> Source:
    return Source(f"AWS IoT Device Defender {check}", f"{_GUIDE}/{page}.html")


_ROTATE: Final = "ansible-playbook playbooks/certificates.yml -e certificate_action=rotate"
SHARED: Final = Rule(
    "certificate-shared",
    Severity.CRITICAL,
    "No two devices share a certificate",
    "ansible-playbook playbooks/decommission.yml and provision.yml for all but one of them",
    _defender("DEVICE_CERTIFICATE_SHARED_CHECK", "audit-chk-device-cert-shared"),
)
EXPIRING: Final = Rule(
    "certificate-expiring",
    Severity.MEDIUM,
    "No certificate expires soon",
    f"{_ROTATE} -e expiring_within_days=30",
    _defender("DEVICE_CERTIFICATE_EXPIRING_CHECK", "audit-chk-device-cert-approaching-expiration"),
)
OLD: Final = Rule(
    "certificate-old",
    Severity.LOW,
    "No certificate is too old",
    f"{_ROTATE} -e max_age_days=365",
    _defender("DEVICE_CERTIFICATE_AGE_CHECK", "device-certificate-age-check"),
)
MISSING: Final = Rule(
    "certificate-missing",
    Severity.LOW,
    "Every device has a certificate of the registry",
    'ansible-playbook playbooks/provision.yml -e \'{"device_ids": ["DEVICE"]}\'',
    _BEST,
)
INACTIVE: Final = Rule(
    "certificate-inactive",
    Severity.LOW,
    "Every device's certificate is active",
    "ansible-playbook playbooks/runbooks/security_incident.yml releases a device; decommission.yml ends it",
    _BEST,
)
WITHOUT_POLICY: Final = Rule(
    "certificate-without-policy",
    Severity.LOW,
    "Every device's certificate has the device policy",
    "ansible-playbook playbooks/provision.yml attaches it",
    _BEST,
)
ORPHAN: Final = Rule(
    "certificate-orphan",
    Severity.MEDIUM,
    "No certificate with the device policy is left over",
    "aws iot update-certificate --new-status INACTIVE --certificate-id ID, then delete it",
    _BEST,
)
SEVERAL: Final = Rule(
    "certificate-several",
    Severity.MEDIUM,
    "No device has more than one certificate",
    "aws iot detach-thing-principal for the one that the device does not use; a rotation under way has two",
    _BEST,
)
_TROUBLES: Final = {
    found.EXPIRES: EXPIRING,
    found.TOO_OLD: OLD,
    found.NO_CERTIFICATE: MISSING,
    found.NOT_ACTIVE: INACTIVE,
    found.NO_POLICY: WITHOUT_POLICY,
}
RULES: Final = (SHARED, EXPIRING, OLD, MISSING, INACTIVE, WITHOUT_POLICY, ORPHAN, SEVERAL)


def judge(
    fleet: Fleet | Unreadable,
    expires: Mapping[str, datetime],
    principals: Mapping[str, frozenset[str]],
    limits: Limits,
) -> list[Look]:
    """Every rule about certificates.

    ``expires`` has the end of validity by thing where this host has a copy, ``principals`` the certificates
    of those things that were looked at one by one.
    """
    if isinstance(fleet, Unreadable):
        return not_looked_at(RULES, fleet.why)
    if not fleet.things:
        return not_looked_at(RULES, "There is no device.")
    ages = found.Limits(limits.certificate_age_days, limits.certificate_expiring_days)
    examined = found.examine(fleet, expires, limits.now, ages)
    looks = [_of_trouble(rule, trouble, examined, fleet) for trouble, rule in _TROUBLES.items()]
    orphans = tuple(Finding(ORPHAN, f"cert/{one}", _status(fleet, one)) for one in examined.orphans)
    return [
        _shared(fleet),
        *looks,
        Look(ORPHAN, len(fleet.policy_targets or ()), orphans),
        _several(fleet, principals),
    ]


def _of_trouble(rule: Rule, trouble: str, examined: found.Examination, fleet: Fleet) -> Look:
    findings = tuple(
        Finding(rule, one.thing, _evidence(rule, one)) for one in examined.entries if trouble in one.troubles
    )
    if rule is not EXPIRING:
        return Look(rule, len(fleet.things), findings)
    known = [one for one in examined.entries if one.expires_in_days is not None]
    unknown = len(examined.entries) - len(known)
    why = f"This control host has no copy of {unknown:,} of {len(fleet.things):,} certificates."
    return Look(rule, len(known), findings, why if unknown else "")


def _evidence(rule: Rule, one: found.Entry) -> str:
    if rule is OLD:
        return f"Certificate {one.certificate_id} is {one.age_days:.0f} days old."
    if rule is EXPIRING:
        return f"Certificate {one.certificate_id} expires in {one.expires_in_days:.1f} days."
    if rule is MISSING:
        return f"Its certificate {one.certificate_id or '(none)'} is not in the registry."
    return f"Certificate {one.certificate_id} is {one.status}." if rule is INACTIVE else "It may do nothing."


def _shared(fleet: Fleet) -> Look:
    findings = tuple(
        Finding(SHARED, f"cert/{certificate}", f"{len(names):,} devices have it: {', '.join(names[:5])}.")
        for certificate, names in shared(fleet).items()
    )
    return Look(SHARED, len(fleet.things), findings)


def _several(fleet: Fleet, principals: Mapping[str, frozenset[str]]) -> Look:
    findings = tuple(
        Finding(SEVERAL, thing, f"It has {len(ids)}: {', '.join(sorted(ids))}.")
        for thing, ids in sorted(principals.items())
        if len(ids) > 1
    )
    left = len(fleet.things) - len(principals)
    why = f"{left:,} of {len(fleet.things):,} devices were left out: each takes a call." if left else ""
    return Look(SEVERAL, len(principals), findings, why)


def _status(fleet: Fleet, certificate: str) -> str:
    return f"It is {fleet.certificates[certificate]} and belongs to no device."
