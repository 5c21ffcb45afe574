"""The configuration file of one device, as TOML: who it is, where it connects, what it may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidInputError

SECTIONS = ("device", "aws", "steel", "ota", "security", "monitoring")
"""The sections of a file, in their order."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_KEY_MARK = "PRIVATE KEY"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


@dataclass(frozen=True)
class Plan:
    """Files to write; every other file is left as it is."""

    before: Mapping[str, str]
    """Name → present text, of files that will change and exist."""
    after: Mapping[str, str]
    """Name → new text, of files that will change."""

    @property
    def changed(self) -> bool:
        """Whether any file has to be written."""
        return bool(self.after)


def plan(wanted: Mapping[str, str], present: Mapping[str, str]) -> Plan:
    """Compare files wanted with files present (name → text)."""
    after = {name: text for name, text in wanted.items() if present.get(name) != text}
    return Plan({name: present[name] for name in after if name in present}, after)


def render(sections: Mapping[str, Mapping[str, Any]], device_id: str, thing: str) -> str:
    """The file of a device. ``{device_id}`` and ``{thing_name}`` in values stand for its own.

    Raises `InvalidInputError` for an unknown section, for values that TOML does not have and for keys.
    """
    strangers = sorted(set(sections) - set(SECTIONS))
    if strangers:
        raise InvalidInputError(f"Section {strangers[0]!r} is unknown; there are {', '.join(SECTIONS)}.")
    own = {"{device_id}": device_id, "{thing_name}": thing}
    blocks = []
    for section in SECTIONS:
        if section in sections:
            lines = [
                f"{_key(section, key)} = {_value(f'{section}.{key}', value, own)}"
                for key, value in sections[section].items()
            ]
            blocks.append("\n".join([f"[{section}]", *lines, ""]))
    return "\n".join(blocks)


def _key(section: str, key: str) -> str:
    if not _BARE_KEY.fullmatch(key):
        raise InvalidInputError(f"{section}: {key!r} cannot be a key; allowed are letters, digits, _ and -.")
    return key


def _value(where: str, value: Any, own: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(where, one, own) for one in value)}]"
    if not isinstance(value, str):
        raise InvalidInputError(
            f"{where} is {value!r}; allowed are text, numbers, true, false and lists of them."
        )
    if _KEY_MARK in value:
        raise InvalidInputError(
            f"{where} holds a private key.",
            "Configuration names the key's path on the device, never the key.",
        )
    for placeholder, text in own.items():
        value = value.replace(placeholder, text)
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08X}"
