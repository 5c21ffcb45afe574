"""Which of two regions serves the fleet: the one to which it was moved last.

A move writes its time on the fleet's thing group in the region where devices go: every control host can read
it there, also when the other region is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import FleetError

SINCE: Final = "serves_since"
"""Attribute of the thing group. Its values are ids of snapshots, so that both can be compared."""


def since(attributes: Mapping[str, str]) -> str:
    """When the fleet was moved to the region whose group has these attributes; empty where it never was."""
    return attributes.get(SINCE, "")


def unmarked(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes that belong to the fleet in any region."""
    return {name: value for name, value in attributes.items() if name != SINCE}


def require_older(origin: str, target: str, origin_since: str, target_since: str) -> None:
    """Raises `FleetError` where the fleet was moved to the target last: what the origin holds is older."""
    if target_since > origin_since:
        raise FleetError(
            f"The fleet was moved to {target} at {target_since}: what {origin} holds is older and would "
            "replace what changed since.",
            f"Go back first, which carries it over: runbooks/region_failover.yml -e confirm={origin}.",
        )
