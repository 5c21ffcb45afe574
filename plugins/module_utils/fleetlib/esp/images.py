"""Images that a chip starts, by esptool and esp-idf-defs."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InvalidInputError, MissingDependencyError
from . import quiet

try:
    from esp_idf_defs.image_metadata import ImageMetadata
    from esptool.cmds import elf2image
    from esptool.util import FatalError

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

APP_DESC_SHA_OFFSET = 0xB0
"""Where the hash of the ELF file is in an image: esp_app_desc begins at 0x20 and has it at 0x90."""


@dataclass(frozen=True)
class Described:
    """What an image says of itself."""

    project: str
    version: str
    chip_id: int


def from_elf(elf: Path, revision: tuple[int, int], mode: str, frequency: str, size: str) -> bytes:
    """The image of an ELF file for the ESP32-C3, with esp_app_desc's hash set and a SHA-256 at its end."""
    _require()
    with quiet.quiet():
        try:
            image = elf2image(
                elf.read_bytes(),
                "esp32c3",
                flash_mode=mode,
                flash_freq=frequency,
                flash_size=size,
                min_rev_full=revision[0] * 100 + revision[1],
                elf_sha256_offset=APP_DESC_SHA_OFFSET,
            )
        except FatalError as error:
            raise InvalidInputError(f"{elf} cannot become an image: {error}") from error
    return bytes(image)


def describe(where: str, image: bytes) -> Described | None:
    """What an image says of itself, if anything; refuses one whose checksum or hash is wrong."""
    _require()
    try:
        found = ImageMetadata.from_bytes(image)
    except (ValueError, IndexError) as error:
        raise InvalidInputError(f"{where} is damaged: {error}.", "Build or download it again.") from error
    if found.app_description is None:
        return None
    return Described(
        found.app_description.project_name, found.app_description.version, int(found.header.chip_id)
    )


def esptool_version() -> str:
    """Of the esptool in use, for the record."""
    return importlib.metadata.version("esptool")


def _require() -> None:
    if _MISSING is not None:
        raise MissingDependencyError("esptool", "images of the ESP32-C3", "Run: make setup") from _MISSING
