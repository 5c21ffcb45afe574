"""The ansible-playbook that a module runs for, so that the next one can tell whether it still runs."""

from __future__ import annotations

import os
from pathlib import Path

PROGRAM = b"ansible-playbook"


def pid() -> int:
    """The process that was started as ``ansible-playbook``; 0 where there is none, or no /proc to ask."""
    found, one = 0, os.getppid()
    while one > 1:
        if is_playbook(one):
            found = one  # its workers have the same words; the first of all is the last that is met
        one = _parent(one)
    return found


def is_playbook(process: int) -> bool:
    """Whether such a process runs under this number: it may have been given to another program since."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.rpartition(b"/")[2] == PROGRAM for word in words)


def _parent(process: int) -> int:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])  # the name before it may hold blanks
