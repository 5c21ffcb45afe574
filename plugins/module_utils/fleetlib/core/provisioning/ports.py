"""What the engine needs from the world, and the two ways in which the world may fail it.

Any other error stops the whole run: wrong credentials, a full disk or a missing policy fail every device.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple, Protocol

from ..errors import FleetError
from .model import Certificate, ListedCertificate, LocalDevice


class AnswerLostError(Exception):
    """A call left and its answer never came: it may have been carried out."""


class DeviceError(FleetError):
    """One device cannot go on now; the others can."""


class HeldCertificate(NamedTuple):
    """What the steps after the certificate need to know of it."""

    id: str
    arn: str


class Cloud(Protocol):
    """The registry. Every call paces itself and is repeated where that is harmless."""

    def issue(self, signing_request: str) -> Certificate:
        """An active certificate; never asked twice for one request (`AnswerLostError` instead)."""

    def attach_policy(self, certificate_arn: str) -> None:
        """Give the certificate the fleet's device policy."""

    def create_thing(self, name: str, attributes: Mapping[str, str]) -> bool:
        """Create a thing of the fleet's type; False when one exists that is different."""

    def update_thing(self, name: str, attributes: Mapping[str, str]) -> None:
        """Set the type and these attributes; others stay."""

    def attach_certificate(self, name: str, certificate_arn: str) -> None:
        """Tie the certificate to the thing."""

    def add_to_group(self, name: str) -> None:
        """Make the thing a member of the fleet's group."""

    def certificates(self) -> Iterable[ListedCertificate]:
        """Every certificate of the account, in pages."""

    def describe(self, certificate_id: str) -> Certificate:
        """One certificate, with its text."""


class Keys(Protocol):
    """Private keys and what follows from them. A damaged key raises `DeviceError`."""

    def new(self) -> bytes:
        """A new private key."""

    def signing_request(self, key: bytes, thing: str) -> str:
        """A request to have the key certified."""

    def key_id(self, key: bytes) -> str:
        """Identifies the public half."""

    def certificate_key_id(self, certificate_pem: str) -> str:
        """Identifies the public key that a certificate certifies."""


class Store(Protocol):
    """The devices' directories on this host. What it was given is on the disk when it returns."""

    def scan(self, wanted: Container[str]) -> dict[str, LocalDevice]:
        """What is kept of the wanted things."""

    def key(self, thing: str) -> bytes:
        """The private key."""

    def keep_key(self, thing: str, key: bytes) -> None:
        """Keep a new private key; never replaces one."""

    def certificate(self, thing: str) -> HeldCertificate | None:
        """The certificate that was issued for the key."""

    def keep_certificate(self, thing: str, certificate: Certificate) -> None:
        """Keep the certificate that belongs to the key."""

    def retire_certificate(self, thing: str) -> None:
        """Put aside a certificate that the registry does not know, before another is asked for."""
