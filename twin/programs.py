"""The programs of one board: checked as its loader does, run by the Steel engine, reported as agreed."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fleetlib.core.scheme.profiles import PROFILES

from .engines import Answer, EngineMissingError, Engines, Run
from .memory import Memory, Program
from .protocol import now

PROFILE = PROFILES["esp32-c3"]
MOST_PROGRAMS, ID_LENGTH, VERSION_LENGTH = 8, 31, 16
"""What a board's runtime has room for."""
STOP_SECONDS = 5.0
_CODE_FIELDS = ("program_id", "program_name", "steel_code", "version", "checksum")
_ENDED = {"finished": "Completed", "stopped": "Stopped"}


class RejectedError(Exception):
    """A program that this board does not take; sending it again would not help."""

    def __init__(self, code: str, message: str) -> None:
        """``code`` is for statusDetails of a job, ``message`` for people."""
        super().__init__(message)
        self.code, self.message = code, message


class FailedError(RejectedError):
    """A program that this board could not start now; another time it may."""


class Board(Protocol):
    """What programs need of their board."""

    memory: Memory

    def changed(self) -> None:
        """Something that outlives a restart, or that the shadow shows, has changed."""

    def report(self, program: Program, milliseconds: int | None = None) -> None:
        """Tell the cloud how a program is."""

    def happened(self, program: Program, event: Mapping[str, Any]) -> None:
        """An event of the engine's record."""

    def used(self, program: Program, cpu_milliseconds: float) -> None:
        """How much processor time a run took."""

    def scenario(self) -> dict[str, Any]:
        """The board as the engine simulates it."""

    def program_fails(self) -> bool:
        """Whether a fault that was asked for hits now."""


@dataclass
class _Running:
    run: Run
    begun: float
    watcher: asyncio.Task[None]


class Programs:
    """Loads, runs and stops; one thing at a time, as a board does."""

    def __init__(self, board: Board, engines: Engines) -> None:
        """``board`` holds the programs and tells of them."""
        self._board, self._engines = board, engines
        self._running: dict[str, _Running] = {}
        self._turn = asyncio.Lock()

    @property
    def running(self) -> list[Program]:
        """Those that run."""
        return [one for one in self._board.memory.programs.values() if one.id in self._running]

    async def load(self, message: Mapping[str, Any]) -> Program:
        """Take a ProgramMessage and start it. A former version stays where the new one is refused."""
        async with self._turn:
            program = read(message)
            try:
                await self._check(program)
            except RejectedError as error:
                self._tell(program, "Failed", error.message)
                raise
            await self._end(program.id)
            self._board.memory.programs[program.id] = program
            self._tell(program, "Loading" if program.auto_start else "Pending")
            if program.auto_start:
                await self._start(program)
            return program

    async def execute(self, program_id: str) -> None:
        """Run a program that was loaded, from its beginning."""
        async with self._turn:
            program = self._known(program_id)
            await self._end(program_id)
            await self._start(program)

    async def stop(self, program_id: str) -> None:
        """End a program; it stays loaded."""
        async with self._turn:
            program = self._known(program_id)
            await self._end(program_id)
            self._tell(program, "Stopped")

    async def remove(self, program_id: str) -> None:
        """End a program and forget it; one that is not there is as good as removed."""
        async with self._turn:
            await self._end(program_id)
            program = self._board.memory.programs.pop(program_id, None)
            if program is None:
                program = Program(program_id, program_id, "", "", "")
            self._tell(program, "Stopped", "removed")

    async def start_all(self) -> None:
        """After a restart: what starts by itself and was not stopped on purpose."""
        async with self._turn:
            for program in list(self._board.memory.programs.values()):
                if program.auto_start and program.status != "Stopped":
                    await self._try_again(program)

    async def _try_again(self, program: Program) -> None:
        try:
            await self._start(program)
        except RejectedError:
            return  # told already; the others shall run

    async def end_all(self) -> None:
        """The board loses power: nothing is reported."""
        for running in self._running.values():
            running.watcher.cancel()
            running.run.forget()
        self._running.clear()

    async def _check(self, program: Program) -> None:
        size = len(program.code.encode())
        if size > PROFILE.max_bytes:
            raise RejectedError("too_large", f"{size:,} bytes; this board holds {PROFILE.max_bytes:,}")
        found = hashlib.sha256(program.code.encode()).hexdigest()
        if found != program.checksum:
            raise RejectedError("checksum", f"the code has the SHA-256 {found}, not {program.checksum}")
        if program.code.count("(") != program.code.count(")"):
            raise RejectedError("unbalanced", "unbalanced parentheses, as the board's loader counts them")
        others = [one for one in self._board.memory.programs if one != program.id]
        if len(others) >= MOST_PROGRAMS:
            raise RejectedError("full", f"this board holds {MOST_PROGRAMS} programs already")
        try:
            answer = await self._engines.check(program.code)
        except EngineMissingError as error:
            raise FailedError("no_engine", f"engine not available: {error}") from error
        if not answer["ok"]:
            raise RejectedError("does_not_load", reason(answer))

    async def _start(self, program: Program) -> None:
        if self._board.program_fails():
            self._fail(program, "fault", "a fault that was asked for: the program did not start")
        seconds = min(program.timeout_seconds or PROFILE.max_seconds, PROFILE.max_seconds)
        try:
            run = await self._engines.start(
                program.code,
                lambda event: self._board.happened(program, event),
                board=self._board.scenario(),
                limits={"seconds": seconds, "until": None},
            )
        except EngineMissingError as error:
            self._fail(program, "no_engine", f"engine not available: {error}")
        watcher = asyncio.create_task(self._watch(program, run))
        self._running[program.id] = _Running(run, time.monotonic(), watcher)
        self._tell(program, "Running")

    def _fail(self, program: Program, code: str, message: str) -> None:
        self._tell(program, "Failed", message)
        raise FailedError(code, message)

    async def _watch(self, program: Program, run: Run) -> None:
        ending = await asyncio.shield(run.ended)
        running = self._running.get(program.id)
        if running is None or running.run is not run:
            return
        del self._running[program.id]
        status = _ENDED.get(ending["outcome"], "Failed")
        milliseconds = round((time.monotonic() - running.begun) * 1000)
        self._tell(program, status, "" if ending["ok"] else reason(ending), milliseconds)
        self._board.used(program, ending.get("cpu_seconds", 0.0) * 1000)

    async def _end(self, program_id: str) -> None:
        running = self._running.pop(program_id, None)
        if running is None:
            return
        running.watcher.cancel()
        running.run.stop()
        await asyncio.wait([running.run.ended], timeout=STOP_SECONDS)

    def _known(self, program_id: str) -> Program:
        program = self._board.memory.programs.get(program_id)
        if program is None:
            unknown = Program(program_id, program_id, "", "", "")
            self._tell(unknown, "Failed", "this board does not hold it")
            raise RejectedError("unknown", f"this board does not hold {program_id}")
        return program

    def _tell(
        self, program: Program, status: str, message: str = "", milliseconds: int | None = None
    ) -> None:
        program.status, program.message, program.since = status, message, now()
        self._board.report(program, milliseconds)
        self._board.changed()


def read(message: Mapping[str, Any]) -> Program:
    """A ProgramMessage of the device's protocol."""
    wrong = [name for name in _CODE_FIELDS if not isinstance(message.get(name), str)]
    if wrong or not isinstance(message.get("auto_start"), bool):
        raise RejectedError("invalid", f"ProgramMessage without {(wrong or ['auto_start'])[0]}")
    if not 1 <= len(message["program_id"]) <= ID_LENGTH or len(message["version"]) > VERSION_LENGTH:
        raise RejectedError(
            "invalid", f"id or version longer than {ID_LENGTH} and {VERSION_LENGTH} characters"
        )
    metadata = message.get("metadata")
    timeout = metadata.get("execution_timeout") if isinstance(metadata, Mapping) else None
    return Program(
        message["program_id"],
        message["program_name"],
        message["version"],
        message["steel_code"],
        message["checksum"],
        message["auto_start"],
        float(timeout) if isinstance(timeout, int | float) and timeout > 0 else None,
    )


def reason(answer: Answer) -> str:
    """Why the engine refused or ended a program."""
    diagnostic = answer.get("diagnostic") or {}
    said = answer.get("message") or diagnostic.get("message") or answer.get("outcome", "")
    place = diagnostic.get("location") or {}
    return f"{said} (line {place['line']})" if "line" in place else str(said)
