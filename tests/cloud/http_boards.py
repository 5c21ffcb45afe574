"""Virtual boards that take part in IoT Jobs over HTTPS: enough for rollouts, without connections."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any


class Boards:
    """A thread that lives for all boards: takes jobs, reports versions in shadows."""

    def __init__(self, aws: Any, things: list[str], program: str) -> None:
        self._jobs, self._data = aws("iot-jobs-data"), aws("iot-data")
        self.program = program
        self.things = list(things)
        self.versions: dict[str, str] = {}
        self.loads: Counter[tuple[str, str]] = Counter()
        self.failing: set[str] = set()
        """Boards on which every load fails."""
        self.fails: set[str] = set()
        """Versions that fail there."""
        self.offline: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Boards:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def report(self, thing: str, version: str, status: str = "Running") -> None:
        """Report a version as the board does; empty for none."""
        self.versions[thing] = version
        programs = {self.program: {"version": version, "status": status} if version else None}
        payload = json.dumps({"state": {"reported": {"programs": programs}}})
        self._data.update_thing_shadow(thingName=thing, payload=payload)

    def _live(self) -> None:
        while not self._ended.wait(0.05):
            for thing in self.things:
                if thing not in self.offline and not self._ended.is_set():
                    self._take(thing)

    def _take(self, thing: str) -> None:
        found = self._jobs.start_next_pending_job_execution(thingName=thing).get("execution")
        if not found:
            return
        document = json.loads(found["jobDocument"])
        version = document["request"].get("version", "")
        self.loads[thing, version] += 1
        failed = thing in self.failing and version in self.fails
        if not failed:
            self.report(thing, version)
        self._jobs.update_job_execution(
            jobId=found["jobId"],
            thingName=thing,
            status="FAILED" if failed else "SUCCEEDED",
            statusDetails={"version": version or "none"},
        )
