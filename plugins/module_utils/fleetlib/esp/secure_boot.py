"""Signatures that the chip itself checks (secure boot v2), and flash that only it can read, by espsecure."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import InvalidInputError, MissingDependencyError
from . import quiet

try:
    import espsecure
    from esptool.util import FatalError

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

SCHEME = "rsa3072"
"""The only one that the ESP32-C3 knows."""
XTS_BLOCK_BYTES = 16
SECTOR_BYTES = 0x1000
"""A signed image is whole sectors, and its signature is in one more."""


def make_key(path: Path) -> None:
    """A signing key in a file of mode 0600; an existing one is left alone."""
    if path.exists():
        return
    with _tools(), _umask():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)
        espsecure.generate_signing_key("2", SCHEME, str(draft))
        os.replace(draft, path)


def digest(key: bytes, name: str) -> bytes:
    """What the chip holds of a key: of a private one, or of its public half (PEM)."""
    with _tools(f"{name} is no key for secure boot"), _named(key, name) as file:
        return bytes(espsecure._digest_sbv2_public_key(file))


def sign(image: bytes, key: Path) -> bytes:
    """The image, filled up to whole sectors, and its signature in a sector of its own."""
    with _tools(f"{key} cannot sign"), tempfile.TemporaryDirectory(prefix="steel-fleet-sign-") as private:
        plain, signed = Path(private, "image"), Path(private, "signed")
        plain.write_bytes(image)
        with key.open("rb") as keyfile, plain.open("rb") as datafile:
            espsecure.sign_data("2", [keyfile], str(signed), False, False, None, None, None, datafile)
        return signed.read_bytes()


def is_signed(image: bytes, key: bytes, name: str) -> bool:
    """Whether the chip would start the image for that key."""
    try:
        with _tools(), _named(key, name) as keyfile, _named(image, "image") as datafile:
            espsecure.verify_signature("2", False, None, keyfile, datafile)
    except InvalidInputError:
        return False
    return True


def has_signature(image: bytes) -> bool:
    """Whether a whole signature is at the image's end, by whatever key."""
    if not image or len(image) % SECTOR_BYTES:
        return False
    with _tools():
        return espsecure.validate_signature_block(image, 0) is not None


def encrypt(data: bytes, offset: int, key: bytes) -> bytes:
    """What has to be in flash so that the chip reads ``data`` at ``offset``."""
    whole = data + b"\xff" * (-len(data) % XTS_BLOCK_BYTES)
    encrypted = io.BytesIO()
    with (
        _tools("The data cannot be encrypted"),
        _named(key, "key") as keyfile,
        _named(whole, "data") as plain,
    ):
        encrypted.name = "encrypted"
        espsecure.encrypt_flash_data(keyfile, encrypted, offset, 0, True, plain)
    return encrypted.getvalue()


@contextlib.contextmanager
def _tools(what: str = "espsecure refuses") -> Iterator[None]:
    if _MISSING is not None:
        raise MissingDependencyError("esptool", "secure boot", "Run: make setup") from _MISSING
    with quiet.quiet():
        try:
            yield
        except (FatalError, ValueError, OSError) as error:
            raise InvalidInputError(f"{what}: {error}") from error


@contextlib.contextmanager
def _named(content: bytes, name: str) -> Iterator[Any]:
    """Bytes as an open file; espsecure wants files with names."""
    file = io.BytesIO(content)
    file.name = name
    yield file


@contextlib.contextmanager
def _umask() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
