"""What is left to do until nothing of a fleet is left, what stands in the way, and what stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..errors import InvalidInputError
from ..provisioning.decommission import CALLS_PER_DEVICE
from ..provisioning.estimate import Estimate
from ..quotas import Quotas
from .history import History
from .model import GOES_WITH, REMOVED_IN_ORDER, Resource, Stack, in_order
from .names import JOB, KEY, TYPE, Names

KEY_DAYS = range(7, 31)
"""How long KMS can be asked to keep a key that is to be deleted."""

SHOWN = 6
"""Lines of the estimate: what it is all together, and the slowest operations."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "AWS::IoT::Policy": ("ListTargetsForPolicy", "ListPolicyVersions", "DeletePolicy"),
    "AWS::IoT::ThingGroup": ("DeleteThingGroup",),
    "AWS::IoT::ThingType": ("DeprecateThingType", "DeleteThingType"),
    JOB: ("CancelJob", "DeleteJob"),
}
"""Calls to AWS IoT for each of a kind, as far as quotas hold them up."""


@dataclass(frozen=True)
class World:
    """What there is now."""

    names: Names
    stacks: Sequence[Stack] = ()
    """The fleet's own, in the order in which they are deployed."""
    found: Sequence[Resource] = ()
    """Whatever has a name that begins like the fleet's: policies, groups, types, buckets, functions, alarms,
    log groups, jobs."""
    things: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Devices with their records: of the fleet's type or in one of its groups, under its name."""
    strangers: Sequence[str] = ()
    """Things of the fleet's type that have a name of somebody else."""
    alike: Sequence[str] = ()
    """Things under the fleet's name that have neither its type nor one of its groups."""
    begun: Sequence[str] = ()
    """Devices that this host still has something of, though the registry has not."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Key of the stacks → when KMS deletes it; empty while it is not scheduled."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Thing group → the group above it."""


@dataclass(frozen=True)
class Obstacles:
    """What else may forbid it."""

    caller: str = ""
    """ARN of who asks."""
    maintenance: str = ""
    """When the maintenance began that has not ended."""
    rollouts: Sequence[str] = ()
    """Rollouts that are open."""
    wants_snapshot: bool = True
    can_snapshot: bool = True
    """Whether there is a bucket that snapshots are taken to."""


@dataclass(frozen=True)
class Plan:
    """See the module."""

    world: World
    history: History
    obstacles: Obstacles = field(default_factory=Obstacles)
    quotas: Quotas = field(default_factory=Quotas)
    key_days: int = 30

    def __post_init__(self) -> None:
        """Refuse days that KMS would refuse in the end."""
        if self.key_days not in KEY_DAYS:
            raise InvalidInputError(
                f"teardown_key_days is {self.key_days}; KMS takes {KEY_DAYS[0]} to {KEY_DAYS[-1]}."
            )

    @property
    def names(self) -> Names:
        """The fleet's names."""
        return self.world.names

    @cached_property
    def known(self) -> frozenset[Resource]:
        """What the stacks made, those that are gone included."""
        open_ones = self.history.resources if self.history.is_open else ()
        return frozenset((*open_ones, *(one for stack in self.world.stacks for one in stack.resources)))

    def is_ours(self, one: Resource) -> bool:
        """Whether something is the fleet's: by its name, or because a stack of the fleet made it."""
        return self.names.owns(one.kind, one.name) or one in self.known

    @cached_property
    def ours(self) -> list[Resource]:
        """What there is of the fleet, without stacks and things; keys only where they are not scheduled."""
        keys = [Resource(KEY, name) for name, when in self.world.keys.items() if not when]
        return [*(one for one in self.world.found if self.is_ours(one)), *keys]

    @property
    def jobs(self) -> list[str]:
        """The fleet's jobs."""
        return [one.name for one in self.ours if one.kind == JOB]

    @cached_property
    def to_remove(self) -> list[Resource]:
        """What no stack will take along: it is retained, or its stack is gone. In the right order."""
        with_stacks = {one for stack in self.world.stacks for one in stack.resources if not one.retained}
        return in_order([one for one in self.ours if one not in with_stacks], self.world.parents)

    @cached_property
    def devices(self) -> list[str]:
        """Things to decommission, and those that an earlier run began with."""
        return sorted({*self.world.things, *self.world.begun})

    @property
    def changed(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.world.stacks or self.devices or self.ours)

    @property
    def alike(self) -> list[str]:
        """What has a similar name and is left alone."""
        things = [f"thing {name}" for name in self.world.alike]
        return [*(one.text for one in self.world.found if not self.is_ours(one)), *things]

    @property
    def left(self) -> list[str]:
        """What there still is of the fleet, for people."""
        stacks = [f"stack {one.name}" for one in self.world.stacks]
        things = [f"thing {name}" for name in self.devices]
        return [*stacks, *things, *(one.text for one in self.ours)]

    @property
    def confirmation(self) -> str:
        """What ``confirm`` has to be."""
        return self.names.fleet

    def require(self, confirm: str) -> None:
        """Refuse anything but the exact confirmation."""
        if confirm != self.confirmation:
            given = f"confirm is {confirm!r}" if confirm else "confirm is missing"
            raise InvalidInputError(
                f"{given}. Nothing was changed.",
                "Teardown removes every device, stack and object of this fleet. "
                f"If you mean it: -e confirm={self.confirmation}",
            )

    @property
    def refusals(self) -> list[str]:
        """What stands in the way, each with what to do about it."""
        return [*self._in_use(), *self._of_stacks(), *self._of_things()]

    def _in_use(self) -> list[str]:
        fleet, found, given = self.names.fleet, [], self.obstacles
        if f"assumed-role/{fleet}-operator" in given.caller:
            found.append(
                f"You are the operator ({given.caller}), a role that goes away with the core stack: "
                "use an administrator's credentials."
            )
        if given.maintenance:
            found.append(
                f"Maintenance that began at {given.maintenance} has not ended: wait for it, or let "
                "playbooks/maintenance.yml finish it."
            )
        if given.rollouts and not self.begun:
            found.append(
                f"Rollouts are open: {', '.join(given.rollouts)}. End them: "
                "playbooks/rollout.yml -e rollout_action=abort."
            )
        if given.wants_snapshot and self.world.things and not given.can_snapshot and not self.begun:
            found.append(
                "There is no backup bucket (no storage stack), so that no last snapshot can be taken: "
                "run deploy.yml, or do without one: -e teardown_snapshot=false."
            )
        return found

    def _of_stacks(self) -> list[str]:
        found = []
        for stack in self.world.stacks:
            if stack.is_protected:
                found.append(
                    f"Stack {stack.name} is protected: aws cloudformation update-termination-protection "
                    f"--no-enable-termination-protection --stack-name {stack.name}"
                )
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "DELETE_IN_PROGRESS":
                found.append(f"Stack {stack.name} is {stack.status}: wait until it is done.")
        kept = [one for one in sorted(self.known, key=lambda one: (one.kind, one.name)) if one.retained]
        unknown = [one for one in kept if one.kind not in (*REMOVED_IN_ORDER, *GOES_WITH)]
        found += [
            f"Stack {one.stack} would leave {one.kind} {one.name} behind, which teardown cannot remove: "
            "teach it (fleetlib/core/teardown/model.py), or change its DeletionPolicy and deploy first."
            for one in unknown
        ]
        return found

    def _of_things(self) -> list[str]:
        if not self.world.strangers:
            return []
        few = ", ".join(self.world.strangers[:5])
        return [
            f"{len(self.world.strangers):,} things of another name have the type "
            f"{self.names.given(TYPE)[0]}, which AWS then keeps: {few}. Give them another type first."
        ]

    @property
    def begun(self) -> bool:
        """Whether an earlier run has begun to remove devices."""
        return self.history.is_open and self.history.devices_begun

    @cached_property
    def estimate(self) -> Estimate:
        """Calls to AWS IoT, which are those that quotas hold up."""
        # What a thing is, the pages of the registry have told.
        calls = Counter({name: len(self.devices) for name in CALLS_PER_DEVICE if name != "DescribeThing"})
        calls.update(name for one in self.ours for name in CALLS.get(one.kind, ()))
        return Estimate(+calls, self.quotas)

    def stays(self) -> list[tuple[str, str]]:
        """What teardown leaves, and why."""
        keys = [
            (f"KMS key {name}", f"scheduled: AWS deletes it on {when}")
            for name, when in sorted(self.world.keys.items())
            if when
        ]
        coming = [
            (one.text, f"can be taken back for {self.key_days} days, then AWS deletes it")
            for one in self.ours
            if one.kind == KEY
        ]
        alike = [(one, "has a similar name, and nothing shows that it is this fleet's") for one in self.alike]
        return [
            *keys,
            *coming,
            ("Fleet indexing, AWS IoT events and logging", "settings of the account, which others may use"),
            (
                "Files on the control host",
                "keys, evidence of devices, journals, snapshots: yours to keep or to delete",
            ),
            *alike,
        ]

    def lines(self) -> list[str]:
        """The plan for a terminal."""
        if not self.changed:
            return [f"Nothing of {self.names.fleet} is left in {self.names.region}."]
        stacks = [f"  {one.name} ({one.status})" for one in reversed(self.world.stacks)]
        retained = self.to_remove
        return [
            f"Fleet {self.names.fleet} in {self.names.region}:",
            f"{len(self.devices):,} devices and {len(self.jobs):,} jobs would go.",
            *_shortened(self.estimate.lines()),
            f"{len(stacks)} stacks would go, in this order:",
            *(stacks or ["  none"]),
            f"{len(retained)} that stacks leave behind would go after them, buckets with all versions:",
            *([f"  {one.text}" for one in retained] or ["  none"]),
            "What stays:",
            *(f"  {what}: {why}." for what, why in self.stays()),
        ]


def _shortened(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"  … and {more} that are quicker"] if more > 0 else [])]
