"""esp_flash as Ansible runs it, and what the registry is told."""

from __future__ import annotations

import json

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.firmware import station

from tests.module_runner import run_module
from twin.flash_process import Process

FACTS = {
    "firmware_version": "1.1.0",
    "images": {"app": "a" * 64},
    "esptool": "5.6.0",
    "operator": "Olga (night)",
    "station": "bench-1",
}
BOARD = {"mac": "58:cf:79:00:00:01", "different": ["app"]}
PRESENT = {"mac": "58:cf:79:00:00:01", "firmware_version": "1.1.0", "firmware_sha256": "a" * 64}


@pytest.fixture
def options(release_directory, signer, tmp_path):
    """The options of esp_flash but for the ports."""
    (tmp_path / "identities").mkdir()
    for device in ("device-001", "device-002"):
        (tmp_path / f"identities/{device}.bin").write_bytes(device.encode().ljust(0x6000, b"\xff"))
    return {
        "release": str(release_directory),
        "public_key": signer.public_pem(),
        "identities": str(tmp_path / "identities"),
        "record_file": str(tmp_path / "record/station.jsonl"),
        "operator": "olga",
    }


def test_a_bench_is_flashed_one_port_fails_and_the_record_knows_both(options, tmp_path):
    with Process(tmp_path / "boards", 2) as boards:
        boards.order(board="board-2", efuses={"chip_id": 9})
        ports = [
            {"port": port, "device_id": device}
            for port, device in zip(boards.ports.values(), ("device-001", "device-002"), strict=True)
        ]
        look = run_module("esp_flash", check_mode=True, ports=ports[:1], **options)
        assert look["changed"]
        assert not (tmp_path / "record").exists()
        result = run_module("esp_flash", ports=ports, **options)
        again = run_module("esp_flash", ports=ports[:1], **options)
        stolen = run_module("esp_flash", ports=[{**ports[0], "device_id": "device-002"}], **options)
        flash = boards.flash("board-1")
    assert result["failed"]
    assert "1 of 2 ports failed" in result["msg"]
    assert [one["good"] for one in result["boards"]] == [True, False]
    assert list(result["failed_ports"]) == [ports[1]["port"]]
    assert flash[0x12000:].startswith(b"device-001")
    assert not again["changed"]
    assert "is device-001 already" in stolen["msg"]
    records = [json.loads(line) for line in (tmp_path / "record/station.jsonl").read_text().splitlines()]
    assert sorted(one["event"] for one in records) == ["failed", "failed", "flashed", "flashed"]
    assert {one["operator"] for one in records} == {"olga"}


def test_a_changed_release_is_refused_before_a_port_is_opened(options, release_directory):
    path = release_directory / "app.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    ports = [{"port": "socket://127.0.0.1:9", "device_id": "device-001"}]
    result = run_module("esp_flash", ports=ports, **options)
    assert "does not have the sha256" in result["msg"]


def test_a_device_without_an_identity_is_refused(options):
    ports = [{"port": "socket://127.0.0.1:9", "device_id": "device-009"}]
    result = run_module("esp_flash", ports=ports, **options)
    assert "there is no image of device-009" in result["msg"]


def test_the_thing_says_what_was_written_and_by_whom():
    assert station.attributes(BOARD, FACTS, {}) == {
        **PRESENT,
        "flashed_by": "Olga__night_@bench-1",
        "esptool_version": "5.6.0",
    }


def test_a_thing_that_says_it_already_is_left_alone():
    same = {**BOARD, "different": []}
    assert station.attributes(same, FACTS, PRESENT) == {}
    assert station.attributes(same, FACTS, {**PRESENT, "mac": "58:cf:79:00:00:02"}) != {}


def test_boards_entered_twice_are_found():
    things = {"device-001": "m1", "device-002": "m2", "device-003": "m1"}
    assert station.conflicts(things) == {"m1": ["device-001", "device-003"]}


def test_a_board_that_is_changed_between_two_attempts_is_refused():
    desk = station.Desk({})
    assert desk.claim("m1", "device-001", "p1") is None
    assert desk.claim("m1", "device-001", "p1") is None
    assert "was changed: it was m1" in desk.claim("m2", "device-001", "p1")


def test_a_mac_is_written_one_way():
    assert station.check_mac("x", "58:CF:79:00:00:01") == "58:cf:79:00:00:01"
    with pytest.raises(InvalidInputError, match="is no MAC"):
        station.check_mac("known_boards", "58cf79000001")
