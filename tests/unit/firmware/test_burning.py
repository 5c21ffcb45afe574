"""eFuses by the real espefuse: rehearsed on its virtual chip, and burnt into served boards."""

from __future__ import annotations

import json
import stat

import pytest
from fleetlib import firmware_release, hardening_keys
from fleetlib.core.firmware.hardening import Burn, Wanted, plan
from fleetlib.core.firmware.identity import SCHEMA
from fleetlib.core.firmware.manifest import Nvs, Security
from fleetlib.esp import efuses, flasher, secure_boot

from tests.module_runner import run_module
from twin.flash_process import Process


@pytest.fixture(scope="module")
def signing_key(tmp_path_factory):
    """A key that images are signed with for the chip."""
    path = tmp_path_factory.mktemp("hardening") / "secure_boot.pem"
    secure_boot.make_key(path)
    return path


@pytest.fixture(scope="module")
def signed_image(selftest_image, signing_key):
    """The self-test, signed."""
    return secure_boot.sign(selftest_image, signing_key)


@pytest.fixture
def make_release(tmp_path, signer, csv):
    """``make_release(image, secure_boot=True)`` puts a release on disk."""

    def make(image, **security):
        wanted = [
            firmware_release.Wanted("selftest", 0, image),
            firmware_release.Wanted("app", 0x20000, image),
        ]
        release = firmware_release.build(
            "1.0.0", csv, wanted, signer, nvs=Nvs("identity", SCHEMA), security=Security(**security)
        )
        firmware_release.write(tmp_path / "release", release)
        return release

    return make


@pytest.fixture
def board(tmp_path):
    """A new board."""
    with Process(tmp_path / "boards", 1) as boards:
        yield boards


@pytest.fixture
def options(board, signer, signing_key, tmp_path):
    """The options of esp_harden for secure boot."""
    return {
        "ports": [{"port": board.ports["board-1"], "device_id": "device-001"}],
        "step": "secure_boot",
        "release": str(tmp_path / "release"),
        "public_key": signer.public_pem(),
        "known_boards": {board.macs["board-1"]: "device-001"},
        "keys_directory": str(tmp_path / "keys"),
        "secure_boot_keys": [str(signing_key)],
        "record_file": str(tmp_path / "record/station.jsonl"),
    }


def flash(board, release, **expected):
    job = flasher.Job(
        board.ports["board-1"],
        release.shared_regions(),
        flasher.Expected(**expected),
        encryption_keys=hardening_keys.read(board.directory.parent / "keys"),
    )
    return flasher.flash(job, lambda mac: None, lambda now, total: None)


def test_a_signing_key_is_its_owners_alone_and_signs_what_the_chip_would_start(signing_key, selftest_image):
    assert stat.S_IMODE(signing_key.stat().st_mode) == 0o600
    signed = secure_boot.sign(selftest_image, signing_key)
    assert signed.startswith(selftest_image)
    assert secure_boot.is_signed(signed, signing_key.read_bytes(), "key")
    assert not secure_boot.is_signed(selftest_image, signing_key.read_bytes(), "key")
    assert not secure_boot.is_signed(signed.replace(b"\xe9", b"\xe8", 1), signing_key.read_bytes(), "key")


def test_a_signed_image_is_signed_once(selftest_image, tmp_path):
    (tmp_path / "image").write_bytes(selftest_image)
    names = {name: str(tmp_path / name) for name in ("src", "dest", "key")} | {"src": str(tmp_path / "image")}
    assert run_module("esp_signed_image", check_mode=True, **names)["changed"]
    assert not (tmp_path / "key").exists()
    first = run_module("esp_signed_image", **names)
    assert len(first["digest"]) == 64
    assert not run_module("esp_signed_image", **names)["changed"]


def test_a_release_for_secure_boot_takes_no_unsigned_image(make_release, selftest_image):
    with pytest.raises(Exception, match="app, selftest is not signed"):
        make_release(selftest_image, secure_boot=True)


def test_a_rehearsal_ends_as_the_board_does_and_a_second_plan_is_empty(board, signing_key):
    wanted = Wanted(["secure_boot"], [secure_boot.digest(signing_key.read_bytes(), "key").hex()])
    chip = efuses.look(board.ports["board-1"])
    burns = plan(chip.state, wanted)
    secrets = {"SECURE_BOOT_DIGEST0": bytes.fromhex(wanted.digests[0])}
    rehearsed = efuses.rehearse(chip, burns, secrets)
    assert efuses.look(board.ports["board-1"]).state == chip.state
    done: list[Burn] = []
    assert efuses.burn(board.ports["board-1"], chip.mac, burns, secrets, done.append) == rehearsed
    assert done == burns
    assert plan(efuses.look(board.ports["board-1"]).state, wanted) == []


def test_what_the_virtual_chip_refuses_is_not_burnt(board):
    chip = efuses.look(board.ports["board-1"])
    twice = [
        Burn("key", "BLOCK_KEY0", "XTS_AES_128_KEY", ""),
        Burn("key", "BLOCK_KEY0", "XTS_AES_128_KEY", ""),
    ]
    with pytest.raises(efuses.EfuseError, match="The rehearsal failed"):
        efuses.rehearse(chip, twice, {"XTS_AES_128_KEY": bytes(range(32))})


def test_secure_boot_is_switched_on_where_the_signed_release_is_and_then_kept(
    board, options, make_release, signed_image, tmp_path
):
    release = make_release(signed_image, secure_boot=True)
    early = run_module("esp_harden", check_mode=True, **options)
    assert "is not on the board" in early["msg"]
    assert "Secure boot is off" in flash(board, release, secure_boot=True).error
    assert flash(board, release, secure_boot=True, before_secure_boot=True).good
    unconfirmed = run_module("esp_harden", **options)
    assert "-e confirm=device-001" in unconfirmed["msg"]
    look = run_module("esp_harden", check_mode=True, **options)
    assert look["changed"]
    assert any("SECURE_BOOT_EN = 1" in line for line in look["lines"])
    assert not (tmp_path / "record").exists()
    assert efuses.look(board.ports["board-1"]).state.profile == ()
    done = run_module("esp_harden", confirm="device-001", **options)
    assert done["boards"][0]["profile"] == "secure_boot", done
    again = run_module("esp_harden", confirm="device-001", **options)
    assert not again["changed"]
    events = [json.loads(line)["event"] for line in (tmp_path / "record/station.jsonl").open()]
    assert (events[0], events[-1]) == ("hardening", "hardened")
    assert flash(board, release, secure_boot=True).good
    assert "Secure boot is on" in flash(board, release).error
    board.damage("board-1", 0x100)
    assert flash(board, release, secure_boot=True).different == ["selftest"]


def test_a_release_signed_by_another_key_is_refused(board, options, make_release, selftest_image, tmp_path):
    secure_boot.make_key(tmp_path / "other.pem")
    make_release(secure_boot.sign(selftest_image, tmp_path / "other.pem"), secure_boot=True)
    assert "is not signed by" in run_module("esp_harden", check_mode=True, **options)["msg"]


def test_a_release_with_another_security_profile_is_refused(board, options, make_release, signed_image):
    make_release(signed_image)
    assert "is for boards with secure_boot off" in run_module("esp_harden", check_mode=True, **options)["msg"]


def test_the_board_of_another_device_is_not_burnt(board, options, make_release, signed_image):
    make_release(signed_image, secure_boot=True)
    strange = {**options, "known_boards": {"58:cf:79:ff:ff:ff": "device-001"}, "confirm": "device-001"}
    assert "device-001 is 58:cf:79:ff:ff:ff" in run_module("esp_harden", **strange)["msg"]
    assert efuses.look(board.ports["board-1"]).state.profile == ()


def test_an_encrypting_board_gets_what_only_it_can_read(
    board, options, make_release, selftest_image, tmp_path
):
    release = make_release(selftest_image, flash_encryption=True)
    options |= {"step": "flash_encryption", "confirm": "device-001"}
    done = run_module("esp_harden", **options)
    assert done["boards"][0]["profile"] == "flash_encryption", done
    (key,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert flash(board, release, flash_encryption=True).good
    held = board.flash("board-1")[0x20000:][: len(selftest_image)]
    assert held != selftest_image
    assert (
        secure_boot.encrypt(release.shared_regions()[-1].data, 0, key.read_bytes())[:64]
        == board.flash("board-1")[:64]
    )
    assert flash(board, release, flash_encryption=True).different == []
    key.unlink()
    assert "does not have its key" in flash(board, release, flash_encryption=True).error
