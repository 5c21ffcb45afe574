"""The manifest of a firmware release: what is written to a board, where, and who vouches for it.

A release is a directory (or a prefix in S3) with ``manifest.json`` and the images it names. Two kinds of
signature are in it, both ECDSA P-256 with SHA-256: one over the bytes of each image, as firmware over the air
has it (`core.rollout.firmware`), and one over the manifest, so that no image changes its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ..errors import FleetError, InvalidInputError
from ..objects import digest
from ..programs import SCHEMA, Signature, canonical, check_version

FILE_NAME: Final = "manifest.json"
PREFIX: Final = "flash"
"""Where releases are in the firmware bucket: ``flash/<version>/``."""

CHIPS: Final = ("esp32c3",)
FLASH_SIZES: Final = {"2MB": 2 << 20, "4MB": 4 << 20, "8MB": 8 << 20, "16MB": 16 << 20}
FLASH_MODES: Final = ("qio", "qout", "dio", "dout")
FLASH_FREQUENCIES: Final = ("80m", "40m", "26m", "20m")
NVS_TYPES: Final = ("string", "blob", "u8", "u16", "u32")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"(\d{1,2})\.(\d{1,2})")


@dataclass(frozen=True)
class Image:
    """One file of a release."""

    name: str
    file: str
    offset: int
    """First byte in flash."""
    size_bytes: int
    sha256: str
    signature: Signature


@dataclass(frozen=True)
class Flash:
    """The flash that the images are made for."""

    mode: str = "dio"
    frequency: str = "80m"
    size: str = "4MB"

    @property
    def size_bytes(self) -> int:
        """How much it holds."""
        return FLASH_SIZES[self.size]


@dataclass(frozen=True)
class Security:
    """The state that a board must be in."""

    secure_boot: bool = False
    flash_encryption: bool = False
    nvs_encryption: bool = False
    """Whether the identity is encrypted with keys of the board's own (partition of subtype ``nvs_keys``)."""


@dataclass(frozen=True)
class Nvs:
    """The values that each board gets: namespace → key → type (`NVS_TYPES`)."""

    partition: str = "identity"
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A release."""

    version: str
    chip: str
    minimum_revision: str
    """Oldest chip revision that may get it, ``major.minor``."""
    flash: Flash
    security: Security
    partitions: str
    """The partition table, as the CSV that ESP-IDF uses."""
    nvs: Nvs
    images: tuple[Image, ...]
    description: str = ""
    signature: Signature | None = None

    def signed_bytes(self) -> bytes:
        """What the manifest's own signature is over: everything but itself."""
        data = asdict(self)
        del data["signature"]
        return canonical({"schema": SCHEMA, **data})

    def as_bytes(self) -> bytes:
        """The file."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, ensure_ascii=False).encode() + b"\n"

    @property
    def revision(self) -> tuple[int, int]:
        """`minimum_revision` as numbers."""
        return parse_revision("minimum_revision", self.minimum_revision)

    def signed_with(self, signature: Signature) -> Manifest:
        """The same with its signature."""
        return replace(self, signature=signature)


def parse_revision(where: str, text: Any) -> tuple[int, int]:
    """``"0.3"`` as (0, 3)."""
    match = _REVISION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidInputError(f'{where} is {text!r}; it must be text such as "0.3" (major.minor).')
    return int(match[1]), int(match[2])


def key(version: str, file: str) -> str:
    """Where a file of a release is in the firmware bucket."""
    return f"{PREFIX}/{check_version('firmware_version', version)}/{file}"


def read(body: bytes, where: str) -> Manifest:
    """The manifest of a file; every value is checked, and an error says which one is wrong."""
    try:
        data = json.loads(body)
    except ValueError as error:
        raise FleetError(f"{where} is no JSON: {error}.", "Build the release again.") from error
    check = _Checker(where)
    data = check.keys("", data, required=_MANIFEST_KEYS, optional=("description", "signature"))
    if data["schema"] != SCHEMA:
        raise check.wrong("schema", data["schema"], f"this version reads {SCHEMA}")
    manifest = Manifest(
        version=check_version(f"{where}: version", data["version"]),
        chip=check.choice("chip", data["chip"], CHIPS),
        minimum_revision=data["minimum_revision"],
        flash=_flash(check, data["flash"]),
        security=_security(check, data["security"]),
        partitions=check.text("partitions", data["partitions"]),
        nvs=_nvs(check, data["nvs"]),
        images=_images(check, data["images"]),
        description=str(data.get("description", "")),
        signature=_signature(check, "signature", data.get("signature")),
    )
    parse_revision(f"{where}: minimum_revision", manifest.minimum_revision)
    return manifest


def check_content(image: Image, content: bytes, where: str) -> None:
    """Refuse bytes that are not those of the manifest."""
    if len(content) != image.size_bytes:
        raise FleetError(
            f"{where} has {len(content):,} bytes; the manifest says {image.size_bytes:,}: it is truncated or "
            "another file.",
            "Get the release again; nothing was written.",
        )
    if digest(content) != image.sha256:
        raise FleetError(
            f"{where} does not have the sha256 of the manifest: it was changed.",
            "Get the release again; nothing was written.",
        )


Verify = Callable[[bytes, bytes], bool]
"""Whether a signature (second, DER) is over these bytes (first), by a key that is trusted."""


def check_signature(what: str, data: bytes, signature: Signature | None, verify: Verify) -> None:
    """Refuse what the trusted key has not signed."""
    if signature is None:
        raise FleetError(f"{what} is not signed.", "Sign the release (module esp_release).")
    if not verify(data, signature.der):
        raise FleetError(
            f"The signature of {what} is not by the trusted key (it names key {signature.key_id[:16]}).",
            "Nothing was written. Get the release again, or check flashing_public_key_file.",
        )


_MANIFEST_KEYS = (
    "schema",
    "version",
    "chip",
    "minimum_revision",
    "flash",
    "security",
    "partitions",
    "nvs",
    "images",
)


class _Checker:
    """Checks values of a manifest; its errors name file and key."""

    def __init__(self, where: str) -> None:
        self._where = where

    def wrong(self, key: str, value: Any, rule: str) -> FleetError:
        return InvalidInputError(f"{self._where}: {key} is {value!r}; {rule}.")

    def keys(self, key: str, value: Any, required: Sequence[str], optional: Sequence[str] = ()) -> Any:
        if not isinstance(value, dict):
            raise self.wrong(key or "the whole", value, "it must be an object")
        missing = [name for name in required if name not in value]
        strange = [name for name in value if name not in (*required, *optional)]
        if missing or strange:
            said = f"{missing[0]} is missing" if missing else f"{strange[0]} is unknown"
            raise InvalidInputError(f"{self._where}: {key + '.' if key else ''}{said}.")
        return value

    def choice(self, key: str, value: Any, allowed: Sequence[str]) -> str:
        if value not in allowed:
            raise self.wrong(key, value, f"it can be {', '.join(allowed)}")
        return str(value)

    def text(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, value, "it must be text")
        return value

    def number(self, key: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(key, value, "it must be a whole number, not negative")
        return value

    def matching(self, key: str, value: Any, pattern: re.Pattern[str], rule: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.wrong(key, value, rule)
        return value

    def flag(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(key, value, "it can be true or false")
        return value


def _flash(check: _Checker, data: Any) -> Flash:
    data = check.keys("flash", data, ("mode", "frequency", "size"))
    return Flash(
        check.choice("flash.mode", data["mode"], FLASH_MODES),
        check.choice("flash.frequency", data["frequency"], FLASH_FREQUENCIES),
        check.choice("flash.size", data["size"], tuple(FLASH_SIZES)),
    )


def _security(check: _Checker, data: Any) -> Security:
    names = ("secure_boot", "flash_encryption", "nvs_encryption")
    data = check.keys("security", data, (), names)
    return Security(**{name: check.flag(f"security.{name}", value) for name, value in data.items()})


def _nvs(check: _Checker, data: Any) -> Nvs:
    data = check.keys("nvs", data, ("partition", "namespaces"))
    namespaces = check.keys("nvs.namespaces", data["namespaces"], (), tuple(data["namespaces"]))
    for namespace, keys in namespaces.items():
        check.keys(f"nvs.namespaces.{namespace}", keys, (), tuple(keys))
        for name, kind in keys.items():
            check.choice(f"nvs.namespaces.{namespace}.{name}", kind, NVS_TYPES)
    return Nvs(check.text("nvs.partition", data["partition"]), namespaces)


def _images(check: _Checker, data: Any) -> tuple[Image, ...]:
    if not isinstance(data, list) or not data:
        raise check.wrong("images", data, "it must be a list of at least one image")
    images = tuple(_image(check, f"images[{number}]", one) for number, one in enumerate(data))
    for what in ("name", "file"):
        seen = [getattr(one, what) for one in images]
        twice = [one for one in seen if seen.count(one) > 1]
        if twice:
            raise check.wrong(f"images: {what}", twice[0], "it is given twice")
    return images


def _image(check: _Checker, where: str, data: Any) -> Image:
    data = check.keys(where, data, ("name", "file", "offset", "size_bytes", "sha256", "signature"))
    rule = "it must be letters, digits, ., _ and -, at most 64 characters"
    signature = _signature(check, f"{where}.signature", data["signature"])
    if signature is None:
        raise check.wrong(f"{where}.signature", None, "every image is signed")
    return Image(
        check.matching(f"{where}.name", data["name"], _NAME, rule),
        check.matching(f"{where}.file", data["file"], _NAME, rule),
        check.number(f"{where}.offset", data["offset"]),
        check.number(f"{where}.size_bytes", data["size_bytes"]),
        check.matching(f"{where}.sha256", data["sha256"], _SHA256, "it must be 64 hexadecimal digits"),
        signature,
    )


def _signature(check: _Checker, where: str, data: Any) -> Signature | None:
    if data is None:
        return None
    data = check.keys(where, data, ("key_id", "value"), ("algorithm",))
    signature = Signature(**data)
    try:
        if signature.der and signature.algorithm == "ECDSA_SHA_256":
            return signature
    except (ValueError, TypeError):
        pass
    raise check.wrong(where, data, "it must be a signature: ECDSA_SHA_256, DER, base64")
