"""Is every device complete? Answered from pages; principals take a call per device and are sampled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..provisioning.model import ACTIVE, CERTIFICATE_ATTRIBUTE
from .checks import Check, all_of, failed, not_checked

REGISTERED = "Every device is in the registry"
CERTIFIED = "Every device has an active certificate"
ALLOWED = "Every certificate has the device policy"
TIED = "Every certificate belongs to its device"
GROUPED = "Every device is in the fleet's group"
OWN = "No two devices share a certificate"


@dataclass(frozen=True)
class Fleet:
    """What the registry holds of a fleet."""

    things: Mapping[str, str] = field(default_factory=dict)
    """Thing → id of its certificate, as its attribute says; empty when it has none."""
    certificates: Mapping[str, str] = field(default_factory=dict)
    """Certificate id → status."""
    created: Mapping[str, datetime] = field(default_factory=dict)
    """Certificate id → when it was made."""
    policy_targets: Collection[str] | None = None
    """Ids of the certificates that have the device policy; nothing when there is no such policy."""
    members: Collection[str] | None = None
    """Things in the fleet's group; nothing when there is no such group."""


def rows(
    wanted: Collection[str],
    fleet: Fleet,
    principals: Mapping[str, Collection[str]],
    *,
    may_be_absent: bool,
) -> list[Check]:
    """The rows about a fleet: of the wanted things, and of all others that are in it as well.

    ``principals`` maps the things that were looked at to the certificate ids tied to them. With
    ``may_be_absent`` (check mode) things that do not exist are no failure: they may be about to be made.
    """
    present = sorted({*wanted, *(fleet.members or ())} & fleet.things.keys())
    absent = sorted(set(wanted) - fleet.things.keys())
    registered = all_of(REGISTERED, len(wanted), "wanted devices", absent, "are missing")
    if absent and may_be_absent:
        registered = not_checked(REGISTERED, f"{len(absent):,} of {len(wanted):,} devices do not exist yet.")
    if not present:
        names = (CERTIFIED, OWN, ALLOWED, TIED, GROUPED)
        return [registered, *(not_checked(name, "There is no device to look at.") for name in names)]
    return [
        registered,
        _certified(present, fleet),
        _own(present, fleet),
        _allowed(present, fleet),
        _tied(present, fleet, principals),
        _grouped(present, fleet),
    ]


def _certified(present: list[str], fleet: Fleet) -> Check:
    offenders = []
    for thing in present:
        certificate = fleet.things[thing]
        status = fleet.certificates.get(certificate, "not in the registry")
        if not certificate:
            offenders.append(f"{thing} (no attribute {CERTIFICATE_ATTRIBUTE})")
        elif status != ACTIVE:
            offenders.append(f"{thing} ({status})")
    return all_of(CERTIFIED, len(present), "devices", offenders, "have none")


def _own(present: list[str], fleet: Fleet) -> Check:
    there = {thing: fleet.things[thing] for thing in present}
    names = [" and ".join(things) for things in shared(Fleet(there)).values()]
    return all_of(OWN, len(set(filter(None, there.values()))), "certificates", names, "are shared")


def shared(fleet: Fleet) -> dict[str, list[str]]:
    """Certificates that more than one thing has, and which things those are."""
    owners = defaultdict(list)
    for thing, certificate in fleet.things.items():
        if certificate:
            owners[certificate].append(thing)
    return {certificate: things for certificate, things in owners.items() if len(things) > 1}


def _allowed(present: list[str], fleet: Fleet) -> Check:
    if fleet.policy_targets is None:
        return failed(ALLOWED, "The device policy does not exist.")
    offenders = [thing for thing in present if fleet.things[thing] not in fleet.policy_targets]
    return all_of(ALLOWED, len(present), "devices", offenders, "may do nothing")


def _tied(present: list[str], fleet: Fleet, principals: Mapping[str, Collection[str]]) -> Check:
    looked_at = [thing for thing in present if thing in principals]
    if not looked_at:
        return not_checked(TIED, "No device was looked at: validation_principal_sample is 0.")
    offenders = [thing for thing in looked_at if fleet.things[thing] not in principals[thing]]
    row = all_of(TIED, len(looked_at), "devices looked at", offenders, "are not tied to theirs")
    if len(looked_at) == len(present):
        return row
    sample = f"a random sample of {len(looked_at):,} of {len(present):,} devices"
    return Check(row.name, row.status, f"{row.detail.rstrip('.')} ({sample}).")


def _grouped(present: list[str], fleet: Fleet) -> Check:
    if fleet.members is None:
        return failed(GROUPED, "The fleet's group does not exist.")
    offenders = [thing for thing in present if thing not in fleet.members]
    return all_of(GROUPED, len(present), "devices", offenders, "are not in it")
