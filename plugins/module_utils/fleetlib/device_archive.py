"""What this control host keeps of devices that were taken out of service: ``<directory>/`` (mode 0700) with

``<thing>.pending/evidence.json``
    what the registry had of a device, on the disk before the first change; its removal is not ended;
``<thing>-<time>/``
    evidence, and ``device/`` with the key and certificate that the device had; its removal has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from .core.errors import FleetError
from .core.journal import sync_directory
from .core.provisioning.decommission import Evidence
from .device_store import explained, write_draft

EVIDENCE = "evidence.json"
_PENDING = ".pending"


class DeviceArchive:
    """The archive of a fleet. See `core.provisioning.decommission.Archive`."""

    def __init__(self, directory: Path, devices: Path) -> None:
        """``devices`` is where the device store keeps those in service."""
        self._directory, self._devices = directory, devices

    def all_pending(self, things: Iterable[str]) -> frozenset[str]:
        """Those whose removal was begun and not ended."""
        return frozenset(thing for thing in things if self._pending(thing).exists())

    def begun(self) -> list[str]:
        """Every thing whose removal was begun and not ended."""
        return sorted(path.name.removesuffix(_PENDING) for path in self._directory.glob(f"*{_PENDING}"))

    def pending(self, thing: str) -> Evidence | None:
        """The evidence kept before the first change."""
        path = self._pending(thing) / EVIDENCE
        with explained(path):
            if not path.exists():
                return None
            text = path.read_bytes()
        try:
            evidence: Evidence = json.loads(text)
        except ValueError as error:
            raise FleetError(f"{path} is damaged.", "Restore it from a backup of this directory.") from error
        return evidence

    def keep(self, thing: str, evidence: Evidence) -> None:
        """Keep the evidence whole or not at all."""
        folder = self._pending(thing)
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory.chmod(0o700)
            text = json.dumps(evidence, indent=2, sort_keys=True) + "\n"
            os.replace(write_draft(folder / EVIDENCE, text.encode()), folder / EVIDENCE)
            sync_directory(folder)
            sync_directory(self._directory)

    def finish(self, thing: str) -> str:
        """Move key and certificate beside the evidence, and give the directory its final name."""
        folder = self._pending(thing)
        evidence = self.pending(thing) or {}
        ended = self._directory / f"{thing}-{str(evidence['at']).replace(':', '')}"
        with explained(folder):
            if (self._devices / thing).exists():
                os.replace(self._devices / thing, folder / "device")
                sync_directory(folder)
                sync_directory(self._devices)
            os.replace(folder, ended)
            sync_directory(self._directory)
        return str(ended)

    def _pending(self, thing: str) -> Path:
        return self._directory / f"{thing}{_PENDING}"
