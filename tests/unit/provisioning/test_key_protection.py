"""Keys encrypted on the disk: readable with the secret alone, and never lost on the way."""

from __future__ import annotations

import os

import pytest
from fleetlib import key_protection
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.crypto import keys
from fleetlib.device_store import DeviceStore
from fleetlib.key_protection import Kind, Passphrase

THING = "p-local-device-001"
OTHER = "p-local-device-002"
SECRET = "correct horse battery staple, twice over"


@pytest.fixture
def clear(tmp_path):
    """The store without protection."""
    return DeviceStore(tmp_path / "devices")


@pytest.fixture
def store(tmp_path):
    return DeviceStore(tmp_path / "devices", Passphrase(SECRET))


def same(one, other):
    return keys.public_key_id(one) == keys.public_key_id(other)


@pytest.mark.parametrize("key_type", list(keys.KeyType))
def test_a_key_is_encrypted_from_its_first_byte_on_the_disk(store, key_type):
    key = keys.new_key(key_type)
    store.keep_key(THING, key)
    data = store.key_path(THING).read_bytes()
    assert data.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert store.key_path(THING).stat().st_mode & 0o777 == 0o600
    assert store.key(THING) == key
    assert store.key_password(THING) == SECRET.encode()


def test_encrypted_keys_and_others_are_read_side_by_side(store, clear):
    first, second = keys.new_key(), keys.new_key()
    clear.keep_key(THING, first)
    store.keep_key(OTHER, second)
    assert (store.key(THING), store.key(OTHER)) == (first, second)
    assert store.key_password(THING) is None
    assert store.in_the_clear([THING, OTHER, "p-local-unknown"]) == [THING]
    assert clear.in_the_clear([THING, OTHER]) == []


def test_keys_that_are_there_are_encrypted_with_the_time_when_they_were_made(store, clear):
    key, retired = keys.new_key(), keys.new_key()
    clear.keep_key(THING, key)
    aside = store.directory / THING / "retired-c1.key"
    aside.write_bytes(retired)
    os.utime(store.key_path(THING), (1_000, 1_000))
    store.encrypt_keys(THING)
    written = store.key_path(THING).read_bytes()
    assert store.scan({THING})[THING].key_time == 1_000
    assert store.key_path(THING).stat().st_mode & 0o777 == 0o600
    assert store.in_the_clear([THING]) == []
    assert same(store.key(THING), key)
    assert b"ENCRYPTED" in aside.read_bytes()
    store.encrypt_keys(THING)
    assert store.key_path(THING).read_bytes() == written


def test_a_kill_before_the_exchange_leaves_the_key_as_it_was(store, clear, monkeypatch):
    key = keys.new_key()
    clear.keep_key(THING, key)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", lambda source, target: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.encrypt_keys(THING)
    assert store.key_path(THING).read_bytes() == key
    assert store.in_the_clear([THING]) == [THING]
    store.encrypt_keys(THING)
    assert [path.name for path in (store.directory / THING).iterdir()] == ["private.key"]
    assert same(store.key(THING), key)


def test_the_draft_of_a_killed_run_does_not_keep_a_key_in_the_clear(store, clear):
    clear.keep_key(THING, keys.new_key())
    os.link(store.key_path(THING), store.directory / THING / ".private.key.new")
    store.encrypt_keys(THING)
    left = [path for path in (store.directory / THING).iterdir() if b"ENCRYPTED" not in path.read_bytes()]
    assert left == []


def test_a_wrong_passphrase_names_device_and_option_and_changes_nothing(store, clear, tmp_path):
    clear.keep_key(OTHER, keys.new_key())
    store.keep_key(THING, keys.new_key())
    before = {path: path.read_bytes() for path in (tmp_path / "devices").rglob("*.key")}
    wrong = DeviceStore(tmp_path / "devices", Passphrase("another one that is long enough, too"))
    for read in (wrong.check_protection, lambda: wrong.key(THING), lambda: wrong.key_password(THING)):
        with pytest.raises(FleetError) as raised:
            read()
        text = str(raised.value)
        assert f"private key of {THING} cannot be opened with provisioning_key_passphrase" in text
        assert "another one that" not in text
        assert raised.value.__cause__ is None
    assert {path: path.read_bytes() for path in (tmp_path / "devices").rglob("*.key")} == before


def test_an_encrypted_key_without_a_protection_says_which_option_is_missing(store, clear):
    store.keep_key(THING, keys.new_key())
    with pytest.raises(FleetError, match=f"key of {THING} is encrypted. Set provisioning_key_protection"):
        clear.key(THING)


def test_what_is_no_key_is_left_as_it_is(store, clear):
    clear.keep_key(THING, b"damaged")
    with pytest.raises(FleetError, match=f"private key of {THING} is damaged and was not encrypted"):
        store.encrypt_keys(THING)
    assert store.key_path(THING).read_bytes() == b"damaged"


def test_a_passphrase_that_can_be_guessed_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="fewer than 32 characters") as raised:
        key_protection.protection(Kind.PASSPHRASE, tmp_path, "hunter2", "", lambda: None)
    assert "hunter2" not in str(raised.value)


def test_kms_without_a_key_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="provisioning_key_kms_key is empty"):
        key_protection.protection(Kind.KMS, tmp_path, "", "", lambda: None)


def test_a_passphrase_does_not_show_in_what_python_prints():
    assert SECRET not in repr(Passphrase(SECRET))
