"""What brings a registry back to a snapshot. It adds and mends; it never takes anything away.

Left alone on purpose, and named: devices that came later, groups that a device was put into later (it may be
in quarantine), and certificates whose status was changed (somebody may have had a reason).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ..errors import FleetError
from ..quotas import Quotas
from . import State


class Kind(StrEnum):
    """Steps, in the order in which they are taken: nothing is used before it exists.

    The policy of a certificate comes last of a device's: the lists that a registry is read from do not say
    which certificate is tied to a thing, but they say which has its policy. One that has it was tied before.

    A restore takes none of those that end in "off"; a second region follows the first in them, too.
    """

    INDEXING = "fleet indexing"
    TYPE = "thing type"
    GROUP = "thing group"
    POLICY = "policy"
    GROUP_POLICY = "policy of a group"
    CERTIFICATE = "certificate"
    STATUS = "status of a certificate"
    THING = "thing"
    ATTRIBUTES = "attributes of a thing"
    PRINCIPAL = "certificate of a thing"
    MEMBER = "membership"
    CERTIFICATE_POLICY = "policy of a certificate"
    GROUP_POLICY_OFF = "policy taken off a group"
    CERTIFICATE_POLICY_OFF = "policy taken off a certificate"
    PRINCIPAL_OFF = "certificate taken off a thing"
    MEMBER_OFF = "membership ended"
    SHADOW = "shadow"
    RULE = "rule"
    OBJECT = "object"


OPERATIONS: Final[Mapping[Kind, str]] = {
    Kind.INDEXING: "UpdateIndexingConfiguration",
    Kind.TYPE: "CreateThingType",
    Kind.GROUP: "CreateThingGroup",
    Kind.POLICY: "CreatePolicy",
    Kind.GROUP_POLICY: "AttachPolicy",
    Kind.CERTIFICATE: "RegisterCertificateWithoutCA",
    Kind.STATUS: "UpdateCertificate",
    Kind.CERTIFICATE_POLICY: "AttachPolicy",
    Kind.THING: "CreateThing",
    Kind.ATTRIBUTES: "UpdateThing",
    Kind.PRINCIPAL: "AttachThingPrincipal",
    Kind.MEMBER: "AddThingToThingGroup",
    Kind.GROUP_POLICY_OFF: "DetachPolicy",
    Kind.CERTIFICATE_POLICY_OFF: "DetachPolicy",
    Kind.PRINCIPAL_OFF: "DetachThingPrincipal",
    Kind.MEMBER_OFF: "RemoveThingFromThingGroup",
    Kind.SHADOW: "UpdateThingShadow",
    Kind.RULE: "CreateTopicRule",
    Kind.OBJECT: "PutObject",
}
"""The call that a step takes, to say how long all of them will."""


SHARED: Final = (Kind.INDEXING, Kind.TYPE, Kind.GROUP, Kind.POLICY, Kind.GROUP_POLICY)
"""What devices share: few, and one step after the other, since groups have parents."""


@dataclass(frozen=True)
class Step:
    """One thing to put back."""

    kind: Kind
    name: str
    other: str = ""
    """The policy, certificate or group, where a step ties two together."""
    now: Any = None
    """As it is; nothing where it is not there."""
    then: Any = None
    """As it was."""


@dataclass(frozen=True)
class Plan:
    """All steps, and what is left alone."""

    steps: tuple[Step, ...]
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Why → names."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.steps)

    def of(self, kind: Kind) -> list[Step]:
        """The steps of a kind."""
        return [step for step in self.steps if step.kind is kind]

    def counts(self) -> dict[str, int]:
        """How many steps of each kind."""
        return dict(Counter(str(step.kind) for step in self.steps))

    def calls(self) -> dict[str, int]:
        """How many calls of each operation."""
        return dict(Counter(OPERATIONS[step.kind] for step in self.steps))

    def seconds(self, quotas: Quotas) -> float:
        """How long it takes at the quotas: devices side by side, so that the slowest operation decides."""
        return max((count / quotas.rate(name) for name, count in self.calls().items()), default=0.0)

    def phases(self) -> list[list[list[Step]]]:
        """Phases follow one another; in each, chains run side by side; a chain is one step after the other.

        What is shared comes first, then every device with its certificate, then the rest.
        """
        shared = [[self.of(kind)] for kind in SHARED]
        owners = {step.other: step.name for step in reversed(self.of(Kind.PRINCIPAL))}
        chains: dict[str, list[Step]] = defaultdict(list)
        rest: list[list[Step]] = []
        for step in self.steps:
            if step.kind in SHARED:
                continue
            if step.kind in (Kind.RULE, Kind.OBJECT):
                rest.append([step])
            elif step.kind is Kind.PRINCIPAL and owners[step.other] != step.name:
                rest.append([step])  # its certificate comes with another device
            else:
                chains[owners.get(step.name, step.name)].append(step)
        return [*shared, list(chains.values()), rest]

    def diff(self, most: int = 500) -> dict[str, Any]:
        """Before and after, of the first so many steps."""
        shown = self.steps[:most]
        names = [f"{step.kind} {step.name}{f' {step.other}' if step.other else ''}" for step in shown]
        return {
            "before": {name: step.now for name, step in zip(names, shown, strict=True)},
            "after": {
                name: step.then if step.then is not None else "present"
                for name, step in zip(names, shown, strict=True)
            },
        }


def plan(was: State, now: State, *, only: Collection[str] = (), statuses: bool = False) -> Plan:
    """Compare a snapshot with the registry. ``only`` restricts it to these things, with their certificates.

    ``statuses`` also gives certificates that exist the status they had.
    """
    unknown = sorted(set(only) - was["things"].keys())
    if unknown:
        raise FleetError(
            f"{unknown[0]} is not in this snapshot.", "Choose another snapshot_id, or correct device_ids."
        )
    chosen = _Chosen(was, now, only, statuses)
    steps = [*chosen.fleet(), *chosen.certificates(), *chosen.things(), *chosen.shadows(), *chosen.rest()]
    return Plan(ordered(steps), chosen.left())


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps in the order of their kinds."""
    order = list(Kind)
    return tuple(sorted(steps, key=lambda step: order.index(step.kind)))


class _Chosen:
    """The part of two states that a restore is about."""

    def __init__(self, was: State, now: State, only: Collection[str], statuses: bool) -> None:
        self._was, self._now, self._all, self._statuses = was, now, not only, statuses
        self._things = {name: was["things"][name] for name in (only or was["things"])}
        owned = {one for thing in self._things.values() for one in thing["certificates"]}
        self._certificates = (
            was["certificates"] if self._all else {one: was["certificates"][one] for one in owned}
        )

    def fleet(self) -> Iterator[Step]:
        """What all devices share. Only a whole restore touches it."""
        if not self._all:
            return
        yield from self._differing("indexing", Kind.INDEXING)
        yield from self._missing("types", Kind.TYPE)
        for name in _parents_first(self._was["groups"]):
            group, there = self._was["groups"][name], self._now["groups"].get(name)
            if there is None:
                yield Step(Kind.GROUP, name, then=group)
            for policy in lacking(group["policies"], (there or {}).get("policies")):
                yield Step(Kind.GROUP_POLICY, name, policy)
        yield from self._differing("policies", Kind.POLICY)

    def certificates(self) -> Iterator[Step]:
        """Certificates, by their public part; the private keys never left their devices or hosts."""
        for one, wanted in sorted(self._certificates.items()):
            there = self._now["certificates"].get(one)
            if there is None:
                yield Step(Kind.CERTIFICATE, one, then={"status": wanted["status"]})
            elif self._statuses and there["status"] != wanted["status"]:
                yield Step(Kind.STATUS, one, now=there["status"], then=wanted["status"])
            for policy in lacking(wanted["policies"], (there or {}).get("policies")):
                yield Step(Kind.CERTIFICATE_POLICY, one, policy)

    def things(self) -> Iterator[Step]:
        """Things, what they are tied to, and their groups."""
        for name, wanted in sorted(self._things.items()):
            there = self._now["things"].get(name)
            own = {"type": wanted["type"], "attributes": wanted["attributes"]}
            if there is None:
                yield Step(Kind.THING, name, then=own)
            elif {key: there[key] for key in own} != own:
                yield Step(Kind.ATTRIBUTES, name, now={key: there[key] for key in own}, then=own)
            tied = [one for one in (there or {}).get("certificates", ()) if self._finished(one)]
            for one in lacking(wanted["certificates"], tied):
                yield Step(Kind.PRINCIPAL, name, one)
            for group in lacking(wanted["groups"], (there or {}).get("groups")):
                yield Step(Kind.MEMBER, name, group)

    def _finished(self, certificate: str) -> bool:
        """Whether a certificate has all its policies, so that nobody was interrupted before it was tied."""
        wanted = self._certificates.get(certificate, {"policies": ()})["policies"]
        there = self._now["certificates"].get(certificate, {"policies": ()})["policies"]
        return not lacking(wanted, there)

    def shadows(self) -> Iterator[Step]:
        """Of a shadow that is there only what was wished: devices report the rest anew."""
        for name in sorted(self._things.keys() & self._was["shadows"].keys()):
            wanted, there = self._was["shadows"][name], self._now["shadows"].get(name)
            if there is None:
                yield Step(Kind.SHADOW, name, then=wanted)
            elif wanted.get("desired", {}) != there.get("desired", {}):
                yield Step(
                    Kind.SHADOW,
                    name,
                    now={"desired": there.get("desired", {})},
                    then={"desired": wanted.get("desired", {})},
                )

    def rest(self) -> Iterator[Step]:
        """Rules and objects that are gone."""
        if self._all:
            yield from self._missing("rules", Kind.RULE)
            yield from self._missing("objects", Kind.OBJECT)

    def left(self) -> dict[str, tuple[str, ...]]:
        """What a restore does not touch although it differs."""
        both = self._things.keys() & self._now["things"].keys()
        extra = [
            f"{name} in {group}"
            for name in sorted(both)
            for group in lacking(self._now["things"][name]["groups"], self._things[name]["groups"])
        ]
        statuses = [
            f"{one}: {self._now['certificates'][one]['status']}, was {wanted['status']}"
            for one, wanted in sorted(self._certificates.items())
            if one in self._now["certificates"]
            and self._now["certificates"][one]["status"] != wanted["status"]
        ]
        found = {"groups that devices were put into later": extra}
        if not self._statuses:
            found["certificates whose status was changed"] = statuses
        if self._all:
            found["devices that came later"] = sorted(self._now["things"].keys() - self._things.keys())
            found["jobs that were in flight (their rollouts go on by themselves)"] = sorted(
                self._was["jobs"].keys() - self._now["jobs"].keys()
            )
            for section in ("rules", "objects", "stacks", "dashboards", "alarms", "functions"):
                found[f"{section} that differ"] = self._others(section)
        return {why: tuple(names) for why, names in found.items() if names}

    def _others(self, section: str) -> list[str]:
        was, now = self._was.get(section, {}), self._now.get(section, {})
        gone = set() if section in ("rules", "objects") else was.keys() - now.keys()
        return sorted(gone | {one for one in was.keys() & now.keys() if _differ(was[one], now[one])})

    def _missing(self, section: str, kind: Kind) -> Iterator[Step]:
        for name in sorted(self._was[section].keys() - self._now[section].keys()):
            yield Step(kind, name, then=self._was[section][name])

    def _differing(self, section: str, kind: Kind) -> Iterator[Step]:
        for name, wanted in sorted(self._was[section].items()):
            there = self._now[section].get(name)
            if comparable(wanted) != comparable(there):
                yield Step(kind, name, now=there, then=wanted)


def _differ(was: Any, now: Any) -> bool:
    """Objects by their size: an ETag is another one wherever the same bytes are encrypted again."""
    if isinstance(was, Mapping) and "etag" in was:
        return bool(was["size_bytes"] != now["size_bytes"])
    return bool(was != now)


def comparable(value: Any) -> Any:
    """A policy by what it says, however its versions are numbered and its text is spaced."""
    if isinstance(value, Mapping) and "documents" in value:
        texts = [json.loads(one) for one in value["documents"]]
        return {"default": json.loads(value["default"]), "documents": texts}
    return value


def lacking(wanted: Iterable[str], there: Iterable[str] | None) -> list[str]:
    """What is wanted and not there, sorted."""
    return sorted(set(wanted) - set(there or ()))


def _parents_first(groups: Mapping[str, Any]) -> Iterator[str]:
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done or name not in groups:
            return
        done.add(name)
        yield from visit(groups[name]["parent"])
        yield name

    for name in sorted(groups):
        yield from visit(name)
