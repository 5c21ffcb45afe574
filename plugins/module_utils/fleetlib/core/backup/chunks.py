"""A section as blobs that are named by their own hash.

Entries go to a blob by the hash of their key, so that one change touches one blob and every other is stored
already. A blob is JSON lines, compressed; the same entries are the same bytes.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ..errors import FleetError
from ..objects import digest

ENTRIES: Final = 256
"""About so many entries are in a blob."""

LEVEL: Final = 6

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class DamagedError(FleetError):
    """A stored byte is not what it was."""


@dataclass(frozen=True)
class Blob:
    """What the manifest says of a blob."""

    id: str
    """SHA-256 of the stored bytes, in hex."""
    size_bytes: int
    raw_bytes: int
    """Before compression: what an unpacked blob must have, and may not exceed."""

    @property
    def key(self) -> str:
        """Where it is stored."""
        return f"blobs/{self.id[:2]}/{self.id}.gz"

    def open(self, stored: bytes) -> bytes:
        """What is in the stored bytes. Raises `DamagedError` if they are not this blob's."""
        if len(stored) != self.size_bytes or digest(stored) != self.id:
            raise DamagedError(f"{self.key} is damaged: its hash is {digest(stored)[:12]}…, not its name.")
        reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
        raw = reader.decompress(stored, self.raw_bytes + 1)
        if len(raw) != self.raw_bytes or not reader.eof:
            raise DamagedError(
                f"{self.key} unpacks to another size than the {self.raw_bytes:,} bytes it had."
            )
        return raw


def pack(raw: bytes) -> tuple[Blob, bytes]:
    """The blob of some bytes, and what to store."""
    stored = gzip.compress(raw, LEVEL, mtime=0)
    return Blob(digest(stored), len(stored), len(raw)), stored


def split(entries: Mapping[str, Any]) -> list[bytes]:
    """The entries of a section as the contents of its blobs."""
    number = 1
    while number * ENTRIES < len(entries):
        number *= 2
    lines: list[list[str]] = [[] for _ in range(number)]
    for key in sorted(entries):
        line = _encode([key, entries[key]])
        lines[int.from_bytes(sha256(key.encode()).digest()[:4], "big") % number].append(line)
    return ["".join(f"{line}\n" for line in some).encode() for some in lines if some]


def join(raw: bytes) -> dict[str, Any]:
    """The entries in the contents of a blob."""
    try:
        return dict(json.loads(line) for line in raw.splitlines())
    except (ValueError, TypeError) as error:
        raise DamagedError(f"A blob cannot be read as entries: {error}.") from error
