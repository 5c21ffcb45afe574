"""What a board knows of itself: the values in its NVS, held against the schema of the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidInputError

KEY_LENGTH: Final = 15
"""Longest key and namespace of NVS."""
STRING_BYTES: Final = 4000
"""Longest string of NVS, its final zero included."""
_LARGEST: Final = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFFFFFF}

SCHEMA: Final[Mapping[str, Mapping[str, str]]] = {
    "identity": {
        "device_id": "string",
        "thing_name": "string",
        "endpoint": "string",
        "mqtt_port": "u16",
        "region": "string",
        "certificate": "blob",
        "private_key": "blob",
        "root_ca": "blob",
    },
    "config": {"log_level": "string", "report_seconds": "u32", "environment": "string"},
}
"""What the boards of this project read; a release may ask for more or less of it."""


@dataclass(frozen=True)
class Entry:
    """One value in NVS."""

    namespace: str
    key: str
    type: str
    value: str | int | bytes


def entries(
    schema: Mapping[str, Mapping[str, str]], values: Mapping[str, Mapping[str, Any]], whose: str
) -> list[Entry]:
    """The values of one board in the order of the schema. Neither may have more than the other.

    An error names the key, never the value: it may be a private key.
    """
    known = {(space, key) for space, keys in schema.items() for key in keys}
    given = {(space, key) for space, keys in values.items() for key in keys}
    for said, names in (("has no value for", known - given), ("has a value for the unknown", given - known)):
        if names:
            space, key = sorted(names)[0]
            raise InvalidInputError(f"The identity of {whose} {said} {space}.{key}.")
    return list(_checked(schema, values, whose))


def _checked(
    schema: Mapping[str, Mapping[str, str]], values: Mapping[str, Mapping[str, Any]], whose: str
) -> Iterator[Entry]:
    for space, keys in schema.items():
        for key, kind in keys.items():
            where = f"The identity of {whose}: {space}.{key}"
            if len(space) > KEY_LENGTH or len(key) > KEY_LENGTH:
                raise InvalidInputError(f"{where}: names in NVS have at most {KEY_LENGTH} characters.")
            yield Entry(space, key, kind, _value(where, kind, values[space][key]))


def _value(where: str, kind: str, value: Any) -> str | int | bytes:
    if kind in _LARGEST:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST[kind]:
            raise InvalidInputError(f"{where} must be a whole number from 0 to {_LARGEST[kind]:,}.")
        return value
    if not isinstance(value, str):
        raise InvalidInputError(f"{where} must be text.")
    if kind == "blob":
        return value.encode()
    if len(value.encode()) >= STRING_BYTES or "\0" in value:
        raise InvalidInputError(
            f"{where} has {len(value.encode()):,} bytes; a string in NVS has less than {STRING_BYTES:,}, "
            "and no zero byte."
        )
    return value
