"""Firmware releases on disk and in S3: build, verify, fetch. What is verified here is what gets written."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from .core.errors import FleetError, InvalidInputError, MissingDependencyError
from .core.firmware import layout
from .core.firmware.manifest import (
    FILE_NAME,
    Flash,
    Image,
    Manifest,
    Nvs,
    Security,
    Verify,
    check_content,
    check_signature,
    read,
)
from .core.objects import digest
from .core.programs import Signature
from .crypto import signatures
from .esp import images as chip_images
from .esp import partitions, secure_boot

COMPILER = "riscv64-unknown-elf-gcc"
COMPILER_FLAGS = (
    "-march=rv32imc_zicsr",
    "-mabi=ilp32",
    "-Os",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-nostdlib",
    "-nostartfiles",
    "-fno-pic",
    "-mno-relax",
    "-Wl,--build-id=none,--strip-all",  # names of temporary files would be in the image's hash
    "-Wl,--no-warn-rwx-segments",
)


class Signer(Protocol):
    """Signs with a key of this host or of KMS."""

    key_id: str

    def sign(self, data: bytes) -> bytes:
        """ECDSA P-256 with SHA-256, DER."""


@dataclass(frozen=True)
class Wanted:
    """An image that is to be in a release."""

    name: str
    offset: int
    content: bytes


@dataclass(frozen=True)
class Release:
    """A release whose every byte was verified."""

    manifest: Manifest
    contents: Mapping[str, bytes]
    partitions: Sequence[layout.Partition]

    def shared_regions(self) -> list[layout.Region]:
        """What every board gets."""
        table = partitions.binary(self.manifest.partitions)
        return layout.shared_regions(self.manifest, self.partitions, table, self.contents)

    def as_dict(self) -> dict[str, Any]:
        """For results and records."""
        manifest = self.manifest
        return {
            "version": manifest.version,
            "chip": manifest.chip,
            "minimum_revision": manifest.minimum_revision,
            "secure_boot": manifest.security.secure_boot,
            "flash_encryption": manifest.security.flash_encryption,
            "nvs_encryption": manifest.security.nvs_encryption,
            "images": [
                {
                    "name": one.name,
                    "offset": one.offset,
                    "size_bytes": one.size_bytes,
                    "sha256": one.sha256,
                }
                for one in manifest.images
            ],
        }


def trusted(public_pem: str) -> Verify:
    """A check of signatures against one public key."""
    return lambda data, signature: signatures.verify(public_pem, data, signature)


def build(
    version: str,
    csv: str,
    wanted: Iterable[Wanted],
    signer: Signer,
    *,
    minimum_revision: str = "0.3",
    flash: Flash | None = None,
    security: Security | None = None,
    nvs: Nvs | None = None,
    description: str = "",
) -> Release:
    """A signed release; refuses images that do not fit, or that their own checksum contradicts."""
    contents = {one.name: one.content for one in wanted}
    manifest = Manifest(
        version=version,
        chip="esp32c3",
        minimum_revision=minimum_revision,
        flash=flash or Flash(),
        security=security or Security(),
        partitions=csv,
        nvs=nvs or Nvs(),
        images=tuple(
            Image(
                one.name,
                f"{one.name}.bin",
                one.offset,
                len(one.content),
                digest(one.content),
                _sign(signer, one.content),
            )
            for one in wanted
        ),
        description=description,
    )
    manifest = manifest.signed_with(_sign(signer, manifest.signed_bytes()))
    release = _checked(read(manifest.as_bytes(), f"release {version}"), contents)
    for name, content in contents.items():
        chip_images.describe(f"Image {name}", content)
    return release


def write(directory: Path, release: Release) -> None:
    """Put a release into a directory of its own; the manifest comes last and says that all is there."""
    directory.mkdir(parents=True, exist_ok=True)
    for image in release.manifest.images:
        _write(directory / image.file, release.contents[image.name])
    _write(directory / FILE_NAME, release.manifest.as_bytes())


def load(directory: Path, verify: Verify) -> Release:
    """Read a release and verify everything: signatures, hashes, sizes, places, and the images themselves."""
    manifest = read(_content(directory / FILE_NAME), str(directory / FILE_NAME))
    check_signature(str(directory / FILE_NAME), manifest.signed_bytes(), manifest.signature, verify)
    contents = {}
    for image in manifest.images:
        path = directory / image.file
        content = _content(path)
        check_content(image, content, str(path))
        check_signature(str(path), content, image.signature, verify)
        contents[image.name] = content
    return _checked(manifest, contents)


def slot(csv: str, subtype: str) -> layout.Partition:
    """The application partition of that subtype."""
    for one in partitions.parse(csv):
        if one.type == "app" and one.subtype == subtype:
            return one
    raise InvalidInputError(f"The partition table has no application partition of subtype {subtype}.")


def same(mine: Release, published: Manifest) -> bool:
    """Whether nothing but the (never repeated) signatures differ."""
    return _unsigned(mine.manifest) == _unsigned(published)


def compile_selftest(source: Path, version: str, revision: tuple[int, int], flash: Flash) -> bytes:
    """The self-test's image, compiled from its source."""
    if shutil.which(COMPILER) is None:
        raise MissingDependencyError(
            COMPILER,
            "building the self-test firmware",
            "Debian: apt-get install gcc-riscv64-unknown-elf. Or use a release that was built elsewhere: "
            "-e flashing_release=<directory with manifest.json>.",
        )
    with tempfile.TemporaryDirectory(prefix="selftest-") as private:
        elf = Path(private, "selftest.elf")
        command = [COMPILER, *COMPILER_FLAGS, f'-DVERSION="{version}"', "-T", str(source / "selftest.ld")]
        command += [str(source / "start.S"), str(source / "selftest.c"), "-o", str(elf)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FleetError(f"{source} does not compile: {done.stderr.strip()[-500:]}")
        return chip_images.from_elf(elf, revision, flash.mode, flash.frequency, flash.size)


def _checked(manifest: Manifest, contents: Mapping[str, bytes]) -> Release:
    table = partitions.parse(manifest.partitions)
    layout.check(manifest, table)
    if manifest.security.secure_boot:
        _require_signed(manifest.version, contents)
    release = Release(manifest, contents, table)
    release.shared_regions()
    return release


def _require_signed(version: str, contents: Mapping[str, bytes]) -> None:
    unsigned = sorted(name for name, content in contents.items() if not secure_boot.has_signature(content))
    if unsigned:
        raise InvalidInputError(
            f"Release {version} is for boards with secure boot, but {', '.join(unsigned)} is not signed for "
            "it: the chip would not start it.",
            "Sign the images first (module esp_signed_image).",
        )


def _sign(signer: Signer, data: bytes) -> Signature:
    return Signature(signer.key_id, base64.b64encode(signer.sign(data)).decode())


def _unsigned(manifest: Manifest) -> Manifest:
    blank = Signature("", "")
    images = tuple(replace(one, signature=blank) for one in manifest.images)
    return replace(manifest, images=images, signature=None)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be read: {error.strerror}.",
            "A release is a directory with manifest.json and the images it names.",
        ) from error


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    os.replace(draft, path)
