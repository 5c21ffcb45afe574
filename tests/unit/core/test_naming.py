"""Names are the same everywhere, and what cannot become a name is refused with the rule."""

from __future__ import annotations

import pytest
from fleetlib.core import naming
from fleetlib.core.errors import InvalidInputError


def test_a_thing_is_named_after_prefix_environment_and_device():
    assert naming.thing_name("aws-iot-steel", "local", "device-001") == "aws-iot-steel-local-device-001"
    assert naming.stack_name("aws-iot-steel", "local", "core") == "aws-iot-steel-local-core"


def test_the_device_id_is_found_in_the_name_of_its_thing_only():
    assert naming.device_id_of("p-local-device-001", "p", "local") == "device-001"
    assert naming.device_id_of("p-staging-device-001", "p", "local") is None
    assert naming.device_id_of("p-local-", "p", "local") is None


def test_numbers_have_at_least_three_digits():
    assert naming.numbered_device_ids(9, 2) == ["device-009", "device-010"]
    assert naming.numbered_device_ids(999, 2) == ["device-999", "device-1000"]


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(InvalidInputError, match=rf"count is {count}; from number 1 on .* 1 to 1,000,000"):
        naming.numbered_device_ids(1, count)


@pytest.mark.parametrize("start", [0, -5, 1_000_001])
def test_a_start_out_of_range_is_refused(start):
    with pytest.raises(InvalidInputError, match=f"start_id is {start}"):
        naming.numbered_device_ids(start, 1)


def test_the_range_ends_at_the_largest_number():
    with pytest.raises(InvalidInputError, match="room for 1 to 1 devices"):
        naming.numbered_device_ids(1_000_000, 2)


@pytest.mark.parametrize("bad", ["", "a b", "device/1", "../etc", "-x", "ä", "a:b", "x" * 120, "a\nb"])
def test_ids_that_cannot_become_a_thing_are_refused(bad):
    with pytest.raises(InvalidInputError, match=r"cannot be a device id\. Allowed are 1 to 108 letters"):
        naming.check_device_ids(["device-001", bad], "aws-iot-steel", "local")


def test_an_id_may_fill_the_room_that_the_fleet_leaves():
    naming.check_device_ids(["x" * 108], "aws-iot-steel", "local")


@pytest.mark.parametrize("pair", [("a1", "a1"), ("a1", "A1")])
def test_an_id_given_twice_is_refused(pair):
    with pytest.raises(InvalidInputError, match=f"{pair[1]!r}: given more than once"):
        naming.check_device_ids(pair, "p", "local")


def test_many_bad_ids_are_counted_not_listed():
    with pytest.raises(InvalidInputError, match="'! 4' and 95 more cannot be"):
        naming.check_device_ids([f"! {n}" for n in range(100)], "p", "local")


def test_devices_are_chosen_by_id_or_by_number():
    assert naming.chosen_device_ids(["lab-a"], 1, None) == ["lab-a"]
    assert naming.chosen_device_ids(None, 101, 2) == ["device-101", "device-102"]


def test_an_empty_choice_is_refused():
    with pytest.raises(InvalidInputError, match="device_ids is empty; name at least one device"):
        naming.chosen_device_ids([], 1, None)
