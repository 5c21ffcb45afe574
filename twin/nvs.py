"""Read a partition of ESP-IDF's non-volatile storage, encrypted or not.

Format: ESP-IDF's "Non-Volatile Storage Library": pages of 4 KiB; in each a header, a bitmap with two
bits for each of 126 entries of 32 bytes, then the entries. Every header, entry and long value has a CRC-32.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .flash import ERASED, SECTOR_BYTES, DamagedError

Value = int | str | bytes
Values = Mapping[tuple[str, str], Value]
"""(namespace, key) to value."""

KEY_BYTES = 64
"""Of the XTS-AES-256 key of encrypted storage, at the beginning of its own partition, before its CRC."""

_ENTRY_BYTES = 32
_ENTRIES = 126
_FIRST_ENTRY = 64
_EMPTY_PAGE, _ACTIVE, _FULL = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC
_ERASED, _WRITTEN, _EMPTY = 0b00, 0b10, 0b11
_BLOB, _STRING, _BLOB_DATA, _BLOB_INDEX = 0x41, 0x21, 0x42, 0x48
_ANY_CHUNK = 0xFF
_INTEGERS = {0x01: "<B", 0x11: "<b", 0x02: "<H", 0x12: "<h", 0x04: "<I", 0x14: "<i", 0x08: "<Q", 0x18: "<q"}


@dataclass(frozen=True)
class _Entry:
    namespace: int
    type: int
    chunk: int
    key: str
    data: bytes
    """The 8 bytes of a small value, or what describes a long one."""
    body: bytes
    """The entries that follow and belong to it."""


def parse(data: bytes, what: str, key: bytes | None = None) -> Values:
    """Everything in a partition. ``what`` it is stands in the `DamagedError` for one that is not whole."""
    found = _Found(what)
    for entry in _entries(data, what, key):
        found.take(entry)
    return found.values()


class _Found:
    """What the entries of a partition have said so far."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._names: dict[int, str] = {}
        self._values: dict[tuple[int, str], Value] = {}
        self._chunks: dict[tuple[int, str, int], bytes] = {}
        self._indexes: dict[tuple[int, str], tuple[int, int, int]] = {}

    def take(self, entry: _Entry) -> None:
        """The next entry; a later one replaces an earlier one of the same key."""
        where = (entry.namespace, entry.key)
        if entry.namespace == 0:
            self._names[entry.data[0]] = entry.key
        elif entry.type in _INTEGERS:
            self._values[where] = struct.unpack_from(_INTEGERS[entry.type], entry.data)[0]
        elif entry.type == _BLOB_INDEX:
            self._indexes[where] = struct.unpack_from("<IBB", entry.data)
        elif entry.type == _BLOB_DATA:
            self._chunks[(*where, entry.chunk)] = _long(entry, self._what)
        elif entry.type == _BLOB:
            self._values[where] = _long(entry, self._what)
        elif entry.type == _STRING:
            self._values[where] = _text(_long(entry, self._what), entry.key, self._what)
        else:
            raise DamagedError(self._what, f"{entry.key} is of the unknown type {entry.type:#x}")

    def values(self) -> Values:
        """Everything by namespace and key."""
        whole = self._values | {where: self._blob(where) for where in self._indexes}
        strangers = [name for namespace, name in whole if namespace not in self._names]
        if strangers:
            raise DamagedError(self._what, f"{strangers[0]} is of no namespace")
        return {(self._names[namespace], name): value for (namespace, name), value in whole.items()}

    def _blob(self, where: tuple[int, str]) -> bytes:
        size, count, first = self._indexes[where]
        blob = b"".join(self._chunks.get((*where, first + number), b"") for number in range(count))
        if len(blob) != size:
            raise DamagedError(self._what, f"{where[1]} is not complete")
        return blob


def _entries(data: bytes, what: str, key: bytes | None) -> Iterator[_Entry]:
    """Of all pages, oldest first, so that a later value replaces an earlier one."""
    pages = []
    for at in range(0, len(data), SECTOR_BYTES):
        page = data[at : at + SECTOR_BYTES]
        state, sequence = struct.unpack_from("<II", page)
        if state == _EMPTY_PAGE:
            if page != bytes([ERASED]) * SECTOR_BYTES:
                raise DamagedError(what, f"the empty page at {at:#x} is not blank")
            continue
        if state not in (_ACTIVE, _FULL):
            raise DamagedError(what, f"the page at {at:#x} is in the unknown state {state:#010x}")
        if zlib.crc32(page[4:28], 0xFFFFFFFF) != struct.unpack_from("<I", page, 28)[0]:
            raise DamagedError(what, f"the header of the page at {at:#x} has a wrong checksum")
        pages.append((sequence, at, page))
    if not pages:
        raise DamagedError(what, "it is blank")
    for _, at, page in sorted(pages):
        yield from _of_page(page, at, what, key)


def _of_page(page: bytes, at: int, what: str, key: bytes | None) -> Iterator[_Entry]:
    number = 0
    while number < _ENTRIES:
        state = page[32 + number // 4] >> (number % 4 * 2) & 0b11
        if state == _WRITTEN:
            entry, span = _entry(page, number, at, what, key)
            yield entry
            number += span
        elif state in (_EMPTY, _ERASED):
            number += 1
        else:
            raise DamagedError(what, f"entry {number} of the page at {at:#x} is neither written nor empty")


def _entry(page: bytes, number: int, at: int, what: str, key: bytes | None) -> tuple[_Entry, int]:
    head = _plain(page, number, 1, at, key)
    namespace, kind, span, chunk, checksum = struct.unpack_from("<BBBBI", head)
    if zlib.crc32(head[:4] + head[8:], 0xFFFFFFFF) != checksum:
        raise DamagedError(what, f"entry {number} of the page at {at:#x} has a wrong checksum")
    if not 1 <= span <= _ENTRIES - number:
        raise DamagedError(what, f"entry {number} of the page at {at:#x} is longer than its page")
    name = head[8:24].rstrip(b"\0").decode("ascii", "replace")
    body = _plain(page, number + 1, span - 1, at, key)
    return _Entry(namespace, kind, chunk, name, head[24:32], body), span


def _plain(page: bytes, number: int, count: int, at: int, key: bytes | None) -> bytes:
    """Entries, decrypted one by one: the tweak of XTS is the place of an entry in its partition."""
    start = _FIRST_ENTRY + number * _ENTRY_BYTES
    data = page[start : start + count * _ENTRY_BYTES]
    if key is None:
        return data
    plain = b""
    for offset in range(0, len(data), _ENTRY_BYTES):
        tweak = (at + start + offset).to_bytes(16, "little")
        plain += _decrypted(data[offset : offset + _ENTRY_BYTES], tweak, key)
    return plain


def _decrypted(data: bytes, tweak: bytes, key: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.XTS(tweak)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _long(entry: _Entry, what: str) -> bytes:
    size, _, checksum = struct.unpack("<HHI", entry.data)
    value = entry.body[:size]
    if len(value) != size or zlib.crc32(value, 0xFFFFFFFF) != checksum:
        raise DamagedError(what, f"{entry.key} has a wrong checksum")
    return value


def _text(value: bytes, name: str, what: str) -> str:
    try:
        return value.removesuffix(b"\0").decode()
    except UnicodeDecodeError as error:
        raise DamagedError(what, f"{name} is no text") from error
