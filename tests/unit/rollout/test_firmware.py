"""Firmware images for updates over the air."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.programs import Signature
from fleetlib.core.rollout import devices, firmware

IMAGE = bytes([0xE9, 1, 2, 3]) + bytes(8) + (5).to_bytes(2, "little") + bytes(50)
RELEASE = firmware.Release("1.3.0", "0" * 64, len(IMAGE), Signature("key", "AAAA"), "1.0.0")


def test_an_image_for_the_board_is_accepted():
    firmware.check_image("app.bin", IMAGE)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (b"", "no application image"),
        (b"\x7fELF" + bytes(60), "no application image"),
        (IMAGE[:12] + b"\x00\x00" + IMAGE[14:], "chip id 0, not for the ESP32-C3"),
        (IMAGE + bytes(firmware.SLOT_BYTES), "an app slot holds 1,572,864"),
    ],
)
def test_what_the_board_could_not_start_is_refused(image, says):
    with pytest.raises(InvalidInputError, match=says):
        firmware.check_image("app.bin", image)


def test_a_release_survives_the_way_through_its_bytes():
    assert firmware.read(RELEASE.as_bytes(), "here") == RELEASE
    with pytest.raises(FleetError, match="here describes no firmware"):
        firmware.read(b"[]", "here")


def test_the_job_carries_everything_that_the_device_checks():
    document = firmware.update_document(RELEASE, "https://x")
    assert document["operation"] == "firmware.update"
    assert {"checksum", "signature", "public_key_id", "size_bytes", "download_url"} <= document[
        "request"
    ].keys()
    assert len(json.dumps(document)) < 32 * 1024


def test_only_moment_and_signature_may_differ_between_two_publications():
    assert firmware.is_same(RELEASE, replace(RELEASE, published_at="later", signature=Signature("k", "B")))
    assert not firmware.is_same(RELEASE, replace(RELEASE, sha256="1" * 64))


def test_firmware_that_is_not_confirmed_is_seen():
    shadow = {"reported": {"firmware": {"version": "1.3.0", "slot": "ota_1", "confirmed": False}}}
    state = devices.state({"thingName": "x", "shadow": json.dumps(shadow)}, devices.FIRMWARE)
    assert (state.version, state.confirmed, state.failed) == ("1.3.0", False, False)
