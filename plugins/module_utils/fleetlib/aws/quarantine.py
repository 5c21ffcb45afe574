"""The calls that cut devices off and bring them back. Each may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import FleetError
from ..core.quarantine import INACTIVE, REVOKED, CertificateState, Do, Gate, Scope, Step
from . import certificates, groups, registry


@dataclass(frozen=True)
class Registry:
    """The registry as an incident sees it."""

    iot: Any
    data: Any
    """Client of the data plane; None where sessions cannot be ended."""
    scope: Scope

    def gate(self) -> tuple[Gate, frozenset[str], frozenset[str]]:
        """iot:ListTargetsForPolicy, ListThingsInThingGroup: the gate as it is, who has the policy (ARNs), and
        which other things are in quarantine."""
        targets = frozenset(self._targets())
        members = frozenset(self._members())
        names = {one.rpartition("/")[2] for one in targets if ":thinggroup/" in one}
        mine = members & frozenset(self.scope.things)
        quarantine = self.scope.quarantine_group
        return Gate(quarantine in names, self.scope.group in names, mine), targets, members - mine

    def certificates(
        self, thing: str, denied: frozenset[str]
    ) -> tuple[tuple[CertificateState, ...], list[str]]:
        """iot:ListThingPrincipals, DescribeCertificate; and principals that are no certificates."""
        found, others = [], []
        for page in self.iot.get_paginator("list_thing_principals").paginate(thingName=thing):
            for arn in page["principals"]:
                if ":cert/" not in arn:
                    others.append(arn)
                    continue
                answer = self.iot.describe_certificate(certificateId=arn.rpartition("/")[2])
                status = answer["certificateDescription"]["status"]
                found.append(CertificateState(arn, status, arn in denied))
        return tuple(found), others

    def carry_out(self, step: Step) -> None:
        """One call."""
        policy, group = self.scope.policy, self.scope.quarantine_group
        if step.do is Do.DENY_GROUP:
            certificates.attach_policy(self.iot, policy, groups.arn(self.iot, step.what))
        elif step.do is Do.ALLOW_GROUP:
            self.iot.detach_policy(policyName=policy, target=groups.arn(self.iot, step.what))
        elif step.do is Do.ADD:
            self.iot.add_thing_to_thing_group(thingGroupName=group, thingName=step.what)
        elif step.do is Do.REMOVE:
            self.iot.remove_thing_from_thing_group(thingGroupName=group, thingName=step.what)
        else:
            self._on_certificate(step)

    def _on_certificate(self, step: Step) -> None:
        if step.do is Do.DENY:
            certificates.attach_policy(self.iot, self.scope.policy, step.what)
        elif step.do is Do.ALLOW:
            self.iot.detach_policy(policyName=self.scope.policy, target=step.what)
        elif step.do is Do.CUT:
            self._end_session(step.what)
        else:
            status = {Do.SWITCH_OFF: INACTIVE, Do.SWITCH_ON: "ACTIVE", Do.REVOKE: REVOKED}[step.do]
            certificate = step.what.rpartition("/")[2]
            self.iot.update_certificate(certificateId=certificate, newStatus=status)

    def _end_session(self, thing: str) -> None:
        """iot:DeleteConnection; nothing where it is not connected."""
        try:
            self.data.delete_connection(clientId=thing, cleanSession=True, preventWillMessage=True)
        except self.data.exceptions.ResourceNotFoundException:
            return

    def _targets(self) -> Iterable[str]:
        try:
            yield from certificates.iter_policy_targets(self.iot, self.scope.policy)
        except self.iot.exceptions.ResourceNotFoundException:
            raise FleetError(
                f"There is no policy {self.scope.policy}.", "The core stack makes it: run deploy.yml."
            ) from None

    def _members(self) -> Iterable[str]:
        try:
            yield from registry.iter_things_in_group(self.iot, self.scope.quarantine_group)
        except self.iot.exceptions.ResourceNotFoundException:
            raise FleetError(
                f"There is no thing group {self.scope.quarantine_group}.",
                "The core stack makes it: run deploy.yml.",
            ) from None


def members(iot: Any, group: str) -> Sequence[str]:
    """iot:ListThingsInThingGroup: things of a group that is to be cut off as a whole."""
    try:
        return sorted(registry.iter_things_in_group(iot, group))
    except iot.exceptions.ResourceNotFoundException:
        raise FleetError(
            f"There is no thing group {group}.", "Name one that exists, or device_ids."
        ) from None
