"""What is a drill's own. What breaks something asks here first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError
from ..naming import fleet_name


@dataclass(frozen=True)
class Scope:
    """The fleet of a drill, by its name."""

    prefix: str
    environment: str

    @property
    def name(self) -> str:
        """``<prefix>-<environment>``."""
        return fleet_name(self.prefix, self.environment)

    def owns(self, name: str) -> bool:
        """Whether something of that name is the drill's."""
        return name == self.name or name.startswith(f"{self.name}-")

    def require(self, name: str, what: str) -> str:
        """The name, if it is the drill's; else an error, before anything is broken."""
        if not self.owns(name):
            raise InvalidInputError(
                f"{what} {name!r} does not belong to the drill: its name does not begin with {self.name}-.",
                "Nothing was broken. Do not give fleet_name_prefix or fleet_stacks with -e for a drill.",
            )
        return name


def require_apart(drill: str, fleet: str) -> None:
    """Refuse a drill whose names could be mistaken for the fleet's, or the other way round."""
    if f"{drill}-".startswith(f"{fleet}-") or f"{fleet}-".startswith(f"{drill}-"):
        raise InvalidInputError(
            f"The drill's name {drill} and the fleet's {fleet} could be mistaken for each other.",
            "Set disaster_recovery_prefix to one that neither begins with the other.",
        )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every field in which two exports differ: kind, name, field, before, after."""
    found = []
    for kind in sorted(before.keys() | after.keys()):
        was, now = before.get(kind, {}), after.get(kind, {})
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                found += [
                    {"kind": kind, "name": name, "field": field, "before": first, "after": second}
                    for field, first, second in _fields("", was.get(name), now.get(name))
                ]
    return found


def _fields(path: str, before: Any, after: Any) -> list[tuple[str, str, str]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            row
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
            for row in _fields(f"{path}.{name}" if path else str(name), before.get(name), after.get(name))
        ]
    return [(path, _shown(before), _shown(after))]


def _shown(value: Any) -> str:
    return "(not there)" if value is None else str(value)[:200]
