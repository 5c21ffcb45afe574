"""What a second region should hold, and the steps that bring it there.

AWS replicates nothing of AWS IoT between regions: registry, certificates, policies and shadows are in one
region each. A certificate keeps its id wherever it is registered, for that is the hash of its bytes; so a
device connects to either region with the key that it has (RegisterCertificateWithoutCA, "multi-account
registration" in AWS's guide).

The second region follows the first in everything, also in what is taken away: who was cut off there, moved,
or given another certificate, must not be welcome here. Nothing is deleted, though: the certificates of
devices that the first region does not know are made INACTIVE, and the things stay, and are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..backup import State
from ..backup.restore import Kind, Plan, Step, lacking, ordered, plan
from ..errors import InvalidInputError

SAME: Final = "same"
"""Certificates have the status that they have in the first region."""
INACTIVE: Final = "inactive"
"""Certificates are registered and wait: a failover makes them ACTIVE, 10 a second."""

_SHARED: Final = ("types", "groups", "indexing")
_OF_A_REGION: Final = ("policies", "rules")
"""Sections whose texts name the region."""


@dataclass(frozen=True)
class Passage:
    """From which region to which."""

    origin: str
    target: str
    certificates: str = SAME

    def __post_init__(self) -> None:
        """Refuse what could not be a passage."""
        if self.origin == self.target:
            raise InvalidInputError(
                f"Both regions are {self.origin}; the second one must be another.",
                "Set secondary_region, and do not give fleet_region with -e.",
            )
        if self.certificates not in (SAME, INACTIVE):
            raise InvalidInputError(
                f"certificate_status is {self.certificates!r}; it must be {SAME} or {INACTIVE}."
            )

    def text(self, value: str) -> str:
        """A text that names the first region, as the second one has it."""
        return named(self.origin).sub(self.target, value)

    def status(self, there: str) -> str:
        """The status of a certificate in the second region."""
        return "INACTIVE" if self.certificates == INACTIVE and there == "ACTIVE" else there


def expected(state: State, passage: Passage) -> dict[str, dict[str, Any]]:
    """What the second region should hold: the first one's state with the region's name exchanged.

    Jobs belong to where their devices are, and stacks are deployed; neither is carried over.
    """
    return {
        **{name: dict(state[name]) for name in _SHARED},
        **{name: _carried(_in_force(state[name]), passage) for name in _OF_A_REGION},
        "things": _things(state),
        "certificates": {
            one: {**found, "status": passage.status(found["status"])}
            for one, found in state["certificates"].items()
        },
        "shadows": dict(state["shadows"]),
        "jobs": {},
        "objects": {},
    }


def actual(state: State) -> dict[str, dict[str, Any]]:
    """What the second region holds, in the same form."""
    kept = ("certificates", "indexing", "types", "groups", "rules", "shadows")
    return {
        **{name: dict(state[name]) for name in kept},
        "policies": _in_force(state["policies"]),
        "things": _things(state),
        "jobs": {},
        "objects": {},
    }


def steps(wanted: State, there: State) -> Plan:
    """What brings the second region there, from the states that `expected` and `actual` make."""
    adding = plan(wanted, there, statuses=True)
    taking = [*_groups_off(wanted, there), *_certificates_off(wanted, there), *_things_off(wanted, there)]
    return Plan(ordered([*adding.steps, *_outdated(wanted, there), *taking]))


def _things(state: State) -> dict[str, Any]:
    """Memberships of dynamic groups are AWS's to decide."""
    dynamic = {name for name, group in state["groups"].items() if group.get("query")}
    return {
        name: {**one, "groups": [group for group in one["groups"] if group not in dynamic]}
        for name, one in state["things"].items()
    }


def _in_force(section: Mapping[str, Any]) -> dict[str, Any]:
    """Of a policy's versions the one in force: the others are the history of a region."""
    return {
        name: {"documents": [one["default"]], "default": one["default"]} if "documents" in one else one
        for name, one in section.items()
    }


def _carried(section: Mapping[str, Any], passage: Passage) -> dict[str, Any]:
    carried: dict[str, Any] = json.loads(passage.text(json.dumps(section)))
    return carried


def _outdated(wanted: State, there: State) -> Iterator[Step]:
    """Objects that were written again; those that are lacking a restore would see, too."""
    for name in sorted(wanted["objects"].keys() & there["objects"].keys()):
        yield Step(Kind.OBJECT, name, now=there["objects"][name], then=wanted["objects"][name])


def _groups_off(wanted: State, there: State) -> Iterator[Step]:
    for name in sorted(wanted["groups"].keys() & there["groups"].keys()):
        for policy in lacking(there["groups"][name]["policies"], wanted["groups"][name]["policies"]):
            yield Step(Kind.GROUP_POLICY_OFF, name, policy, now="attached")


def _certificates_off(wanted: State, there: State) -> Iterator[Step]:
    for one, found in sorted(there["certificates"].items()):
        mine = wanted["certificates"].get(one)
        if mine is None:
            if found["status"] == "ACTIVE":
                yield Step(Kind.STATUS, one, now=found["status"], then="INACTIVE")
            continue
        for policy in lacking(found["policies"], mine["policies"]):
            yield Step(Kind.CERTIFICATE_POLICY_OFF, one, policy, now="attached")


def _things_off(wanted: State, there: State) -> Iterator[Step]:
    for name in sorted(wanted["things"].keys() & there["things"].keys()):
        mine, found = wanted["things"][name], there["things"][name]
        for one in lacking(found["certificates"], mine["certificates"]):
            yield Step(Kind.PRINCIPAL_OFF, name, one, now="attached")
        for group in lacking(found["groups"], mine["groups"]):
            yield Step(Kind.MEMBER_OFF, name, group, now="member")


def named(region: str) -> re.Pattern[str]:
    """A region's name that stands alone, as in an ARN or at the end of a bucket's name."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(region)}(?![A-Za-z0-9])")
