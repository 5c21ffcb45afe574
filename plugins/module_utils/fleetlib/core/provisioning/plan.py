"""What is left to do for a fleet: one decision per device, gathered into groups that go the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ..quotas import Quotas
from .estimate import Estimate, compared
from .model import CERTIFICATE_ATTRIBUTE, NO_THING, NOTHING_LOCAL, Fleet, LocalDevice, Registry
from .steps import NEW_DEVICE, OPERATIONS, Step, decide

SHOWN_IN_DIFF = 50
"""Things that a diff spells out; the others it counts."""

TO_BE_ISSUED = "(issued by AWS IoT)"
"""Stands for the id of a certificate that does not exist yet."""

Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """What is left to do. Nothing in it changes anything."""

    fleet: Fleet
    registry: Registry
    groups: Mapping[Steps, Sequence[str]]
    """Steps → names of the things that go them."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Thing → why it cannot be completed without a person."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """Thing → what a person should know."""
    quotas: Quotas = field(default_factory=Quotas)

    @property
    def changed(self) -> bool:
        """Whether anything is left to do."""
        return any(self.groups.values())

    @property
    def work(self) -> Iterator[tuple[str, Steps]]:
        """Every thing with something left to do, and its steps."""
        for steps, names in self.groups.items():
            for name in names:
                yield name, steps

    @property
    def counts(self) -> dict[str, int]:
        """How many devices are wanted, and how they stand."""
        create = len(self.groups.get(NEW_DEVICE, ()))
        update = sum(len(names) for steps, names in self.groups.items() if steps == (Step.UPDATE,))
        left = sum(len(names) for names in self.groups.values())
        wanted = len(self.fleet.devices)
        return {
            "wanted": wanted,
            "to_create": create,
            "to_finish": left - create - update,
            "to_update": update,
            "complete": wanted - left - len(self.problems) - len(self.remarks),
            "inactive": len(self.remarks),
            "problems": len(self.problems),
        }

    @property
    def uncertain(self) -> list[str]:
        """Things whose certificate may exist although its answer never arrived here."""
        return [name for name, steps in self.work if Step.FIND in steps]

    @property
    def estimate(self) -> Estimate:
        """Calls and time."""
        calls: Counter[str] = Counter()
        for steps, names in self.groups.items():
            for step in steps:
                if step in OPERATIONS:
                    calls[OPERATIONS[step]] += len(names)
        return Estimate(calls, self.quotas)

    def without(self, names: Container[str]) -> Plan:
        """The same plan, leaving out some things."""
        rest = {steps: [name for name in group if name not in names] for steps, group in self.groups.items()}
        return replace(self, groups={steps: group for steps, group in rest.items() if group})

    def lines(self, estimate: Estimate | None = None) -> list[str]:
        """The plan for a terminal; ``estimate`` where it is not carried out by this host alone."""
        estimate = estimate or self.estimate
        counts = self.counts
        lines = [
            f"{counts['wanted']:,} devices wanted: {counts['to_create']:,} to create, "
            f"{counts['to_finish']:,} to finish, {counts['to_update']:,} to update, "
            f"{counts['complete']:,} complete."
        ]
        lines += [f"Does not exist yet: {thing}." for thing in self.registry.missing]
        lines += [f"{name}: {problem}" for name, problem in self.problems.items()]
        lines += [f"{name}: {remark}" for name, remark in self.remarks.items()]
        if not self.changed:
            return lines
        return [*lines, *estimate.lines(), *compared(estimate, self.counts["to_create"])]

    def diff(self) -> dict[str, str]:
        """Before and after, as text that Ansible shows as a diff."""
        shown = list(islice(self.work, SHOWN_IN_DIFF))
        before = [line for name, _ in shown for line in self._before(name)]
        after = [line for name, steps in shown for line in self._after(name, steps)]
        hidden = sum(len(names) for names in self.groups.values()) - len(shown)
        if hidden > 0:
            after.append(f"… and {hidden:,} more")
        header = f"fleet {self.fleet.name}"
        return {
            "before_header": header,
            "after_header": header,
            "before": "".join(f"{line}\n" for line in before),
            "after": "".join(f"{line}\n" for line in after),
        }

    def _before(self, name: str) -> list[str]:
        thing = self.registry.things.get(name)
        if thing is None:
            return []
        return _described(name, thing.type_name, thing.attributes, name in self.registry.members)

    def _after(self, name: str, steps: Steps) -> list[str]:
        thing = self.registry.things.get(name, NO_THING)
        current = thing.attributes.get(CERTIFICATE_ATTRIBUTE, "")
        certificate = TO_BE_ISSUED if Step.CERTIFICATE in steps or not current else current
        attributes = {**thing.attributes, **self.fleet.attributes_for(name, thing, certificate)}
        lines = _described(name, self.fleet.type_name, attributes, True)
        return [*lines, f"  policy: {self.fleet.policy}"] if Step.POLICY in steps else lines

    def as_dict(self, estimate: Estimate | None = None) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "counts": self.counts,
            "estimate": (estimate or self.estimate).as_dict(),
            "missing": list(self.registry.missing),
            "problems": dict(self.problems),
            "remarks": dict(self.remarks),
        }


def make(
    fleet: Fleet, local: Mapping[str, LocalDevice], registry: Registry, quotas: Quotas | None = None
) -> Plan:
    """Decide for every device. Devices that nobody knows go one way, so a million of them take no time."""
    known = registry.things.keys() | local.keys()
    new = [name for name in fleet.devices if name not in known]
    groups: dict[Steps, list[str]] = {NEW_DEVICE: new} if new else {}
    problems, remarks = {}, {}
    for name in fleet.devices:
        if name not in known:
            continue
        decision = decide(name, fleet, local.get(name, NOTHING_LOCAL), registry)
        if decision.problem:
            problems[name] = decision.problem
        elif decision.remark:
            remarks[name] = decision.remark
        elif decision.steps:
            groups.setdefault(decision.steps, []).append(name)
    return Plan(fleet, registry, groups, problems, remarks, quotas or Quotas())


def _described(name: str, type_name: str, attributes: Mapping[str, str], member: bool) -> list[str]:
    lines = [f"{name}:", f"  type: {type_name}"]
    lines += [f"  {key}: {value}" for key, value in sorted(attributes.items())]
    return [*lines, f"  in the fleet's group: {'yes' if member else 'no'}"]
