"""The process of a fleet of twins, seen from outside: start it, ask it, stop it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetlib.core.errors import FleetError

from .files import open_private, private_folder, write_private
from .places import BOARDS, LOCK, LOG, RECORD, SERVER, SERVER_ANSWER

ANSWER_SECONDS = 30.0
CHECKOUT = Path(__file__).resolve().parents[1]


class NotRunningError(FleetError):
    """Nobody answers."""


def ask(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the process of a directory."""
    record = _record(folder)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(record["control"]))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer: dict[str, Any] = json.loads(stream.read())
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"No twins run in {folder}: {error}.", "Start them: make twin BOARDS=10"
        ) from error
    if "error" in answer:
        raise FleetError(answer["error"])
    return answer


def is_running(folder: Path) -> bool:
    """Whether a process has the lock of a directory."""
    try:
        with locked(folder):
            return False
    except FleetError:
        return True


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process for a directory, whatever happened to the last one."""
    private_folder(folder)
    with open(folder / LOCK, "w", opener=open_private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FleetError(f"Twins run in {folder} already.", "Stop them: python -m twin stop") from error
        yield


def start(folder: Path, arguments: Sequence[str], timeout_seconds: float = 30.0) -> dict[str, Any]:
    """Start ``python -m twin run`` in the background and wait until it answers."""
    private_folder(folder)
    with open(folder / LOG, "ab", opener=open_private) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "twin", "run", "--dir", str(folder), *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = (folder / LOG).read_text().strip().splitlines()[-1:]
            raise FleetError(f"The twins ended at once: {''.join(last)}", f"See {folder / LOG}.")
        with contextlib.suppress(NotRunningError):
            return ask(folder, {"op": "status"})
        time.sleep(0.05)
    process.terminate()
    raise FleetError(f"The twins did not answer in {timeout_seconds:g} s.", f"See {folder / LOG}.")


def serve(folder: Path, names: Sequence[str], timeout_seconds: float = 30.0) -> dict[str, Any]:
    """Put boards into download mode: a process of its own serves their flash. Its ports by board."""
    hang_up(folder)
    private_folder(folder)
    answer = folder / SERVER_ANSWER
    answer.unlink(missing_ok=True)
    with open(folder / LOG, "ab", opener=open_private) as log, open(answer, "wb", opener=open_private) as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "twin.flash_server", str(folder / BOARDS), "--names", *names],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout_seconds
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ValueError):
            ports: dict[str, str] = json.loads(answer.read_bytes())["ports"]
            write_private(folder / SERVER, json.dumps({"pid": process.pid}).encode())
            return {"ports": ports}
        time.sleep(0.05)
    process.terminate()
    raise FleetError("The boards' flash cannot be served.", f"See {folder / LOG}.")


def hang_up(folder: Path) -> None:
    """End download mode; nothing where it is not on."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = int(json.loads((folder / SERVER).read_bytes())["pid"])
        if b"twin.flash_server" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
    for name in (SERVER, SERVER_ANSWER):
        (folder / name).unlink(missing_ok=True)


def settle(folder: Path, timeout_seconds: float) -> dict[str, Any]:
    """Wait until no board is on its way any more; how they are then, or when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = ask(folder, {"op": "status"})
        moving = found["states"].get("connecting", 0) + found["states"].get("off", 0)
        if not moving or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def stop(folder: Path, timeout_seconds: float = 90.0) -> bool:
    """End the process; whether there was one. It waits for threads that open TLS, at most a minute."""
    try:
        pid = int(_record(folder)["pid"])
        ask(folder, {"op": "stop"})
    except NotRunningError:
        if not is_running(folder):
            return False
        raise
    deadline = time.monotonic() + timeout_seconds
    while is_running(folder):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # if it is a child of this one
        if time.monotonic() > deadline:
            raise FleetError(f"The twins (process {pid}) did not stop.", f"See {folder / LOG}.")
        time.sleep(0.05)
    return True


def _record(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError) as error:
        raise NotRunningError(f"No twins run in {folder}.", "Start them: make twin BOARDS=10") from error
    return found
