"""What a rotation needs from the world."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..provisioning.model import Certificate, ListedCertificate
from .model import Member, Wave


@dataclass(frozen=True)
class Signing:
    """A signing request, looked through."""

    pem: str
    key_id: str
    common_name: str


class Cloud(Protocol):
    """Jobs, certificates and index. Every call paces itself and may be repeated, except `issue`."""

    def ask(self, wave: Wave) -> None:
        """Send the job to the wave's devices; keeps a job that was sent before."""

    def statuses(self, wave: Wave) -> Mapping[str, str]:
        """Thing → status of its part in the job."""

    def details(self, wave: Wave, thing: str) -> Mapping[str, str]:
        """What the device said of its part in the job."""

    def issue(self, signing_request: str) -> Certificate:
        """An active certificate; never asked twice for one request (`AnswerLostError` instead)."""

    def certificates(self) -> Iterable[ListedCertificate]:
        """Every certificate of the account, in pages."""

    def describe(self, certificate_id: str) -> Certificate:
        """One certificate, with its text."""

    def tie(self, thing: str, certificate_arn: str) -> None:
        """Give the certificate the device policy and tie it to the thing."""

    def offer(self, thing: str, certificate: Certificate) -> None:
        """Put the certificate into the device's shadow."""

    def withdraw(self, thing: str) -> None:
        """Take the offered certificate out of the device's shadow."""

    def set_active(self, certificate_id: str, active: bool) -> None:
        """Switch a certificate on or off."""

    def remove(self, thing: str, certificate_id: str, certificate_arn: str) -> None:
        """Untie a certificate that is switched off and delete it; nothing where it is gone."""

    def connected(self, wave: Wave) -> Collection[str]:
        """The wave's devices that are connected."""

    def end(self, wave: Wave, why: str) -> None:
        """Cancel what is left of the job and clear up after the wave."""

    def certificate_of(self, thing: str, certificate_id: str) -> None:
        """Have the thing name its new certificate."""


class Files(Protocol):
    """What this host keeps. What it was given is on the disk when it returns."""

    def save(self, wave: Wave) -> None:
        """The wave as it stands."""

    def note(self, member: Member) -> None:
        """How far one device of the wave is. May be called from many threads."""

    def close(self, wave: Wave) -> None:
        """Put the wave away: it has ended."""

    def keep_certificate(self, thing: str, certificate: Certificate) -> None:
        """The device has this certificate now, and its key only itself."""


class Requests(Protocol):
    """Signing requests and certificates, read."""

    def look_through(self, encoded: str) -> Signing:
        """The request that a device sent. Raises `DeviceError` where it is none, or not properly signed."""

    def certificate_key_id(self, certificate_pem: str) -> str:
        """Identifies the public key that a certificate certifies."""
