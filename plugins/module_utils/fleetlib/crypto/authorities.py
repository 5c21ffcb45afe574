"""Which certificates sign others, and what identifies them."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import InvalidInputError
from ..core.security.firmware import Authority
from . import keys

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
except ImportError:  # keys.require names the missing library
    pass


def of(pems: Iterable[str]) -> list[Authority]:
    """The authorities among certificates (PEM); a device's own certificate is none.

    Raises `InvalidInputError` for what is no certificate.
    """
    keys.require()
    found = []
    for pem in pems:
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError as error:
            raise InvalidInputError(f"A certificate cannot be read: {error}.") from error
        if _signs(certificate):
            digest = certificate.fingerprint(hashes.SHA256()).hex()
            found.append(Authority(certificate.subject.rfc4514_string(), digest))
    return found


def _signs(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return certificate.issuer == certificate.subject
    return constraints.value.ca
