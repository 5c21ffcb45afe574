"""The facts that provisioning decides on: what is wanted, what is on this disk, what the registry holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from ..errors import InvalidInputError
from ..naming import check_device_ids, fleet_name, thing_name

ACTIVE = "ACTIVE"
"""The status of a certificate that devices can connect with."""

CERTIFICATE_ATTRIBUTE = "certificate_id"
"""The attribute that ties a thing to its certificate, so that lists tell what else took a call per device."""

OWN_ATTRIBUTES = ("device_id", "environment", CERTIFICATE_ATTRIBUTE)
"""Attributes that provisioning sets itself."""

_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}")
_MOST_ATTRIBUTES = 50
"""AWS IoT's limit for a thing that has a type."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that AWS IoT issued."""

    id: str
    """SHA-256 of the certificate, in hex."""
    arn: str
    pem: str


@dataclass(frozen=True)
class ListedCertificate:
    """A line of the registry's list of certificates."""

    id: str
    arn: str
    status: str
    created: datetime


@dataclass(frozen=True)
class LocalDevice:
    """What this control host keeps of a device."""

    has_key: bool = False
    certificate_id: str = ""
    """The certificate issued for the key; empty when none is known."""
    key_time: float = 0.0
    """When the key was written (seconds since the epoch)."""
    key_on_device: bool = False
    """Whether the device made its key itself, so that only the device has it."""


NOTHING_LOCAL = LocalDevice()
"""A device that this control host has never seen."""


@dataclass(frozen=True)
class Thing:
    """A thing as the registry lists it."""

    type_name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


NO_THING = Thing()
"""What a device has that is not in the registry."""


@dataclass(frozen=True)
class Registry:
    """What the registry holds of a fleet, read in pages."""

    things: Mapping[str, Thing] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    """Names in the fleet's group: provisioning adds a thing there last, so a member is complete."""
    certificates: Mapping[str, ListedCertificate] = field(default_factory=dict)
    policy_targets: frozenset[str] = frozenset()
    """Ids of the certificates that have the device policy."""
    missing: tuple[str, ...] = ()
    """What has to exist first and does not, for people: ``policy fleet-device``."""
    pages: Mapping[str, int] = field(default_factory=dict)
    """Pages read, by operation."""


@dataclass(frozen=True)
class Fleet:
    """The devices wanted and what they have in common."""

    prefix: str
    environment: str
    device_ids: Sequence[str]
    type_name: str
    policy: str
    group: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Kept at these values on every device."""
    initial_attributes: Mapping[str, str] = field(default_factory=dict)
    """Set where a thing has none and then left to others, such as the firmware version."""
    device_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Device id → attributes of its own, which win over the common ones."""

    def check(self) -> None:
        """Refuse ids and attributes that AWS IoT would refuse, before anything is touched."""
        check_device_ids(self.device_ids, self.prefix, self.environment)
        check_attributes("attributes", self.attributes)
        check_attributes("initial_attributes", self.initial_attributes)
        for device_id, attributes in self.device_attributes.items():
            check_attributes(f"device_attributes of {device_id}", attributes)
        self._check_own_attributes_belong()
        both = set(self.attributes) & set(self.initial_attributes)
        if both:
            raise InvalidInputError(
                f"{', '.join(sorted(both))}: in attributes and in initial_attributes; choose one."
            )

    def _check_own_attributes_belong(self) -> None:
        strangers = sorted(set(self.device_attributes) - set(self.device_ids))
        if strangers:
            raise InvalidInputError(
                f"device_attributes names {strangers[0]!r}, which is not among the devices wanted."
            )

    @cached_property
    def devices(self) -> dict[str, str]:
        """Thing name → device id, in the order wanted."""
        start = thing_name(self.prefix, self.environment, "")
        return {start + device_id: device_id for device_id in self.device_ids}

    @property
    def name(self) -> str:
        """What the fleet is called."""
        return fleet_name(self.prefix, self.environment)

    def attributes_for(self, name: str, thing: Thing, certificate_id: str) -> dict[str, str]:
        """What ``thing`` shall have, given what it has: an initial attribute that it has stays as it is."""
        device_id = self.devices[name]
        unset = {key: value for key, value in self.initial_attributes.items() if key not in thing.attributes}
        return {
            **unset,
            **self.attributes,
            **self.device_attributes.get(device_id, {}),
            "device_id": device_id,
            "environment": self.environment,
            CERTIFICATE_ATTRIBUTE: certificate_id,
        }


def check_attributes(option: str, attributes: Mapping[str, str]) -> None:
    """Refuse attributes that AWS IoT does not take, and those that are not the caller's to set."""
    for name, value in attributes.items():
        if name in OWN_ATTRIBUTES:
            raise InvalidInputError(f"{option}: {name} is set by provisioning itself.")
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise InvalidInputError(
                f"{option}: {name!r} cannot be the name of an attribute.",
                "Allowed are 1 to 128 characters out of letters, digits and _.,@/:#-",
            )
        if not _ATTRIBUTE_VALUE.fullmatch(value):
            raise InvalidInputError(
                f"{option}: {value!r} cannot be the value of {name}.",
                "Allowed are 1 to 800 characters out of letters, digits and _.,@/:#=[]- (no spaces).",
            )
    if len(attributes) > _MOST_ATTRIBUTES - len(OWN_ATTRIBUTES):
        room = _MOST_ATTRIBUTES - len(OWN_ATTRIBUTES)
        raise InvalidInputError(f"{option}: {len(attributes)} attributes; there is room for {room}.")
