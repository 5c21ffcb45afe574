"""The registry as provisioning needs it: read in pages before a plan, written call by call after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import FleetError
from ..core.provisioning.model import Certificate, Fleet, ListedCertificate, Registry, Thing
from ..core.provisioning.ports import DeviceError
from . import certificates, registry, things

with contextlib.suppress(ImportError):  # the module runner names the missing library before this is called
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

_TRANSIENT = {"ThrottlingException", "ServiceUnavailableException", "InternalFailureException"}
"""Refusals that botocore has repeated without success; another device may have more luck."""

UNNAMED = "(not named yet)"
"""What stands for the name of something that the infrastructure has still to make."""


def read_registry(iot: Any, fleet: Fleet) -> Registry:
    """What the registry holds of a fleet: a few lists, read side by side; no call for any one device."""
    with explained("reading the registry"), ThreadPoolExecutor(max_workers=5) as pool:
        type_exists = pool.submit(_type_exists, iot, fleet)
        found = pool.submit(_things, iot, fleet)
        members = pool.submit(_members, iot, fleet)
        targets = pool.submit(_targets, iot, fleet)
        listed = pool.submit(lambda: {one.id: one for one in certificates.iter_certificates(iot)})
        exists = {
            f"thing type {fleet.type_name or UNNAMED}": type_exists.result(),
            f"policy {fleet.policy or UNNAMED}": targets.result() is not None,
            f"thing group {fleet.group or UNNAMED}": members.result() is not None,
        }
        return Registry(
            things=found.result(),
            members=members.result() or frozenset(),
            certificates=listed.result(),
            policy_targets=targets.result() or frozenset(),
            missing=tuple(what for what, there in exists.items() if not there),
        )


def _type_exists(iot: Any, fleet: Fleet) -> bool:
    return bool(fleet.type_name) and things.thing_type_exists(iot, fleet.type_name)


def _things(iot: Any, fleet: Fleet) -> dict[str, Thing]:
    """Wanted things of any type: the environment is an attribute of all of them."""
    return {
        one["thingName"]: Thing(one.get("thingTypeName") or "", one.get("attributes", {}))
        for one in registry.iter_things(iot, attribute=("environment", fleet.environment))
        if one["thingName"] in fleet.devices
    }


def _members(iot: Any, fleet: Fleet) -> frozenset[str] | None:
    """Names of the wanted things in the fleet's group; nothing when there is no such group."""
    if not fleet.group:
        return None
    try:
        return frozenset(
            name for name in registry.iter_things_in_group(iot, fleet.group) if name in fleet.devices
        )
    except iot.exceptions.ResourceNotFoundException:
        return None


def _targets(iot: Any, fleet: Fleet) -> frozenset[str] | None:
    """Ids of the certificates that have the policy; nothing when there is no such policy."""
    if not fleet.policy:
        return None
    try:
        return frozenset(
            arn.rpartition("/")[2] for arn in certificates.iter_policy_targets(iot, fleet.policy)
        )
    except iot.exceptions.ResourceNotFoundException:
        return None


class DirectCloud:
    """The engine's registry: every call made by this host, with a client that repeats and paces itself."""

    def __init__(self, iot: Any, fleet: Fleet) -> None:
        """Changes the client: from now on it never repeats a signing request blindly."""
        certificates.never_repeat_requests(iot)
        self._iot = iot
        self._fleet = fleet

    def issue(self, signing_request: str) -> Certificate:
        """See `core.provisioning.ports.Cloud`."""
        with explained("CreateCertificateFromCsr"):
            return certificates.issue(self._iot, signing_request)

    def attach_policy(self, certificate_arn: str) -> None:
        """See `core.provisioning.ports.Cloud`."""
        with explained("AttachPolicy"):
            certificates.attach_policy(self._iot, self._fleet.policy, certificate_arn)

    def create_thing(self, name: str, attributes: Mapping[str, str]) -> bool:
        """See `core.provisioning.ports.Cloud`."""
        with explained("CreateThing"):
            return things.create_thing(self._iot, name, self._fleet.type_name, attributes)

    def update_thing(self, name: str, attributes: Mapping[str, str]) -> None:
        """See `core.provisioning.ports.Cloud`."""
        with explained("UpdateThing"):
            things.update_thing(self._iot, name, self._fleet.type_name, attributes)

    def attach_certificate(self, name: str, certificate_arn: str) -> None:
        """See `core.provisioning.ports.Cloud`."""
        with explained("AttachThingPrincipal"):
            things.attach_certificate(self._iot, name, certificate_arn)

    def add_to_group(self, name: str) -> None:
        """See `core.provisioning.ports.Cloud`."""
        with explained("AddThingToThingGroup"):
            things.add_to_group(self._iot, name, self._fleet.group)

    def certificates(self) -> Iterable[ListedCertificate]:
        """See `core.provisioning.ports.Cloud`."""
        with explained("ListCertificates"):
            return list(certificates.iter_certificates(self._iot))

    def describe(self, certificate_id: str) -> Certificate:
        """See `core.provisioning.ports.Cloud`."""
        with explained("DescribeCertificate"):
            return certificates.describe(self._iot, certificate_id)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn botocore's errors into one device's trouble or everybody's."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        text = f"AWS refused {what}: {error.response['Error'].get('Message') or code} ({code})."
        if code in _TRANSIENT or error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500:
            raise DeviceError(text) from error
        raise FleetError(text, _HINTS.get(code, "")) from error
    except EndpointConnectionError as error:
        address = urlsplit(error.kwargs["endpoint_url"])
        raise FleetError(
            f"{address.scheme}://{address.netloc} does not answer any more ({what}).",
            "Look at the network; the local cloud is started by: ansible-playbook playbooks/local_cloud.yml.",
        ) from error
    except BotoCoreError as error:
        raise DeviceError(f"{what}: {error}") from error


_HINTS = {
    "AccessDeniedException": "The operator's policy (docs/configuration.md) has to allow it.",
    "ResourceNotFoundException": "Deploy the infrastructure first: ansible-playbook deploy.yml.",
    "UnrecognizedClientException": "Renew the credentials.",
    "ExpiredTokenException": "Renew the credentials.",
}
