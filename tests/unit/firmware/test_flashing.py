"""The real esptool against served boards: what is written, what is refused, what goes wrong."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from fleetlib.core.clock import SystemClock
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.firmware import station
from fleetlib.core.firmware.layout import Region
from fleetlib.core.firmware.station import Desk
from fleetlib.esp.flasher import Expected
from fleetlib.flashing import Bench, Order, Record, Result, Settings

from twin.flash_process import Process

SEED = 20261128


def noise(size: int, seed: int = SEED) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


REGIONS = (
    Region("identity", 0x12000, noise(0x6000)),
    Region("app", 0x20000, noise(0x18000) + bytes(0x8000)),
    Region("boot", 0, noise(0x2000)),
)


@pytest.fixture
def boards(tmp_path):
    """Three boards."""
    with Process(tmp_path / "boards", 3) as process:
        yield process


def orders(process, names=("board-1", "board-2", "board-3"), regions=REGIONS):
    return [Order(process.ports[name], f"device-{name[-1]}", regions) for name in names]


def run(process, *names, known=None, show=lambda moment: None, regions=REGIONS, **settings):
    """Flash boards; the results by board."""
    names = names or ("board-1", "board-2", "board-3")
    settings = {"bauds": (921_600, 460_800, 115_200), **settings}
    replace = settings.pop("replace_boards", False)
    bench = Bench(
        Settings(settings.pop("expected", Expected()), **settings),
        Desk(known or {}, replace),
        SystemClock(),
        show,
    )
    results = bench.run(orders(process, names, regions), lambda result: None)
    return {name: result.outcome for name, result in zip(names, results, strict=True)}


def holds(process, board, regions=REGIONS):
    flash = process.flash(board)
    return all(flash[one.offset : one.offset + len(one.data)] == one.data for one in regions)


def read_back(process, board, region, tmp_path):
    """A region as the real esptool reads it."""
    target = tmp_path / "back.bin"
    port = process.ports[board]
    command = [sys.executable, "-m", "esptool", "--port", port, "--baud", "921600", "read-flash"]
    command += [hex(region.offset), hex(len(region.data)), str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return target.read_bytes()


def test_every_port_holds_every_byte_and_restarts(boards, tmp_path):
    outcomes = run(boards)
    assert {name: one.error for name, one in outcomes.items()} == dict.fromkeys(outcomes, "")
    for name in outcomes:
        assert holds(boards, name)
        assert boards.order(board=name)["resets"] == 1
    assert all(read_back(boards, "board-2", one, tmp_path) == one.data for one in REGIONS)
    assert len({one.mac for one in outcomes.values()}) == 3


def test_a_second_run_writes_nothing(boards):
    run(boards)
    before = boards.order(board="board-1")
    again = run(boards)
    assert [(one.different, one.written_bytes, one.error) for one in again.values()] == [([], 0, "")] * 3
    after = boards.order(board="board-1")
    assert (after["written"], after["erased"]) == (before["written"], before["erased"])


def test_only_what_differs_is_written(boards):
    run(boards, "board-1")
    changed = (Region("identity", 0x12000, noise(0x6000, 7)), *REGIONS[1:])
    outcome = run(boards, "board-1", regions=changed)["board-1"]
    assert (outcome.different, outcome.written_bytes) == (["identity"], 0x6000)
    assert holds(boards, "board-1", changed)


def test_a_look_says_what_differs_and_writes_nothing(boards):
    outcome = run(boards, "board-1", look=True)["board-1"]
    assert outcome.different == ["identity", "app", "boot"]
    assert outcome.good
    state = boards.order(board="board-1")
    assert (state["written"], state["erased"]) == (0, 0)


def test_what_lies_beside_the_regions_is_left_alone(boards):
    own = Region("nvs", 0x9000, noise(0x6000, 3))
    run(boards, "board-1", regions=(own,))
    run(boards, "board-1")
    assert holds(boards, "board-1", (*REGIONS, own))


@pytest.mark.parametrize(
    ("efuses", "said"),
    [
        ({"chip_id": 9}, "The chip is an ESP32-S3; the release is for the ESP32-C3"),
        ({"revision": "0.2"}, "The chip has revision 0.2; the release needs 0.3 or later"),
        ({"secure_boot": True}, "Secure boot is on in this chip"),
        ({"flash_encryption": True}, "Flash encryption is on in this chip"),
    ],
)
def test_a_board_that_is_not_for_this_release_is_refused_and_stays_as_it_is(boards, efuses, said):
    boards.order(board="board-1", efuses=efuses)
    outcomes = run(boards, "board-1", "board-2")
    assert said in outcomes["board-1"].error
    assert outcomes["board-1"].attempts == 1
    assert boards.order(board="board-1")["erased"] == 0
    assert outcomes["board-2"].good


def test_a_board_with_secure_boot_is_flashed_by_its_rom_where_the_release_wants_that(boards):
    boards.order(board="board-1", efuses={"secure_boot": True})
    outcome = run(boards, "board-1", expected=Expected(secure_boot=True))["board-1"]
    assert outcome.error == ""
    assert holds(boards, "board-1")


def test_a_board_that_is_another_device_is_refused(boards):
    mac = run(boards, "board-1", look=True)["board-1"].mac
    outcome = run(boards, "board-1", known={mac: "device-9"})["board-1"]
    assert f"The board {mac} is device-9 already; it cannot become device-1" in outcome.error
    assert boards.order(board="board-1")["erased"] == 0


def test_a_device_gets_a_second_board_only_where_that_was_said(boards):
    known = {"00:00:00:00:00:01": "device-1"}
    assert "flashing_replace_boards=true" in run(boards, "board-1", known=known)["board-1"].error
    assert run(boards, "board-1", known=known, replace_boards=True)["board-1"].good


def test_two_boards_with_one_mac_do_not_both_pass(boards):
    mac = run(boards, "board-1", look=True)["board-1"].mac
    boards.order(board="board-2", efuses={"mac": mac})
    outcomes = run(boards, "board-1", "board-2")
    assert sorted(one.good for one in outcomes.values()) == [False, True]
    assert "two ports lead to one board" in "".join(one.error for one in outcomes.values())


@pytest.mark.parametrize("kind", ["cut", "reset", "power", "wrong", "noise", "silent"])
def test_a_fault_in_the_middle_costs_an_attempt_and_no_byte(boards, kind):
    boards.order(board="board-1", fault={"kind": kind, "after": 60_000})
    outcomes = run(boards, "board-1", "board-2")
    assert {name: one.error for name, one in outcomes.items()} == {"board-1": "", "board-2": ""}
    assert holds(boards, "board-1")
    assert holds(boards, "board-2")


def test_the_next_attempt_goes_at_a_lower_rate(boards):
    boards.order(board="board-1", fault={"kind": "cut", "after": 60_000})
    outcome = run(boards, "board-1")["board-1"]
    assert (outcome.attempts, outcome.baud) == (2, 460_800)


def test_a_port_that_vanishes_fails_alone(boards):
    boards.order(board="board-1", fault={"kind": "vanish", "after": 60_000})
    outcomes = run(boards)
    assert "does not answer, or serves somebody else" in outcomes["board-1"].error
    assert outcomes["board-1"].attempts == 3
    assert outcomes["board-2"].good
    assert outcomes["board-3"].good


def test_a_port_in_use_says_so_and_stops_no_other(boards):
    import socket

    host, _, number = boards.ports["board-1"].removeprefix("socket://").partition(":")
    with socket.create_connection((host, int(number))):
        outcomes = run(boards, "board-1", "board-2", bauds=(115_200,))
    assert "serves somebody else" in outcomes["board-1"].error
    assert outcomes["board-2"].good


def test_a_serial_port_that_another_program_has_locked_says_so():
    import fcntl

    master, slave = os.openpty()
    try:
        fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
        bench = Bench(Settings(Expected(), (115_200,)), Desk({}), SystemClock())
        (result,) = bench.run([Order(os.ttyname(slave), "device-1", REGIONS)], lambda result: None)
    finally:
        os.close(master)
        os.close(slave)
    assert "another program uses the port: close it" in result.outcome.error


def test_a_port_that_is_not_there_says_so():
    bench = Bench(Settings(Expected(), (115_200,)), Desk({}), SystemClock())
    (result,) = bench.run([Order("/dev/ttyNone", "device-1", REGIONS)], lambda result: None)
    assert "there is no such port: is the board plugged in?" in result.outcome.error


def test_a_port_that_hangs_is_given_up(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = f"socket://127.0.0.1:{deaf.getsockname()[1]}"
        bench = Bench(Settings(Expected(), timeout_seconds=1.0), Desk({}), SystemClock())
        (result,) = bench.run([Order(port, "device-1", REGIONS)], lambda result: None)
    assert "not done after 1 s" in result.outcome.error


def test_progress_names_each_port_with_rate_and_time_left(tmp_path):
    shown = []
    with Process(tmp_path / "boards", 2, line_rate=True) as process:
        run(process, "board-1", "board-2", show=shown.append, regions=REGIONS[:2])
    lines = [moment.line() for moment in shown]
    number = process.ports["board-1"].rpartition("/")[2]
    assert any(f"{number} " in line and "kB/s" in line and " left" in line for line in lines)
    assert lines[-1] == "2/2 ports done"


def test_a_port_or_device_given_twice_is_refused(boards):
    twice = orders(boards, ("board-1", "board-1"))
    with pytest.raises(InvalidInputError, match="given twice"):
        Bench(Settings(Expected()), Desk({}), SystemClock()).run(twice, lambda result: None)


def test_the_record_says_who_became_what_and_binds_the_board(boards, tmp_path):
    record = Record(tmp_path / "record" / "station.jsonl", SystemClock(), {"firmware_version": "1.0.0"})
    bench = Bench(Settings(Expected()), Desk({}), SystemClock())
    results = bench.run(orders(boards, ("board-1",)), record.keep)
    (line,) = (tmp_path / "record" / "station.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert kept["event"] == station.FLASHED
    assert {kept[name] for name in ("device_id", "firmware_version")} == {"device-1", "1.0.0"}
    assert record.bindings() == {results[0].outcome.mac: "device-1"}


def test_a_board_that_failed_binds_nothing(tmp_path):
    from fleetlib.esp.flasher import Outcome

    record = Record(tmp_path / "station.jsonl", SystemClock(), {})
    record.keep(Result(Order("p", "device-1", ()), Outcome("p", mac="00:00:00:00:00:01", error="broken")))
    assert record.bindings() == {}


def test_the_last_board_of_a_device_is_its_board():
    records = [
        {"event": "flashed", "mac": "m1", "device_id": "d1"},
        {"event": "flashed", "mac": "m2", "device_id": "d1"},
        {"event": "failed", "mac": "m2", "device_id": "d3"},
    ]
    assert station.bindings(records) == {"m2": "d1"}


def test_no_board_is_called_good_with_wrong_bytes(tmp_path):
    """A few rounds of chance; benchmarks/flashing.py does a thousand."""
    with Process(tmp_path / "boards", 3) as process:
        process.order(chance={"seed": SEED, "share": 0.7, "within": 120_000})
        lies = []
        for number in range(4):
            regions = (
                Region("app", 0x20000, noise(0x10000, number)),
                Region("boot", 0, noise(0x1000, number)),
            )
            outcomes = run(process, regions=regions)
            lies += [name for name, one in outcomes.items() if one.good and not holds(process, name, regions)]
    assert lies == []
