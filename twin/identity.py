"""Who a board is and how it behaves, from the values in its identity partition."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .flash import DamagedError, Flash
from .nvs import KEY_BYTES, Value, Values, parse
from .partition import DATA, NVS_KEYS, Table

PARTITION = "identity"
"""Name of the partition, and of the namespace in it."""
LOG_LEVELS = ("trace", "debug", "info", "warn", "error")

_THING = re.compile(r"[A-Za-z0-9:_-]{1,128}")
_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----\s")


@dataclass(frozen=True)
class Identity:
    """What a board is known by, where it connects, and what it trusts."""

    device_id: str
    thing: str
    endpoint: str
    port: int
    region: str
    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)
    root_ca: bytes = field(repr=False)
    """PEM, all three."""


@dataclass(frozen=True)
class Config:
    """How it behaves from the factory on; the shadow may change it."""

    log_level: str = "info"
    report_seconds: int = 300
    environment: str = ""


def read(flash: Flash, table: Table) -> tuple[Identity, Config]:
    """Both of a flash; `DamagedError` where something is missing or damaged."""
    partition = table.named(PARTITION)
    keys = table.of_kind(DATA, NVS_KEYS)
    key = _key(flash.read(keys.offset, KEY_BYTES)) if keys else None
    values = parse(flash.read(partition.offset, partition.size), "identity", key)
    return identity(values), config(values)


def _key(found: bytes) -> bytes | None:
    """A blank key partition means that the storage is not encrypted."""
    return None if found == b"\xff" * KEY_BYTES else found


def identity(values: Values) -> Identity:
    """The identity of these values."""
    found = Identity(
        device_id=_value(values, "device_id", str),
        thing=_value(values, "thing_name", str),
        endpoint=_value(values, "endpoint", str),
        port=_value(values, "mqtt_port", int),
        region=_value(values, "region", str),
        certificate=_value(values, "certificate", bytes),
        private_key=_value(values, "private_key", bytes),
        root_ca=_value(values, "root_ca", bytes),
    )
    if not _THING.fullmatch(found.thing):
        raise _damaged("thing_name cannot be the name of a thing")
    if not found.endpoint or not 1 <= found.port <= 0xFFFF:
        raise _damaged(f"{found.endpoint}:{found.port} is no endpoint")
    for name in ("certificate", "private_key", "root_ca"):
        if not _PEM.match(getattr(found, name)):
            raise _damaged(f"{name} is no PEM text")
    return found


def config(values: Values) -> Config:
    """The configuration of these values; what is not there or makes no sense is as it comes by default."""
    mine = {name: value for (namespace, name), value in values.items() if namespace == "config"}
    plain = Config()
    level, seconds = mine.get("log_level"), mine.get("report_seconds")
    return Config(
        log_level=level if isinstance(level, str) and level in LOG_LEVELS else plain.log_level,
        report_seconds=seconds if isinstance(seconds, int) and seconds > 0 else plain.report_seconds,
        environment=str(mine.get("environment", plain.environment)),
    )


def _value(values: Values, name: str, kind: type[Any]) -> Any:
    value: Value | None = values.get((PARTITION, name))
    if not isinstance(value, kind):
        raise _damaged(f"{name} is missing" if value is None else f"{name} is of another type")
    return value


def _damaged(why: str) -> DamagedError:
    return DamagedError("identity", why)
