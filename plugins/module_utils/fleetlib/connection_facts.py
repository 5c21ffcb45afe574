"""What is known of devices that cannot connect: from the registry, the index, the logs and this host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .aws import device_facts
from .aws.device_facts import DeviceReader
from .core.connection_diagnosis import CertificateFacts, Connectivity, DeviceFacts, LogFacts
from .core.errors import FleetError
from .core.provisioning.ports import DeviceError
from .crypto import keys
from .device_store import DeviceStore


@dataclass(frozen=True)
class Sources:
    """Where to look. Clients are boto3's."""

    iot: Any
    logs: Any
    store: DeviceStore
    broker_log: str = ""
    """Log group of AWS IoT itself; empty looks into none."""
    device_log: str = ""
    """Log group of the boards; empty looks into none."""

    def read(self, things: Sequence[str], since: datetime) -> list[DeviceFacts]:
        """About these devices, with logs ``since`` then."""
        reader = DeviceReader(self.iot)
        seen = reader.connectivity(things)
        return [self._one(reader, thing, seen.get(thing), since) for thing in things]

    def _one(
        self, reader: DeviceReader, thing: str, seen: Connectivity | None, since: datetime
    ) -> DeviceFacts:
        found = reader.thing(thing)
        logs = tuple(self._logs(thing, since))
        if found is None:
            return DeviceFacts(thing, exists=False, connectivity=seen, logs=logs)
        certificates = tuple(
            CertificateFacts(
                *(one.id, one.status),
                *keys.certificate_validity(one.pem.encode()),
                keys.certificate_key_id(one.pem),
                reader.policies(one.arn),
                keys.certificate_fields(one.pem.encode()),
            )
            for one in reader.certificates(thing)
        )
        held = self.store.certificate(thing)
        return DeviceFacts(
            thing,
            exists=True,
            thing_type=found.get("thingTypeName", ""),
            attributes=found.get("attributes", {}),
            groups=reader.groups(thing),
            certificates=certificates,
            local_key_id=self._key_id(thing),
            local_certificate=held.id if held else "",
            unreadable=tuple(sorted(reader.unreadable)),
            connectivity=seen,
            logs=logs,
        )

    def _key_id(self, thing: str) -> str:
        if not self.store.key_path(thing).exists():
            return ""
        try:
            return keys.public_key_id(self.store.key(thing))
        except DeviceError as error:
            raise FleetError(
                f"{thing}: {error}", f"Restore {self.store.key_path(thing)} from your backup."
            ) from error

    def _logs(self, thing: str, since: datetime) -> list[LogFacts]:
        wanted = (
            (self.broker_log, {"clientId": thing, "status": "Failure"}),
            (self.device_log, {"level": "error", "thing": thing}),
        )
        return [device_facts.log_lines(self.logs, *one, since) for one in wanted if one[0]]
