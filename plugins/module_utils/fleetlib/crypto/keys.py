"""Device keys, made here and never sent: only signing requests leave, and only public keys are compared."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..core.errors import MissingDependencyError
from ..core.provisioning.ports import DeviceError

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )
    from cryptography.x509.oid import NameOID

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

COMMON_NAME_LENGTH = 64
"""X.520's limit (ub-common-name)."""


class KeyType(StrEnum):
    """Keys that AWS IoT accepts and that are offered here."""

    EC_P256 = "ec-p256"
    """Small and quick on a microcontroller."""
    RSA_2048 = "rsa-2048"
    """For devices without elliptic curves."""


def require() -> None:
    """Raise `MissingDependencyError` unless this control host can make keys."""
    if _MISSING is not None:
        raise MissingDependencyError("cryptography", "device keys", "Run: make setup") from _MISSING


def new_key(key_type: KeyType = KeyType.EC_P256) -> bytes:
    """A new private key as PEM (PKCS #8, not encrypted)."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if key_type is KeyType.EC_P256:
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_request(key_pem: bytes, thing: str) -> str:
    """A certificate signing request as PEM, for the key's owner to be known as ``thing``.

    A name that is longer than a common name may be keeps its end, which tells devices apart.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, thing[-COMMON_NAME_LENGTH:])])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(_load(key_pem), hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def look_through(request_der: bytes) -> tuple[str, str, str]:
    """A signing request as PEM, its `public_key_id`, and the common name that it asks for.

    Raises `DeviceError` for what is none, or is not signed with the key in it.
    """
    try:
        request = x509.load_der_x509_csr(request_der)
        genuine = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DeviceError("what it sent is no signing request.") from None
    if not genuine:
        raise DeviceError("its signing request is not signed with the key in it.")
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_name = str(names[0].value) if names else ""
    return request.public_bytes(Encoding.PEM).decode(), _fingerprint(request.public_key()), common_name


def public_key_id(key_pem: bytes) -> str:
    """SHA-256 (hex) of the public half of a private key; the same for every certificate of that key."""
    return _fingerprint(_load(key_pem).public_key())


def certificate_key_id(certificate_pem: str) -> str:
    """`public_key_id` of the key that a certificate certifies."""
    return _fingerprint(x509.load_pem_x509_certificate(certificate_pem.encode()).public_key())


def certificate_end(certificate_pem: bytes) -> datetime:
    """When a certificate (PEM) stops being valid. Raises ValueError for what is no certificate."""
    return x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc


def _load(key_pem: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """The key, or an error that holds nothing of it."""
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise DeviceError("its private key is damaged, or of a kind that AWS IoT does not accept.") from None
    return key


def _fingerprint(public_key: CertificatePublicKeyTypes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()
