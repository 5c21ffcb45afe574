"""Run ministack, the local cloud, as a process of its own: start, find again, stop.

Its directory holds all there is: ``cloud.json`` (process and ports), ``cloud.log``, ``state/`` (what
ministack writes when it is asked to stop) and ``s3/`` (objects, written at once).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .core.errors import FleetError, MissingDependencyError

ACCESS_KEY = "test"
"""ministack's root key. Not a secret: the cloud listens on the loopback address only."""
SECRET_KEY = "local-cloud-only"  # noqa: S105  # as above; ministack verifies no signature of the root key
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """Where a local cloud lives. Two clouds need different ports and different directories."""

    directory: Path
    port: int = 4566
    mqtt_port: int = 8883
    region: str = "us-west-2"
    port_variables: tuple[str, str] = ("local_cloud_port", "local_cloud_mqtt_port")
    """What moves either port, for messages."""

    @property
    def endpoint_url(self) -> str:
        """The URL all AWS clients use."""
        return f"http://{HOST}:{self.port}"

    @property
    def record(self) -> Path:
        """The file that names the running process."""
        return self.directory / "cloud.json"

    @property
    def log(self) -> Path:
        """Everything ministack prints."""
        return self.directory / "cloud.log"

    @property
    def state(self) -> Path:
        """What ministack saves when it is asked to stop."""
        return self.directory / "state"

    @property
    def objects(self) -> Path:
        """The objects of all buckets, written at once."""
        return self.directory / "s3"


@dataclass(frozen=True)
class Running:
    """A local cloud that answered its health check."""

    pid: int
    port: int
    mqtt_port: int


def lost_its_state(settings: Settings) -> bool:
    """Whether the last cloud of this directory ended without saving (``kill -9``, a power cut).

    Its objects are on disk then and everything else is not: buckets of stacks that nobody knows. ``start``
    begins with an empty cloud in that case.
    """
    if find(settings) is not None or not settings.record.exists():
        return False
    started = settings.record.stat().st_mtime
    return not any(file.stat().st_mtime >= started for file in settings.state.glob("*.json"))


def is_healthy(port: int, timeout_seconds: float = 2.0) -> bool:
    """Whether a ministack answers on ``port``."""
    try:
        with urllib.request.urlopen(
            f"http://{HOST}:{port}/_ministack/health", timeout=timeout_seconds
        ) as answer:
            return bool("services" in json.load(answer))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def find(settings: Settings) -> Running | None:
    """The process that ``start`` left in this directory, if it still runs."""
    try:
        running = Running(**json.loads(settings.record.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return running if _is_ministack(running.pid) else None


def start(
    settings: Settings, timeout_seconds: float = 60.0, now: Callable[[], float] = time.monotonic
) -> Running:
    """Start a cloud and wait until it is healthy; return the one that runs already on the same ports.

    Raises ``FleetError`` when a port is taken (the hint names the variable that moves it), when the cloud
    of this directory runs on other ports, or when the new process ends or is not healthy in time.
    """
    running = find(settings)
    if running is not None:
        _require_same_ports(running, settings)
        _wait_until_healthy(settings, running, None, now() + timeout_seconds, now)
        return running
    for port, variable in zip((settings.port, settings.mqtt_port), settings.port_variables, strict=True):
        _require_free(port, variable)
    if lost_its_state(settings):
        for directory in (settings.state, settings.objects):
            shutil.rmtree(directory, ignore_errors=True)
    settings.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with settings.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=_environment(settings),
            cwd=settings.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # outlives the playbook and its terminal
        )
    running = Running(process.pid, settings.port, settings.mqtt_port)
    settings.record.write_text(json.dumps(asdict(running)))
    _wait_until_healthy(settings, running, process, now() + timeout_seconds, now)
    return running


def stop(settings: Settings, timeout_seconds: float = 30.0) -> bool:
    """Ask the cloud of this directory to save its state and end; whether one was running."""
    running = find(settings)
    if running is None:
        settings.record.unlink(missing_ok=True)
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while _is_ministack(running.pid):
        if time.monotonic() > deadline:
            raise FleetError(
                f"The local cloud (process {running.pid}) did not stop within {timeout_seconds:.0f} s.",
                f"Its log is {settings.log}. End it with: kill -9 {running.pid}",
            )
        _reap(running.pid)
        time.sleep(0.1)
    settings.record.unlink(missing_ok=True)
    return True


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _environment(settings: Settings) -> dict[str, str]:
    """The process must not see the caller's AWS settings: its Lambdas inherit them."""
    mine = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "LOCALSTACK_", "MINISTACK_"))
    }
    return mine | {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.port),
        "IOT_MTLS_PORT": str(settings.mqtt_port),
        "MINISTACK_REGION": settings.region,
        "PERSIST_STATE": "1",
        "PYTHONUNBUFFERED": "1",
        "S3_DATA_DIR": str(settings.objects),
        "S3_PERSIST": "1",
        "STATE_DIR": str(settings.state),
    }


def _wait_until_healthy(
    settings: Settings,
    running: Running,
    process: subprocess.Popen[bytes] | None,
    deadline: float,
    now: Callable[[], float],
) -> None:
    while not is_healthy(running.port):
        if process is not None and process.poll() is not None:
            settings.record.unlink(missing_ok=True)
            if b"No module named ministack" in settings.log.read_bytes()[-2000:]:
                raise MissingDependencyError("ministack", "the local cloud", "Run: make setup")
            raise FleetError(
                f"The local cloud ended with status {process.returncode} before it was ready.",
                f"Its last words are in {settings.log}",
            )
        if now() > deadline:
            raise FleetError(
                f"The local cloud (process {running.pid}) does not answer on port {running.port}.",
                f"Look at {settings.log}; `make clean` stops it.",
            )
        time.sleep(0.1)


def _require_same_ports(running: Running, settings: Settings) -> None:
    if (running.port, running.mqtt_port) != (settings.port, settings.mqtt_port):
        variables = " and ".join(dict.fromkeys(settings.port_variables))
        raise FleetError(
            f"The local cloud in {settings.directory} runs on ports {running.port} and "
            f"{running.mqtt_port} (MQTT), not on {settings.port} and {settings.mqtt_port} as asked.",
            f"Stop it first (`make clean`), or give its ports as {variables}.",
        )


def _require_free(port: int, variable: str) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise FleetError(
            f"Port {port} of {HOST} is taken, so the local cloud cannot use it.",
            f"Choose another with -e {variable}=<port>, or end what listens there.",
        ) from error


def _is_ministack(pid: int) -> bool:
    """Whether the process lives and is ours: a process id may have been given to another program since."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return not Path("/proc/self").exists() and _answers_signal(pid)
    except OSError:
        return False
    return b"ministack" in words


def _answers_signal(pid: int) -> bool:
    """The best there is where /proc does not exist (macOS)."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _reap(pid: int) -> None:
    """Collect the process if it is a child of this one, else it stays a zombie and looks alive."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
