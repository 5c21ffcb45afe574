# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugins of modules that take long: they show how far the module is while it runs.

A module joins in by taking an option ``progress_file`` (path) and writing `core.progress` there; its action
plugin is a subclass of `ProgressAction` of the same name. Lines go to stderr, so that stdout stays the
callback's own.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import progress

LOOK_SECONDS = 0.2
"""Pause between two looks at the file."""

GROWTH = 0.02
"""The longer a run takes, the rarer its lines: the next comes after this part of the time so far."""


class Follower:
    """Shows the lines of a progress file, about one a second."""

    def __init__(
        self, path: Path, show: Callable[[str], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._show = show
        self._monotonic = monotonic
        self._start = monotonic()
        self._next = self._start + 1.0
        self._last = ""

    def look(self) -> None:
        """Show a line, if it is time for one and there is something new to say."""
        now = self._monotonic()
        if now < self._next:
            return
        found = progress.from_file(self._path)
        line = found.line() if found else ""
        if line and line != self._last:
            self._show(line)
            self._last = line
            self._next = now + max(1.0, (now - self._start) * GROWTH)

    def follow(self, until: threading.Event) -> None:
        """Look again and again until the event is set."""
        while not until.wait(LOOK_SECONDS):
            self.look()


class ProgressAction(ActionBase):
    """Runs the module of the same name and shows its progress when it runs on this host."""

    label = ""
    """What the lines begin with."""

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        if self._connection.transport != "local":
            return result | self._execute_module(module_args=dict(self._task.args), task_vars=task_vars)
        with tempfile.TemporaryDirectory(prefix="progress-") as private:
            path = Path(private) / "progress.json"
            ended = threading.Event()
            display = Display()
            follower = Follower(path, lambda line: display.display(f"  {self.label}: {line}", stderr=True))
            watching = threading.Thread(target=follower.follow, args=(ended,), daemon=True)
            watching.start()
            try:
                return result | self._execute_module(
                    module_args={**self._task.args, "progress_file": str(path)}, task_vars=task_vars
                )
            finally:
                ended.set()
                watching.join()
