"""Whom a board would trust, from images as they are built for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.firmware.identity import Entry
from fleetlib.core.security import firmware
from fleetlib.core.security.model import Limits, judge
from fleetlib.crypto import authorities
from fleetlib.esp import nvs

# Public: https://www.amazontrust.com/repository/AmazonRootCA3.pem
AMAZON_ROOT_CA_3 = """\
-----BEGIN CERTIFICATE-----
MIIBtjCCAVugAwIBAgITBmyf1XSXNmY/Owua2eiedgPySjAKBggqhkjOPQQDAjA5
MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRkwFwYDVQQDExBBbWF6b24g
Um9vdCBDQSAzMB4XDTE1MDUyNjAwMDAwMFoXDTQwMDUyNjAwMDAwMFowOTELMAkG
A1UEBhMCVVMxDzANBgNVBAoTBkFtYXpvbjEZMBcGA1UEAxMQQW1hem9uIFJvb3Qg
Q0EgMzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCmXp8ZBf8ANm+gBG1bG8lKl
ui2yEujSLtf6ycXYqm0fc4E7O5hrOXwzpcVOho6AF2hiRVd9RFgdszflZwjrZt6j
QjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgGGMB0GA1UdDgQWBBSr
ttvXBp43rDCGB5Fwx5zEGbF4wDAKBggqhkjOPQQDAgNJADBGAiEA4IWSoxe3jfkr
BqWTrBqYaGFy+uGh0PsceGCmQ5nFuMQCIQCcAu/xlJyzlvnrxir4tiz+OpAUFteM
YyRIHN8wfdVoOw==
-----END CERTIFICATE-----
"""
NVS_BYTES = 0x6000


def certificate(name, signs):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = subject if signs else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signs, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def identity(root_ca, encrypted=False):
    """The NVS partition of a board, as flashing builds it."""
    values = {"thing_name": "a-board", "certificate": certificate("a-board", signs=False), "root_ca": root_ca}
    entries = [
        Entry(
            "identity",
            name,
            "string" if name == "thing_name" else "blob",
            value if name == "thing_name" else value.encode(),
        )
        for name, value in values.items()
    ]
    return nvs.build(entries, NVS_BYTES, "a-board", nvs.make_keys() if encrypted else None)


def look(image):
    trust = firmware.Trust(authorities.of(firmware.certificates_in(image)), firmware.is_program(image))
    return {one.rule.id: one for one in judge(firmware.TABLE, {"image": trust}, Limits())}


def test_a_board_with_amazons_authority_and_its_own_certificate_is_right():
    found = look(identity(AMAZON_ROOT_CA_3))
    assert [(one.looked_at, one.findings) for one in found.values()] == [(1, ()), (1, ())]


def test_a_test_authority_in_an_identity_is_found():
    found = look(identity(certificate("our-test-ca", signs=True)))
    assert "CN=our-test-ca" in found["root-ca-foreign"].findings[0].evidence
    assert found["root-ca-missing"].findings


def test_of_an_encrypted_identity_nothing_is_said():
    found = look(identity(AMAZON_ROOT_CA_3, encrypted=True))
    assert all(one.unchecked and not one.looked_at for one in found.values())


def test_a_program_with_a_test_authority_is_found_and_one_without_any_is_right():
    program = b"\xe9" + bytes(100)
    assert look(program)["root-ca-foreign"].unchecked == ""
    inside = program + certificate("left-in", signs=True).encode() + bytes(10)
    assert look(inside)["root-ca-foreign"].findings


def test_what_is_no_certificate_is_refused():
    with pytest.raises(InvalidInputError, match="A certificate cannot be read"):
        authorities.of(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
