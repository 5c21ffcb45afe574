"""Keys stay here; requests and certificates are matched to them by their public half."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from fleetlib.core.provisioning.ports import DeviceError
from fleetlib.crypto import keys
from fleetlib.crypto.keys import KeyType


def certificate_for(request_pem):
    """A certificate for the key of a request, as an authority would make it."""
    request = x509.load_pem_x509_csr(request_pem.encode())
    authority = serialization.load_pem_private_key(keys.new_key(), None)
    now = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(x509.Name([]))
        .public_key(request.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(authority, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


@pytest.mark.parametrize("kind", list(KeyType))
def test_a_request_is_signed_by_the_key_and_names_the_thing(kind):
    request = x509.load_pem_x509_csr(keys.signing_request(keys.new_key(kind), "p-local-device-001").encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=p-local-device-001"


def test_the_default_is_the_curve_p_256():
    key = serialization.load_pem_private_key(keys.new_key(), None)
    assert key.curve.name == "secp256r1"


def test_a_name_too_long_for_a_common_name_keeps_its_end():
    request = x509.load_pem_x509_csr(keys.signing_request(keys.new_key(), "x" * 60 + "-device-001").encode())
    assert request.subject.rfc4514_string() == "CN=" + "x" * 53 + "-device-001"


@pytest.mark.parametrize("kind", list(KeyType))
def test_a_certificate_is_matched_to_its_key_and_to_no_other(kind):
    key, other = keys.new_key(kind), keys.new_key(kind)
    certificate = certificate_for(keys.signing_request(key, "a"))
    assert keys.certificate_key_id(certificate) == keys.public_key_id(key) != keys.public_key_id(other)


@pytest.mark.parametrize(
    "damage", [lambda pem: pem[:80], lambda pem: b"", lambda pem: pem.replace(b"M", b"!")]
)
def test_a_damaged_key_is_refused_without_a_word_of_it(damage):
    pem = keys.new_key()
    with pytest.raises(DeviceError) as refused:
        keys.signing_request(damage(pem), "a")
    assert "damaged" in str(refused.value)
    assert refused.value.__cause__ is None
    assert not any(len(word) > 20 and word in str(refused.value) for word in pem.decode().split())


def test_a_certificate_tells_its_fields_as_policies_name_them():
    pem = certificate_for(keys.signing_request(keys.new_key(), "p-local-device-001"))
    assert keys.certificate_fields(pem.encode()) == {
        "SerialNumber": ("1",),
        "Subject.CommonName": ("p-local-device-001",),
    }
