"""Virtual boards that take part in IoT Jobs over HTTPS, and are connected over MQTT on request."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fleetlib import delivery
from fleetlib.mqtt.listener import Listener


class Boards:
    """A thread that lives for all boards: takes jobs, reports versions in shadows."""

    def __init__(
        self,
        aws: Any,
        things: list[str],
        program: str,
        websocket: str = "",
        latency: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """With ``websocket`` every board is connected; ``latency`` says how long a job takes, in seconds."""
        self._aws, self._websocket, self._latency = aws, websocket, latency
        self._jobs, self._data = aws("iot-jobs-data"), aws("iot-data")
        self.program = program
        self.things = list(things)
        self.versions: dict[str, str] = {}
        self.loads: Counter[tuple[str, str]] = Counter()
        self.failing: set[str] = set()
        """Boards on which every load of `fails` fails."""
        self.fails: set[str] = set()
        self.offline: set[str] = set()
        self.dying: dict[str, float] = {}
        """Version to the seconds after which it kills the board's connection."""
        self._busy: list[tuple[float, str, str, str]] = []
        self._drops: list[tuple[float, str]] = []
        self._connections: dict[str, ExitStack] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Boards:
        """Connect the boards and let them live."""
        for thing in self.things if self._websocket else ():
            self.connect(thing)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread and the connections."""
        self._ended.set()
        self._thread.join()
        for connection in self._connections.values():
            connection.close()

    def connect(self, thing: str) -> None:
        """Come (back) online."""
        stack = ExitStack()
        where = delivery.gateway(self._aws("iot"), self._websocket, thing)
        stack.enter_context(Listener(where, [f"steel-programs/{thing}/load"]))
        self._connections[thing] = stack
        self.offline.discard(thing)

    def wait_for(self, version: str, things: set[str], timeout_seconds: float = 10.0) -> bool:
        """Until these boards have the version."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if all(self.versions.get(thing) == version for thing in things):
                return True
            self._ended.wait(0.05)
        return False

    def report(self, thing: str, version: str, status: str = "Running") -> None:
        """Report a version as the board does; empty for none."""
        self.versions[thing] = version
        programs = {self.program: {"version": version, "status": status} if version else None}
        payload = json.dumps({"state": {"reported": {"programs": programs}}})
        self._data.update_thing_shadow(thingName=thing, payload=payload)

    def _live(self) -> None:
        while not self._ended.wait(0.05):
            busy = {thing for _, thing, _, _ in self._busy}
            for thing in self.things:
                if thing not in self.offline and thing not in busy and not self._ended.is_set():
                    self._take(thing)
            now = time.monotonic()
            for one in [one for one in self._busy if one[0] <= now]:
                self._busy.remove(one)
                self._finish(*one[1:])
            for one in [one for one in self._drops if one[0] <= now]:
                self._drops.remove(one)
                self._connections.pop(one[1]).close()
                self.offline.add(one[1])

    def _take(self, thing: str) -> None:
        found = self._jobs.start_next_pending_job_execution(thingName=thing).get("execution")
        if not found:
            return
        version = json.loads(found["jobDocument"])["request"].get("version", "")
        self.loads[thing, version] += 1
        self._busy.append((time.monotonic() + self._latency(), thing, found["jobId"], version))

    def _finish(self, thing: str, job: str, version: str) -> None:
        failed = thing in self.failing and version in self.fails
        if not failed:
            self.report(thing, version)
        if version in self.dying:
            self._drops.append((time.monotonic() + self.dying[version], thing))
        try:
            self._jobs.update_job_execution(
                jobId=job,
                thingName=thing,
                status="FAILED" if failed else "SUCCEEDED",
                statusDetails={"version": version or "none"},
            )
        except (
            self._jobs.exceptions.InvalidStateTransitionException,
            self._jobs.exceptions.ResourceNotFoundException,
        ):
            return  # cancelled meanwhile: the board has it all the same
