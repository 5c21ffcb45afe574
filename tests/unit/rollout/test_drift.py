"""Who differs from what it was given, and why."""

from __future__ import annotations

import pytest
from fleetlib.core.rollout import devices, drift
from fleetlib.core.rollout.ports import DeviceState

from tests.unit.rollout.test_engine import QUICK
from tests.unit.rollout.world import NEW, OLD, World, boards


def look(world, record):
    outcomes = {job: found.executions for job, found in world.jobs.items()}
    return drift.look(record, world.get, lambda job: outcomes.get(job, {}), world.states("fleet"))


def only(report):
    (one,) = report.drifts
    return one


def test_a_fleet_after_a_rollout_differs_nowhere():
    world = World(boards(10))
    world.start(QUICK)
    assert look(world, world.run()) == drift.Report("program:blink", 10, ())


def test_a_device_that_is_offline_is_said_to_be_awaited():
    world = World(boards(40))
    world.boards["device-004"].online = False
    world.start(QUICK)
    found = only(look(world, world.run()))
    assert (found.thing, found.assigned, found.reported) == ("device-004", NEW, OLD)
    assert found.why == "it is offline; its job waits"


def test_a_device_that_somebody_changed_by_hand_is_found():
    world = World(boards(10))
    world.start(QUICK)
    record = world.run()
    world.boards["device-004"].version = "0.0.1"
    assert only(look(world, record)).why == "its job succeeded, and it was changed since then by other means"


def test_a_device_that_failed_in_a_rollout_that_went_on_is_found():
    world = World(boards(20))
    world.boards["device-004"].fails_with = (NEW,)
    gate = {"failed_percent": 50, "program_failed_percent": None}
    world.start(
        {"defaults": {**QUICK["defaults"], "gate": gate, "abort_percent": 60}, "waves": QUICK["waves"]}
    )
    found = only(look(world, world.run()))
    assert (found.thing, found.why) == ("device-004", "its job ended FAILED")


def test_a_program_that_fails_later_is_found():
    world = World(boards(10))
    world.start(QUICK)
    record = world.run()
    world.boards["device-004"].status = "Failed"
    assert only(look(world, record)).why == "it reports that the program failed"


def test_after_an_abort_the_former_version_is_assigned():
    world = World(boards(10))
    world.start(QUICK)
    world.run()
    world.wished = {"wish": "abort"}
    world.at.append((world.moment + 1, lambda: setattr(world.boards["device-004"], "online", False)))
    found = only(look(world, world.run()))
    assert (found.thing, found.assigned, found.reported) == ("device-004", OLD, NEW)
    assert found.why == "it is offline; a job waits for it"


def test_a_device_that_was_deleted_is_not_expected_to_report():
    world = World(boards(10))
    world.start(QUICK)
    record = world.run()
    del world.boards["device-004"]
    assert look(world, record).devices == 9


@pytest.mark.parametrize(
    ("shadow", "expected"),
    [
        (None, DeviceState(False)),
        ("no json", DeviceState(False)),
        ('{"reported": {"programs": ["x"]}}', DeviceState(False)),
        (
            '{"reported": {"programs": {"blink": {"version": "1.0.0", "status": {"Failed": "x"}}}}}',
            DeviceState(False, "1.0.0", "Failed"),
        ),
        (
            '{"reported": {"hardware_state": {"memory_usage": {"used_bytes": 7}, "cpu_percent": 3.5}}}',
            DeviceState(False, memory_bytes=7.0, cpu_percent=3.5),
        ),
    ],
)
def test_a_shadow_of_any_shape_is_read(shadow, expected):
    assert devices.state({"thingName": "x", "shadow": shadow}, "program:blink") == expected


def test_a_connection_is_read_with_its_time():
    hit = {"thingName": "x", "connectivity": {"connected": True, "timestamp": 1_700_000_000_000}}
    state = devices.state(hit, "program:blink")
    assert (state.connected, state.seen_at) == (True, "2023-11-14T22:13:20.000Z")
