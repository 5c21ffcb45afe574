"""Things: make them, change them, tie certificates to them, group them. Reading is in `registry`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def create_thing(iot: Any, name: str, type_name: str, attributes: Mapping[str, str]) -> bool:
    """iot:CreateThing; whether there is such a thing now. False: one with other attributes exists."""
    try:
        iot.create_thing(
            thingName=name, thingTypeName=type_name, attributePayload={"attributes": dict(attributes)}
        )
    except iot.exceptions.ResourceAlreadyExistsException:
        return False
    return True


def update_thing(iot: Any, name: str, type_name: str, attributes: Mapping[str, str]) -> None:
    """iot:UpdateThing: set the type and these attributes; other attributes stay."""
    iot.update_thing(
        thingName=name,
        thingTypeName=type_name,
        attributePayload={"attributes": dict(attributes), "merge": True},
    )


def attach_certificate(iot: Any, name: str, certificate_arn: str) -> None:
    """iot:AttachThingPrincipal; repeating it changes nothing."""
    iot.attach_thing_principal(thingName=name, principal=certificate_arn)


def add_to_group(iot: Any, name: str, group: str) -> None:
    """iot:AddThingToThingGroup; repeating it changes nothing."""
    iot.add_thing_to_thing_group(thingName=name, thingGroupName=group)


def thing_type_exists(iot: Any, type_name: str) -> bool:
    """iot:DescribeThingType."""
    try:
        iot.describe_thing_type(thingTypeName=type_name)
    except iot.exceptions.ResourceNotFoundException:
        return False
    return True


def describe(iot: Any, name: str) -> dict[str, Any] | None:
    """iot:DescribeThing: type, attributes and version; None where there is no such thing."""
    try:
        found = iot.describe_thing(thingName=name)
    except iot.exceptions.ResourceNotFoundException:
        return None
    kept = ("thingArn", "thingId", "thingTypeName", "attributes", "version")
    return {key: found[key] for key in kept if key in found}


def principals(iot: Any, name: str) -> list[str]:
    """iot:ListThingPrincipals: ARNs of a thing's certificates; none where there is no such thing."""
    try:
        pages = list(iot.get_paginator("list_thing_principals").paginate(thingName=name))
    except iot.exceptions.ResourceNotFoundException:
        return []
    return [principal for page in pages for principal in page["principals"]]


def groups_of(iot: Any, name: str) -> list[str]:
    """iot:ListThingGroupsForThing: names of a thing's groups; none where there is no such thing."""
    try:
        pages = list(iot.get_paginator("list_thing_groups_for_thing").paginate(thingName=name))
    except iot.exceptions.ResourceNotFoundException:
        return []
    return [group["groupName"] for page in pages for group in page["thingGroups"]]


def detach_certificate(iot: Any, name: str, certificate_arn: str) -> None:
    """iot:DetachThingPrincipal; AWS carries it out a little later."""
    iot.detach_thing_principal(thingName=name, principal=certificate_arn)


def delete(iot: Any, name: str) -> None:
    """iot:DeleteThing, with memberships and job executions; nothing where there is no such thing."""
    iot.delete_thing(thingName=name)


def set_attribute(iot: Any, name: str, attribute: str, value: str) -> None:
    """iot:UpdateThing: set one attribute; everything else stays."""
    iot.update_thing(thingName=name, attributePayload={"attributes": {attribute: value}, "merge": True})
