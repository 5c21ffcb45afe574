"""Check a firmware image in the flash, as boot ROM and bootloader do.

Format: esptool's "Firmware Image Format": header, segments, XOR over the segments, SHA-256 of it all.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from .flash import ERASED, DamagedError, Flash

MAGIC, CHIP_ESP32C3 = 0xE9, 5
HEADER_BYTES, SEGMENT_BYTES, HASH_BYTES = 24, 8, 32
_MOST_SEGMENTS = 16
_CHECKSUM_SEED = 0xEF
_APP_MAGIC = 0xABCD5432
_APP_BYTES = 256
_AT_ONCE = 64 * 1024


@dataclass(frozen=True)
class Image:
    """An image that is whole."""

    size: int
    """In bytes, hash included."""
    sha256: str
    """The hash that it carries."""
    project: str = ""
    version: str = ""
    """What its application says of itself; empty for an image without a description."""


def check(flash: Flash, offset: int, room: int, what: str, chip_revision: int | None = None) -> Image:
    """The image at ``offset``, which may take ``room`` bytes; `DamagedError` where it is not whole.

    ``chip_revision``: of the board, as major * 100 + minor; an image that wants another is refused.
    """
    header = flash.read(offset, HEADER_BYTES)
    segments = _segments(header, what, chip_revision)
    digest, checksum, at = hashlib.sha256(header), _CHECKSUM_SEED, HEADER_BYTES
    for _ in range(segments):
        head = _read(flash, offset, at, SEGMENT_BYTES, room, what)
        digest.update(head)
        at += SEGMENT_BYTES
        end = at + struct.unpack("<II", head)[1]
        while at < end:
            data = _read(flash, offset, at, min(_AT_ONCE, end - at), room, what)
            digest.update(data)
            checksum ^= _folded(data)
            at += len(data)
    tail = _read(flash, offset, at, 16 - at % 16, room, what)
    if tail[-1] != checksum:
        raise DamagedError(what, f"its checksum is {tail[-1]:#04x}, its segments have {checksum:#04x}")
    digest.update(tail)
    at += len(tail)
    carried = _read(flash, offset, at, HASH_BYTES, room, what)
    if carried != digest.digest():
        raise DamagedError(what, "its SHA-256 is not that of its bytes")
    return Image(at + HASH_BYTES, carried.hex(), *_description(flash, offset))


def _segments(header: bytes, what: str, chip_revision: int | None) -> int:
    magic, count = header[0], header[1]
    chip, _, least, most = struct.unpack_from("<HBHH", header, 12)
    if magic != MAGIC:
        seen = "it is blank" if header == bytes([ERASED]) * HEADER_BYTES else "it does not begin with 0xE9"
        raise DamagedError(what, f"invalid header: {int.from_bytes(header[:4], 'little'):#010x}; {seen}")
    if chip != CHIP_ESP32C3:
        raise DamagedError(what, f"it is for chip id {chip}, not for the ESP32-C3 ({CHIP_ESP32C3})")
    if chip_revision is not None and not least <= chip_revision <= (most or 0xFFFF):
        raise DamagedError(what, f"it is for revisions {least} to {most}, the chip has {chip_revision}")
    if not 1 <= count <= _MOST_SEGMENTS:
        raise DamagedError(what, f"it has {count} segments")
    if header[23] != 1:
        raise DamagedError(what, "it carries no SHA-256")
    return count


def _read(flash: Flash, offset: int, at: int, size: int, room: int, what: str) -> bytes:
    if at + size > room:
        raise DamagedError(what, f"it is longer than the {room:,} bytes that it may take")
    return flash.read(offset + at, size)


def _folded(data: bytes) -> int:
    """XOR of all bytes, in words: a megabyte byte by byte would take a second."""
    whole = len(data) - len(data) % 8
    word = reduce(xor, struct.unpack(f"<{whole // 8}Q", data[:whole]), 0)
    return reduce(xor, word.to_bytes(8, "little") + data[whole:], 0)


def _description(flash: Flash, offset: int) -> tuple[str, str]:
    """Project and version: ``esp_app_desc_t`` at the beginning of the first segment."""
    data = flash.read(offset + HEADER_BYTES + SEGMENT_BYTES, _APP_BYTES)
    if struct.unpack_from("<I", data)[0] != _APP_MAGIC:
        return "", ""
    return _name(data[48:80]), _name(data[16:48])


def _name(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
