"""The state machine of one device: from what is there to the calls that are left.

The order makes every kill harmless. The key is on the disk before its request is sent. The certificate is
on the disk before anything refers to it. The thing names its certificate, and joins the fleet's group only
when all the rest is done: a member whose certificate the registry knows needs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .model import ACTIVE, CERTIFICATE_ATTRIBUTE, NO_THING, Fleet, LocalDevice, Registry


class Step(StrEnum):
    """A thing to do for one device, in the order of this list."""

    KEY = "make a key"
    FIND = "look for a certificate that was issued to its key"
    CERTIFICATE = "have a certificate issued"
    POLICY = "attach the policy"
    CREATE = "create the thing"
    PRINCIPAL = "attach the certificate"
    UPDATE = "update the thing"
    GROUP = "add it to the fleet's group"


OPERATIONS = {
    Step.FIND: "DescribeCertificate",
    Step.CERTIFICATE: "CreateCertificateFromCsr",
    Step.POLICY: "AttachPolicy",
    Step.CREATE: "CreateThing",
    Step.PRINCIPAL: "AttachThingPrincipal",
    Step.UPDATE: "UpdateThing",
    Step.GROUP: "AddThingToThingGroup",
}
"""The call that a step makes; a step that is not here makes none."""

NEW_DEVICE = (Step.KEY, Step.CERTIFICATE, Step.POLICY, Step.CREATE, Step.PRINCIPAL, Step.GROUP)
"""The whole way, for a device that nobody knows."""


@dataclass(frozen=True)
class Decision:
    """What to do for a device, or why nothing is done."""

    steps: tuple[Step, ...] = ()
    problem: str = ""
    """Why the device cannot be completed without a person."""
    remark: str = ""
    """What a person should know although nothing is done about it."""


def decide(name: str, fleet: Fleet, local: LocalDevice, registry: Registry) -> Decision:
    """The steps that are left for the thing ``name``."""
    registered = registry.things.get(name, NO_THING).attributes.get(CERTIFICATE_ATTRIBUTE, "")
    if registered in registry.certificates:
        problem = _registered_problem(local, registered)
        if problem:
            return Decision(problem=problem)
        if local.certificate_id:
            return _with_certificate(name, fleet, registry, registered)
        # Its record is lost here. It is found by its key; it is not replaced.
        return Decision((Step.FIND, Step.POLICY, *_to_the_group(name, registry)))
    if local.certificate_id in registry.certificates:
        if not local.has_key:
            return Decision(problem=_no_key(local.certificate_id))
        return _with_certificate(name, fleet, registry, local.certificate_id)
    return Decision((*_to_a_certificate(local), Step.POLICY, *_to_the_group(name, registry)))


def _registered_problem(local: LocalDevice, certificate_id: str) -> str:
    """Why this host cannot speak for the certificate that the registry names; empty when it can."""
    if not local.has_key and not local.key_on_device:
        return _no_key(certificate_id)
    if local.certificate_id in ("", certificate_id):
        return ""
    return (
        f"the registry names certificate {certificate_id}, but the key here belongs to "
        f"{local.certificate_id}. Find out which one the device uses; nothing was changed."
    )


def _no_key(certificate_id: str) -> str:
    return (
        f"certificate {certificate_id} is registered, but its private key is not on this host. Restore "
        "the key from where the device was provisioned, or from a backup, or decommission the device."
    )


def _with_certificate(name: str, fleet: Fleet, registry: Registry, certificate_id: str) -> Decision:
    """The steps that are left once the device has a certificate that the registry knows."""
    status = registry.certificates[certificate_id].status
    if status != ACTIVE:
        return Decision(remark=f"certificate {certificate_id} is {status}; provisioning leaves it so.")
    policy = () if certificate_id in registry.policy_targets else (Step.POLICY,)
    thing = registry.things.get(name)
    if thing is None:
        return Decision((*policy, *_to_the_group(name, registry)))
    wanted = fleet.attributes_for(name, thing, certificate_id)
    as_wanted = thing.type_name == fleet.type_name and wanted.items() <= thing.attributes.items()
    update = () if as_wanted else (Step.UPDATE,)
    if name in registry.members and thing.attributes.get(CERTIFICATE_ATTRIBUTE) == certificate_id:
        return Decision((*policy, *update))
    group = () if name in registry.members else (Step.GROUP,)
    return Decision((*policy, Step.PRINCIPAL, *update, *group))


def _to_a_certificate(local: LocalDevice) -> tuple[Step, ...]:
    if not local.has_key:
        return (Step.KEY, Step.CERTIFICATE)
    if not local.certificate_id:  # a request may have left: its answer is lost, not the certificate
        return (Step.FIND, Step.CERTIFICATE)
    return (Step.CERTIFICATE,)  # the registry lost it: a new one for the same key


def _to_the_group(name: str, registry: Registry) -> tuple[Step, ...]:
    """From a certificate that is not tied to the thing to a member of the group."""
    if name not in registry.things:
        return (Step.CREATE, Step.PRINCIPAL, Step.GROUP)
    # The thing's attribute follows the attachment: where it is right, the attachment was made.
    group = () if name in registry.members else (Step.GROUP,)
    return (Step.PRINCIPAL, Step.UPDATE, *group)
