"""Device directories: private, whole at any time, and never losing a key."""

from __future__ import annotations

import errno
import json
import os

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.core.provisioning.model import Certificate, LocalDevice
from fleetlib.device_store import DeviceStore

THING = "p-local-device-001"
ISSUED = Certificate("c1" * 32, "arn:aws:iot:us-west-2:1:cert/c1", "-----BEGIN CERTIFICATE-----\n")


@pytest.fixture
def store(tmp_path):
    return DeviceStore(tmp_path / "devices")


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_key_is_private_from_its_directory_on(store):
    store.keep_key(THING, b"secret")
    assert (mode(store.directory), mode(store.directory / THING), mode(store.key_path(THING))) == (
        0o700,
        0o700,
        0o600,
    )
    assert store.key(THING) == b"secret"
    assert [path.name for path in (store.directory / THING).iterdir()] == ["private.key"]


def test_a_key_is_never_replaced(store):
    store.keep_key(THING, b"first")
    with pytest.raises(FleetError, match=r"private\.key: File exists"):
        store.keep_key(THING, b"second")
    assert store.key(THING) == b"first"


def test_a_key_and_its_name_are_on_the_disk_when_it_is_kept(store, monkeypatch):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (synced.append(os.readlink(f"/proc/self/fd/{file}")), sync(file))
    )
    store.keep_key(THING, b"secret")
    folder = str(store.directory / THING)
    assert synced == [str(store.directory), f"{folder}/.private.key.new", folder]


def test_a_draft_that_a_kill_left_behind_is_no_key(store):
    (store.directory / THING).mkdir(parents=True)
    (store.directory / THING / ".private.key.new").write_bytes(b"half")
    assert store.scan({THING}) == {THING: LocalDevice()}
    store.keep_key(THING, b"whole")
    assert store.key(THING) == b"whole"


def test_a_certificate_counts_once_its_record_is_there(store):
    store.keep_key(THING, b"secret")
    (store.directory / THING / "certificate.pem").write_text("half a run")
    assert store.certificate(THING) is None
    store.keep_certificate(THING, ISSUED)
    assert store.certificate(THING) == (ISSUED.id, ISSUED.arn)
    assert store.certificate_path(THING).read_text() == ISSUED.pem
    assert mode(store.directory / THING / "certificate.json") == 0o600


def test_a_scan_tells_keys_and_certificates_of_the_wanted_things_only(store):
    store.keep_key(THING, b"secret")
    store.keep_certificate(THING, ISSUED)
    store.keep_key("p-local-device-002", b"secret")
    store.keep_key("p-local-other", b"secret")
    found = store.scan({THING, "p-local-device-002", "p-local-device-003"})
    assert {name: (one.has_key, one.certificate_id) for name, one in found.items()} == {
        THING: (True, ISSUED.id),
        "p-local-device-002": (True, ""),
    }
    assert found[THING].key_time == store.key_path(THING).stat().st_mtime


def test_without_a_directory_there_is_nothing(store):
    assert store.scan({THING}) == {}


def test_a_retired_certificate_is_kept_under_another_name(store):
    store.keep_key(THING, b"secret")
    store.keep_certificate(THING, ISSUED)
    store.retire_certificate(THING)
    assert store.certificate(THING) is None
    assert sorted(path.name for path in (store.directory / THING).iterdir()) == [
        "private.key",
        "retired-c1c1c1c1c1c1c1c1.json",
        "retired-c1c1c1c1c1c1c1c1.pem",
    ]


def test_retiring_nothing_does_nothing(store):
    store.keep_key(THING, b"secret")
    store.retire_certificate(THING)
    assert store.key(THING) == b"secret"


def test_a_key_that_others_may_read_is_named(store):
    store.keep_key(THING, b"secret")
    store.key_path(THING).chmod(0o640)
    with pytest.raises(FleetError, match=r"Others may read the private key .*\(mode 640\)"):
        store.scan({THING})


def test_a_damaged_record_is_named(store):
    store.keep_key(THING, b"secret")
    (store.directory / THING / "certificate.json").write_text(json.dumps({"certificate_id": "x"}))
    with pytest.raises(FleetError, match=r"certificate\.json is damaged"):
        store.scan({THING})


def test_a_full_disk_is_named_and_leaves_no_half_file(store, monkeypatch):
    store.keep_key(THING, b"secret")

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FleetError, match=rf"{THING}: No space left on device.*make room"):
        store.keep_certificate(THING, ISSUED)
    monkeypatch.undo()
    assert store.certificate(THING) is None
    assert [path.name for path in (store.directory / THING).iterdir()] == ["private.key"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FleetError, match=r"file/devices.*: Not a directory"):
        DeviceStore(tmp_path / "file" / "devices").keep_key(THING, b"secret")
