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
import hashlib
import json
import mmap
import random
import signal
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast

from esptool.loader import ESPLoader
from esptool.targets.esp32c3 import ESP32C3ROM as CHIP

from .efuses import Controller, Efuses

FLASH_BYTES = 4 << 20
SECTOR = 0x1000
ROM_BAUD = 115_200
BITS_PER_BYTE = 10
"""On the line: start bit, eight data bits, stop bit."""
FLASH_ID = 0x1640EF
"""Winbond, 4 MiB, as the chip answers command 0x9F."""
SFDP = 0x50444653
SPI_USER = 1 << 18
WATCHDOG_ON = 1 << 31
COMMANDS = {number: name for name, number in ESPLoader.ESP_CMDS.items()}

FAILED = 0x06
BAD_CHECKSUM = 0x07
INVALID = 0x05
NOT_IN_FLASH_MODE = 0xC6
INFLATE_ERROR = 0xC7
NOT_ENOUGH_DATA = 0xC8
TOO_MUCH_DATA = 0xC9


class GoneError(Exception):
    """The board is not there any more: its line was cut, or its power."""


class Board:
    """A board's flash and eFuses, in a directory of its own."""

    def __init__(self, directory: Path, mac: str) -> None:
        """Take the board in ``directory``, or make one with blank flash and this MAC."""
        directory.mkdir(parents=True, exist_ok=True)
        self.name = directory.name
        self._description = directory / "board.json"
        self._controller = directory / "efuses.bin"
        self._path = directory / "flash.bin"
        if not self._path.exists():
            self._path.write_bytes(b"\xff" * FLASH_BYTES)
        if self._description.exists():
            self.efuses = Efuses.read(self._description)
        else:
            self.burn(Efuses(mac))
        self.controller = Controller(self._controller, self.efuses)
        with self._path.open("r+b") as file:
            self.flash = mmap.mmap(file.fileno(), FLASH_BYTES)
        self.written = 0
        """Bytes written so far."""
        self.erased = 0
        """Sectors erased so far."""
        self.power_fails_after: int | None = None
        """Bytes that can still be written before the power goes."""

    def burn(self, efuses: Efuses) -> None:
        """Make it a chip with these eFuses, and nothing burnt beside them."""
        self.efuses = efuses
        efuses.write(self._description)
        self._controller.unlink(missing_ok=True)
        self.controller = Controller(self._controller, efuses)

    def erase(self, offset: int, size: int) -> None:
        """Set every bit of the sectors that hold these bytes."""
        if offset + size > FLASH_BYTES:
            raise ValueError("beyond the flash")
        start, end = offset // SECTOR * SECTOR, -(-(offset + size) // SECTOR) * SECTOR
        self.flash[start:end] = b"\xff" * (end - start)
        self.erased += (end - start) // SECTOR

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits; a bit that is clear stays so."""
        if offset + len(data) > FLASH_BYTES:
            raise ValueError("beyond the flash")
        if self.power_fails_after is not None:
            allowed, self.power_fails_after = self.power_fails_after, self.power_fails_after - len(data)
            if len(data) > allowed:
                self._program(offset, data[:allowed])
                self.power_fails_after = None
                raise GoneError("power")
        self._program(offset, data)

    def _program(self, offset: int, data: bytes) -> None:
        before = int.from_bytes(self.flash[offset : offset + len(data)], "little")
        after = before & int.from_bytes(data, "little")
        self.flash[offset : offset + len(data)] = after.to_bytes(len(data), "little")
        self.written += len(data)


@dataclass
class Fault:
    """Something that goes wrong once.

    cut: the line is cut. vanish: the port is gone for good. reset: the board restarts. power: it loses its
    power while it writes. wrong: an answer has a wrong bit. noise: what the board receives has one. silent:
    an answer does not come.
    """

    kind: str
    after: int = 0
    """Bytes received since the connection was made, or written to flash (power)."""

    KINDS: ClassVar = ("cut", "reset", "power", "wrong", "noise", "silent")
    """Those that chance chooses from."""


@dataclass
class Chance:
    """Faults by chance, the same for the same seed."""

    seed: int
    share: float
    """Part of the connections that get one."""
    within: int
    """It comes within so many bytes."""

    def __post_init__(self) -> None:
        """Begin the series."""
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def draw(self) -> Fault | None:
        """The fault of the next connection."""
        if self.random.random() >= self.share:
            return None
        return Fault(self.random.choice(Fault.KINDS), self.random.randrange(self.within))


class Line:
    """The time that bytes take on a serial line; none where no rate was asked for."""

    def __init__(self, limited: bool) -> None:
        """``limited``: whether the line has its rate."""
        self.limited = limited
        self.baud = ROM_BAUD
        self._free = [0.0, 0.0]

    async def carry(self, count: int, direction: int) -> None:
        """Wait until so many bytes are through."""
        if not self.limited:
            return
        now = asyncio.get_running_loop().time()
        self._free[direction] = max(now, self._free[direction]) + count * BITS_PER_BYTE / self.baud
        await asyncio.sleep(self._free[direction] - now)


@dataclass
class Write:
    """A write in progress: FLASH_BEGIN or FLASH_DEFL_BEGIN came, FLASH_END did not."""

    at: int
    left: int
    erased_to: int
    inflater: Any = None


class Session:
    """One connection: the boot loader of one board."""

    def __init__(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The board is in download mode now, whatever it did before."""
        self._board = port.board
        self._port = port
        self._reader = reader
        self._writer = writer
        self._line = Line(port.line_rate)
        self._registers: dict[int, int] = {}
        self._stub = False
        self._entry_loaded = False
        self._listening = True
        self._write: Write | None = None
        self._acknowledgements = 0
        self._received = 0
        self._fault = port.take_fault()
        if self._fault and self._fault.kind == "power":
            self._board.power_fails_after = self._fault.after

    async def run(self) -> None:
        """Answer until the connection ends."""
        try:
            async for frame in self._frames():
                if self._acknowledgements and len(frame) == 4:
                    self._acknowledgements -= 1
                elif self._listening and len(frame) >= 8:
                    await self._answer(frame)
        except GoneError as gone:
            self._port.gone(str(gone))
            if str(gone) == "power":
                self._fault_now()
        finally:
            self._board.power_fails_after = None

    async def _frames(self) -> AsyncIterator[bytes]:
        waiting = b""
        while chunk := await self._reader.read(0x10000):
            await self._line.carry(len(chunk), 0)
            waiting += self._after_faults(chunk)
            *frames, waiting = waiting.split(b"\xc0")
            for frame in frames:
                if frame:
                    yield frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")

    def _after_faults(self, chunk: bytes) -> bytes:
        self._received += len(chunk)
        if self._fault_is_due("cut", "vanish"):
            raise GoneError(self._fault_now())
        if self._fault_is_due("reset"):
            self._fault_now()
            self._reset()
        if self._fault_is_due("noise"):
            self._fault_now()
            at = len(chunk) // 2
            chunk = chunk[:at] + bytes([chunk[at] ^ 0x10]) + chunk[at + 1 :]
        return chunk

    def _fault_is_due(self, *kinds: str) -> bool:
        fault = self._fault
        return fault is not None and fault.kind in kinds and self._received > fault.after

    def _fault_now(self) -> str:
        fault, self._fault = self._fault, None
        kind = fault.kind if fault else ""
        self._port.happened[kind] += 1
        return kind

    async def _send(self, frame: bytes) -> None:
        if self._fault_is_due("silent"):
            self._fault_now()
            return
        if self._fault_is_due("wrong"):
            self._fault_now()
            at = len(frame) - 3  # in the data or the status, whatever the answer has there
            frame = frame[:at] + bytes([frame[at] ^ 0x04]) + frame[at + 1 :]
        escaped = b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"
        await self._line.carry(len(escaped), 1)
        self._writer.write(escaped)
        await self._writer.drain()

    async def _answer(self, frame: bytes) -> None:
        _, operation, size, checksum = struct.unpack("<BBHI", frame[:8])
        data = frame[8 : 8 + size]
        handler = getattr(self, f"_{COMMANDS.get(operation, 'unknown').lower()}", None)
        value, answer, error = 0 if self._stub else 0x20120707, b"", 0
        if handler is None:
            error = INVALID
        else:
            try:
                result = await handler(data, checksum)
            except (struct.error, ValueError, zlib.error):
                error = INFLATE_ERROR if self._stub and operation == 0x11 else FAILED
            else:
                if isinstance(result, bytes):
                    answer = result
                elif result is not None:
                    value, error = result
        if not self._listening and operation != ESPLoader.ESP_CMDS["FLASH_END"]:
            return
        status = bytes([int(error != 0), error]) + (b"" if self._stub else b"\0\0")
        await self._send(
            struct.pack("<BBHI", 1, operation, len(answer) + len(status), value) + answer + status
        )
        await self._afterwards(operation, data)

    async def _afterwards(self, operation: int, data: bytes) -> None:
        """What comes once the answer is out."""
        if operation == ESPLoader.ESP_CMDS["MEM_END"] and self._entry_loaded and not self._stub:
            self._stub = True
            await self._send(b"OHAI")
        elif operation == ESPLoader.ESP_CMDS["CHANGE_BAUDRATE"]:
            self._line.baud = struct.unpack_from("<I", data)[0]
        elif operation == ESPLoader.ESP_CMDS["READ_FLASH"]:
            await self._stream(*struct.unpack_from("<III", data))
        elif operation == ESPLoader.ESP_CMDS["WRITE_REG"] and self._watchdog_runs_out():
            self._reset()

    def _reset(self) -> None:
        """The board starts its program: it listens no more."""
        self._stub = self._listening = False
        self._write = None
        self._line.baud = ROM_BAUD
        self._port.reset()

    async def _sync(self, data: bytes, checksum: int) -> tuple[int, int]:
        value = 0 if self._stub else 0x20120707
        status = b"\0\0" if self._stub else b"\0\0\0\0"
        for _ in range(7):  # the boot loader answers eight times in all
            await self._send(struct.pack("<BBHI", 1, 0x08, len(status), value) + status)
        return value, 0

    async def _read_reg(self, data: bytes, checksum: int) -> tuple[int, int]:
        (address,) = struct.unpack_from("<I", data)
        if self._board.controller.has(address):
            return self._board.controller.read(address), 0
        return self._registers.get(address, 0), 0

    async def _write_reg(self, data: bytes, checksum: int) -> None:
        address, value, mask, _ = struct.unpack_from("<IIII", data)
        if self._board.controller.has(address):
            self._board.controller.write(address, value, mask)
            return
        before = self._registers.get(address, 0)
        self._registers[address] = before & ~mask | value & mask
        if address == CHIP.SPI_REG_BASE and value & SPI_USER:
            self._registers[address] = 0
            self._spi_command()

    def _watchdog_runs_out(self) -> bool:
        """Whether it was started; it takes until the command after that, which locks it."""
        started = self._registers.get(CHIP.RTC_CNTL_WDTCONFIG0_REG, 0) & WATCHDOG_ON
        return bool(started) and self._registers.get(CHIP.RTC_CNTL_WDTWPROTECT_REG) == 0

    def _spi_command(self) -> None:
        command = self._registers.get(CHIP.SPI_REG_BASE + CHIP.SPI_USR2_OFFS, 0) & 0xFF
        address = self._registers.get(CHIP.SPI_REG_BASE + 4, 0)
        answers = {0x9F: FLASH_ID, 0x5A: SFDP if address == 0 else 0}
        self._registers[CHIP.SPI_REG_BASE + CHIP.SPI_W0_OFFS] = answers.get(command, 0)

    async def _get_security_info(self, data: bytes, checksum: int) -> bytes:
        return self._board.controller.security_info()

    async def _accepted(self, data: bytes, checksum: int) -> None:
        """Nothing to do."""

    _spi_attach = _spi_set_params = _change_baudrate = _accepted

    async def _mem_begin(self, data: bytes, checksum: int) -> None:
        self._entry_loaded = False

    async def _mem_data(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        return (0, BAD_CHECKSUM) if ESPLoader.checksum(data[16:]) != checksum else None

    async def _mem_end(self, data: bytes, checksum: int) -> None:
        _, entry = struct.unpack_from("<II", data)
        self._entry_loaded = entry != 0

    async def _flash_begin(self, data: bytes, checksum: int) -> None:
        size, _, _, offset = struct.unpack_from("<IIII", data)
        self._begin(offset, size)

    async def _flash_defl_begin(self, data: bytes, checksum: int) -> None:
        size, _, _, offset = struct.unpack_from("<IIII", data)
        self._begin(offset, size).inflater = zlib.decompressobj()

    def _begin(self, offset: int, size: int) -> Write:
        if offset + size > FLASH_BYTES:
            raise ValueError("beyond the flash")
        self._write = Write(offset, size, offset // SECTOR * SECTOR)
        if not self._stub and size:  # the ROM erases at the start, the stub as it writes
            self._board.erase(offset, size)
            self._write.erased_to = FLASH_BYTES
        return self._write

    async def _flash_data(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        body = data[16:]
        if self._write is None or self._write.inflater is not None:
            return 0, NOT_IN_FLASH_MODE
        if ESPLoader.checksum(body) != checksum:
            return 0, BAD_CHECKSUM
        self._put(self._write, body[: self._write.left] if self._stub else body)
        return None

    async def _flash_defl_data(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        body = data[16:]
        if self._write is None or self._write.inflater is None:
            return 0, NOT_IN_FLASH_MODE
        if ESPLoader.checksum(body) != checksum:
            return 0, BAD_CHECKSUM
        plain = self._write.inflater.decompress(body)
        if len(plain) > self._write.left:
            return 0, TOO_MUCH_DATA
        self._put(self._write, plain)
        return None

    def _put(self, write: Write, data: bytes) -> None:
        end = write.at + len(data)
        if end > write.erased_to:
            self._board.erase(write.erased_to, end - write.erased_to)
            write.erased_to = -(-end // SECTOR) * SECTOR
        self._board.program(write.at, data)
        write.at, write.left = end, max(0, write.left - len(data))

    async def _flash_end(self, data: bytes, checksum: int) -> None:
        (stay,) = struct.unpack_from("<I", data)
        self._write = None
        if self._stub and not stay:
            self._stub = False
        elif not self._stub:
            self._reset()

    async def _flash_defl_end(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        write = self._write
        if write is not None and write.left:
            self._write = None
            return 0, NOT_ENOUGH_DATA
        await self._flash_end(data, checksum)
        return None

    async def _spi_flash_md5(self, data: bytes, checksum: int) -> bytes:
        offset, size, _, _ = struct.unpack_from("<IIII", data)
        found = hashlib.md5(self._board.flash[offset : offset + size], usedforsecurity=False)
        return found.digest() if self._stub else found.hexdigest().encode()

    async def _read_flash_slow(self, data: bytes, checksum: int) -> bytes:
        offset, size = struct.unpack_from("<II", data)
        return self._board.flash[offset : offset + size].ljust(64, b"\xff")

    async def _read_flash(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        return None if self._stub else (0, INVALID)

    async def _stream(self, offset: int, size: int, block: int) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        for start in range(offset, offset + size, block):
            part = self._board.flash[start : min(start + block, offset + size)]
            digest.update(part)
            self._acknowledgements += 1
            await self._send(part)
        await self._send(digest.digest())

    async def _erase_flash(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        if not self._stub:
            return 0, INVALID
        self._board.erase(0, FLASH_BYTES)
        return None

    async def _erase_region(self, data: bytes, checksum: int) -> tuple[int, int] | None:
        if not self._stub:
            return 0, INVALID
        self._board.erase(*struct.unpack_from("<II", data))
        return None


@dataclass
class Port:
    """A TCP port with a board behind it; one client at a time."""

    board: Board
    line_rate: bool = False
    on_reset: Callable[[Board], None] = lambda board: None
    faults: list[Fault] = field(default_factory=list)
    chance: Chance | None = None
    connections: int = 0
    resets: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    """Faults that came, by kind."""
    number: int = 0
    """The TCP port, once it is open."""

    def __post_init__(self) -> None:
        """Nobody is connected."""
        self._busy = False
        self._vanished = False
        self._server: asyncio.Server | None = None

    async def open(self, number: int = 0) -> None:
        """Listen on ``number``, or on a free port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", number, limit=1 << 20)
        self.number = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def take_fault(self) -> Fault | None:
        """The fault of the next connection: one that was ordered, or one by chance."""
        if self.faults:
            return self.faults.pop(0)
        return self.chance.draw() if self.chance else None

    def gone(self, why: str) -> None:
        """The board went away."""
        self._vanished = self._vanished or why == "vanish"

    def reset(self) -> None:
        """The board restarts."""
        self.resets += 1
        self.on_reset(self.board)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._busy or self._vanished:
            writer.transport.abort()
            return
        self._busy = True
        self.connections += 1
        try:
            await Session(self, reader, writer).run()
        except ConnectionError:
            pass
        finally:
            self._busy = False
            writer.transport.abort()


def mac_of(number: int) -> str:
    """A MAC of Espressif's for the board with that number."""
    return f"58:cf:79:{number >> 16 & 0xFF:02x}:{number >> 8 & 0xFF:02x}:{number & 0xFF:02x}"


def boards_in(directory: Path, count: int, names: Sequence[str] = ()) -> list[Board]:
    """``board-1`` to ``board-<count>``, or boards of these ``names``; those that exist as they are.

    With neither, every board that exists.
    """
    if names:
        return [Board(directory / name, mac_of(zlib.crc32(name.encode()))) for name in names]
    if not count:
        return [Board(path.parent, "") for path in sorted(directory.glob("*/board.json"))]
    return [Board(directory / f"board-{number}", mac_of(number)) for number in range(1, count + 1)]


class Process:
    """The server in a process of its own, for tests and benchmarks."""

    def __init__(self, directory: Path, boards: int, *, line_rate: bool = False) -> None:
        """Start it, and wait until every port is open."""
        command = [
            sys.executable,
            "-m",
            "twin.flash_server",
            str(directory),
            "--boards",
            str(boards),
            "--control",
        ]
        self._process = subprocess.Popen(
            [*command, *(["--line-rate"] if line_rate else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self._orders = cast("TextIO", self._process.stdin)
        self._answers = cast("TextIO", self._process.stdout)
        self.directory = directory
        self.ports: dict[str, str] = self._read()["ports"]
        """Board → ``socket://…``."""

    @property
    def macs(self) -> dict[str, str]:
        """Board → MAC."""
        return {name: Efuses.read(self.directory / name / "board.json").mac for name in self.ports}

    def order(self, **command: Any) -> dict[str, Any]:
        """Send an order (see `_obey`) and wait for its answer."""
        self._orders.write(json.dumps(command) + "\n")
        self._orders.flush()
        return self._read()

    def flash(self, board: str) -> bytes:
        """What is in a board's flash now."""
        return (self.directory / board / "flash.bin").read_bytes()

    def damage(self, board: str, offset: int) -> None:
        """Turn the bits of one byte of a board's flash."""
        with (self.directory / board / "flash.bin").open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0xFF]))

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        self._orders.close()
        self._answers.close()

    def __enter__(self) -> Process:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self.stop()

    def _read(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


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
