"""Served boards in a process of their own, for tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO, cast

from .efuses import Efuses


class Process:
    """A running `twin.flash_server`."""

    def __init__(self, directory: Path, boards: int, *, line_rate: bool = False) -> None:
        """Start it, and wait until every port is open."""
        command = [
            sys.executable,
            "-m",
            "twin.flash_server",
            str(directory),
            "--boards",
            str(boards),
            "--control",
        ]
        self._process = subprocess.Popen(
            [*command, *(["--line-rate"] if line_rate else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self._orders = cast("TextIO", self._process.stdin)
        self._answers = cast("TextIO", self._process.stdout)
        self.directory = directory
        self.ports: dict[str, str] = self._read()["ports"]
        """Board → ``socket://…``."""

    @property
    def macs(self) -> dict[str, str]:
        """Board → MAC."""
        return {name: Efuses.read(self.directory / name / "board.json").mac for name in self.ports}

    def order(self, **command: Any) -> dict[str, Any]:
        """Send an order (see `flash_server._obey`) and wait for its answer."""
        self._orders.write(json.dumps(command) + "\n")
        self._orders.flush()
        return self._read()

    def flash(self, board: str) -> bytes:
        """What is in a board's flash now."""
        return (self.directory / board / "flash.bin").read_bytes()

    def damage(self, board: str, offset: int) -> None:
        """Turn the bits of one byte of a board's flash."""
        with (self.directory / board / "flash.bin").open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0xFF]))

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        self._orders.close()
        self._answers.close()

    def __enter__(self) -> Process:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self.stop()

    def _read(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer
