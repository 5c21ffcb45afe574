"""Read the partition table from the flash, as the second-stage bootloader does.

Format: ESP-IDF's "Partition Tables": entries of 32 bytes, then one with the MD5 of those before it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .flash import ERASED, SECTOR_BYTES, SIZE_BYTES, DamagedError, Flash

TABLE_OFFSET = 0x8000
TABLE_BYTES = 0xC00
APP, DATA = 0, 1
OTA_DATA, NVS, NVS_KEYS = 0, 2, 4
"""Subtypes of data."""
FIRST_OTA_APP, OTA_APPS = 0x10, 16

_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC, _MD5_MAGIC = b"\xaa\x50", b"\xeb\xeb" + b"\xff" * 14
_APP_ALIGNMENT = 0x10000


@dataclass(frozen=True)
class Partition:
    """One entry of the table; sizes and offsets in bytes."""

    name: str
    type: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size


@dataclass(frozen=True)
class Table:
    """All partitions, in the order of the table."""

    partitions: tuple[Partition, ...]

    def named(self, name: str) -> Partition:
        """The partition of a name."""
        for one in self.partitions:
            if one.name == name:
                return one
        raise _damaged(f"there is no partition {name}")

    def of_kind(self, kind: int, subtype: int) -> Partition | None:
        """The first of a type and subtype."""
        found = (one for one in self.partitions if (one.type, one.subtype) == (kind, subtype))
        return next(found, None)

    @property
    def app_slots(self) -> tuple[Partition, ...]:
        """``ota_0``, ``ota_1``, …"""
        slots = [
            one
            for one in self.partitions
            if one.type == APP and FIRST_OTA_APP <= one.subtype < FIRST_OTA_APP + OTA_APPS
        ]
        slots.sort(key=lambda one: one.subtype)
        if [one.subtype - FIRST_OTA_APP for one in slots] != list(range(len(slots))) or not slots:
            raise _damaged("its OTA slots are not numbered from ota_0 on")
        return tuple(slots)


def read(flash: Flash) -> Table:
    """The table of a flash; `DamagedError` where a board would not start from it."""
    return parse(flash.read(TABLE_OFFSET, TABLE_BYTES))


def parse(data: bytes) -> Table:
    """The table of these bytes."""
    if data == bytes([ERASED]) * len(data):
        raise _damaged("it is blank")
    found: list[Partition] = []
    for at in range(0, len(data), _ENTRY.size):
        entry = data[at : at + _ENTRY.size]
        if entry.startswith(_MD5_MAGIC):
            if entry[16:] != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise _damaged("its MD5 is wrong")
            return Table(_checked(found))
        found.append(_partition(entry, at))
    raise _damaged("it has no MD5")


def _partition(entry: bytes, at: int) -> Partition:
    magic, kind, subtype, offset, size, name, _ = _ENTRY.unpack(entry)
    if magic != _MAGIC:
        raise _damaged(f"no entry begins at {at:#x}")
    try:
        text = name.rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise _damaged(f"the name at {at:#x} is no text") from error
    return Partition(text, kind, subtype, offset, size)


def _checked(partitions: Sequence[Partition]) -> tuple[Partition, ...]:
    for one in partitions:
        alignment = _APP_ALIGNMENT if one.type == APP else SECTOR_BYTES
        if one.offset % alignment or one.offset < TABLE_OFFSET + SECTOR_BYTES or not one.size:
            raise _damaged(f"{one.name} may not begin at {one.offset:#x}")
        if one.end > SIZE_BYTES:
            raise _damaged(f"{one.name} ends at {one.end:#x}, beyond the chip")
    ordered = sorted(partitions, key=lambda one: one.offset)
    for first, second in pairwise(ordered):
        if first.end > second.offset:
            raise _damaged(f"{first.name} and {second.name} overlap")
    return tuple(partitions)


def _damaged(why: str) -> DamagedError:
    return DamagedError("partition table", why)
