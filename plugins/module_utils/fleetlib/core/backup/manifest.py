"""What a snapshot consists of. The manifest is signed, and names every other byte by its hash."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..clock import parse_iso
from ..errors import FleetError, InvalidInputError
from .chunks import Blob, DamagedError

FORMAT: Final = 1
SNAPSHOTS: Final = "snapshots/"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"

_ID = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z")


@dataclass(frozen=True)
class Manifest:
    """A snapshot, described."""

    id: str
    """When it was begun: ``2026-11-28T09-30-00Z``. Sorting ids sorts by age."""
    fleet: str
    account_id: str
    region: str
    began: str
    ended: str
    key_id: str
    """The key that signed it."""
    sections: Mapping[str, Sequence[Blob]]
    counts: Mapping[str, int]
    """Entries by section."""
    files: Sequence[Blob] = ()
    """Copies of objects; section ``objects`` says which is which."""
    changed_meanwhile: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What changed while it was copied, by kind of change: names."""
    remarks: Sequence[str] = ()
    """What is not in it, and why."""

    @property
    def blobs(self) -> dict[str, Blob]:
        """Every blob it needs, by id."""
        named = [blob for blobs in self.sections.values() for blob in blobs]
        return {blob.id: blob for blob in [*named, *self.files]}

    @property
    def taken(self) -> datetime:
        """The moment that it shows; what came later is not in it."""
        return parse_iso(self.began)

    def as_bytes(self) -> bytes:
        """The bytes that are signed and stored."""
        data = {**vars(self), "format": FORMAT, "files": [vars(one) for one in self.files]}
        data["sections"] = {name: [vars(one) for one in blobs] for name, blobs in self.sections.items()}
        return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def from_bytes(data: bytes) -> Manifest:
    """The manifest that `Manifest.as_bytes` wrote."""
    try:
        found = json.loads(data)
        if found.pop("format") != FORMAT:
            raise FleetError(
                "This snapshot is of another format.", "Restore it with the version that made it."
            )
        sections = {name: [Blob(**one) for one in blobs] for name, blobs in found.pop("sections").items()}
        return Manifest(**found | {"sections": sections, "files": [Blob(**one) for one in found["files"]]})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(f"A manifest cannot be read: {error!r}.") from error


def snapshot_id(began: datetime) -> str:
    """The id of a snapshot begun at that time."""
    return f"{began:%Y-%m-%dT%H-%M-%SZ}"


def when(snapshot: str) -> datetime:
    """When a snapshot was begun, by its id."""
    date, _, time = check_id(snapshot).partition("T")
    return parse_iso(f"{date}T{time.replace('-', ':')}")


def check_id(snapshot: str) -> str:
    """The id, if it can be one."""
    if not _ID.fullmatch(snapshot):
        raise InvalidInputError(
            f"snapshot_id is {snapshot!r}; it must be like 2026-11-28T09-30-00Z.",
            "verify_backups.yml lists what there is.",
        )
    return snapshot


def key_of(snapshot: str, name: str) -> str:
    """Where the manifest or its signature is stored."""
    return f"{SNAPSHOTS}{snapshot}/{name}"


def ids(keys: Sequence[str]) -> list[str]:
    """The complete snapshots among stored keys, oldest first. The signature is stored last of all."""
    found = {key.removeprefix(SNAPSHOTS).partition("/")[0] for key in keys if key.endswith(f"/{SIGNATURE}")}
    return sorted(one for one in found if _ID.fullmatch(one))
