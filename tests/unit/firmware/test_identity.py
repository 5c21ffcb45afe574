"""What a board knows of itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from fleetlib import board_identity, firmware_release
from fleetlib.board_identity import Common
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.firmware.identity import SCHEMA, Entry, entries
from fleetlib.core.firmware.manifest import Nvs, Security
from fleetlib.core.provisioning.model import Certificate
from fleetlib.crypto.keys import KeyType, new_key
from fleetlib.device_store import DeviceStore
from fleetlib.esp import nvs

THING = "aws-iot-steel-local-device-001"
COMMON = Common("127.0.0.1", 8883, "us-west-2", "CA", "local", {"log_level": "info", "report_seconds": 60})


@pytest.fixture
def store(tmp_path):
    """A device with key and certificate."""
    store = DeviceStore(tmp_path / "devices")
    store.keep_key(THING, new_key(KeyType.EC_P256))
    store.keep_certificate(THING, Certificate("c" * 64, "arn:c", "-----BEGIN CERTIFICATE-----\nx\n"))
    return store


@pytest.fixture(scope="session")
def encrypted(selftest_image, signer, csv):
    """A release that wants the identity encrypted."""
    wanted = [firmware_release.Wanted("app", 0x20000, selftest_image)]
    security = Security(nvs_encryption=True)
    return firmware_release.build(
        "1.0.0", csv, wanted, signer, security=security, nvs=Nvs("identity", SCHEMA)
    )


def build(store, release, keep=True, common=COMMON):
    return board_identity.build(
        THING, "device-001", common, store, release.manifest, release.partitions, keep=keep
    )


def test_the_identity_holds_what_the_device_needs_to_connect(store, release):
    made = build(store, release)
    assert len(made.image) == 0x6000
    for text in (b"device-001", THING.encode(), b"127.0.0.1", store.key(THING), b"BEGIN CERTIFICATE"):
        assert text in made.image
    assert made.keys is None


def test_the_same_device_gets_the_same_bytes_again(store, release):
    assert build(store, release) == build(store, release)


def test_an_encrypted_identity_shows_nothing_and_stays_the_same(store, encrypted, tmp_path):
    made = build(store, encrypted)
    assert b"device-001" not in made.image
    assert store.key(THING)[:40] not in made.image
    assert build(store, encrypted) == made
    assert (store.directory / THING / "nvs_keys.bin").stat().st_mode & 0o777 == 0o600


def test_espressifs_tool_decrypts_it_with_the_keys_of_the_board(store, encrypted, release, tmp_path):
    made = build(store, encrypted)
    (tmp_path / "i.bin").write_bytes(made.image)
    (tmp_path / "k.bin").write_bytes(made.keys)
    tool = [sys.executable, "-m", "esp_idf_nvs_partition_gen", "decrypt", "i.bin", "k.bin", "out.bin"]
    subprocess.run([*tool, "--outdir", str(tmp_path)], cwd=tmp_path, check=True, capture_output=True)
    plain = build(store, release).image
    assert (tmp_path / "out.bin").read_bytes()[64:4096] == plain[64:4096]


def test_a_look_keeps_no_new_keys(store, encrypted):
    build(store, encrypted, keep=False)
    assert store.nvs_keys(THING) is None


def test_keys_are_not_predictable(monkeypatch):
    import random

    monkeypatch.setattr(random, "choice", lambda among: among[0])
    first, second = nvs.make_keys(), nvs.make_keys()
    assert first[:64] != second[:64]
    assert len(first) == 0x1000


def test_a_device_without_a_certificate_is_refused(store, release):
    (store.directory / THING / "certificate.json").unlink()
    with pytest.raises(FleetError, match=r"no certificate in .*Provision it first"):
        build(store, release)


def test_a_device_without_a_key_is_refused(tmp_path, release):
    with pytest.raises(FleetError, match="no private key in"):
        build(DeviceStore(tmp_path), release)


def test_a_value_too_long_for_nvs_is_refused_without_being_shown(store, release):
    common = Common("e" * 4000, 8883, "us-west-2", "CA", "local", COMMON.config)
    with pytest.raises(InvalidInputError, match=r"identity\.endpoint has 4,000 bytes") as error:
        build(store, release, common=common)
    assert "eee" not in str(error.value)


def test_an_identity_too_large_for_its_partition_is_refused(store, release):
    common = Common("e", 8883, "us-west-2", "C" * 30000, "local", COMMON.config)
    with pytest.raises(InvalidInputError, match="does not fit its partition of 24,576 bytes"):
        build(store, release, common=common)


@pytest.mark.parametrize(
    ("schema", "values", "said"),
    [
        ({"n": {"a": "string"}}, {"n": {}}, r"no value for n\.a"),
        ({"n": {}}, {"n": {"a": "x"}}, r"a value for the unknown n\.a"),
        ({"n": {"a": "u16"}}, {"n": {"a": 65536}}, "from 0 to 65,535"),
        ({"n": {"a": "u8"}}, {"n": {"a": "1"}}, "whole number"),
        ({"n": {"a": "string"}}, {"n": {"a": 1}}, "must be text"),
        ({"n": {"k" * 16: "string"}}, {"n": {"k" * 16: "x"}}, "at most 15 characters"),
    ],
)
def test_values_are_held_against_the_schema(schema, values, said):
    with pytest.raises(InvalidInputError, match=said):
        entries(schema, values, "device-001")


def test_every_type_of_the_schema_is_written():
    made = entries(
        {"n": {"s": "string", "b": "blob", "i": "u8", "j": "u32"}},
        json.loads('{"n": {"s": "t", "b": "", "i": 1, "j": 4294967295}}'),
        "x",
    )
    assert len(nvs.build(made, 0x6000, "x")) == 0x6000
    assert made[0] == Entry("n", "s", "string", "t")
