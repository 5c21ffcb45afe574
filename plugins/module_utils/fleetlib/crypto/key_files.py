"""Private keys as encrypted files: PKCS #8 (RFC 5958), which OpenSSL and Python's TLS read as they are."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):  # crypto.keys.require names the missing library
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def is_encrypted(data: bytes) -> bool:
    """Whether a key file is an encrypted one."""
    return data.startswith(_ENCRYPTED)


def encrypted(key_pem: bytes, secret: bytes) -> bytes:
    """The key as an encrypted file. Raises ValueError for what is no private key."""
    return _rewritten(key_pem, None, secret)


def decrypted(data: bytes, secret: bytes) -> bytes:
    """The key of an encrypted file. Raises ValueError when it was encrypted with another secret."""
    return _rewritten(data, secret, None)


def _rewritten(data: bytes, opened_with: bytes | None, closed_with: bytes | None) -> bytes:
    """The errors of the library are not passed on, so that nothing of a key can come with them."""
    encryption = BestAvailableEncryption(closed_with) if closed_with else NoEncryption()
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(data, opened_with)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    raise ValueError("not a private key, or not encrypted with this secret") from None
