"""What has to be uploaded so that a bucket holds the objects it should."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from .errors import FleetError, InvalidInputError

HASH_METADATA = "sha256"
"""Metadata key that holds the lower-case hex digest of an object's bytes. An ETag is no hash of the bytes
where the bucket encrypts with KMS."""

CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".scm": "text/x-scheme; charset=utf-8",
    ".toml": "application/toml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
"""Our own: the operating system's table differs between control hosts, and with it what changes."""

MAX_KEY_BYTES = 1024
"""S3's own limit."""


class Action(StrEnum):
    """What happens to one object."""

    NONE = "unchanged"
    CREATE = "created"
    REPLACE = "replaced"
    REPEAT = "uploaded again"
    """Same bytes, so that what listens to the bucket looks at them once more."""
    TAG = "tagged"


@dataclass(frozen=True)
class Desired:
    """An object as it should be."""

    key: str
    sha256: str
    size_bytes: int | None
    """``None`` where only the hash is known yet."""
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_metadata(self) -> dict[str, str]:
        """The metadata as S3 keeps it, names in lower case, with the hash that later runs compare."""
        return {**{name.lower(): value for name, value in self.metadata.items()}, HASH_METADATA: self.sha256}


@dataclass(frozen=True)
class Stored:
    """An object as it is. ``sha256`` is that of its bytes, wherever it came from."""

    key: str
    sha256: str
    size_bytes: int
    etag: str
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One object, and what to do with it."""

    desired: Desired
    action: Action
    stored: Stored | None = None

    @property
    def uploads(self) -> bool:
        """Whether the bytes are written."""
        return self.action not in (Action.NONE, Action.TAG)

    @property
    def tags(self) -> dict[str, str]:
        """The tags the object will have: tags of others stay, except where the object is written anew."""
        kept = self.stored.tags if self.stored and not self.uploads else {}
        return {**kept, **self.desired.tags}


@dataclass(frozen=True)
class Plan:
    """Every object in the order given; objects are written in that order."""

    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is written."""
        return any(step.action is not Action.NONE for step in self.steps)

    @property
    def before(self) -> dict[str, object]:
        """The objects that change, as they are."""
        return {
            step.desired.key: _shown(step.stored) for step in self.steps if step.action is not Action.NONE
        }

    @property
    def after(self) -> dict[str, object]:
        """The objects that change, as they will be."""
        return {
            step.desired.key: _shown(step.desired, step.tags)
            for step in self.steps
            if step.action is not Action.NONE
        }


def digest(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def content_type(key: str) -> str:
    """The MIME type for a key's extension."""
    return CONTENT_TYPES.get(PurePosixPath(key).suffix.lower(), "application/octet-stream")


def check(desired: Sequence[Desired]) -> None:
    """Raise ``InvalidInputError`` for keys that S3 would refuse and for a key given twice."""
    seen = set()
    for one in desired:
        if not one.key or one.key.startswith("/") or len(one.key.encode()) > MAX_KEY_BYTES:
            raise InvalidInputError(
                f"{one.key!r} is not a usable object key.",
                f"A key has 1 to {MAX_KEY_BYTES} bytes and does not begin with a slash.",
            )
        if one.key in seen:
            raise InvalidInputError(
                f"The key {one.key} is given twice.", "Give every object a key of its own."
            )
        if HASH_METADATA in {name.lower() for name in one.metadata}:
            raise InvalidInputError(
                f"metadata of {one.key} sets {HASH_METADATA!r}, which the module sets itself.",
                "Leave it out.",
            )
        seen.add(one.key)


def plan(
    desired: Sequence[Desired],
    stored: Mapping[str, Stored],
    *,
    immutable: bool = False,
    awaited: tuple[str, str] | None = None,
) -> Plan:
    """Compare what should be with what is (key → object; a missing key does not exist).

    ``immutable`` refuses to replace bytes and leaves an existing object's headers alone. ``awaited`` is a tag
    (name, value) that something else sets once it has looked at the object: an object without it is uploaded
    again, since nobody looked yet, or who looked was wrong and has been mended since.
    """
    steps = tuple(_step(one, stored.get(one.key), immutable, awaited) for one in desired)
    clashes = [step for step in steps if immutable and step.action is Action.REPLACE]
    if clashes:
        raise FleetError(
            "; ".join(_clash(step) for step in clashes) + ".",
            "What is published stays as it is: give the new content a new key (a new version).",
            immutable_keys=[step.desired.key for step in clashes],
        )
    return Plan(steps)


def _step(desired: Desired, stored: Stored | None, immutable: bool, awaited: tuple[str, str] | None) -> Step:
    if stored is None:
        return Step(desired, Action.CREATE)
    if stored.sha256 != desired.sha256:
        return Step(desired, Action.REPLACE, stored)
    if not immutable and not _same_headers(desired, stored):
        return Step(desired, Action.REPLACE, stored)
    if awaited is not None and awaited not in stored.tags.items():
        return Step(desired, Action.REPEAT, stored)
    if desired.tags.items() - stored.tags.items():
        return Step(desired, Action.TAG, stored)
    return Step(desired, Action.NONE, stored)


def _same_headers(desired: Desired, stored: Stored) -> bool:
    return desired.content_type == stored.content_type and desired.all_metadata == dict(stored.metadata)


def _clash(step: Step) -> str:
    was = step.stored.sha256[:12] if step.stored else ""
    return (
        f"{step.desired.key} exists with other content (sha256 {was}…, not {step.desired.sha256[:12]}…) "
        "and must not be replaced"
    )


def _shown(one: Desired | Stored | None, tags: Mapping[str, str] | None = None) -> dict[str, object] | None:
    if one is None:
        return None
    metadata = one.all_metadata if isinstance(one, Desired) else one.metadata
    return {
        "sha256": one.sha256,
        "size_bytes": one.size_bytes,
        "content_type": one.content_type,
        "metadata": {name: value for name, value in sorted(metadata.items()) if name != HASH_METADATA},
        "tags": dict(sorted((one.tags if tags is None else tags).items())),
    }
