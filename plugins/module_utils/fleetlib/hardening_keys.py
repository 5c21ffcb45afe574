"""Flash encryption keys on the host that hardened the boards: a file for each, of its owner alone.

What a chip holds of such a key can be read by nobody: without the file its board can never be flashed again.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .core import journal

KEY_BYTES = 32
"""XTS-AES-128: two keys of 128 bits."""
_ENDING = ".flash_encryption.key"


def find(folder: Path, mac: str) -> bytes | None:
    """The key of a board, if it was made here."""
    path = _path(folder, mac)
    return path.read_bytes() if path.exists() else None


def make(folder: Path, mac: str) -> bytes:
    """A new key, on the disk before it is burnt."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, path = secrets.token_bytes(KEY_BYTES), _path(folder, mac)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    journal.sync_directory(folder)
    return key


def read(folder: Path) -> dict[str, bytes]:
    """MAC → key, of all that were made here."""
    found = {}
    for path in sorted(folder.glob(f"*{_ENDING}")):
        digits = path.name.removesuffix(_ENDING)
        found[":".join(digits[at : at + 2] for at in range(0, len(digits), 2))] = path.read_bytes()
    return found


def _path(folder: Path, mac: str) -> Path:
    return folder / f"{mac.replace(':', '')}{_ENDING}"
