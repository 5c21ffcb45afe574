"""Programs in the real Steel engine, in real time: processes of ``engine/`` that serve many boards each."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fleetlib import steel_engine
from fleetlib.core.errors import MissingDependencyError

LIVE_PROGRAMS = 150
"""In one process; the engine itself takes 200 (docs/engine.md)."""
LINE_BYTES = 4 * 1024 * 1024

Answer = dict[str, Any]
OnEvent = Callable[[Mapping[str, Any]], None]


class EngineMissingError(Exception):
    """There is no engine to run a program in; the text says why."""


def _ignore(event: Mapping[str, Any]) -> None:
    """Nobody listens any more."""


class Run:
    """A program that runs, or has run."""

    def __init__(self, engine: _Engine, number: int, on_event: OnEvent) -> None:
        """Of a program that the engine has been asked to start."""
        self._engine, self.number, self.on_event = engine, number, on_event
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[Answer] = loop.create_future()
        self.ended: asyncio.Future[Answer] = loop.create_future()
        """How it ended: docs/engine.md, "An ending"."""

    def stop(self) -> None:
        """Ask it to end; `ended` tells when it has."""
        self._engine.send({"op": "stop", "id": self.number})

    def forget(self) -> None:
        """Ask it to end, and hear no more of it."""
        self.on_event = _ignore
        self.stop()


class Engines:
    """As many processes as the programs need, from none on."""

    def __init__(self, checkout: Path | None) -> None:
        """``checkout``: where the engine is built; none for no engine."""
        self._running: list[_Engine] = []
        self._numbers = itertools.count()
        self._program: Path | None = None
        self.missing = "no engine was asked for"
        """Why there is none; empty where there is one."""
        if checkout is not None:
            try:
                self._program = steel_engine.find(checkout)
                self.missing = ""
            except MissingDependencyError as error:
                self.missing = str(error)

    async def check(self, source: str) -> Answer:
        """Whether a program loads on a board."""
        engine = self._pick()
        return await engine.ask(next(self._numbers), {"op": "check", "source": source})

    async def start(self, source: str, on_event: OnEvent, **scenario: Any) -> Run:
        """Start a program on a live board; ``scenario`` may have ``board`` and ``limits``."""
        engine = self._pick()
        run = Run(engine, next(self._numbers), on_event)
        try:
            await engine.start(run, {"op": "start", "source": source, **scenario})
            await asyncio.shield(run.started)
        except asyncio.CancelledError:
            run.forget()
            raise
        return run

    async def close(self) -> None:
        """End all processes and their programs."""
        for engine in self._running:
            await engine.close()

    def _pick(self) -> _Engine:
        if self._program is None:
            raise EngineMissingError(self.missing)
        self._running = [one for one in self._running if not one.gone]
        for engine in self._running:
            if len(engine.runs) < LIVE_PROGRAMS:
                return engine
        engine = _Engine(self._program)
        self._running.append(engine)
        return engine

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [one.pid for one in self._running if not one.gone]


class _Engine:
    """One process."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._opening = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self.runs: dict[int, Run] = {}
        self.gone = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def open(self) -> None:
        async with self._opening:
            if self._process is not None:
                return
            self._process = await asyncio.create_subprocess_exec(
                self._program,
                "--serve",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LINE_BYTES,
            )
            self._reader = asyncio.create_task(self._read(self._process))

    def send(self, request: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None and not self.gone:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")

    async def ask(self, number: int, request: Mapping[str, Any]) -> Answer:
        await self.open()
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.send({"id": number, **request})
        if self.gone:
            self._end()
        found: Answer = await answer
        return found

    async def start(self, run: Run, request: Mapping[str, Any]) -> None:
        self.runs[run.number] = run  # counted before anything is waited for
        await self.open()
        self.send({"id": run.number, **request})
        if self.gone:
            self._end()

    async def close(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        assert stream is not None  # noqa: S101  # a pipe was asked for
        try:
            with contextlib.suppress(ValueError):  # a line beyond the limit: the engine is of no use any more
                while line := await stream.readline():
                    self._hear(json.loads(line))
        finally:
            self.gone = True
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            self._end()

    def _hear(self, answer: Answer) -> None:
        number = answer.pop("id", None)
        waiting = self._answers.pop(number, None)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(answer)
            return
        run = self.runs.get(number)
        if run is None:
            return
        if "event" in answer:
            run.on_event(answer["event"])
        elif not run.started.done():
            run.started.set_result(answer)
            if "error" in answer:
                self._finish(run, {"ok": False, "outcome": "crashed", "message": answer["error"]})
        elif "outcome" in answer:
            self._finish(run, answer)

    def _finish(self, run: Run, ending: Answer) -> None:
        self.runs.pop(run.number, None)
        for future in (run.started, run.ended):
            if not future.done():
                future.set_result(ending)

    def _end(self) -> None:
        """Nobody waits for an engine that has gone."""
        ending = {"ok": False, "outcome": "crashed", "message": "the Steel engine ended"}
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(ending)
        self._answers.clear()
        for run in list(self.runs.values()):
            self._finish(run, dict(ending))
