"""A board's flash and eFuses as files: erasing sets bits, writing only clears them, as in NOR flash."""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Sequence
from pathlib import Path

from .efuses import Controller, Efuses

FLASH_BYTES = 4 << 20
SECTOR = 0x1000


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
