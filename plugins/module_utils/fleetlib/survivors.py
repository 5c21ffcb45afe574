"""Processes that outlive the run that started them.

Ansible's workers lead sessions of their own: whoever kills a playbook, even with its process group, leaves
the module at work, which changes things while the next run takes them back. What a run starts carries a mark
in its environment, by which the next run finds it. Only on Linux, whose /proc tells the environments.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .core.clock import Clock
from .core.errors import FleetError

PROC: Final = Path("/proc")
TERM_SECONDS: Final = 5.0
"""How long a process may take to end when it is asked to."""
KILL_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1


def can_look() -> bool:
    """Whether this system tells the environments of processes."""
    return (PROC / "self/environ").exists()


def find(name: str, value: str) -> dict[int, str]:
    """Processes of this user with that variable in their environment, by id, with their commands.

    This process and those that it descends from are not among them.
    """
    mark, mine = f"{name}={value}".encode(), set(_ancestry())
    return {
        pid: _command(pid)
        for pid in (int(path.name) for path in PROC.iterdir() if path.name.isdigit())
        if pid not in mine and mark in _read(pid, "environ").split(b"\0")
    }


def end(name: str, value: str, clock: Clock) -> dict[int, str]:
    """Ask them to end, then make them; those that were found. Raises `FleetError` where one does not end."""
    found = find(name, value)
    for signum, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        left = find(name, value)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        deadline = clock.monotonic() + seconds
        while left and clock.monotonic() < deadline:
            clock.sleep(LOOK_SECONDS)
            left = find(name, value)
        if not left:
            return found
    raise FleetError(
        f"Process {min(left)} ({left[min(left)]}) of an earlier run does not end.", "End it, and run again."
    )


def _ancestry() -> Iterator[int]:
    pid = os.getpid()
    while pid > 1:
        yield pid
        pid = int(_read(pid, "stat").rpartition(b")")[2].split()[1])


def _command(pid: int) -> str:
    words = _read(pid, "cmdline").decode(errors="replace").split("\0")
    return " ".join(Path(word).name for word in words[:2])


def _read(pid: int, name: str) -> bytes:
    """What /proc tells of a process; nothing where it has ended or is another user's."""
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
