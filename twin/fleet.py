"""All boards of a process: one task each, one control socket for all."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import json
import math
import resource
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetlib.core.errors import FleetError, InvalidInputError

from . import faults
from .board import Board, World
from .engines import Engines
from .faults import Faults
from .files import write_private
from .places import BOARDS, FLASH, RECORD

TICK_SECONDS = 2.0
THREADS = 8
"""For what blocks: opening TLS, checking flash, downloading."""
REQUEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """What a process is told at its start."""

    folder: Path
    checkout: Path | None = None
    """Where the Steel engine is built; none for no engine."""
    seed: str = "twin"
    public_key: Path | None = None
    """File with the key (PEM) that firmware has to be signed by; none for no check."""
    confirm_seconds: float = 60.0
    faults: Mapping[str, Any] = field(default_factory=dict)
    """Of the boards that are there at the start."""
    share: float = 1.0
    """Of how many of them."""


class Fleet:
    """The boards in ``<folder>/boards``, later ones too; a flash that changes restarts its board."""

    def __init__(self, settings: Settings) -> None:
        """Nothing lives before `run`."""
        self._settings = settings
        self.boards: dict[str, Board] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, int] = {}
        self._stop = asyncio.Event()
        self._scratch = Path(tempfile.mkdtemp(prefix="twin-"))
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="twin")
        self._engines = Engines(settings.checkout)
        self._world = World(
            self._engines,
            self._pool,
            self._scratch,
            settings.seed,
            settings.public_key,
            confirm_seconds=settings.confirm_seconds,
        )

    async def run(self, pid: int) -> None:
        """Live until somebody asks to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        _raise_file_limit()
        control = self._scratch / "control"
        server = await asyncio.start_unix_server(self._serve, control, limit=REQUEST_BYTES)
        try:
            self._look()
            for name in self._chosen("*", self._settings.share):
                self.boards[name].set_faults(self._settings.faults)
            record = json.dumps({"pid": pid, "control": str(control)})
            write_private(self._settings.folder / RECORD, record.encode())
            while not self._stop.is_set():
                self._tick()
                try:
                    await asyncio.wait_for(self._stop.wait(), TICK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            server.close()
            await self._end()

    async def _end(self) -> None:
        (self._settings.folder / RECORD).unlink(missing_ok=True)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._engines.close()
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._scratch)

    def _tick(self) -> None:
        self._look()
        for board in self.boards.values():
            board.tick()

    def _look(self) -> None:
        """Take in new boards; restart those that were flashed, once nothing has been written for a moment."""
        for path in sorted(self._settings.folder.glob(f"{BOARDS}/*/{FLASH}")):
            name = path.parent.name
            board = self.boards.get(name)
            if board is None:
                self._add(name, path.parent)
                continue
            stamp = board.flash.stamp()
            if stamp != board.stamp and stamp == self._seen.get(name) and not board.is_writing:
                board.stamp = stamp
                board.restart()
            self._seen[name] = stamp

    def _add(self, name: str, folder: Path) -> None:
        board = self.boards[name] = Board(name, folder, self._world)
        self._tasks[name] = asyncio.create_task(board.live())

    def _chosen(self, pattern: str, share: float) -> list[str]:
        """The boards of a pattern, or a share of them: always the same ones for a seed."""
        found = [name for name in self.boards if fnmatch.fnmatchcase(name, pattern)]
        found.sort(key=lambda name: hashlib.sha256(f"{self._settings.seed}/{name}".encode()).digest())
        return sorted(found[: math.ceil(share * len(found))])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self._answer(json.loads(await reader.readline()))
        except (FleetError, ValueError, TypeError, OSError) as error:
            answer = {"error": str(error)}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.write_eof()
        await writer.drain()
        writer.close()

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        what = request.get("op")
        if what == "status":
            return self.status(bool(request.get("boards")))
        if what == "fault":
            return self._fault(request)
        if what == "stop":
            self._stop.set()
            return {}
        raise InvalidInputError(f"unknown op {what!r}; there are status, fault and stop")

    def _fault(self, request: Mapping[str, Any]) -> dict[str, Any]:
        changes = faults.check(request.get("faults") or {})
        pattern, share = str(request.get("boards") or "*"), float(request.get("share", 1.0))
        if not 0 < share <= 1:
            raise InvalidInputError(f"share is {share:g}; it can be more than 0, up to 1.")
        names = self._chosen(pattern, share)
        if not names:
            raise InvalidInputError(
                f"There is no board {pattern}.", "python -m twin status --boards names them."
            )
        return {"boards": names, "changed": [name for name in names if self.boards[name].set_faults(changes)]}

    def status(self, with_boards: bool = False) -> dict[str, Any]:
        """How all are."""
        states = Counter(board.condition.state for board in self.boards.values())
        whys = Counter(
            board.condition.why for board in self.boards.values() if board.condition.state != "connected"
        )
        found: dict[str, Any] = {
            "total": len(self.boards),
            "states": dict(sorted(states.items())),
            "summary": ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
            "why": {why: count for why, count in whys.most_common(5) if why},
            "engine": self._engines.missing or "available",
            "engine_pids": self._engines.pids,
            "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        if with_boards:
            found["boards"] = [board.status() for board in self.boards.values()]
            found["faulty"] = sorted(name for name, one in self.boards.items() if one.faults != Faults())
        return found


def _raise_file_limit() -> None:
    """A socket for every board."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
