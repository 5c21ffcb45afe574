"""Virtual boards, as this collection uses them: a process of the checkout (docs/twin.md), never an import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .core.errors import FleetError, InvalidInputError

GRACE_SECONDS = 120.0
"""How much longer a command may take than it was told to wait."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Which devices are stood in for, and where they connect."""

    devices_directory: Path
    prefix: str
    environment: str
    count: int
    start_id: int
    endpoint: str
    port: int
    region: str
    root_ca: str
    """PEM."""
    firmware_version: str
    report_seconds: int


@dataclass(frozen=True)
class Twins:
    """The twins of a directory."""

    checkout: Path
    directory: Path

    def factory(self, place: Place, *, dry: bool) -> Answer:
        """Have a board for each device; ``made`` names those that were, or with ``dry`` would be, made."""
        if not place.endpoint:
            raise InvalidInputError(
                "There is no endpoint for the boards to connect to.",
                "Set twin_endpoint, or fleet_mqtt_endpoint in the inventory.",
            )
        words = ["factory", "--devices", str(place.devices_directory)]
        words += ["--prefix", place.prefix, "--environment", place.environment]
        words += ["--count", str(place.count), "--start-id", str(place.start_id)]
        words += ["--endpoint", place.endpoint, "--port", str(place.port), "--region", place.region]
        words += ["--firmware-version", place.firmware_version]
        words += ["--report-seconds", str(place.report_seconds), "--ca-file", "-"]
        return self._do([*words, "--dry-run"] if dry else words, told=place.root_ca)

    def download(self, boards: Sequence[str]) -> dict[str, str]:
        """Put boards into download mode, which esptool can write to; their ports by board."""
        ports: dict[str, str] = self._do(["download", *boards])["ports"]
        return ports

    def end_download(self) -> None:
        """Let the boards in download mode start."""
        if (self.directory / "download.json").exists():
            self._do(["download"])

    def status(self) -> Answer | None:
        """How they are; nothing where none run."""
        if not (self.directory / "twin.json").exists():
            return None
        answer = self._do(["status", "--if-running"])
        return answer or None

    def boards(self) -> list[Answer]:
        """Each of them, with the times that it was connected (``spells``)."""
        found: list[Answer] = self._do(["status", "--boards"])["boards"]
        return found

    def start(self, *, wait_seconds: float, engine: bool, seed: str, public_key_file: str) -> Answer:
        """Start them and wait until all are connected, or refused to start."""
        words = ["start", "--wait", str(wait_seconds), "--seed", seed]
        words += [] if engine else ["--no-engine"]
        words += ["--public-key", public_key_file] if public_key_file else []
        return self._do(words, wait_seconds)

    def settle(self, wait_seconds: float) -> Answer:
        """Wait until those that run are connected, or refused to start."""
        return self._do(["status", "--wait", str(wait_seconds)], wait_seconds)

    def fault(self, faults: Mapping[str, Any], boards: str, share: float) -> Answer:
        """Make something go wrong on some of them; ``changed`` names those on which that is new."""
        words = [name if value is True else f"{name}={_word(value)}" for name, value in faults.items()]
        return self._do(["fault", *words, "--boards", boards, "--share", str(share)])

    def stop(self) -> Answer:
        """Stop them; their flash stays."""
        return self._do(["stop"])

    def _do(self, words: Sequence[str], seconds: float = 0.0, told: str = "") -> Answer:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "twin", words[0], "--dir", str(self.directory), *words[1:]],
                cwd=self.checkout,
                env={**os.environ, "PYTHONPATH": str(self.checkout)},
                input=told,
                capture_output=True,
                text=True,
                timeout=seconds + GRACE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FleetError(f"The twins of {self.checkout} do not work: {error}.") from error
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
            raise FleetError(last[0].removeprefix("twin: "), twin_log=str(self.directory / "twin.log"))
        answer: Answer = json.loads(done.stdout)
        return answer


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
