"""What was deployed, under an id that follows from it: the same deployment always has the same id.

In the deployment bucket::

    deployments/<id>/manifest.json   this record
    deployments/<id>/<name>          the files it names: templates, programs
    deployments/current.json         the id deployed last; its object versions are the history
    lambda/<function>/<sha256>.zip   bundles, shared by all deployments that carry the same code
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from .errors import InvalidInputError

SCHEMA = 1
ROOT = "deployments"
CURRENT_KEY = f"{ROOT}/current.json"
ID_DIGITS = 16
"""Hex digits of the content's SHA-256 that make the id."""


@dataclass(frozen=True)
class File:
    """A file kept with the deployment. ``name`` is its path below the deployment's prefix."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Reference:
    """An object elsewhere in the bucket, under a key that names its content."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Deployment:
    """Everything that decides what is deployed. No time and no host: they would change the id."""

    environment: str
    region: str
    account_id: str
    name_prefix: str
    parameters: Mapping[str, Any]
    files: Sequence[File]
    references: Mapping[str, Reference]
    versions: Mapping[str, str]
    revision: str | None
    """Git revision, with ``-dirty`` when tracked files differ from it; ``None`` outside git."""

    @property
    def id(self) -> str:
        """The immutable id."""
        return hashlib.sha256(_canonical(self._content()).encode()).hexdigest()[:ID_DIGITS]

    @property
    def prefix(self) -> str:
        """Where its objects are, with the slash at the end."""
        return f"{ROOT}/{self.id}/"

    def manifest(self) -> dict[str, Any]:
        """The record."""
        return {"schema": SCHEMA, "id": self.id, **self._content()}

    def _content(self) -> dict[str, Any]:
        files = sorted(self.files, key=lambda file: file.name)
        return {**asdict(self), "files": [asdict(file) for file in files]}


def check_names(names: Sequence[str]) -> None:
    """Raise ``InvalidInputError`` for a file name that is absolute, climbs out, or is given twice."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or name in ("manifest.json", "."):
            raise InvalidInputError(
                f"{name!r} cannot name a file of a deployment.",
                "Give a plain relative path such as templates/core.yml.",
            )
        if names.count(name) > 1:
            raise InvalidInputError(f"The file {name} is given twice.", "Give every file a name of its own.")


def as_text(document: Mapping[str, Any]) -> str:
    """JSON for people and machines, always with the same bytes."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
