"""What this control host keeps of each device: ``<directory>/<thing>/`` (mode 0700) with

``private.key`` (0600)
    on the disk before its signing request leaves, and never replaced by another one; encrypted where the
    store has a protection, and then the secret is needed to read it;
``certificate.pem``, ``certificate.json``
    the certificate issued for it; the JSON file, written last, says that both are there, and whether the
    key is only on the device (which made it when its certificate was rotated).
``nvs_keys.bin`` (0600)
    the keys that the identity on the board is encrypted with, where it is.

Every file appears whole or not at all, and is on the disk before the next step is taken.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from .core.errors import FleetError
from .core.journal import sync_directory
from .core.provisioning.model import Certificate, LocalDevice
from .core.provisioning.ports import DeviceError, HeldCertificate
from .crypto import key_files, keys

KEY = "private.key"
CERTIFICATE = "certificate.pem"
RECORD = "certificate.json"
NVS_KEYS = "nvs_keys.bin"


class Protection(Protocol):
    """What keys on the disk are encrypted with."""

    @property
    def option(self) -> str:
        """The variable that it comes from, for messages."""

    def secret(self, create: bool) -> bytes:
        """The secret; ``create`` allows to make it, for keys that are about to be encrypted."""


class DeviceStore:
    """The directory of all devices of a fleet."""

    def __init__(self, directory: Path, protection: Protection | None = None) -> None:
        """``directory`` is made when the first key is kept. Keys are encrypted where there is a protection;
        those that are not yet can be read all the same."""
        self.directory = directory
        self._protection = protection

    def scan(self, wanted: Container[str]) -> dict[str, LocalDevice]:
        """What is kept of the wanted things that have a directory here."""
        try:
            with os.scandir(self.directory) as entries:
                names = [entry.name for entry in entries if entry.name in wanted]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unusable(error, self.directory) from error
        return {name: self._local(name) for name in names}

    def key_path(self, thing: str) -> Path:
        """Where a device's private key is."""
        return self.directory / thing / KEY

    def certificate_path(self, thing: str) -> Path:
        """Where a device's certificate is."""
        return self.directory / thing / CERTIFICATE

    def key(self, thing: str) -> bytes:
        """The private key, as PEM that is not encrypted."""
        if not self.key_path(thing).exists() and self.is_key_on_device(thing):
            raise DeviceError(
                f"the private key of {thing} is only on the device, which made it for a rotation.",
                "To give a board this device's identity anew, decommission the device and provision it.",
            )
        with explained(self.directory / thing):
            data = self.key_path(thing).read_bytes()
        return self._opened(thing, data)[0] if key_files.is_encrypted(data) else data

    def is_key_on_device(self, thing: str) -> bool:
        """Whether only the device has its private key."""
        return bool((self._record(thing) or {}).get("key_on_device"))

    def key_password(self, thing: str) -> bytes | None:
        """What opens the key file, for who reads the file itself; None when it is not encrypted."""
        with explained(self.directory / thing):
            data = self.key_path(thing).read_bytes()
        return self._opened(thing, data)[1] if key_files.is_encrypted(data) else None

    def check_protection(self) -> None:
        """Open one of the encrypted keys here, so that a wrong secret is noticed before anything is done."""
        if self._protection is None or not self.directory.is_dir():
            return
        for path in self.directory.glob(f"*/{KEY}"):
            with explained(path):
                data = path.read_bytes()
            if key_files.is_encrypted(data):
                self._opened(path.parent.name, data)
                return

    def in_the_clear(self, things: Iterable[str]) -> list[str]:
        """Things with a key here that is to be encrypted and is not; none without a protection."""
        return [thing for thing in things if self._protection and self._clear_files(thing)]

    def encrypt_keys(self, thing: str) -> None:
        """Replace a thing's key files by encrypted ones of the same keys."""
        if self._protection is None:
            return
        for path in self._clear_files(thing):
            with explained(path):
                written = path.stat()
                key = path.read_bytes()
                draft = write_draft(path, self._closed(thing, key))
                # Orphans are looked for from the time on when the key was made.
                os.utime(draft, ns=(written.st_atime_ns, written.st_mtime_ns))
                os.replace(draft, path)
                sync_directory(path.parent)

    def keep_key(self, thing: str, key: bytes) -> None:
        """Keep a new private key. Raises when there is one: it may be a device's only identity."""
        self._keep_new(thing, KEY, self._closed(thing, key))

    def nvs_keys(self, thing: str) -> bytes | None:
        """The keys that the identity on the board is encrypted with."""
        path = self.directory / thing / NVS_KEYS
        with explained(path):
            return path.read_bytes() if path.exists() else None

    def keep_nvs_keys(self, thing: str, keys: bytes) -> None:
        """Keep new ones. Raises when there are some: a board may have them."""
        self._keep_new(thing, NVS_KEYS, keys)

    def certificate(self, thing: str) -> HeldCertificate | None:
        """The certificate issued for the key."""
        record = self._record(thing)
        return HeldCertificate(record["certificate_id"], record["certificate_arn"]) if record else None

    def certificate_pem(self, thing: str) -> bytes | None:
        """The certificate itself (PEM); None where this host does not have it."""
        path = self.certificate_path(thing)
        with explained(path):
            return path.read_bytes() if path.exists() else None

    def expiries(self, things: Iterable[str]) -> dict[str, datetime]:
        """The end of validity of every certificate that this host has a copy of."""
        ends = {}
        for thing in things:
            pem = self.certificate_pem(thing)
            if pem is not None:
                try:
                    ends[thing] = keys.certificate_end(pem)
                except ValueError as error:
                    raise FleetError(
                        f"{self.certificate_path(thing)} is no certificate.",
                        "Move it away; the registry has it (aws iot describe-certificate).",
                    ) from error
        return ends

    def keep_certificate(self, thing: str, certificate: Certificate, key_on_device: bool = False) -> None:
        """Keep the certificate that was issued for the key."""
        record: dict[str, object] = {"certificate_id": certificate.id, "certificate_arn": certificate.arn}
        if key_on_device:
            record["key_on_device"] = True
        with explained(self.directory / thing):
            folder = self._folder(thing)
            os.replace(write_draft(folder / CERTIFICATE, certificate.pem.encode()), folder / CERTIFICATE)
            text = json.dumps(record, indent=2) + "\n"
            os.replace(write_draft(folder / RECORD, text.encode()), folder / RECORD)
            sync_directory(folder)

    def keep_rotated(self, thing: str, certificate: Certificate) -> None:
        """Keep the certificate of a key that only the device has; the key here is put aside with its former
        certificate. May be repeated."""
        held = self.certificate(thing)
        if held is not None and held.id != certificate.id:
            self.retire_certificate(thing)
        with explained(self.directory / thing):
            folder = self._folder(thing)
            if self.key_path(thing).exists():
                os.replace(self.key_path(thing), folder / f"retired-{certificate.id[:16]}.key")
        self.keep_certificate(thing, certificate, key_on_device=True)

    def retire_certificate(self, thing: str) -> None:
        """Rename a certificate that the registry does not know, so that nothing takes it for the key's."""
        held = self.certificate(thing)
        if held is None:
            return
        with explained(self.directory / thing):
            folder = self.directory / thing
            # The record goes first: without it, the certificate counts as not there.
            os.replace(folder / RECORD, folder / f"retired-{held.id[:16]}.json")
            sync_directory(folder)
            os.replace(folder / CERTIFICATE, folder / f"retired-{held.id[:16]}.pem")

    def _keep_new(self, thing: str, name: str, data: bytes) -> None:
        with explained(self.directory / thing):
            folder = self._folder(thing)
            draft = write_draft(folder / name, data)
            try:
                os.link(draft, folder / name)  # unlike a rename, it refuses to replace
            finally:
                draft.unlink()
            sync_directory(folder)

    def _clear_files(self, thing: str) -> list[Path]:
        """Key files of a thing that are not encrypted, those put aside by a rotation included."""
        with explained(self.directory / thing):
            files = sorted((self.directory / thing).glob("*.key"))
            return [path for path in files if not key_files.is_encrypted(path.read_bytes())]

    def _closed(self, thing: str, key: bytes) -> bytes:
        """A key as it is to lie on the disk; what cannot be opened again is never written."""
        if self._protection is None:
            return key
        secret = self._protection.secret(create=True)
        try:
            data = key_files.encrypted(key, secret)
            same = keys.public_key_id(key_files.decrypted(data, secret)) == keys.public_key_id(key)
        except (ValueError, DeviceError):
            same = False
        if not same:
            raise DeviceError(f"the private key of {thing} is damaged and was not encrypted.")
        return data

    def _opened(self, thing: str, data: bytes) -> tuple[bytes, bytes]:
        """An encrypted key, and the secret that opened it."""
        if self._protection is None:
            raise DeviceError(
                f"the private key of {thing} is encrypted.",
                "Set provisioning_key_protection as it was when the key was encrypted.",
            )
        secret = self._protection.secret(create=False)
        try:
            return key_files.decrypted(data, secret), secret
        except ValueError:
            raise DeviceError(
                f"the private key of {thing} cannot be opened with {self._protection.option}: "
                "it was encrypted with another one.",
                "Nothing was changed. Set the option to what it was, or restore the key from a backup.",
            ) from None

    def _folder(self, thing: str) -> Path:
        folder = self.directory / thing
        if not folder.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self.directory)
        return folder

    def _record(self, thing: str) -> dict[str, Any] | None:
        path = self.directory / thing / RECORD
        with explained(path):
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            record = json.loads(text)
            if {"certificate_id", "certificate_arn"} <= record.keys():
                return dict(record)
        except (ValueError, AttributeError):
            pass
        raise FleetError(
            f"{path} is damaged.", "Move it away and run again: the certificate is then found by its key."
        )

    def _local(self, thing: str) -> LocalDevice:
        with explained(self.directory / thing):
            try:
                key = self.key_path(thing).stat()
            except FileNotFoundError:
                key = None
            if key is not None and stat.S_IMODE(key.st_mode) & 0o077:
                raise FleetError(
                    f"Others may read the private key {self.key_path(thing)} "
                    f"(mode {stat.S_IMODE(key.st_mode):o}).",
                    "Find out who did, then set its mode to 0600 and that of its directory to 0700.",
                )
        record = self._record(thing) or {}
        return LocalDevice(
            has_key=key is not None,
            certificate_id=record.get("certificate_id", ""),
            key_time=key.st_mtime if key is not None else 0.0,
            key_on_device=bool(record.get("key_on_device")),
        )


def write_draft(path: Path, data: bytes) -> Path:
    """Write the file that is to become ``path``, mode 0600 from its first byte, and bring it to the disk."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)  # of a run that was killed
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say what to do about an error of the file system, at ``path`` where the error does not say."""
    try:
        yield
    except OSError as error:
        raise _unusable(error, path) from error


def _unusable(error: OSError, path: Path) -> FleetError:
    return FleetError(
        f"{error.filename2 or error.filename or path}: {error.strerror}.",
        "Device keys and certificates are kept there (fleet_state_dir). Make it writable for you, or make "
        "room, and run again: it goes on from there.",
    )
