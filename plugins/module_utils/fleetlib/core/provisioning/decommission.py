"""Take devices out of service for good: evidence first, then step by step, so that every kill is harmless.

A thing that is deleted no longer leads to its certificate. So what the registry has of a device is on the
disk before the first change, and a run that was cut off goes on from that record. Every step may be repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from ..clock import Clock, iso
from ..crew import Crew
from ..errors import FleetError, InvalidInputError
from ..journal import Journal
from ..naming import check_device_ids, fleet_name, thing_name
from ..progress import Meter
from ..quotas import Quotas
from .engine import stopped_by
from .estimate import Estimate
from .model import CERTIFICATE_ATTRIBUTE, LocalDevice
from .plan import SHOWN_IN_DIFF
from .ports import DeviceError

NAMED_WHEN_CONFIRMED = 10
"""Up to so many devices a confirmation names each one; for more it names fleet and count."""

Evidence = Mapping[str, Any]
"""What the registry had of a device: ``thing``, ``description``, ``groups``, ``certificates``, ``shadow``."""

CALLS_PER_DEVICE = (
    "DescribeThing",
    "ListThingGroupsForThing",
    "ListThingPrincipals",
    "DescribeCertificate",
    "ListPrincipalThings",
    "ListAttachedPolicies",
    "GetThingShadow",
    "UpdateCertificate",
    "DetachThingPrincipal",
    "DetachPolicy",
    "DeleteCertificate",
    "DeleteThingShadow",
    "DeleteThing",
)
"""What a device with one certificate and one policy costs."""


class Cloud(Protocol):
    """The registry. What is not there (any more) is nothing to complain about."""

    def thing(self, name: str) -> Mapping[str, Any] | None:
        """The thing's own record: type, attributes, version; None when there is none."""

    def evidence(self, name: str, certificate_ids: Sequence[str]) -> Evidence:
        """Groups, certificates with policies and texts, shadow. ``certificate_ids``: those known to be its.

        Raises `DeviceError` where another thing uses one of the certificates.
        """

    def deactivate(self, certificate_id: str) -> None:
        """Make the certificate INACTIVE: from now on the device cannot connect."""

    def detach(self, name: str, certificate_arn: str) -> None:
        """Untie the certificate from the thing."""

    def detach_policy(self, policy: str, certificate_arn: str) -> None:
        """Take a policy from the certificate."""

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete the certificate."""

    def delete_shadow(self, name: str) -> None:
        """Delete the device's classic shadow: it would wait for a later device of this name."""

    def delete_thing(self, name: str) -> None:
        """Delete the thing, with its memberships and job executions."""


class Archive(Protocol):
    """What this host keeps of devices that are gone. What it was given is on the disk when it returns."""

    def pending(self, thing: str) -> Evidence | None:
        """The evidence of a device whose removal was begun and not ended."""

    def keep(self, thing: str, evidence: Evidence) -> None:
        """Keep the evidence; the removal begins."""

    def finish(self, thing: str) -> str:
        """Move key and certificate of the device there; the removal has ended. Returns where it all is."""


@dataclass(frozen=True)
class Order:
    """Which devices shall go."""

    prefix: str
    environment: str
    device_ids: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse ids that no device can have, and an empty list."""
        if not self.device_ids:
            raise InvalidInputError("device_ids is empty; name the devices to take out of service.")
        check_device_ids(self.device_ids, self.prefix, self.environment)

    @property
    def things(self) -> list[str]:
        """Their names."""
        return [thing_name(self.prefix, self.environment, one) for one in self.device_ids]

    @property
    def confirmation(self) -> str:
        """What ``confirm`` has to be."""
        if len(self.device_ids) <= NAMED_WHEN_CONFIRMED:
            return ",".join(self.device_ids)
        return f"{fleet_name(self.prefix, self.environment)}/{len(self.device_ids)}"

    def require(self, confirm: str) -> None:
        """Refuse anything but the exact confirmation."""
        if confirm != self.confirmation:
            given = f"confirm is {confirm!r}" if confirm else "confirm is missing"
            raise InvalidInputError(
                f"{given}. Nothing was changed.",
                f"Decommissioning cannot be undone. If you mean it: -e confirm={self.confirmation}",
            )


@dataclass(frozen=True)
class Plan:
    """What is left to do."""

    order: Order
    described: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Thing → its record in the registry."""
    local: Mapping[str, LocalDevice] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    """Things whose removal an earlier run began."""
    quotas: Quotas = field(default_factory=Quotas)

    @property
    def work(self) -> list[str]:
        """Things of which anything is left anywhere."""
        return [
            name
            for name in self.order.things
            if name in self.described or name in self.local or name in self.pending
        ]

    @property
    def changed(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.work)

    @property
    def counts(self) -> dict[str, int]:
        """How the devices stand."""
        work = self.work
        return {
            "wanted": len(self.order.device_ids),
            "to_decommission": sum(name not in self.pending for name in work),
            "to_finish": sum(name in self.pending for name in work),
            "gone": len(self.order.device_ids) - len(work),
        }

    @property
    def estimate(self) -> Estimate:
        """Calls and time."""
        return Estimate({name: len(self.work) for name in CALLS_PER_DEVICE} if self.work else {}, self.quotas)

    def lines(self) -> list[str]:
        """The plan for a terminal."""
        counts = self.counts
        first = (
            f"{counts['wanted']:,} devices named: {counts['to_decommission']:,} to decommission, "
            f"{counts['to_finish']:,} to finish, {counts['gone']:,} gone already."
        )
        return [first, *(self.estimate.lines() if self.changed else [])]

    def diff(self) -> dict[str, str]:
        """Before and after, as text that Ansible shows as a diff."""
        shown = list(islice(self.work, SHOWN_IN_DIFF))
        lines = [line for name in shown for line in self._described(name)]
        if len(self.work) > len(shown):
            lines.append(f"… and {len(self.work) - len(shown):,} more")
        header = f"fleet {fleet_name(self.order.prefix, self.order.environment)}"
        before = "".join(f"{line}\n" for line in lines)
        return {"before_header": header, "after_header": header, "before": before, "after": ""}

    def _described(self, name: str) -> list[str]:
        attributes = self.described.get(name, {}).get("attributes", {})
        return [f"{name}:", *(f"  {key}: {value}" for key, value in sorted(attributes.items()))]

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {"counts": self.counts, "estimate": self.estimate.as_dict()}


@dataclass
class Outcome:
    """What became of the devices."""

    archived: dict[str, str] = field(default_factory=dict)
    """Thing → directory with its evidence."""
    failed: dict[str, str] = field(default_factory=dict)
    """Thing → why it is not gone."""
    stopped: FleetError | None = None
    """What ended the run before its time."""


class Remover:
    """One run over a plan."""

    def __init__(
        self,
        plan: Plan,
        cloud: Cloud,
        archive: Archive,
        journal: Journal,
        clock: Clock,
        meter: Meter,
        crew: Crew,
    ) -> None:
        """Nothing happens before `run`."""
        self._plan = plan
        self._cloud = cloud
        self._archive = archive
        self._journal = journal
        self._clock = clock
        self._meter = meter
        self._crew = crew
        self._lock = threading.Lock()
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Take every device of the plan out of service."""
        self._meter.start(len(self._plan.work))
        self._crew.work(self._plan.work, self._attempt)
        self._outcome.stopped = stopped_by(self._crew)
        return self._outcome

    def _attempt(self, name: str) -> None:
        try:
            where = self._remove(name)
        except DeviceError as error:
            self._failed(name, str(error))
            return
        self._journal.write("done", thing=name, archive=where)
        self._crew.succeeded()
        with self._lock:
            self._outcome.archived[name] = where
            self._meter.count()

    def _remove(self, name: str) -> str:
        evidence = self._archive.pending(name)
        if evidence is None:
            evidence = {
                "thing": name,
                "at": iso(self._clock.now()),
                "description": self._plan.described.get(name),
                **self._cloud.evidence(name, self._certificates(name)),
            }
            self._archive.keep(name, evidence)
        for certificate in evidence["certificates"]:
            self._cloud.deactivate(certificate["id"])
            self._cloud.detach(name, certificate["arn"])
            for policy in certificate["policies"]:
                self._cloud.detach_policy(policy, certificate["arn"])
            self._cloud.delete_certificate(certificate["id"])
        self._cloud.delete_shadow(name)
        self._cloud.delete_thing(name)
        return self._archive.finish(name)

    def _certificates(self, name: str) -> list[str]:
        """Certificates that registry or host tie to the device, attached or not."""
        local = self._plan.local.get(name, LocalDevice())
        named = self._plan.described.get(name, {}).get("attributes", {}).get(CERTIFICATE_ATTRIBUTE, "")
        if local.has_key and not local.certificate_id and not named:
            raise DeviceError(
                "its signing request may have been answered, but the certificate is not known here.",
                "Provision it once more: its certificate is then found by its key. Then decommission it.",
            )
        return sorted({one for one in (local.certificate_id, named) if one})

    def _failed(self, name: str, reason: str) -> None:
        self._journal.write("failed", thing=name, reason=reason)
        with self._lock:
            self._outcome.failed[name] = reason
            self._meter.count(failed=True)
        self._crew.failed(name, reason)


def look(order: Order, cloud: Cloud, crew: Crew) -> dict[str, Mapping[str, Any]]:
    """The registry's records of the devices that have one; one quick call each, side by side."""
    found: dict[str, Mapping[str, Any]] = {}

    def describe(name: str) -> None:
        record = cloud.thing(name)
        if record is not None:
            found[name] = record

    crew.work(order.things, describe)
    stopped = stopped_by(crew)
    if stopped is not None:
        raise stopped
    return found


def others(users: Iterable[str], name: str) -> list[str]:
    """Things other than ``name`` that use a certificate."""
    return sorted(one for one in users if one != name)
