"""The flash chip of a board: a file of 4 MiB, erased by sector and written as NOR flash is."""

from __future__ import annotations

import os
from pathlib import Path

SIZE_BYTES = 4 * 1024 * 1024
SECTOR_BYTES = 4096
ERASED = 0xFF


class DamagedError(Exception):
    """Bytes of the flash that a board cannot use; ``what`` is the part, the message says why."""

    def __init__(self, what: str, why: str) -> None:
        """``what``: ``flash``, ``chip image``, ``partition table``, ``app image`` or ``identity``."""
        super().__init__(f"{what}: {why}")
        self.what, self.why = what, why


class Flash:
    """Opens its file for every access: a process with hundreds of boards needs descriptors for sockets."""

    def __init__(self, path: Path) -> None:
        """``path`` may not exist yet; reading it then is damage."""
        self.path = path

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes; `DamagedError` where the file does not have them."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno()).st_size
                if found != SIZE_BYTES:
                    raise DamagedError("flash", f"{self.path} has {found:,} bytes, the chip {SIZE_BYTES:,}")
                data = os.pread(file.fileno(), size, offset)
        except OSError as error:
            raise DamagedError("flash", f"{self.path}: {error.strerror}") from error
        if len(data) != size:
            raise DamagedError("flash", f"{size:,} bytes at {offset:#x} are beyond the chip's end")
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Erase the sectors from ``offset`` on, which begins one, and write; their rest is left erased."""
        if offset % SECTOR_BYTES:
            raise ValueError(f"{offset:#x} does not begin a sector")
        if offset + len(data) > SIZE_BYTES:
            raise ValueError(f"{len(data):,} bytes do not fit at {offset:#x}")
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), padded(data), offset)

    def stamp(self) -> int:
        """When the file was last written (nanoseconds); 0 where there is none."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0


def padded(data: bytes) -> bytes:
    """Up to the end of the last sector."""
    return data + bytes([ERASED]) * (-len(data) % SECTOR_BYTES)
