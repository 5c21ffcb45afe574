"""The calls that put a fleet's registry back, or into another region, one for each kind of step.

All of them may be repeated.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ..core.backup.restore import Kind, Plan, Step, comparable
from . import certificates, things

MOST_VERSIONS: Final = 5
"""Versions of a policy that AWS IoT keeps."""


class Restorer:
    """Carries out a plan."""

    def __init__(
        self,
        client: Callable[..., Any],
        pems: Mapping[str, str],
        put_object: Callable[[Step], None],
        concurrency: int,
    ) -> None:
        """``pems`` has the text of certificates by id."""
        self._iot = client("iot", max_connections=concurrency)
        self._data = client("iot-data", max_connections=concurrency)
        self._pems, self._put_object, self._concurrency = pems, put_object, concurrency
        self._arns: dict[str, str] = {}
        self._do: Mapping[Kind, Callable[[Step], None]] = {
            Kind.INDEXING: self._indexing,
            Kind.TYPE: self._type,
            Kind.GROUP: self._group,
            Kind.POLICY: self._policy,
            Kind.GROUP_POLICY: self._group_policy,
            Kind.CERTIFICATE: self._certificate,
            Kind.STATUS: lambda step: self._status(step.name, str(step.then)),
            Kind.CERTIFICATE_POLICY: self._certificate_policy,
            Kind.THING: self._thing,
            Kind.ATTRIBUTES: self._attributes,
            Kind.PRINCIPAL: self._principal,
            Kind.MEMBER: lambda step: things.add_to_group(self._iot, step.name, step.other),
            Kind.GROUP_POLICY_OFF: self._group_policy_off,
            Kind.CERTIFICATE_POLICY_OFF: self._certificate_policy_off,
            Kind.PRINCIPAL_OFF: self._principal_off,
            Kind.MEMBER_OFF: self._member_off,
            Kind.SHADOW: self._shadow,
            Kind.RULE: self._rule,
            Kind.OBJECT: self._put_object,
        }

    def carry_out(self, plan: Plan, count: Callable[[], None]) -> None:
        """Every step. The first that fails ends it; what was put back stays, and the next run goes on."""
        self._arns = {one.id: one.arn for one in certificates.iter_certificates(self._iot)}

        def follow(chain: list[Step]) -> None:
            for step in chain:
                self._do[step.kind](step)
                count()

        with ThreadPoolExecutor(max_workers=self._concurrency) as pool:
            for phase in plan.phases():
                running = [pool.submit(follow, chain) for chain in phase]
                try:
                    for one in running:
                        one.result()
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise

    def _indexing(self, step: Step) -> None:
        self._iot.update_indexing_configuration(**{step.name: step.then})

    def _type(self, step: Step) -> None:
        given: dict[str, Any] = {"searchableAttributes": step.then["searchable"]}
        if step.then["description"]:
            given["thingTypeDescription"] = step.then["description"]
        with contextlib.suppress(self._iot.exceptions.ResourceAlreadyExistsException):
            self._iot.create_thing_type(thingTypeName=step.name, thingTypeProperties=given)

    def _group(self, step: Step) -> None:
        group = step.then
        given: dict[str, Any] = {"attributePayload": {"attributes": group["attributes"]}}
        if group["description"]:
            given["thingGroupDescription"] = group["description"]
        named: dict[str, Any] = {"thingGroupName": step.name, "thingGroupProperties": given}
        with contextlib.suppress(self._iot.exceptions.ResourceAlreadyExistsException):
            if group["query"]:
                self._iot.create_dynamic_thing_group(**named, queryString=group["query"])
            else:
                parent = {"parentGroupName": group["parent"]} if group["parent"] else {}
                self._iot.create_thing_group(**named, **parent)

    def _policy(self, step: Step) -> None:
        """A policy that is gone with all of its versions; of one that is there only what is in force."""
        if step.now is None:
            first, *others = step.then["documents"]
            self._iot.create_policy(policyName=step.name, policyDocument=first)
            for document in others:
                self._version(step.name, document, document == step.then["default"])
        elif comparable(step.then)["default"] != comparable(step.now)["default"]:
            self._version(step.name, step.then["default"], True)

    def _version(self, policy: str, document: str, default: bool) -> None:
        versions = self._iot.list_policy_versions(policyName=policy)["policyVersions"]
        if len(versions) >= MOST_VERSIONS:
            old = min(int(one["versionId"]) for one in versions if not one["isDefaultVersion"])
            self._iot.delete_policy_version(policyName=policy, policyVersionId=str(old))
        self._iot.create_policy_version(policyName=policy, policyDocument=document, setAsDefault=default)

    def _group_policy(self, step: Step) -> None:
        arn = self._iot.describe_thing_group(thingGroupName=step.name)["thingGroupArn"]
        certificates.attach_policy(self._iot, step.other, arn)

    def _certificate(self, step: Step) -> None:
        """AWS IoT gives a certificate the same id wherever it is registered: the hash of its bytes."""
        status = step.then["status"]
        try:
            made = self._iot.register_certificate_without_ca(
                certificatePem=self._pems[step.name], status=status if status == "ACTIVE" else "INACTIVE"
            )
        except self._iot.exceptions.ResourceAlreadyExistsException:  # an attempt whose answer was lost
            self._arns[step.name] = certificates.describe(self._iot, step.name).arn
        else:
            self._arns[step.name] = made["certificateArn"]
        if status not in ("ACTIVE", "INACTIVE"):
            self._status(step.name, status)

    def _status(self, certificate: str, status: str) -> None:
        self._iot.update_certificate(certificateId=certificate, newStatus=status)

    def _certificate_policy(self, step: Step) -> None:
        certificates.attach_policy(self._iot, step.other, self._arns[step.name])

    def _thing(self, step: Step) -> None:
        made = {"thingTypeName": step.then["type"]} if step.then["type"] else {}
        attributes = {"attributes": step.then["attributes"]}
        self._iot.create_thing(thingName=step.name, attributePayload=attributes, **made)

    def _attributes(self, step: Step) -> None:
        """Exactly these attributes; what was added since goes."""
        change: dict[str, Any] = {"attributePayload": {"attributes": step.then["attributes"], "merge": False}}
        if step.then["type"] != step.now["type"]:
            change |= {"thingTypeName": step.then["type"]} if step.then["type"] else {"removeThingType": True}
        self._iot.update_thing(thingName=step.name, **change)

    def _principal(self, step: Step) -> None:
        things.attach_certificate(self._iot, step.name, self._arns[step.other])

    def _group_policy_off(self, step: Step) -> None:
        arn = self._iot.describe_thing_group(thingGroupName=step.name)["thingGroupArn"]
        certificates.detach_policy(self._iot, step.other, arn)

    def _certificate_policy_off(self, step: Step) -> None:
        certificates.detach_policy(self._iot, step.other, self._arns[step.name])

    def _principal_off(self, step: Step) -> None:
        self._iot.detach_thing_principal(thingName=step.name, principal=self._arns[step.other])

    def _member_off(self, step: Step) -> None:
        self._iot.remove_thing_from_thing_group(thingName=step.name, thingGroupName=step.other)

    def _shadow(self, step: Step) -> None:
        """Keys that are wished for now and were not then are taken out: null removes a key."""
        state = {part: value for part, value in step.then.items() if value}
        gone = set((step.now or {}).get("desired", {})) - set(step.then.get("desired", {}))
        if gone:
            state["desired"] = {**state.get("desired", {}), **dict.fromkeys(gone)}
        self._data.update_thing_shadow(thingName=step.name, payload=json.dumps({"state": state}).encode())

    def _rule(self, step: Step) -> None:
        with contextlib.suppress(self._iot.exceptions.ResourceAlreadyExistsException):
            self._iot.create_topic_rule(ruleName=step.name, topicRulePayload=step.then)
