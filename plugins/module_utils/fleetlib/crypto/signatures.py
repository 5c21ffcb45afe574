"""ECDSA P-256 signatures with a key of this host. The key stays in its file."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.errors import FleetError, MissingDependencyError
from . import keys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error


PUBLIC_NAME = "public.pem"
"""The public key beside the private one, for hosts that only verify."""


class LocalSigner:
    """Signs with a private key (PEM, P-256), made on the first use."""

    def __init__(self, path: Path) -> None:
        """``path`` holds the key, mode 0600, in a directory of mode 0700."""
        if _MISSING is not None:
            raise MissingDependencyError("cryptography", "signatures", "Run: make setup") from _MISSING
        self._key = _load(path) if path.exists() else _make(path)
        self.key_id = keys.public_key_id(_pem(self._key))
        """SHA-256 of the public key."""
        path.with_name(PUBLIC_NAME).write_text(self.public_pem())

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def public_pem(self) -> str:
        """The public key, for those who verify."""
        public = self._key.public_key()
        return public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


def verify(public_pem: str, data: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key (PEM) signed these bytes."""
    try:
        public = serialization.load_pem_public_key(public_pem.encode())
    except ValueError as error:
        raise FleetError(
            "The public key that signatures are checked with cannot be read.", "It must be a PEM file."
        ) from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def pem_of(public_der: bytes) -> str:
    """A public key as PEM, from the DER that KMS answers."""
    return (
        serialization.load_der_public_key(public_der)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise FleetError(
            f"The signing key {path} cannot be read.", "Restore it, or name another one."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise FleetError(f"The signing key {path} is not an EC key on P-256.", "Name another one.")
    return key


def _make(path: Path) -> ec.EllipticCurvePrivateKey:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another run was quicker
        return _load(path)
    with os.fdopen(file, "wb") as stream:
        stream.write(_pem(key))
        os.fsync(stream.fileno())
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
