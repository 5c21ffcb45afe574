"""What a board does between power and its program."""

from __future__ import annotations

import json
import re

import pytest
from esp_idf_defs.otadata import OtaDataSelectEntry, OtaImageState
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.twin.conftest import THING
from twin import boot, factory, identity
from twin.boot import ABORTED, INVALID, NEW, PENDING, VALID, Select
from twin.flash import DamagedError

OTA_0, OTA_1, OTA_DATA = 0x20000, 0x200000, 0xF000


def update(flash, version="2.0.0"):
    flash.write(OTA_1, factory.app_image(version))
    boot.select_slot(flash, 1)


def test_a_new_board_starts_ota_0_with_the_identity_in_its_flash(flash, store):
    found = boot.boot(flash)
    assert (found.slot_name, found.image.version, found.confirmed, found.notes) == (
        "ota_0",
        "1.0.0",
        True,
        (),
    )
    assert (found.identity.thing, found.identity.endpoint, found.identity.port) == (THING, "127.0.0.1", 8883)
    assert found.identity.private_key == store.key(THING)
    assert found.identity.certificate == store.certificate_pem(THING)
    assert found.config == identity.Config("info", 30, "local")


def test_secrets_are_not_shown(flash):
    assert "PRIVATE" not in repr(boot.boot(flash))


def test_the_factory_leaves_a_board_that_has_its_identity(store, place, tmp_path):
    assert factory.make(tmp_path, store, [("device-001", THING)], place) == ["device-001"]
    assert factory.make(tmp_path, store, [("device-001", THING)], place) == []
    assert json.loads((tmp_path / "device-001/board.json").read_text())["mac"].startswith("02:")
    assert (tmp_path / "device-001/flash.bin").stat().st_mode & 0o777 == 0o600


def test_the_directories_of_keys_are_private(store, place, tmp_path):
    factory.make(tmp_path / "twin/boards", store, [("device-001", THING)], place)
    for name in ("twin", "twin/boards", "twin/boards/device-001"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_new_image_starts_and_stays_once_it_is_confirmed(flash):
    update(flash)
    first = boot.boot(flash)
    assert (first.slot_name, first.image.version, first.confirmed) == ("ota_1", "2.0.0", False)
    boot.confirm(flash)
    second = boot.boot(flash)
    assert (second.slot_name, second.confirmed, second.notes) == ("ota_1", True, ())


def test_an_image_that_was_not_confirmed_is_given_up_at_the_next_start(flash):
    update(flash)
    boot.boot(flash)
    back = boot.boot(flash)
    assert (back.slot_name, back.image.version, back.confirmed) == ("ota_0", "1.0.0", True)
    assert back.notes == ("ota_1 was started and not confirmed; it is given up",)
    assert boot.boot(flash).notes == ()


def test_an_image_that_says_itself_that_it_is_not_well_is_given_up(flash):
    update(flash)
    boot.boot(flash)
    boot.give_up(flash)
    assert boot.boot(flash).slot_name == "ota_0"


def test_slots_take_turns(flash):
    for number, slot in enumerate((1, 0, 1)):
        flash.write((OTA_0, OTA_1)[slot], factory.app_image(f"2.{number}.0"))
        boot.select_slot(flash, slot)
        found = boot.boot(flash)
        assert (found.slot, found.image.version) == (slot, f"2.{number}.0")
        boot.confirm(flash)


def test_a_damaged_new_image_is_not_started_and_the_other_one_is(flash):
    update(flash)
    flash.write(OTA_1, b"\xe9" + b"\0" * 4095)
    found = boot.boot(flash)
    assert (found.slot_name, found.confirmed) == ("ota_0", True)
    assert found.notes[0].startswith("app image: ota_1: it is for chip id 0")


def test_a_board_stops_where_no_image_is_whole(flash):
    flash.write(OTA_0, b"\0" * 4096)
    with pytest.raises(DamagedError, match=r"app image: ota_0: invalid header.*; ota_1: .*blank"):
        boot.boot(flash)


@pytest.mark.parametrize(
    ("offset", "data", "why"),
    [
        (0, b"\xff", "chip image: invalid header: 0xffffffff; it is blank"),
        (0x8000, b"\xff", "partition table: it is blank"),
        (0x8000, b"\xaa\x50\x01\x02" * 8, "partition table: "),
        (0x12000, b"\xff" * 0x6000, "identity: it is blank"),
        (0x12000, b"\xfe\xff\xff\xff" + b"\0" * 60, "identity: the header of the page at 0x0 has a wrong"),
    ],
)
def test_a_board_says_what_it_stopped_at(flash, offset, data, why):
    flash.write(offset, data)
    with pytest.raises(DamagedError, match=re.escape(why)):
        boot.boot(flash)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({("identity", "thing_name"): "a/b"}, "thing_name cannot be the name of a thing"),
        ({("identity", "mqtt_port"): 0}, "127.0.0.1:0 is no endpoint"),
        ({("identity", "certificate"): b"?"}, "certificate is no PEM text"),
        ({("identity", "region"): 7}, "region is of another type"),
        ({("identity", "private_key"): None}, "private_key is missing"),
    ],
)
def test_an_identity_that_makes_no_sense_is_refused(change, why):
    pem = b"-----BEGIN CERTIFICATE-----\n"
    values = {
        ("identity", "device_id"): "device-001",
        ("identity", "thing_name"): THING,
        ("identity", "endpoint"): "127.0.0.1",
        ("identity", "mqtt_port"): 8883,
        ("identity", "region"): "us-west-2",
        **{("identity", name): pem for name in ("certificate", "private_key", "root_ca")},
    }
    assert identity.identity(values).thing == THING
    changed = {where: value for where, value in {**values, **change}.items() if value is not None}
    with pytest.raises(DamagedError, match=why):
        identity.identity(changed)


def test_otadata_are_read_as_the_vendors_tool_writes_them():
    for state in (NEW, PENDING, VALID, INVALID, ABORTED):
        entry = OtaDataSelectEntry(7, OtaImageState(state)).to_bytes()
        assert boot.parse_select(entry) == Select(7, state)
        assert boot.parse_select(entry[:-1] + bytes([entry[-1] ^ 1])) is None
    assert boot.parse_select(b"\xff" * 32) is None


SELECTS = st.one_of(
    st.none(),
    st.builds(
        Select, st.integers(1, 1000), st.sampled_from([NEW, PENDING, VALID, INVALID, ABORTED, 0xFFFFFFFF])
    ),
)


@given(SELECTS, SELECTS)
def test_no_choice_leads_to_a_start_that_was_given_up_or_repeats_an_unconfirmed_one(first, second):
    choice = boot.choose((first, second), 2)
    named = [one for one in choice.selects if one is not None]
    if choice.active is not None:
        active = choice.selects[choice.active]
        assert active.state in (PENDING, VALID, 0xFFFFFFFF)
        assert active.sequence == max(one.sequence for one in named if one.usable)
    again = boot.choose(choice.selects, 2)
    assert not any(
        one.state == before.state == PENDING
        for one, before in zip(again.selects, choice.selects, strict=True)
        if one and before
    )
    for _ in range(4):
        choice = boot.choose(choice.selects, 2)
    assert boot.choose(choice.selects, 2).selects == choice.selects, "it comes to rest"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.integers(0, 0x24FFF),
        st.integers(0, 0x400),
        st.integers(0x8000, 0x8200),
        st.integers(0xF000, 0x17FFF),
    ),
    st.integers(1, 255),
)
def test_a_board_with_any_damaged_byte_stops_or_is_who_it_was(flash, made, at, flip):
    data = bytearray(made)
    data[at] ^= flip
    flash.path.write_bytes(data)
    try:
        found = boot.boot(flash)
    except DamagedError:
        return
    flash.path.write_bytes(made)
    whole = boot.boot(flash)
    assert (found.identity, found.image, found.slot) == (whole.identity, whole.image, whole.slot)
