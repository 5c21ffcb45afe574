"""A rollout from its first wave to its end, or back."""

from __future__ import annotations

import json

import pytest
from fleetlib.core.clock import iso
from fleetlib.core.errors import FleetError
from fleetlib.core.rollout import engine
from fleetlib.core.rollout.ports import ConflictError
from fleetlib.core.rollout.record import from_dict

from tests.unit.rollout.world import GROUP, NEW, OLD, KilledError, World, boards

QUICK = {
    "defaults": {"bake_minutes": 3, "patience_minutes": 5},
    "waves": [
        {"name": "canary", "count": 5},
        {"name": "early", "percent": 30},
        {"name": "rest", "rest": True},
    ],
}


def why(record, what):
    return [one.why for one in record.decisions if one.what == what]


def canaries(world):
    return set(json.loads(world.objects["waves/0"])["things"])


def test_a_healthy_program_reaches_every_device_once():
    world = World(boards(40))
    world.start(QUICK)
    record = world.run()
    assert record.state == "finished"
    assert world.with_version() == set(world.boards)
    assert {board.loads[NEW] for board in world.boards.values()} == {1}
    assert record.calls["CreateJob"] == 3
    assert record.curve[-1][1] == 40


def test_the_record_alone_explains_every_decision():
    world = World(boards(40))
    world.start(QUICK)
    record = world.run()
    assert [one.what for one in record.decisions] == [
        "start",
        *(
            f"wave {wave}: {what}"
            for wave in ("canary", "early", "rest")
            for what in ("prepared", "started", "watched", "passed")
        ),
        "all waves are through",
        "finished",
    ]
    assert all(one.why and one.at and one.by for one in record.decisions)
    assert "job executions: 0 of 5 failed (0.0 %), allowed are 0 %" in why(record, "wave canary: passed")[0]
    assert from_dict(json.loads(json.dumps(record.as_dict()))) == record


def test_a_program_that_fails_on_a_fifth_is_stopped_in_the_canary_wave_and_taken_back():
    world = World(boards(40))
    world.start(QUICK)
    bad = sorted(canaries(world))[0]
    world.boards[bad].fails_with = (NEW,)
    record = world.run()
    assert record.state == "returned"
    assert {name for name, board in world.boards.items() if board.loads[NEW]} == canaries(world)
    assert world.with_version() == set()
    assert "job executions: 1 of 5 failed" in why(record, "abort")[0]


def test_a_program_that_kills_the_connection_later_is_caught_while_the_wave_is_watched():
    world = World(boards(40))
    world.start(QUICK)
    for board in world.boards.values():
        board.dies_after = {NEW: 120}
    record = world.run()
    assert "connections: 5 of 5 lost" in why(record, "abort")[0]
    assert {name for name, board in world.boards.items() if board.loads[NEW]} == canaries(world)
    assert record.state == "return_open"
    assert set(record.waves[0].not_returned) == canaries(world)

    # They come back one by one, and the record stays open until the last.
    *first, last = sorted(canaries(world))
    for name in first:
        world.boards[name].online, world.boards[name].dies_after = True, {}
    world.sleep(20)
    record = world.run()
    assert (record.state, record.waves[0].not_returned) == ("return_open", [last])
    world.boards[last].online, world.boards[last].dies_after = True, {}
    world.sleep(20)
    record = world.run()
    assert (record.state, world.with_version(OLD)) == ("returned", set(world.boards))


def test_a_board_that_restarts_is_not_lost_and_one_that_stays_away_is():
    for away_seconds, state in ((10, "finished"), (100, "returned")):
        world = World(boards(20))
        world.start(QUICK)
        board = world.boards[sorted(canaries(world))[0]]

        def leave(world=world, board=board):
            board.online, board.seen_at = False, iso(world.now())

        world.at.append((60, leave))
        world.at.append((60 + away_seconds, lambda board=board: setattr(board, "online", True)))
        assert world.run().state == state


def test_devices_in_progress_at_an_abort_go_back_as_well():
    world = World(boards(20, takes=1000))
    world.start(QUICK)
    world.at.append((8, lambda: world.wished.update(wish="abort", by="bob", why="wrong file")))
    record = world.run()
    assert why(record, "abort") == ["asked for: wrong file"]
    assert record.decisions[-1].what == "taken back"
    assert record.waves[0].to_return == 5
    for board in world.boards.values():
        board.takes = 2
    world.sleep(30)
    assert (world.run().state, world.with_version(NEW)) == ("returned", set())


def test_a_finished_rollout_can_be_taken_back_in_the_reverse_order():
    world = World(boards(20))
    world.start(QUICK)
    assert world.run().state == "finished"
    world.wished = {"wish": "abort", "by": "bob", "why": "complaints"}
    record = world.run()
    assert (record.state, world.with_version(OLD)) == ("returned", set(world.boards))
    assert [one.what for one in record.decisions if "goes back" in one.what] == [
        "wave rest: goes back",
        "wave early: goes back",
        "wave canary: goes back",
    ]


def test_every_device_goes_back_to_the_version_that_it_had():
    world = World(boards(20), published=(OLD, "0.9.0", NEW, ""))
    names = sorted(world.boards)
    for name in names[:5]:
        world.boards[name].version = ""
    for name in names[5:10]:
        world.boards[name].version = "0.9.0"
    before = {name: board.version for name, board in world.boards.items()}
    world.start(QUICK)
    world.run()
    world.wished = {"wish": "abort"}
    assert world.run().state == "returned"
    assert {name: board.version for name, board in world.boards.items()} == before


def test_a_former_version_that_was_never_published_is_left_to_a_person_and_keeps_the_record_open():
    world = World(boards(10), published=(NEW, OLD))
    world.boards["device-003"].version = "0.1.0-lab"
    world.start(QUICK)
    world.run()
    world.wished = {"wish": "abort"}
    record = world.run()
    assert record.state == "return_open"
    assert [wave.not_returnable for wave in record.waves if wave.not_returnable] == [["device-003"]]
    assert world.with_version() == {"device-003"}
    assert why(record, "taken back") == [
        "1 devices had a version that was never published; somebody has to decide"
    ]
    world.wished = {"wish": "close", "by": "bob", "why": "reflashed by hand"}
    assert world.run().state == "returned"


def test_a_device_that_was_deleted_meanwhile_need_not_come_back():
    world = World(boards(10))
    world.start(QUICK)
    world.run()
    del world.boards["device-003"]
    world.wished = {"wish": "abort"}
    assert world.run().state == "returned"


def test_a_plan_without_rollback_stops_and_leaves_devices_as_they_are():
    world = World(boards(10, fails_with=(NEW,)))
    world.start({**QUICK, "rollback": False})
    assert world.run().state == "stopped"
    assert {board.loads[OLD] for board in world.boards.values()} == {0}


def test_an_offline_device_does_not_hold_the_others_up_and_gets_it_when_it_comes_back():
    world = World(boards(40))
    world.boards["device-007"].online = False
    world.start(QUICK)
    record = world.run()
    assert record.state == "waiting"
    assert len(world.with_version()) == 39
    world.boards["device-007"].online = True
    world.sleep(20)
    assert world.run().state == "finished"
    assert len(world.with_version()) == 40


def test_a_rollout_that_only_waits_can_be_closed():
    world = World(boards(40))
    world.boards["device-007"].online = False
    world.start(QUICK)
    world.run()
    world.wished = {"wish": "close", "by": "bob"}
    assert world.run().state == "finished"
    world.boards["device-007"].online = True
    world.sleep(20)
    assert len(world.with_version()) == 39


def test_a_wave_without_enough_devices_online_stops_the_rollout():
    world = World(boards(40, online=False))
    world.start(QUICK)
    record = world.run()
    assert "only 0 of 5 devices have finished after 5 minutes; 80 % are needed" in why(record, "abort")[0]
    assert record.state == "returned"


def test_a_paused_rollout_touches_nobody_and_goes_on_with_the_others():
    world = World(boards(40))
    world.start(QUICK)
    away = sorted(canaries(world))[:2]
    for name in away:
        world.boards[name].online = False
    world.at.append((10, lambda: world.wished.update(wish="pause", by="bob", why="lunch")))
    record = world.run()
    assert (record.state, record.waves[0].state) == ("paused", "prepared")
    for name in away:
        world.boards[name].online = True
    world.sleep(600)
    assert world.with_version() == canaries(world) - set(away)
    world.wished = {"wish": "run", "by": "cid"}
    record = world.run("cid@host:2")
    assert record.state == "finished"
    assert len(record.waves[0].parts) == 2
    assert {board.loads[NEW] for board in world.boards.values()} == {1}


def test_a_device_that_has_the_version_already_is_not_touched():
    world = World(boards(10))
    world.boards["device-004"].version = NEW
    world.start(QUICK)
    assert world.run().state == "finished"
    assert world.boards["device-004"].loads[NEW] == 0
    world.wished = {"wish": "abort"}
    world.run()
    assert world.with_version() == {"device-004"}


def test_a_wave_without_anybody_to_reach_is_passed_at_once():
    world = World(boards(10))
    world.start({**QUICK, "waves": [{"name": "nobody", "things": []}, {"name": "rest", "rest": True}]})
    record = world.run()
    assert record.state == "finished"
    assert why(record, "wave nobody: passed") == ["no device needs it"]
    assert record.waves[0].bake_from == ""


def test_executions_that_somebody_else_cancelled_stop_the_rollout():
    world = World(boards(10, online=False))
    world.start(QUICK)
    world.at.append((10, lambda: world.cancel(next(iter(world.jobs)), "by hand", running_too=False)))
    record = world.run()
    assert "5 executions were cancelled by AWS IoT's abort criteria or by somebody" in why(record, "abort")[0]


@pytest.mark.parametrize(
    ("gate", "prepare", "says"),
    [
        ({"alarms": ["fleet-*"]}, lambda world: setattr(world, "ringing", ("fleet-x",)), "in ALARM: fleet-x"),
        ({"command": ["smoke"]}, lambda world: setattr(world, "command_code", 2), "exit code 2: said so"),
        (
            {"memory_growth_percent": 10},
            lambda world: world.at.append(
                (20, lambda: [setattr(board, "memory", 2000.0) for board in world.boards.values()])
            ),
            "memory: median went from 1,000 to 2,000",
        ),
        (
            {},
            lambda world: world.at.append(
                (20, lambda: [setattr(board, "status", "Failed") for board in world.boards.values()])
            ),
            "program status: 5 of 5 do not run it",
        ),
    ],
)
def test_the_gate_measures_it_itself(gate, prepare, says):
    world = World(boards(20))
    world.start({**QUICK, "defaults": {**QUICK["defaults"], "gate": gate}})
    prepare(world)
    record = world.run()
    assert says in why(record, "abort")[0]
    assert record.state == "returned"


def test_a_wave_by_group_uses_that_group_itself():
    world = World(boards(20))
    world.groups["lab"] = {"device-001", "device-002"}
    world.devices = lambda group: [
        type(one)(one.name, {}, frozenset({"lab"} if one.name in world.groups["lab"] else ()))
        for one in World.devices(world, group)
    ]
    world.start({"defaults": QUICK["defaults"], "waves": [{"group": "lab"}, {"rest": True}]})
    record = world.run()
    assert (record.state, record.waves[0].parts[0].group) == ("finished", "lab")
    assert set(world.groups) == {GROUP, "lab"}  # its own groups are gone, the operator's is not


def test_waves_begin_in_their_window_only():
    world = World(boards(20))
    # The world's clock begins at 09:00; the first wave takes more than three minutes.
    world.start({**QUICK, "windows": [{"start": "08:59", "minutes": 3}]})
    record = world.run(lease_seconds=40_000)
    assert record.state == "finished"
    assert [wave.started_at[:16] for wave in record.waves] == [
        "2026-03-01T09:00",
        "2026-03-02T08:59",
        "2026-03-03T08:59",
    ]


def test_a_second_operator_is_refused_while_the_first_works():
    world = World(boards(10, takes=60))
    world.start(QUICK)

    def intrude():
        with pytest.raises(
            engine.BusyError, match=r"ann@host:1 works on rollout blink-1, at least until 2026"
        ):
            world.run("bob@host:2")

    world.at.append((15, intrude))
    assert world.run().state == "finished"
    assert world.at == []


def test_a_lease_that_ran_out_and_a_holder_that_is_dead_hold_nobody_up():
    for how in ("late", "dead"):
        world = World(boards(10))
        world.start(QUICK)
        world.kill_at, world.calls_made = 5, 0
        with pytest.raises(KilledError):
            world.run()
        world.kill_at = 0
        with pytest.raises(engine.BusyError):
            world.run("bob@host:2")
        if how == "late":
            world.sleep(200)
            assert world.run("bob@host:2").state == "finished"
        else:
            assert world.run("bob@host:2", is_dead=lambda holder: holder == "ann@host:1").state == "finished"


def test_who_lost_the_record_to_another_stops_at_once():
    world = World(boards(10, takes=60))
    world.start(QUICK)

    def steal():
        data, version = world.load()
        world.save(data, version)

    world.at.append((15, steal))
    with pytest.raises(ConflictError):
        world.run()


def test_starting_again_changes_nothing():
    world = World(boards(10))
    first = world.start(QUICK)
    world.sleep(5)
    assert world.start("urgent") == first


def test_a_rollout_that_was_never_started_cannot_be_run():
    with pytest.raises(FleetError, match="no record of this rollout"):
        World(boards(1)).run()


def all_calls(scenario):
    world = scenario()
    world.run()
    return world.calls_made


def healthy():
    world = World(boards(10))
    world.start({**QUICK, "defaults": {"bake_minutes": 0.5, "patience_minutes": 5}})
    world.calls_made = 0
    return world


def failing():
    world = healthy()
    for name in sorted(world.boards)[::3]:
        world.boards[name].fails_with = (NEW,)
    return world


def aborted():
    world = healthy()
    world.at.append((60, lambda: world.wished.update(wish="abort")))
    return world


def paused():
    world = healthy()
    world.boards["device-003"].online = False
    world.at.append((8, lambda: world.wished.update(wish="pause")))
    world.at.append((9, lambda: setattr(world.boards["device-003"], "online", True)))
    return world


@pytest.mark.parametrize("scenario", [healthy, failing, aborted, paused])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_call_loses_no_device_and_touches_none_twice(scenario, after):
    for call in range(1, all_calls(scenario) + 1):
        world = scenario()
        world.kill_at, world.kill_after = call, after
        with pytest.raises(KilledError):
            world.run()
        world.kill_at = 0
        record = world.run("bob@host:2", is_dead=lambda holder: True)
        if record.state == "paused":
            world.sleep(60)
            world.wished = {"wish": "run"}
            record = world.run("bob@host:2")
        twice = {name for name, board in world.boards.items() if board.loads[NEW] > 1}
        assert twice == set(), f"killed at call {call}"
        assert record.state in ("finished", "returned"), f"killed at call {call}: {record.state}"
        expected = set(world.boards) if record.state == "finished" else set()
        assert world.with_version() == expected, f"killed at call {call}"
