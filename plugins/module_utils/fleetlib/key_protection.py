"""Where the secret comes from that device keys are encrypted with on this host's disk."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .aws import data_keys
from .core.errors import FleetError, InvalidInputError
from .core.journal import sync_directory
from .device_store import Protection, explained, write_draft

SHORTEST_PASSPHRASE = 32
"""Characters. PKCS #8 stretches a passphrase little (2,048 rounds), so it has to be a random one."""

WRAPPED = ".data-key.json"
"""Beside the devices: the data key, wrapped by KMS. Without it no key there can be opened again."""


class Kind(StrEnum):
    """How keys lie on the disk."""

    NONE = "none"
    PASSPHRASE = "passphrase"  # noqa: S105  # the name of a way, not a secret
    KMS = "kms"


def protection(
    kind: Kind, directory: Path, passphrase: str, kms_key: str, kms: Callable[[], Any]
) -> Protection | None:
    """The protection of the keys in ``directory``; ``kms`` makes a client when KMS is asked."""
    if kind is Kind.PASSPHRASE:
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise InvalidInputError(
                f"provisioning_key_passphrase has fewer than {SHORTEST_PASSPHRASE} characters.",
                "Make a random one and keep it in Ansible Vault: openssl rand -base64 32",
            )
        return Passphrase(passphrase)
    if kind is Kind.KMS:
        if not kms_key:
            raise InvalidInputError(
                "provisioning_key_kms_key is empty.", "It names the KMS key that protects device keys."
            )
        return KmsDataKey(directory, kms_key, kms)
    return None


@dataclass(frozen=True)
class Passphrase:
    """A passphrase that the operator keeps."""

    passphrase: str = field(repr=False)
    option: str = "provisioning_key_passphrase"

    def secret(self, create: bool) -> bytes:
        """The passphrase."""
        return self.passphrase.encode()


class KmsDataKey:
    """One data key for all devices, opened by one call of KMS in a run."""

    option = "provisioning_key_kms_key"

    def __init__(self, directory: Path, kms_key: str, kms: Callable[[], Any]) -> None:
        """KMS is asked when the first key is read or written."""
        self._path = directory / WRAPPED
        self._kms_key = kms_key
        self._kms = kms
        self._lock = threading.Lock()
        self._secret = b""

    def secret(self, create: bool) -> bytes:
        """The data key; it is made when there is none yet and ``create`` allows it."""
        if not create and not self._path.exists():
            raise FleetError(
                f"{self._path} is missing; the device keys there cannot be opened without it.",
                "Restore it from a backup of this directory.",
            )
        with self._lock:
            self._secret = self._secret or self._read()
        return self._secret

    def _read(self) -> bytes:
        """The data key as text, because a passphrase of PKCS #8 is text for other tools."""
        with explained(self._path):
            if not self._path.exists():
                self._make()
            text = self._path.read_bytes()
        try:
            kept = json.loads(text)
            wrapped = base64.b64decode(kept["wrapped"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise FleetError(
                f"{self._path} is damaged.", "Restore it from a backup of this directory."
            ) from None
        return base64.b64encode(data_keys.open_data_key(self._kms(), wrapped, self._kms_key))

    def _make(self) -> None:
        _, wrapped = data_keys.new_data_key(self._kms(), self._kms_key)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {"kms_key": self._kms_key, "wrapped": base64.b64encode(wrapped).decode()}
        draft = write_draft(self._path, (json.dumps(kept, indent=2) + "\n").encode())
        try:
            os.link(draft, self._path)  # it refuses to replace: keys may hang on the one that is there
        finally:
            draft.unlink()
        sync_directory(self._path.parent)
