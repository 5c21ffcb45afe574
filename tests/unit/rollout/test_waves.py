"""Who comes first."""

from __future__ import annotations

from collections import Counter

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.rollout import plan, waves


def fleet(count, **attributes):
    return [
        waves.Device(
            f"device-{n:03d}",
            {name: values[n % len(values)] for name, values in attributes.items()},
            frozenset({"lab"} if n < 3 else set()),
        )
        for n in range(count)
    ]


def sizes(given, devices):
    return [len(wave) for wave in waves.assign(plan.parse({"waves": given}), devices).waves]


def test_the_order_does_not_depend_on_how_the_registry_lists_the_devices():
    devices = fleet(50, hardware_revision=["1", "2"])
    assert waves.spread(devices, ["hardware_revision"]) == waves.spread(devices[::-1], ["hardware_revision"])


def test_a_new_device_does_not_change_who_was_first():
    devices = fleet(200)
    before = waves.spread(devices[:-1], [])
    assert [name for name in waves.spread(devices, []) if name != "device-199"] == before


def test_another_salt_chooses_other_canaries():
    devices = fleet(200)
    assert waves.spread(devices, [], "a")[:10] != waves.spread(devices, [], "b")[:10]


def test_every_kind_of_device_is_among_the_first_and_each_by_its_share():
    devices = fleet(1000, hardware_revision=["1"] * 9 + ["2"])
    kinds = {device.name: device.attributes["hardware_revision"] for device in devices}
    order = [kinds[name] for name in waves.spread(devices, ["hardware_revision"])]
    assert set(order[:2]) == {"1", "2"}
    assert 9 <= Counter(order[:100])["2"] <= 11


def test_every_device_is_in_exactly_one_wave():
    devices = fleet(101, firmware_version=["1.0.0", "1.1.0"])
    assignment = waves.assign(plan.parse("standard"), devices)
    everyone = [name for wave in assignment.waves for name in wave]
    assert sorted(everyone) == [device.name for device in devices]
    assert [len(wave) for wave in assignment.waves] == [6, 26, 69]


def test_waves_are_chosen_by_count_percent_group_attribute_list_and_rest():
    devices = fleet(100, ring=["early"] + ["late"] * 9)
    chosen = [
        {"group": "lab"},
        {"attribute": {"name": "ring", "value": "early"}},
        {"things": ["device-050", "device-011"]},
        {"count": 5},
        {"percent": 10},
        {"rest": True},
    ]
    # device-000 is early, but the lab has it already; device-050 is early, too.
    assert sizes(chosen, devices) == [3, 9, 1, 5, 10, 72]


def test_a_percentage_rounds_up_and_keeps_its_bounds():
    assert sizes([{"percent": 1}], fleet(101)) == [2]
    assert sizes([{"percent": 1, "at_least": 5}], fleet(101)) == [5]
    assert sizes([{"percent": 50, "at_most": 7}], fleet(101)) == [7]


def test_who_is_left_out_is_named():
    assignment = waves.assign(plan.parse({"waves": [{"count": 3}]}), fleet(4))
    assert len(assignment.left_out) == 1


def test_a_stranger_in_a_list_is_refused():
    with pytest.raises(InvalidInputError, match="Wave wave-1: device-999 is not among the devices"):
        sizes([{"things": ["device-999"]}], fleet(3))


def test_a_plan_that_reaches_nobody_is_refused():
    with pytest.raises(InvalidInputError, match="No device is in any wave"):
        sizes([{"group": "moon"}], fleet(3))
