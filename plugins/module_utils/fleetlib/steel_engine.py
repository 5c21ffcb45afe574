"""The Steel engine: programs checked and run by the release of Steel that devices run (docs/engine.md).

The engine is a program of its own, ``engine/`` in the checkout, and built by cargo. It may not be there: then
`build` raises `MissingDependencyError`, and whoever wanted a second opinion says so and goes on without.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from .core.errors import FleetError, MissingDependencyError

NOT_AVAILABLE = 3
"""The exit status of ``engine/build`` when cargo or the crates are missing."""

Answer = dict[str, Any]
"""What the engine answers: ``ok``, ``outcome``, and what docs/engine.md says of each outcome."""


def build(checkout: Path) -> Path:
    """Build the engine, unless it is up to date, and return its program.

    Takes two minutes the first time on a machine and a moment afterwards. Raises
    `MissingDependencyError` when cargo or the crates are missing, `FleetError` when the build fails.
    """
    try:
        built = subprocess.run([checkout / "engine/build"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise MissingDependencyError(
            "The Steel engine", "a second opinion on programs", str(error)
        ) from error
    if built.returncode == NOT_AVAILABLE:
        reason = built.stderr.strip().splitlines()[-1].removeprefix("engine: not available: ")
        raise MissingDependencyError("The Steel engine", "a second opinion on programs", reason)
    if built.returncode:
        raise FleetError("The Steel engine cannot be built.", built.stderr.strip()[-2000:])
    return Path(built.stdout.strip())


def find(checkout: Path) -> Path:
    """The engine's program as it was built before; nothing is built.

    Raises `MissingDependencyError` when there is none, or one that is older than its sources.
    """
    program = checkout / "engine/target/release/steel_test"
    sources = [*checkout.glob("engine/src/*"), *checkout.glob("engine/Cargo.*")]
    reason = ""
    if not program.exists():
        reason = "it is not built; 'make engine' builds it"
    elif any(source.stat().st_mtime > program.stat().st_mtime for source in sources):
        reason = "it is older than its sources; 'make engine' builds it"
    if reason:
        raise MissingDependencyError("The Steel engine", "a second opinion on programs", reason)
    return program


class Engine:
    """A running engine. One process serves any number of programs; use it with ``with``."""

    def __init__(self, program: Path) -> None:
        """Start the program that `build` returned."""
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._ids = itertools.count()
        self._process = subprocess.Popen(
            [program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints
        )

    def __enter__(self) -> Engine:
        """Nothing more to do: it runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the engine."""
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def about(self) -> Answer:
        """The versions of engine and Steel, how programs are shut in, and the functions of the device API."""
        return self.ask({"op": "about"})

    def check(self, source: str) -> Answer:
        """Whether a program loads on a device; nothing of it runs."""
        return self.ask({"op": "check", "source": source})

    def check_all(self, sources: Iterable[str]) -> list[Answer]:
        """The same for many programs, side by side on all cores."""
        return self.ask_all([{"op": "check", "source": source} for source in sources])

    def run(self, source: str, **scenario: Any) -> Answer:
        """Run a program on a simulated board; ``scenario`` may have ``board``, ``inputs`` and ``limits``."""
        return self.ask({"op": "run", "source": source, **scenario})

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """One request; the answer may be an ``error``, which is raised."""
        return self.ask_all([request])[0]

    def ask_all(self, requests: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answers to many requests, in their order."""
        numbered = {next(self._ids): request for request in requests}
        sender = threading.Thread(target=self._send, args=(numbered,), daemon=True)
        sender.start()
        answers = {answer.pop("id"): answer for answer in itertools.islice(self._answers(), len(numbered))}
        sender.join()
        for answer in answers.values():
            if "error" in answer:
                raise FleetError(f"The Steel engine refused a request: {answer['error']}")
        return [answers[number] for number in numbered]

    def _send(self, numbered: Mapping[int, Mapping[str, Any]]) -> None:
        """In a thread of its own: the engine may be waiting for its answers to be read before it reads on."""
        stream = self._process.stdin
        # Of an engine that has gone its answers tell, or that there are none.
        with contextlib.suppress(BrokenPipeError, ValueError):
            for number, request in numbered.items():
                if stream:
                    stream.write(json.dumps({"id": number, **request}).encode() + b"\n")
                    stream.flush()

    def _answers(self) -> Iterator[Answer]:
        while line := self._process.stdout.readline() if self._process.stdout else b"":
            yield json.loads(line)
        self._complaints.seek(0)
        raise FleetError("The Steel engine ended.", self._complaints.read().decode(errors="replace").strip())
