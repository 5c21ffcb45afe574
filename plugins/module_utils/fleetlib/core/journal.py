"""What a long run has done so far, kept so that a run killed at any moment can be finished by the next.

A journal is a file of JSON lines that only grows. A record is on the disk before `Journal.write` returns.
The last line may be torn by a kill or a power cut: it is dropped, and by the rule above nothing was done
on the strength of it. Records hold names, ids and times; never a secret.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .clock import Clock, iso
from .errors import FleetError


class Journal:
    """An open journal. `write` may be called from many threads; they share the waits for the disk."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open ``path`` for appending, create it (mode 0600) if need be, and drop a torn last line."""
        self._clock = clock
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._written = _drop_torn_line(self._file)
        self._synced = self._written
        self._append = threading.Lock()
        self._sync = threading.Lock()
        sync_directory(path.parent)

    def write(self, event: str, **facts: Any) -> None:
        """Append a record; it is on the disk when this returns."""
        mine = self._put(event, facts)
        with self._sync:
            if self._synced < mine:  # else another thread's wait covered this record, too
                reached = self._written
                os.fsync(self._file)
                self._synced = reached

    def note(self, event: str, **facts: Any) -> None:
        """Append a record that nothing depends on: it reaches the disk in its own time."""
        self._put(event, facts)

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        os.fsync(self._file)
        os.close(self._file)

    def __enter__(self) -> Journal:
        """Use the journal in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the journal."""
        self.close()

    def _put(self, event: str, facts: dict[str, Any]) -> int:
        record = {"at": iso(self._clock.now()), "event": event, **facts}
        line = (json.dumps(record, separators=(",", ":")) + "\n").encode()
        with self._append:
            if os.write(self._file, line) < len(line):  # the disk is full: a torn line may only be the last
                os.ftruncate(self._file, self._written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._written += len(line)
            return self._written


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a journal, oldest first; nothing when there is no journal."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # torn: see the module's text
            try:
                yield json.loads(line)
            except ValueError as error:
                raise FleetError(
                    f"Line {number} of the journal {path} cannot be read: the file is damaged.",
                    "Move it away and run again: the registry and the device directories tell the rest.",
                ) from error


@dataclass(frozen=True)
class Holder:
    """Who holds a lock."""

    pid: int
    since: str


class FleetBusyError(FleetError):
    """Another process works on the same fleet."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        """Name the process that holds ``path``."""
        who = f"process {holder.pid}, which started at {holder.since}," if holder else "another process"
        super().__init__(
            f"Another run is at work on this fleet: {who} holds {path}.",
            "Wait for it to end, or end it. What it has done is kept, and running again goes on from there.",
            **({"pid": holder.pid, "since": holder.since} if holder else {}),
        )


@contextlib.contextmanager
def sole_run(path: Path, clock: Clock) -> Iterator[None]:
    """Hold the lock file ``path``. The system gives it back when the process ends, however it ends.

    Raises `FleetBusyError` with the other's process id and start when it is held.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FleetBusyError(path, _holder(file)) from None
        os.ftruncate(file, 0)
        os.write(file, json.dumps({"pid": os.getpid(), "since": iso(clock.now())}).encode())
        yield
    finally:
        os.close(file)


def sync_directory(directory: Path) -> None:
    """Bring the directory's entries to the disk: a new file is not safe until its name is."""
    entry = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def _holder(file: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(file, 1000, 0)))
    except (ValueError, TypeError):  # it took the lock this very moment and has not signed yet
        return None


def _drop_torn_line(file: int) -> int:
    """Cut what follows the last complete line; the length that remains."""
    end = os.lseek(file, 0, os.SEEK_END)
    keep = end
    while keep > 0:
        start = max(0, keep - 4096)
        newline = os.pread(file, keep - start, start).rfind(b"\n")
        if newline >= 0:
            keep = start + newline + 1
            break
        keep = start
    if keep < end:
        os.ftruncate(file, keep)
    return keep
