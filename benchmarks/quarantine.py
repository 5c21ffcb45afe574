"""Measure quarantine: python benchmarks/quarantine.py [--devices 1000]

Virtual boards are connected over mutual TLS and cut off; a hundred of them publish every second and note when
their first message was refused, the others try once afterwards. Then they are released, and the registry is
compared byte for byte. Results go to benchmarks/results/quarantine.md. The local cloud is its own.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins/module_utils")]

import boto3  # noqa: E402  # after the path to fleetlib
from botocore.config import Config  # noqa: E402
from fleetlib import local_cloud  # noqa: E402
from fleetlib.core.naming import numbered_device_ids  # noqa: E402
from fleetlib.core.provisioning.engine import Settings  # noqa: E402
from fleetlib.core.provisioning.model import Fleet  # noqa: E402
from fleetlib.core.quotas import Quotas  # noqa: E402
from fleetlib.device_store import DeviceStore  # noqa: E402
from fleetlib.mqtt.session import Identity, Server, Session  # noqa: E402
from fleetlib.provisioner import Provisioner  # noqa: E402

from tests.cloud.incident_site import Site  # noqa: E402
from tests.cloud.registry_state import export  # noqa: E402

UNLIMITED = Quotas().scaled(10_000)
ACCOUNT = "000000000001"
WORKERS = 16
TALKING = 100
"""Boards that publish every second; all of them would keep the emulator busier than a real fleet does."""
PER_PROCESS = 250
"""Connections of one process: paho waits with select(), which knows 1,024 files; each takes three."""
ATTEMPTS = 3


class Boards:
    """Connected boards of one process; some publish every second until the broker refuses."""

    def __init__(self, server: Server, directory: Path, things: list[str], talking: list[str]) -> None:
        """Nothing is connected before the block is entered."""
        self._server, self._store, self._things = server, DeviceStore(directory), things
        self._talking = talking
        self._stack = contextlib.ExitStack()
        self._ended = threading.Event()
        self.refused: dict[str, float] = {}
        """Thing → moment (monotonic) of the first refusal."""
        self.published = 0

    def __enter__(self) -> Boards:
        """Connect all, and have them publish."""
        self.sessions = {thing: self._connect(thing) for thing in self._things}
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Fall silent and disconnect."""
        self._ended.set()
        self._thread.join()
        self._stack.close()

    def _connect(self, thing: str) -> Session:
        identity = Identity(thing, self._store.key_path(thing), self._store.certificate_path(thing))
        for _ in range(ATTEMPTS):
            session = self._stack.enter_context(Session(self._server, identity, timeout_seconds=30))
            if session.connected.allowed:
                return session
        raise RuntimeError(f"{thing} cannot connect: {session.connected.text}")

    def _speak(self) -> None:
        while not self._ended.wait(1.0):
            for thing in self._talking:
                if thing not in self.refused and not self._ended.is_set():
                    self._try_once(thing)

    def _try_once(self, thing: str) -> None:
        answer = self.sessions[thing].publish(f"steel-telemetry/{thing}/metrics", b"{}")
        self.published += answer.allowed
        if not answer.allowed:
            self.refused[thing] = time.monotonic()

    def wait(self, seconds: float) -> dict[str, float]:
        """Until those that publish were all refused; when each was."""
        deadline = time.monotonic() + seconds
        while len(self.refused) < len(self._talking) and time.monotonic() < deadline:
            self._ended.wait(0.05)
        return dict(self.refused)

    def try_all(self) -> int:
        """Have those publish that were silent; how many were refused in all."""
        for thing in self._things:
            if thing not in self.refused:
                self._try_once(thing)
        return len(self.refused)


def live(server: Server, directory: Path, things: list[str], talking: list[str], pipe: Connection) -> None:
    """The life of a process of boards: does what it is told, until it is told to end."""
    with Boards(server, directory, things, talking) as boards:
        pipe.send("connected")
        pipe.recv()
        pipe.send(boards.wait(60))
        pipe.recv()
        pipe.send((boards.try_all(), boards.published))


@contextlib.contextmanager
def connected(place: Site, things: list[str]) -> Iterator[list[Connection]]:
    """All boards, in as many processes as they need."""
    talking = set(things[:: max(1, len(things) // TALKING)])
    context = multiprocessing.get_context("spawn")
    parts = [things[start : start + PER_PROCESS] for start in range(0, len(things), PER_PROCESS)]
    with contextlib.ExitStack() as stack:
        pipes = []
        for part in parts:
            here, there = context.Pipe()
            mine = [thing for thing in part if thing in talking]
            process = context.Process(
                target=live, args=(place.server, place.store.directory, part, mine, there), daemon=True
            )
            process.start()
            there.close()
            stack.callback(process.join)
            pipes.append(here)
        for pipe in pipes:
            pipe.recv()
        yield pipes


def told(pipes: list[Connection]) -> list[Any]:
    """What the processes say when they are told to go on."""
    for pipe in pipes:
        pipe.send("go on")
    return [pipe.recv() for pipe in pipes]


def may_connect(site: Site, things: list[str]) -> int:
    """How many of the boards the broker lets in."""

    def tried(thing: str) -> bool:
        with site.session(thing, timeout_seconds=60) as session:
            return session.connected.allowed

    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(tried, things))


@contextlib.contextmanager
def site() -> Iterator[Site]:
    """A fleet without devices on a local cloud, for a while."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        port, mqtt_port = local_cloud.free_ports(2)
        settings = local_cloud.Settings(Path(name) / "cloud", port, mqtt_port)

        def client(service: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=settings.endpoint_url,
                region_name=settings.region,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key=local_cloud.SECRET_KEY,
                config=Config(max_pool_connections=64),
            )

        local_cloud.start(settings)
        try:
            yield Site(client, {}, ACCOUNT, Path(name) / "fleet", settings)
        finally:
            local_cloud.stop(settings)


OPERATOR = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import boto3
from botocore.config import Config
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.quarantine import Scope
from fleetlib.core.quotas import Quotas
from fleetlib.quarantine import Incidents, Responder

what, endpoint, account, directory, count = sys.argv[1:]
iot = boto3.client("iot", endpoint_url=endpoint, region_name="us-west-2", aws_access_key_id=account,
                   aws_secret_access_key="x", config=Config(max_pool_connections=64))
responder = Responder(Incidents(Path(directory)), iot, None, Quotas().scaled(10_000))
things = tuple(f"pit-local-{one}" for one in numbered_device_ids(1, int(count)))
scope = Scope("bench", "pit-local-quarantine", "pit-local-quarantine", things)
result = responder.quarantine(scope) if what == "quarantine" else responder.release("bench")
print(json.dumps({name: getattr(result, name) for name in ("seconds", "gate_seconds", "failures", "steps")}))
"""


def operator(place: Site, what: str, count: int) -> dict[str, Any]:
    """Quarantine or release in a process of its own, as an operator's is."""
    command = [
        sys.executable,
        "-c",
        OPERATOR,
        what,
        place.cloud.endpoint_url,
        ACCOUNT,
        place.directory,
        count,
    ]
    run = subprocess.run(
        [str(one) for one in command],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins/module_utils")},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def main() -> int:
    """Measure, print and write; the exit status says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000)
    count = parser.parse_args().devices
    with site() as place:
        fleet = Fleet("pit", "local", numbered_device_ids(1, count), "board", "pit-local-device", "pit-local")
        Provisioner(fleet, place.directory, place.iot, UNLIMITED, settings=Settings(32, 0)).provision()
        things = sorted(fleet.devices)
        print(f"{count:,} devices at {time.strftime('%X')}", flush=True)
        before = export(place.iot)

        with connected(place, things) as pipes:
            print(f"all connected at {time.strftime('%X')}", flush=True)
            start = time.monotonic()
            cut = operator(place, "quarantine", count)
            moments = [moment for part in told(pipes) for moment in part.values()]
            delays = sorted(moment - start for moment in moments)
            counted = told(pipes)
            refused, published = (sum(numbers) for numbers in zip(*counted, strict=True))
        allowed_in_quarantine = may_connect(place, things)
        released = operator(place, "release", count)
        after = export(place.iot)
        allowed_after = may_connect(place, things)
    text, passed = page(
        count, cut, released, delays, refused, published, allowed_in_quarantine, allowed_after, before, after
    )
    print(text)
    (ROOT / "benchmarks/results/quarantine.md").write_text(text)
    return 0 if passed else 1


def page(
    count: int,
    cut: dict[str, Any],
    released: dict[str, Any],
    delays: list[float],
    refused: int,
    published: int,
    allowed_in_quarantine: int,
    allowed_after: int,
    before: bytes,
    after: bytes,
) -> tuple[str, bool]:
    """What was measured, and whether it is what was asked for."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    half, last = (delays[len(delays) // 2], delays[-1]) if delays else (0.0, 0.0)
    same = before == after
    rates = Quotas()
    gate = count / rates.rate("AddThingToThingGroup")
    off = count / min(
        rates.rate(name) for name in ("UpdateCertificate", "DescribeCertificate", "AttachPolicy")
    )
    rows = [
        (
            "boards whose next message is refused",
            "all",
            f"{refused:,} of {count:,}",
        ),
        (
            f"first refusal, of the {len(delays)} that publish every second",
            "within seconds",
            f"half within {half:.1f} s, the last after {last:.1f} s",
        ),
        (
            "whole quarantine",
            "—",
            f"{cut['seconds']:.1f} s ({cut['gate_seconds']:.1f} s for the group), "
            f"{count / cut['seconds']:.0f} devices a second",
        ),
        ("boards that can connect in quarantine", "none", f"{allowed_in_quarantine:,} of {count:,}"),
        ("release", "—", f"{released['seconds']:.1f} s"),
        (
            "registry after the release",
            "byte-identical",
            f"{'identical' if same else 'different'}, {len(after):,} bytes, sha256 "
            f"{hashlib.sha256(after).hexdigest()[:16]}…",
        ),
        ("boards that can connect after the release", "all", f"{allowed_after:,} of {count:,}"),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = f"""# Quarantine

`python benchmarks/quarantine.py`, commit {commit}, {platform.machine()}, {os.cpu_count()} processors, Python
{platform.python_version()}; local cloud, {count:,} boards connected over mutual TLS.
They published {published:,} messages before they were refused. One-minute load of the machine afterwards:
{os.getloadavg()[0]:.1f}.

| What | Asked for | Measured |
| --- | --- | --- |
{table}

At the quotas of AWS {count:,} devices are behind the group after {gate:.0f} s (a whole thing group: one
call), and their certificates are INACTIVE after {off:.0f} s. AWS says that policies take effect within 6 to
8 minutes and that devices with an INACTIVE certificate are disconnected within a few minutes;
`DeleteConnection`, which this emulator does not know, ends each session at once.
"""
    good = refused == count == allowed_after and not allowed_in_quarantine and same
    return text, good and not cut["failures"] and not released["failures"]


if __name__ == "__main__":
    sys.exit(main())
