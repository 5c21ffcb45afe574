"""The ROM boot loader and the stub loader of an ESP32-C3, as esptool needs them, behind a TCP port."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from esptool.loader import ESPLoader
from esptool.targets.esp32c3 import ESP32C3ROM as CHIP

from .flash_chip import FLASH_BYTES, SECTOR, Board, GoneError
from .flash_faults import Chance, Fault

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
