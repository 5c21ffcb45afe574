"""Zip files whose bytes depend on nothing but their content, so that their hash means something.

A Lambda bundle holds the handler's files in its root and, beside them, the part of fleetlib that needs the
standard library only; the handler imports it as ``fleetlib.core…``.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidInputError

ROOMS = ("core",)
"""The rooms of fleetlib that a bundle carries. The others are edges, whose libraries Lambda does not have."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that the format can hold
_UNIX = 3
_READABLE_FILE = 0o100644  # Lambda runs as another user: everyone must be able to read


@dataclass(frozen=True)
class Bundle:
    """A zip file and the names in it."""

    data: bytes
    names: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the zip file."""
        return hashlib.sha256(self.data).hexdigest()


def build(files: Mapping[str, bytes]) -> Bundle:
    """Zip ``files`` (name in the archive → content).

    Nothing is compressed: deflate's output differs between zlib versions, and some hundred kilobytes of
    source are far below Lambda's limits.
    """
    names = tuple(sorted(files))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE_FILE << 16
            archive.writestr(entry, files[name])
    return Bundle(buffer.getvalue(), names)


def read_sources(fleetlib: Path, handlers: Path) -> dict[str, bytes]:
    """The files of a Lambda bundle: ``handlers`` (a directory of handler files) and fleetlib's core.

    Raises ``InvalidInputError`` when a directory is not what it should be, or when a handler would hide
    fleetlib.
    """
    if not (fleetlib / "core").is_dir():
        raise InvalidInputError(
            f"library is {fleetlib}, which is not the directory of fleetlib: it has no core/.",
            "Give plugins/module_utils/fleetlib of the collection.",
        )
    own = _python_files(handlers, handlers)
    if not own:
        raise InvalidInputError(
            f"source is {handlers}, where there is no .py file.", "Give the directory of the handler."
        )
    shared = {"fleetlib/__init__.py": (fleetlib / "__init__.py").read_bytes()}
    for room in ROOMS:
        shared |= _python_files(fleetlib / room, fleetlib.parent)
    clash = sorted(own.keys() & shared.keys())
    if clash:
        raise InvalidInputError(
            f"{handlers} holds {clash[0]}, a name that the library needs.", "Rename the file."
        )
    return own | shared


def _python_files(directory: Path, root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in directory.rglob("*.py")}
