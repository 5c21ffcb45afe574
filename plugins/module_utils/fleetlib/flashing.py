"""Many ports at once: a process for each, one desk for all, one record of the station."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from .core import journal
from .core.clock import Clock
from .core.errors import InvalidInputError
from .core.firmware import station
from .core.firmware.layout import Region
from .core.firmware.station import Desk
from .core.progress import Progress, duration
from .esp import flasher
from .esp.flasher import Expected, Job, Outcome

SHOWN_PORTS = 6
"""So many ports have their own figures in a line of progress."""


@dataclass(frozen=True)
class Order:
    """A device that is to be at a port."""

    port: str
    device_id: str
    regions: Sequence[Region]
    identity_sha256: str = ""


@dataclass(frozen=True)
class Settings:
    """How ports are worked on."""

    expected: Expected
    bauds: Sequence[int] = Job.bauds
    look: bool = False
    timeout_seconds: float = 900.0
    """After which a port is given up."""
    encryption_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """MAC → flash encryption key."""


@dataclass(frozen=True)
class Result:
    """An order and what came of it."""

    order: Order
    outcome: Outcome

    def as_dict(self) -> dict[str, Any]:
        """For results, reports and the record."""
        outcome = self.outcome
        return {
            "port": self.order.port,
            "device_id": self.order.device_id,
            "mac": outcome.mac,
            "chip_revision": outcome.revision,
            "good": outcome.good,
            "different": outcome.different,
            "written_bytes": outcome.written_bytes,
            "identity_sha256": self.order.identity_sha256,
            "baud": outcome.baud,
            "attempts": outcome.attempts,
            "seconds": outcome.seconds,
            "error": outcome.error,
        }


def rows(results: Sequence[Result]) -> list[list[Any]]:
    """For a report: port, device, MAC, result, what differed, bytes written, seconds, attempts."""
    return [
        [
            one.order.port,
            one.order.device_id,
            one.outcome.mac or "unknown",
            {"text": one.outcome.error or "good", "status": "passed" if one.outcome.good else "failed"},
            ", ".join(one.outcome.different) or "nothing",
            one.outcome.written_bytes,
            one.outcome.seconds,
            one.outcome.attempts,
        ]
        for one in results
    ]


class _Channel(Protocol):
    def send(self, message: Any) -> None: ...
    def recv(self) -> Any: ...


@dataclass
class _Worker:
    order: Order
    process: Any
    channel: Any
    outcome: Outcome | None = None
    done: int = 0
    total: int = 0
    begun: float = 0.0
    """When it began to write."""


@dataclass
class Bench:
    """Flashes every order at the same time. A port that fails, hangs or dies stops no other."""

    settings: Settings
    desk: Desk
    clock: Clock
    show: Callable[[Progress], None] = lambda moment: None
    _workers: list[_Worker] = field(default_factory=list)
    _started: float = 0.0

    def run(self, orders: Sequence[Order], finished: Callable[[Result], None]) -> list[Result]:
        """Work on all; ``finished`` hears of each as it ends."""
        _check(orders)
        self._started = self.clock.monotonic()
        self._workers = [self._start(order) for order in orders]
        try:
            while open_workers := [one for one in self._workers if one.outcome is None]:
                self._listen(open_workers, finished)
                self.show(self._progress())
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
        return [Result(one.order, cast(Outcome, one.outcome)) for one in self._workers]

    def _start(self, order: Order) -> _Worker:
        # Fork, while this process has one thread: the tools are loaded once, and the images are shared.
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe()
        chosen = self.settings
        job = Job(
            order.port, order.regions, chosen.expected, chosen.bauds, chosen.look, chosen.encryption_keys
        )
        process = context.Process(target=_work, args=(theirs, job), daemon=True)
        process.start()
        theirs.close()
        return _Worker(order, process, mine)

    def _listen(self, workers: Sequence[_Worker], finished: Callable[[Result], None]) -> None:
        ready = multiprocessing.connection.wait([one.channel for one in workers], timeout=0.5)
        late = self.clock.monotonic() - self._started > self.settings.timeout_seconds
        for worker in workers:
            if worker.channel in ready:
                self._hear(worker)
            elif late:
                worker.process.kill()
                worker.outcome = Outcome(worker.order.port)
                worker.outcome.error = (
                    f"{worker.order.port}: not done after {self.settings.timeout_seconds:g} s."
                )
            if worker.outcome is not None:
                finished(Result(worker.order, worker.outcome))

    def _hear(self, worker: _Worker) -> None:
        try:
            kind, *content = worker.channel.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            worker.outcome = Outcome(worker.order.port)
            worker.outcome.error = (
                f"{worker.order.port}: its process ended by itself (exit status {worker.process.exitcode})."
            )
            return
        if kind == "board":
            worker.channel.send(self.desk.claim(content[0], worker.order.device_id, worker.order.port))
        elif kind == "progress":
            worker.begun = worker.begun or self.clock.monotonic()
            worker.done, worker.total = content
        else:
            worker.outcome = content[0]

    def _progress(self) -> Progress:
        ended = [one.outcome for one in self._workers if one.outcome is not None]
        good = sum(one.good for one in ended)
        now = self.clock.monotonic()
        writing = [one for one in self._workers if one.outcome is None]
        parts = [f"{len(ended)}/{len(self._workers)} ports done"]
        parts += [_line(one, now) for one in writing[:SHOWN_PORTS]]
        if len(writing) > SHOWN_PORTS:
            parts.append(f"and {len(writing) - SHOWN_PORTS} more")
        return Progress(
            "ports", good, len(self._workers), len(ended) - good, now - self._started, " | ".join(parts)
        )


class Record:
    """The record of a station: a journal that only grows, one line for each board that ended."""

    def __init__(self, path: Path, clock: Clock, facts: Mapping[str, Any]) -> None:
        """``facts`` are in every line: version, images, tools, operator."""
        self._path = path
        self._clock = clock
        self._facts = facts

    def bindings(self) -> dict[str, str]:
        """MAC → device id of the boards flashed here."""
        return station.bindings(journal.read(self._path))

    def keep(self, result: Result) -> None:
        """Append a board; it is on the disk when this returns."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        event = station.FLASHED if result.outcome.good else station.FAILED
        with journal.Journal(self._path, self._clock) as book:
            book.write(event, **result.as_dict(), **self._facts)


def _work(channel: _Channel, job: Job) -> None:
    """What the process of a port does."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)  # the module's answer is all that may be there
    shown = 0.0

    def ask(mac: str) -> str | None:
        channel.send(("board", mac))
        return cast("str | None", channel.recv())

    def advance(done: int, total: int) -> None:
        nonlocal shown
        share = done / total if total else 1.0
        if share - shown >= 0.01 or share < shown or done == total:
            shown = share
            channel.send(("progress", done, total))

    try:
        outcome = flasher.flash(job, ask, advance)
    except Exception as error:
        outcome = Outcome(job.port)
        outcome.error = f"{job.port}: {type(error).__name__}: {error}"
    channel.send(("done", outcome))


def _check(orders: Sequence[Order]) -> None:
    for what in ("port", "device_id"):
        seen = [getattr(one, what) for one in orders]
        twice = sorted({one for one in seen if seen.count(one) > 1})
        if twice:
            raise InvalidInputError(f"{what} {twice[0]} is given twice.", "Name every port and device once.")


def _line(worker: _Worker, now: float) -> str:
    name = worker.order.port.removeprefix("/dev/").rpartition("://")[2]
    if not worker.total:
        return f"{name} looking"
    seconds = now - worker.begun
    rate = worker.done / seconds if seconds > 0 else 0.0
    text = f"{name} {worker.done * 100 // worker.total} % {rate / 1000:.0f} kB/s"
    return f"{text} {duration((worker.total - worker.done) / rate)} left" if rate else text
