"""Work in a process of its own, killed again and again until a run gets to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "plugins/module_utils"


def kill_until_done(
    script: str, *arguments: str, patience: Callable[[int], float], attempts: int = 60
) -> int:
    """Run ``script`` with SIGKILL after ``patience(attempt)`` seconds from its first line of output on.

    How many runs were killed; the one after them ended well.
    """
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    killed = 0
    for attempt in range(attempts):
        run = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, env=environment
        )
        run.stdout.readline()
        try:
            run.wait(timeout=patience(attempt))
            break
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
            killed += 1
    assert run.returncode == 0
    return killed
