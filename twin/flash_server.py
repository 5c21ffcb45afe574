"""ESP32-C3 boards in download mode, served to the real esptool over TCP (``socket://``).

The ROM boot loader and the stub loader as esptool needs them, on a flash that is a file of each board's own:
``<directory>/<name>/flash.bin`` (4 MiB; erasing sets bits, writing only clears them, as in NOR flash) and
beside it ``board.json`` (MAC, chip revision, eFuses). The line can have its real rate, and boards can fail on
purpose.

Why not ``esp32-mock-bootloader``: all its boards have one MAC, its flash is RAM without the rules of flash,
it knows neither a line rate nor power that goes, and reading back fails under load.

A new connection finds the board in download mode, as the reset circuit of a real board sees to; a board that
was reset in the middle says nothing until then.

    python -m twin.flash_server DIRECTORY --boards 8 [--line-rate]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .bootloader import Port
from .efuses import Efuses
from .flash_chip import boards_in
from .flash_faults import Chance, Fault


def _obey(ports: dict[str, Port], command: dict[str, Any]) -> dict[str, Any]:
    """Orders: ``{board, fault}``, ``{board, efuses}``, ``{chance}``, ``{faults}``
    (of all), ``{board}``: its state."""
    if "chance" in command:
        for number, port in enumerate(ports.values()):
            values = command["chance"]
            port.chance = Chance(**{**values, "seed": values["seed"] + number}) if values else None
        return {}
    if "faults" in command:
        return {"faults": sum((port.happened for port in ports.values()), Counter())}
    port = ports[command["board"]]
    if "fault" in command:
        port.faults.append(Fault(**command["fault"]))
    if "efuses" in command:
        port.board.burn(Efuses(**{**asdict(port.board.efuses), **command["efuses"]}))
    return {
        "written": port.board.written,
        "erased": port.board.erased,
        "connections": port.connections,
        "resets": port.resets,
    }


async def _orders(ports: dict[str, Port]) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        _say(_obey(ports, json.loads(line)))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def _serve(options: argparse.Namespace) -> None:
    ports = {
        board.name: Port(board, options.line_rate)
        for board in boards_in(options.directory, options.boards, options.names)
    }
    for number, port in enumerate(ports.values()):
        await port.open(options.first_port + number if options.first_port else 0)
    _say({"ports": {name: f"socket://127.0.0.1:{port.number}" for name, port in ports.items()}})
    stopped = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    orders = asyncio.create_task(_orders(ports)) if options.control else None
    await stopped.wait()
    if orders:
        orders.cancel()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve boards until SIGTERM."""
    parser = argparse.ArgumentParser(description="Serve ESP32-C3 boards in download mode to esptool.")
    parser.add_argument("directory", type=Path, help="where the boards are; made if need be")
    parser.add_argument("--boards", type=int, default=0, help="how many (board-1, …); default: all there are")
    parser.add_argument("--names", nargs="+", default=[], help="boards of these names instead")
    parser.add_argument(
        "--first-port", type=int, default=0, help="TCP port of the first; default: free ports"
    )
    parser.add_argument("--line-rate", action="store_true", help="bytes take the time of a serial line")
    parser.add_argument("--control", action="store_true", help="take orders (JSON lines) on standard input")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
