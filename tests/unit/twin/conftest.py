"""Boards that the factory made, with keys and certificates of a store as provisioning leaves it."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fleetlib.core.provisioning.model import Certificate
from fleetlib.device_store import DeviceStore

from twin import factory
from twin.flash import Flash

THING = "aws-iot-steel-local-device-001"


def certificate_and_key(name):
    """A certificate that vouches for itself, and its key (both PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A store with one provisioned device."""
    store = DeviceStore(tmp_path_factory.mktemp("devices"))
    certificate, key = certificate_and_key(THING)
    store.keep_key(THING, key)
    store.keep_certificate(THING, Certificate("0" * 64, "arn:aws:iot:::cert/0", certificate.decode()))
    return store


@pytest.fixture(scope="session")
def place():
    """Where that device connects."""
    authority, _ = certificate_and_key("authority")
    return factory.Place("127.0.0.1", 8883, "us-west-2", authority.decode(), report_seconds=30)


@pytest.fixture(scope="session")
def made(store, place, tmp_path_factory):
    """The bytes of its flash."""
    folder = tmp_path_factory.mktemp("boards")
    assert factory.make(folder, store, [("device-001", THING)], place) == ["device-001"]
    return (folder / "device-001/flash.bin").read_bytes()


@pytest.fixture
def flash(made, tmp_path: Path):
    """A flash to spoil."""
    path = tmp_path / "flash.bin"
    path.write_bytes(made)
    return Flash(path)
