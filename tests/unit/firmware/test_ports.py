"""The other kinds of port: a serial device, and one behind esp_rfc2217_server."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import tty

import pytest
from fleetlib import local_cloud
from fleetlib.core.clock import SystemClock
from fleetlib.core.firmware.layout import Region
from fleetlib.core.firmware.station import Desk
from fleetlib.esp.flasher import Expected
from fleetlib.flashing import Bench, Order, Settings

from twin.flash_process import Process

REGIONS = (Region("boot", 0, bytes(range(256)) * 16),)


@pytest.fixture
def board(tmp_path):
    """One board."""
    with Process(tmp_path / "boards", 1) as process:
        yield process


@pytest.fixture
def serial_device(board):
    """The path of a terminal with the board behind it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    host, _, number = board.ports["board-1"].removeprefix("socket://").partition(":")
    stopped = threading.Event()

    def carry(line):
        while not stopped.is_set():
            ready, _, _ = select.select([master, line], [], [], 0.1)
            for one in ready:
                if one is master:
                    line.sendall(os.read(master, 65536))
                else:
                    os.write(master, line.recv(65536))

    with socket.create_connection((host, int(number))) as line:
        carrier = threading.Thread(target=carry, args=(line,), daemon=True)
        carrier.start()
        yield os.ttyname(slave)
        stopped.set()
        carrier.join()
    os.close(master)
    os.close(slave)


def flash(port):
    bench = Bench(Settings(Expected(), (460_800, 115_200)), Desk({}), SystemClock())
    (result,) = bench.run([Order(port, "device-1", REGIONS)], lambda result: None)
    return result.outcome


def test_a_serial_device(board, serial_device):
    outcome = flash(serial_device)
    assert outcome.error == ""
    assert board.flash("board-1")[:4096] == REGIONS[0].data


def test_a_port_behind_espressifs_rfc2217_server(board):
    (number,) = local_cloud.free_ports(1)
    server = subprocess.Popen(
        [sys.executable, "-m", "esp_rfc2217_server", "-p", str(number), board.ports["board-1"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with server:
        try:
            assert any("Waiting for connection" in line for line in server.stdout)
            outcome = flash(f"rfc2217://127.0.0.1:{number}?ign_set_control")
        finally:
            server.kill()
    assert outcome.error == ""
    assert board.flash("board-1")[:4096] == REGIONS[0].data
