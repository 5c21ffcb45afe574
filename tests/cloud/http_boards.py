"""Virtual boards that take part in IoT Jobs over HTTPS, and are connected over MQTT on request."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fleetlib import delivery
from fleetlib.crypto import signatures
from fleetlib.mqtt.listener import Listener

CYCLE_SECONDS = 0.15
"""Pause between two looks of all boards: more often, and they take the processor from the cloud."""


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
        self.public_key = ""
        """PEM; with it boards check what they download, as a board does with the key in its firmware."""
        self.unwell: set[str] = set()
        """Boards that do not come up with new firmware and go back by themselves."""
        self.firmware: dict[str, str] = {}
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
        while not self._ended.wait(CYCLE_SECONDS):
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
        document = json.loads(found["jobDocument"])
        if document["operation"] == "firmware.update":
            self._update(thing, found["jobId"], document["request"])
            return
        version = document["request"].get("version", "")
        self.loads[thing, version] += 1
        self._busy.append((time.monotonic() + self._latency(), thing, found["jobId"], version))

    def _update(self, thing: str, job: str, request: dict[str, Any]) -> None:
        """Download into the other slot, check, start, report the success, and confirm; or go back."""
        with urllib.request.urlopen(request["download_url"], timeout=10) as answer:
            image = answer.read()
        signature = base64.b64decode(request["signature"])
        good = hashlib.sha256(image).hexdigest() == request["checksum"] and signatures.verify(
            self.public_key, image, signature
        )
        self.loads[thing, request["firmware_version"]] += 1
        former = self.firmware.get(thing, "")
        if good:
            self.run_firmware(thing, request["firmware_version"], confirmed=False)
        status = "SUCCEEDED" if good else "REJECTED"
        details = {"version": request["firmware_version"]}
        self._jobs.update_job_execution(jobId=job, thingName=thing, status=status, statusDetails=details)
        if good:
            well = thing not in self.unwell
            self.run_firmware(thing, request["firmware_version"] if well else former)

    def run_firmware(self, thing: str, version: str, confirmed: bool = True) -> None:
        """Report the firmware that runs."""
        self.firmware[thing] = version
        firmware = {"version": version, "slot": "ota_0", "confirmed": confirmed}
        payload = json.dumps({"state": {"reported": {"firmware": firmware}}})
        self._data.update_thing_shadow(thingName=thing, payload=payload)

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
