"""The claim certificate of a fleet: made once, its key kept on this host, allowed nothing but to register.

Its directory is one of a `DeviceStore`, ``<state>/claim/<fleet>-claim/``: the key is on the disk before its
signing request leaves, and a certificate whose answer was lost is found by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .aws import certificates
from .aws.provisioning import explained as explained_call
from .core.clock import Clock, SystemClock
from .core.errors import FleetError
from .core.naming import fleet_name
from .core.provisioning import orphans
from .core.provisioning.model import ACTIVE, Certificate, LocalDevice
from .core.provisioning.ports import AnswerLostError, HeldCertificate
from .crypto import keys
from .device_store import DeviceStore, explained
from .provisioner import LOCK, explained_lock

DIRECTORY = "claim"


@dataclass(frozen=True)
class ClaimState:
    """What there is of the certificate, here and in AWS IoT."""

    local: LocalDevice
    status: str = ""
    """Of the certificate in AWS IoT; empty when there is none."""
    has_policy: bool = False

    @property
    def steps(self) -> list[str]:
        """What is left to do, for people."""
        key = [] if self.local.has_key else ["make the claim key"]
        certificate = [] if self.status else ["have the claim certificate issued"]
        policy = [] if self.has_policy else ["attach the claim policy"]
        return [*key, *certificate, *policy]

    @property
    def remark(self) -> str:
        """What a person should know; empty when there is nothing."""
        if self.status in ("", ACTIVE):
            return ""
        return f"The claim certificate is {self.status}: no device can register itself. It is left so."

    def described(self) -> str:
        """The state as text that Ansible shows as a diff."""
        key = "on this host" if self.local.has_key else "none"
        policy = "attached" if self.has_policy else "not attached"
        return f"key: {key}\ncertificate: {self.status or 'none'}\npolicy: {policy}\n"


class ClaimCertificate:
    """The claim certificate of one fleet."""

    def __init__(
        self,
        prefix: str,
        environment: str,
        policy: str,
        directory: Path,
        iot: Any,
        key_type: keys.KeyType = keys.KeyType.EC_P256,
        clock: Clock | None = None,
    ) -> None:
        """``iot`` is a boto3 client; from now on it repeats no signing request blindly."""
        keys.require()
        certificates.never_repeat_requests(iot)
        self.name = f"{fleet_name(prefix, environment)}-claim"
        self._policy = policy
        self._directory = directory
        self._store = DeviceStore(directory / DIRECTORY)
        self._iot = iot
        self._key_type = key_type
        self._clock = clock or SystemClock()

    @property
    def key_path(self) -> Path:
        """Where the key is."""
        return self._store.key_path(self.name)

    @property
    def certificate_path(self) -> Path:
        """Where the certificate is."""
        return self._store.certificate_path(self.name)

    @property
    def certificate_id(self) -> str:
        """The certificate's id; empty when there is none."""
        held = self._store.certificate(self.name)
        return held.id if held else ""

    def look(self) -> ClaimState:
        """What there is. Nothing is changed."""
        local = self._store.scan({self.name}).get(self.name, LocalDevice())
        if not local.certificate_id:
            return ClaimState(local)
        with explained_call("reading the claim certificate"):
            try:
                status = certificates.description(self._iot, local.certificate_id)["status"]
            except self._iot.exceptions.ResourceNotFoundException:
                return ClaimState(local)
            return ClaimState(local, status, local.certificate_id in self._targets())

    def ensure(self) -> ClaimState:
        """Do what is left to do, and return what there was before.

        Raises `FleetBusyError` while another run works on the fleet.
        """
        with explained(self._directory):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with explained_lock(self._directory / LOCK, self._clock):
            before = self.look()
            if not before.steps:
                return before
            if not self._policy:
                raise FleetError(
                    "The claim stack has not made a policy yet.", "Run it again without --check first."
                )
            if not before.local.has_key:
                self._store.keep_key(self.name, keys.new_key(self._key_type))
            held = self._held(before)
            with explained_call("AttachPolicy"):
                certificates.attach_policy(self._iot, self._policy, held.arn)
            return before

    def _targets(self) -> frozenset[str]:
        """Ids of the certificates that have the claim policy."""
        if not self._policy:
            return frozenset()
        try:
            arns = list(certificates.iter_policy_targets(self._iot, self._policy))
        except self._iot.exceptions.ResourceNotFoundException:
            return frozenset()
        return frozenset(arn.rpartition("/")[2] for arn in arns)

    def _held(self, before: ClaimState) -> HeldCertificate:
        """The certificate: the one there is, the one whose answer was lost, or a new one."""
        held = self._store.certificate(self.name)
        if held is not None and before.status:
            return held
        self._store.retire_certificate(self.name)
        uncertain = before.local.has_key and not before.local.certificate_id
        found = self._lost(before.local) if uncertain else None
        issued = found or self._issue()
        self._store.keep_certificate(self.name, issued)
        return HeldCertificate(issued.id, issued.arn)

    def _issue(self) -> Certificate:
        request = keys.signing_request(self._store.key(self.name), self.name)
        try:
            with explained_call("CreateCertificateFromCsr"):
                return certificates.issue(self._iot, request)
        except AnswerLostError as error:
            raise FleetError(
                "The answer to the signing request of the claim certificate was lost.",
                "Run again: it is looked for first.",
            ) from error

    def _lost(self, local: LocalDevice) -> Certificate | None:
        """The certificate of the key, when one was issued although this host never heard of it."""
        key_id = keys.public_key_id(self._store.key(self.name))
        since = datetime.fromtimestamp(local.key_time, UTC)
        with explained_call("looking for the claim certificate"):
            listed = certificates.iter_certificates(self._iot)
            for suspect in orphans.suspects(listed, self._targets(), since, ()):
                found = certificates.describe(self._iot, suspect.id)
                if keys.certificate_key_id(found.pem) == key_id:
                    return found
        return None
