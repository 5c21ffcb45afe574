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


def set_attributes(iot: Any, name: str, attributes: Mapping[str, str]) -> None:
    """iot:UpdateThing: set these attributes; other attributes stay."""
    iot.update_thing(thingName=name, attributePayload={"attributes": dict(attributes), "merge": True})


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
