"""Where everything belongs in flash, and whether it fits. Pure: tables are parsed by `esp.partitions`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import InvalidInputError
from ..rollout.firmware import check_image
from .manifest import Image, Manifest

SECTOR: Final = 0x1000
"""Flash is erased in sectors of 4 KiB."""
TABLE_OFFSET: Final = 0x8000
"""Where ESP-IDF puts the partition table; what lies before it starts the chip."""
BLANK: Final = b"\xff"
_ALWAYS_SEALED: Final = ("ota", "nvs_keys")
"""Subtypes of data that ESP-IDF encrypts whatever the table says."""


@dataclass(frozen=True)
class Partition:
    """A row of a partition table, with the names that ESP-IDF uses."""

    name: str
    type: str
    subtype: str
    offset: int
    size: int
    encrypted: bool = False
    """Whether the table has it encrypted in a chip that encrypts its flash."""

    @property
    def is_sealed(self) -> bool:
        """Whether a chip with flash encryption reads it through its key: what starts it, and what says so."""
        return self.encrypted or self.type == "app" or self.subtype in _ALWAYS_SEALED

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.offset + self.size


@dataclass(frozen=True)
class Region:
    """Bytes that a board is to have from ``offset`` on, whole sectors."""

    name: str
    offset: int
    data: bytes
    sealed: bool = True
    """Whether a chip with flash encryption has it encrypted."""

    @property
    def md5(self) -> str:
        """What the chip's boot loader is asked for."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


def check(manifest: Manifest, partitions: Sequence[Partition]) -> None:
    """Refuse a release whose images do not fit their places, or whose table does not fit the flash."""
    size = manifest.flash.size_bytes
    for one in partitions:
        if one.end > size:
            raise InvalidInputError(
                f"Partition {one.name} ends at {one.end:#x}; the flash has {manifest.flash.size} ({size:#x})."
            )
    for image in manifest.images:
        place_of(image, partitions)
    in_order = sorted(manifest.images, key=lambda one: one.offset)
    for first, second in itertools.pairwise(in_order):
        if first.offset + first.size_bytes > second.offset:
            raise InvalidInputError(
                f"Image {second.name} at {second.offset:#x} overlaps image {first.name}, which ends at "
                f"{first.offset + first.size_bytes:#x}."
            )
    if manifest.nvs.namespaces:
        named(manifest.nvs.partition, "nvs", partitions)
    if manifest.security.nvs_encryption:
        keys_partition(partitions)


def place_of(image: Image, partitions: Sequence[Partition]) -> Partition | None:
    """The partition of an image; None for what starts the chip, before the table."""
    if image.offset == 0:
        room, what, found = TABLE_OFFSET, "the room before the partition table", None
    else:
        found = next((one for one in partitions if one.offset == image.offset), None)
        if found is None:
            raise InvalidInputError(
                f"Image {image.name} is for {image.offset:#x}, where no partition begins.",
                f"Partitions begin at {', '.join(f'{one.offset:#x} ({one.name})' for one in partitions)}.",
            )
        room, what = found.size, f"partition {found.name}"
    if image.size_bytes > room:
        raise InvalidInputError(
            f"Image {image.name} has {image.size_bytes:,} bytes; {what} holds {room:,}.",
            "Make the image smaller, or give it a larger partition.",
        )
    return found


def named(name: str, subtype: str, partitions: Sequence[Partition]) -> Partition:
    """The data partition of that name and subtype."""
    for one in partitions:
        if one.name == name and one.type == "data" and one.subtype == subtype:
            return one
    raise InvalidInputError(f"The partition table has no partition {name} of type data, subtype {subtype}.")


def keys_partition(partitions: Sequence[Partition]) -> Partition:
    """Where the keys of encrypted NVS are."""
    for one in partitions:
        if one.subtype == "nvs_keys":
            return one
    raise InvalidInputError(
        "The identity is to be encrypted, but the partition table has no partition of subtype nvs_keys."
    )


def shared_regions(
    manifest: Manifest, partitions: Sequence[Partition], table: bytes, contents: Mapping[str, bytes]
) -> list[Region]:
    """What every board gets. ``contents``: image name → bytes. What starts the chip comes last, so that a
    board whose power goes in between does not start half of a release."""
    regions = [_region("partition table", TABLE_OFFSET, table)]
    first: list[Region] = []
    for image in manifest.images:
        content = contents[image.name]
        partition = place_of(image, partitions)
        if partition is None or partition.type == "app":
            check_image(f"Image {image.name}", content, partition.size if partition else TABLE_OFFSET)
        region = _region(image.name, image.offset, content, partition is None or partition.is_sealed)
        (regions if partition else first).append(region)
    if any(one.type == "app" and one.offset in {i.offset for i in manifest.images} for one in partitions):
        # Blank: the board starts the first slot, whatever an update over the air had chosen before.
        regions += [
            Region(one.name, one.offset, BLANK * one.size)
            for one in partitions
            if one.type == "data" and one.subtype == "ota"
        ]
    return [*regions, *first]


def own_regions(
    manifest: Manifest, partitions: Sequence[Partition], identity: bytes, keys: bytes | None
) -> list[Region]:
    """What one board alone gets: its identity, and the keys that the identity is encrypted with."""
    place = named(manifest.nvs.partition, "nvs", partitions)
    regions = [_filling(place, identity)]
    if manifest.security.nvs_encryption:
        regions.append(_filling(keys_partition(partitions), keys or b""))
    return regions


def _filling(partition: Partition, data: bytes) -> Region:
    if len(data) != partition.size:
        raise InvalidInputError(
            f"The data for partition {partition.name} has {len(data):,} bytes, not {partition.size:,}."
        )
    return Region(partition.name, partition.offset, data, partition.is_sealed)


def _region(name: str, offset: int, data: bytes, sealed: bool = True) -> Region:
    return Region(name, offset, data + BLANK * (-len(data) % SECTOR), sealed)
