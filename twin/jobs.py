"""AWS IoT Jobs on a board: take the next one, carry it out, say how it went."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import endpoints, update
from .flash import DamagedError
from .programs import PROFILE, FailedError, RejectedError
from .protocol import details, encoded

if TYPE_CHECKING:
    from .board import Board

ANSWER_SECONDS = 20.0
_REFUSED = "this board refuses jobs, as it was asked to"


class Jobs:
    """One job at a time, for as long as a connection lasts."""

    def __init__(self, board: Board) -> None:
        """``board`` is whose jobs they are."""
        self._board = board
        self._topic = f"$aws/things/{board.thing}/jobs"
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[bool] | None = None
        self._moves = False
        """Whether the board goes elsewhere once its job is answered."""

    def ask(self) -> None:
        """Have the next job handed over: also one that was begun before a restart."""
        if self._task is None or self._task.done():
            self._board.publish(f"{self._topic}/start-next", b"{}")

    def close(self) -> None:
        """The connection ends; what was begun is handed over again at the next one."""
        if self._task is not None:
            self._task.cancel()

    def hear(self, topic: str, body: Mapping[str, Any]) -> None:
        """A message on one of the jobs' topics."""
        tail = topic.removeprefix(f"{self._topic}/")
        execution = body.get("execution")
        if tail == "notify-next":
            if execution:
                self.ask()
        elif tail == "start-next/accepted":
            if execution and (self._task is None or self._task.done()):
                self._task = self._board.spawn(self._carry_out(execution))
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(tail.endswith("/accepted"))

    async def _carry_out(self, execution: Mapping[str, Any]) -> None:
        job, document = execution["jobId"], execution.get("jobDocument") or {}
        version = ""
        try:
            version = str((document.get("request") or {}).get("version") or "")
            status, told = "SUCCEEDED", await self._do(job, document)
        except FailedError as error:
            status, told = "FAILED", details(error.code, error.message, version)
        except RejectedError as error:
            status, told = "REJECTED", details(error.code, error.message, version)
        except (OSError, DamagedError) as error:
            status, told = "FAILED", details("flash", str(error), version)
        except (AttributeError, TypeError, ValueError) as error:
            status, told = "REJECTED", details("invalid", f"the document cannot be read: {error}", version)
        await self._tell(job, status, told)
        self._task = None
        if self._moves:
            self._board.connect_anew()
        else:
            self.ask()

    async def _do(self, job: str, document: Mapping[str, Any]) -> Mapping[str, str]:
        """Carry out a document; what is told of it."""
        operation, request = document.get("operation"), document.get("request") or {}
        board = self._board
        if job not in (board.memory.update.get("job"), board.memory.rotation):
            await asyncio.sleep(board.random.uniform(0, float(document.get("jitter_seconds") or 0)))
            await board.dawdle()
            if board.hits(board.faults.refuse_jobs):
                raise RejectedError("fault", _REFUSED)
        if operation == "program.load":
            return details("done", "", await self._load(request))
        if operation == "program.remove":
            await board.programs.remove(str(request.get("program_id") or ""))
            return details("done", "", "")
        if operation == "firmware.update":
            return details("done", "", await self._update(job, request))
        if operation == "certificate.rotate":
            certificate = await board.rotation.carry_out(job, lambda told: self._go_on(job, told))
            return {"certificate_id": certificate}
        if operation == "endpoint.switch":
            self._moves = await endpoints.switch(board, request)
            return details("done", f"{request['endpoint']}", "")
        raise RejectedError("unsupported", f"this board does not know the operation {operation}")

    async def _load(self, request: Mapping[str, Any]) -> str:
        held = self._board.memory.programs.get(str(request.get("program_id")))
        same = held is not None and held.version == request.get("version")
        if (
            held is not None
            and same
            and held.checksum == request.get("checksum")
            and held.status == "Running"
        ):
            return held.version  # handed over again after its answer was lost
        if "url" in request and "steel_code" not in request:
            code = await self._board.in_thread(update.fetch, str(request["url"]), PROFILE.max_bytes)
            request = {**request, "steel_code": code.decode("utf-8", "replace")}
        return (await self._board.programs.load(request)).version

    async def _update(self, job: str, request: Mapping[str, Any]) -> str:
        """Install and restart; after the restart the same job is handed over again, and is answered."""
        board, version = self._board, str(request.get("firmware_version") or "")
        if board.booted.image.version == version:
            await board.settled.wait()
            board.forget_update()
            return version
        if board.memory.update.get("job") == job:
            board.forget_update()
            raise FailedError("rolled_back", f"went back to {board.booted.image.version}")
        await board.with_flash(update.install, board.flash, board.booted, request, board.public_key)
        board.begin_update(job, version)
        await asyncio.Event().wait()  # the restart ends this
        return version

    def _go_on(self, job: str, told: Mapping[str, str]) -> None:
        """Report details of a job that is not ended."""
        body = {"status": "IN_PROGRESS", "statusDetails": told}
        self._board.publish(f"{self._topic}/{job}/update", encoded(body))

    async def _tell(self, job: str, status: str, told: Mapping[str, str]) -> None:
        """Report an execution's end until it is answered: a refusal means that it was cancelled meanwhile."""
        body = {"status": status, "statusDetails": told}
        self._answer = asyncio.get_running_loop().create_future()
        self._board.publish(f"{self._topic}/{job}/update", encoded(body))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._answer, ANSWER_SECONDS)
