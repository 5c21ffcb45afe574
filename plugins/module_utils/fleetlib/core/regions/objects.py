"""Objects in two regions: what is lacking or older in the second one, by one listing of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..clock import iso


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it."""

    size_bytes: int
    modified: datetime


@dataclass(frozen=True)
class Copy:
    """An object to copy."""

    purpose: str
    key: str
    size_bytes: int


def outdated(first: Mapping[str, Listed], second: Mapping[str, Listed]) -> list[str]:
    """Keys that the second bucket lacks, or has of another size or from before the first one's were written.

    Hashes would be surer, and a call for every object: an ETag is another one wherever the same bytes are
    encrypted. What only the second bucket has is left: replication takes nothing away either.
    """
    return sorted(key for key, one in first.items() if key not in second or _is_old(one, second[key]))


def entries(listed: Mapping[str, Listed], names: list[str]) -> dict[str, Any]:
    """Listed objects as entries of a state, to be compared field by field."""
    return {
        key: {"size_bytes": listed[key].size_bytes, "written": iso(listed[key].modified)}
        for key in names
        if key in listed
    }


def _is_old(first: Listed, second: Listed) -> bool:
    return first.size_bytes != second.size_bytes or second.modified < first.modified
