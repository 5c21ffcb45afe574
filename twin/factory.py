"""Make the flash of boards from the keys and certificates that provisioning keeps, with the vendor's tools.

For demonstrations and tests without a flash station: playbooks/flash.yml writes the same layout with esptool.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import esptool
from esp_idf_defs.app_description import AppDescription
from esp_idf_defs.partitions import PartitionTable
from esp_idf_nvs_partition_gen import nvs_partition_gen
from esptool.logger import log as esptool_log
from fleetlib.core.errors import FleetError
from fleetlib.device_store import DeviceStore

from . import identity, partition
from .files import write_private
from .flash import ERASED, SECTOR_BYTES, SIZE_BYTES, DamagedError, Flash
from .image import HASH_BYTES
from .places import BOARD_RECORD, FLASH

LAYOUT = """\
nvs,      data, nvs,   0x9000,   0x6000
otadata,  data, ota,   0xf000,   0x2000
phy_init, data, phy,   0x11000,  0x1000
identity, data, nvs,   0x12000,  0x6000
ota_0,    app,  ota_0, 0x20000,  0x1E0000
ota_1,    app,  ota_1, 0x200000, 0x1E0000
"""
PROJECT = "steel-twin"
_IRAM, _DROM = 0x40380000, 0x3C000020
_JUMP_TO_ITSELF = struct.pack("<I", 0x0000006F)
"""``j .`` of RISC-V: the code of an image that no processor will ever run."""


@dataclass(frozen=True)
class Place:
    """Where the boards of a fleet connect, and what is the same on all of them."""

    endpoint: str
    port: int
    region: str
    root_ca: str
    environment: str = "local"
    firmware_version: str = "1.0.0"
    log_level: str = "info"
    report_seconds: int = 300


def make(
    folder: Path,
    store: DeviceStore,
    things: Iterable[tuple[str, str]],
    place: Place,
    *,
    dry: bool = False,
) -> list[str]:
    """Have a board in ``folder`` for every (device id, thing); the names of those that were made.

    A board that has this identity already stays as it is, with the firmware and programs that it has. ``dry``
    makes none.
    """
    made = []
    for device_id, thing in things:
        board = folder / device_id
        if store.is_key_on_device(thing) and (board / FLASH).exists():
            continue  # its newest identity is in its memory, and nowhere else
        values = _values(store, device_id, thing, place)
        if _has(board / FLASH, values):
            continue
        made.append(device_id)
        if dry:
            continue
        write_private(board / FLASH, flash_bytes(values, place.firmware_version))
        record = {"mac": _mac(thing), "chip_revision": "v0.4"}
        write_private(board / BOARD_RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return made


Values = dict[str, dict[str, tuple[str, str]]]
"""Namespace to key to (encoding of the generator, value as text)."""


def _values(store: DeviceStore, device_id: str, thing: str, place: Place) -> Values:
    certificate = store.certificate_pem(thing)
    if certificate is None:
        raise FleetError(
            f"There is no certificate of {thing} in {store.directory}.",
            "Provision the device on this host first: make deploy, or playbooks/provision.yml.",
        )
    return {
        "identity": {
            "device_id": ("string", device_id),
            "thing_name": ("string", thing),
            "endpoint": ("string", place.endpoint),
            "mqtt_port": ("u16", str(place.port)),
            "region": ("string", place.region),
            "certificate": ("binary", certificate.decode()),
            "private_key": ("binary", store.key(thing).decode()),
            "root_ca": ("binary", place.root_ca),
        },
        "config": {
            "log_level": ("string", place.log_level),
            "report_seconds": ("u32", str(place.report_seconds)),
            "environment": ("string", place.environment),
        },
    }


def _has(path: Path, values: Values) -> bool:
    """Whether a flash has this identity; how the board behaves may have been written by somebody else."""
    flash = Flash(path)
    try:
        found, _ = identity.read(flash, partition.read(flash))
    except DamagedError:
        return False
    wanted = {name: value for name, (_, value) in values["identity"].items()}
    return wanted == {
        "device_id": found.device_id,
        "thing_name": found.thing,
        "endpoint": found.endpoint,
        "mqtt_port": str(found.port),
        "region": found.region,
        "certificate": found.certificate.decode(),
        "private_key": found.private_key.decode(),
        "root_ca": found.root_ca.decode(),
    }


def flash_bytes(values: Values, firmware_version: str) -> bytes:
    """The whole flash of a board that was never started."""
    flash = bytearray([ERASED]) * SIZE_BYTES
    table = table_bytes()
    parts = partition.parse(table)
    contents = {
        0: chip_image(),
        partition.TABLE_OFFSET: table,
        parts.named("identity").offset: nvs_bytes(values, parts.named("identity").size),
        parts.named("ota_0").offset: app_image(firmware_version),
    }
    for offset, data in contents.items():
        flash[offset : offset + len(data)] = data
    return bytes(flash)


@cache
def table_bytes() -> bytes:
    """The partition table."""
    return bytes(PartitionTable.from_csv(LAYOUT).to_binary())


def nvs_bytes(values: Values, size: int) -> bytes:
    """A partition of non-volatile storage."""
    out = _Unclosed()
    usable = size - SECTOR_BYTES  # the generator adds the page that the storage needs to work with
    storage = nvs_partition_gen.nvs_open(out, usable, nvs_partition_gen.Page.VERSION2)
    for namespace, entries in values.items():
        nvs_partition_gen.write_entry(storage, namespace, "namespace", "", "")
        for key, (encoding, value) in entries.items():
            content = value.encode() if encoding == "binary" else value
            nvs_partition_gen.write_entry(storage, key, "data", encoding, content)
    nvs_partition_gen.nvs_close(storage)
    return out.getvalue()


class _Unclosed(io.BytesIO):
    """The generator writes when it is closed, and is to be read after it."""


@cache
def chip_image() -> bytes:
    """What the ROM starts. A real board has its second stage here."""
    return _image({".iram0.text": (_IRAM, _JUMP_TO_ITSELF)})


@cache
def app_image(version: str, project: str = PROJECT, size: int = 4096) -> bytes:
    """An application of a version, with ``size`` bytes of code."""
    about = AppDescription(project, version, "v5.5", 0, bytes(HASH_BYTES)).to_bytes()
    code = (_JUMP_TO_ITSELF * (size // 4 + 1))[:size]
    return _image({".flash.appdesc": (_DROM, about), ".iram0.text": (_IRAM, code)})


def _image(sections: dict[str, tuple[int, bytes]]) -> bytes:
    with _quiet():
        made = esptool.elf2image(
            elf(sections), "esp32c3", flash_size="4MB", flash_mode="dio", max_rev_full=199
        )
    assert isinstance(made, bytes)  # noqa: S101  # two images is what the ESP8266 gets
    return made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    esptool_log.set_verbosity("silent")
    try:
        yield
    finally:
        esptool_log.set_verbosity("auto")


def elf(sections: dict[str, tuple[int, bytes]]) -> bytes:
    """The smallest ELF file (RISC-V, 32 bit) that esptool takes: sections by name, with address and bytes."""
    names = b"\0" + b"".join(f"{name}\0".encode() for name in [*sections, ".shstrtab"])
    at, body, headers = 0x34, b"", [bytes(40)]
    kinds = {
        **{name: (1, address, data) for name, (address, data) in sections.items()},
        ".shstrtab": (3, 0, names),
    }
    for name, (kind, address, data) in kinds.items():
        where = names.index(f"\0{name}\0".encode()) + 1
        headers.append(struct.pack("<10I", where, kind, 6, address, at + len(body), len(data), 0, 0, 4, 0))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        "<16sHHIIIIIHHHHHH",
        b"\x7fELF\x01\x01\x01",
        2,
        0xF3,
        1,
        _IRAM,
        0,
        at + len(body),
        0,
        at,
        0,
        0,
        40,
        len(headers),
        len(headers) - 1,
    )
    return head + body + b"".join(headers)


def _mac(thing: str) -> str:
    """A locally administered address of its own."""
    digest = hashlib.sha256(thing.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in bytes([0x02]) + digest[:5])
