"""Program packages: what is published, immutable and signed, and the messages that bring it to a device."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from .errors import FleetError, InvalidInputError
from .objects import digest

SCHEMA: Final = 1
"""Version of the manifest and of the job document."""

INLINE_BYTES: Final = 16 * 1024
"""Larger code is fetched by the device from a presigned address instead of being part of a job."""

CODE_NAME: Final = "program.txt"
"""The object with such code. Not .scm: the validator looks at those, and this one was validated."""

MAX_DOCUMENT_BYTES: Final = 32 * 1024
"""Of a job document, by AWS IoT Jobs."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
# semver.org, without build metadata: a version names bytes, and two builds are two versions.
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_VERSION_LENGTH = 16


@dataclass(frozen=True)
class Manifest:
    """What a package says of its program."""

    id: str
    name: str
    version: str
    sha256: str
    """Of the code's bytes, as the device computes it."""
    size_bytes: int
    profile: str
    topics: tuple[str, ...] = ()
    """Topics it publishes to, below ``steel-data/<thing>/``."""
    auto_start: bool = True
    timeout_seconds: int | None = None
    memory_bytes: int | None = None
    description: str = ""
    author: str = ""

    def __post_init__(self) -> None:
        """Refuse what the device or a key in S3 could not hold."""
        if not _ID.fullmatch(self.id):
            raise InvalidInputError(
                f"{self.id!r} cannot be a program's id.",
                "Allowed are 1 to 31 letters, digits, _ and -, beginning with a letter or a digit.",
            )
        check_version(f"version of {self.id}", self.version)

    def canonical(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys and no spaces."""
        return canonical({"schema": SCHEMA, **asdict(self)})


@dataclass(frozen=True)
class Signature:
    """Who vouches for a manifest."""

    key_id: str
    """SHA-256 of the public key, or the ARN of the key in KMS."""
    value: str
    """ECDSA P-256 with SHA-256 over `Manifest.canonical`, DER, base64."""
    algorithm: str = "ECDSA_SHA_256"

    @property
    def der(self) -> bytes:
        """The signature itself."""
        return base64.b64decode(self.value)


@dataclass(frozen=True)
class Package:
    """One published version of a program."""

    manifest: Manifest
    code: str
    signature: Signature
    validation: Mapping[str, Any] = field(default_factory=dict)
    """What validated it, and what it found."""
    published_at: str = ""

    def as_bytes(self) -> bytes:
        """The object in S3."""
        return canonical({"schema": SCHEMA, **asdict(self)})


def canonical(data: Mapping[str, Any]) -> bytes:
    """JSON that two machines write alike."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check_version(where: str, version: Any) -> str:
    """A semantic version that fits the device's 16 characters."""
    if not isinstance(version, str) or not _VERSION.fullmatch(version) or len(version) > _VERSION_LENGTH:
        raise InvalidInputError(
            f"{where} is {version!r}.",
            f"It must be a semantic version such as 1.4.0, of at most {_VERSION_LENGTH} characters, as text.",
        )
    return version


def version_order(version: str) -> tuple[Any, ...]:
    """A sort key: the order of semver.org, in which 1.0.0-rc.1 comes before 1.0.0."""
    numbers, _, before = version.partition("-")
    identifiers = tuple(
        (0, int(one), "") if one.isdecimal() else (1, 0, one) for one in before.split(".") if before
    )
    return (*(int(one) for one in numbers.split(".")), not before, identifiers)


def key_of(prefix: str, program_id: str, version: str) -> str:
    """Where a package is in its bucket."""
    return f"{prefix}/{program_id}/{version}/package.json"


def code_key_of(prefix: str, program_id: str, version: str) -> str:
    """Where the code of a program above `INLINE_BYTES` is, for devices to fetch."""
    return f"{prefix}/{program_id}/{version}/{CODE_NAME}"


def read(body: bytes, where: str) -> Package:
    """The package of an object; refuses one whose code is not what its manifest says."""
    try:
        data = json.loads(body)
        manifest = dict(data["manifest"], topics=tuple(data["manifest"]["topics"]))
        package = Package(
            Manifest(**manifest),
            data["code"],
            Signature(**data["signature"]),
            data["validation"],
            data["published_at"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{where} is no program package: {error}.", "Publish that version again.") from error
    if digest(package.code.encode()) != package.manifest.sha256:
        raise FleetError(
            f"{where}: the code does not have the sha256 of its manifest.",
            "The object was changed after publication; restore its first version in the bucket.",
        )
    return package


def program_message(package: Package) -> dict[str, Any]:
    """ProgramMessage of the device's protocol."""
    manifest = package.manifest
    metadata = {
        "description": manifest.description or None,
        "author": manifest.author or None,
        "created_at": package.published_at,
        "memory_requirement": manifest.memory_bytes,
        "execution_timeout": manifest.timeout_seconds,
    }
    return {
        "program_id": manifest.id,
        "program_name": manifest.name,
        "steel_code": package.code,
        "version": manifest.version,
        "checksum": manifest.sha256,
        "auto_start": manifest.auto_start,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


def load_document(package: Package, *, jitter_seconds: int = 0, url: str = "") -> dict[str, Any]:
    """The document of a job that loads a program. ``url`` stands for code above `INLINE_BYTES`."""
    request = program_message(package)
    if len(package.code.encode()) > INLINE_BYTES:
        if not url:
            raise InvalidInputError(
                f"{package.manifest.id} {package.manifest.version} has {package.manifest.size_bytes:,} "
                f"bytes; above {INLINE_BYTES:,} a device fetches it itself.",
                "Set rollout_presign_role to a role that AWS IoT may assume to read the programs bucket.",
            )
        del request["steel_code"]
        request["url"] = url
    return _document("program.load", request, jitter_seconds)


def remove_document(program_id: str, *, jitter_seconds: int = 0) -> dict[str, Any]:
    """The document of a job that removes a program."""
    return _document("program.remove", {"program_id": program_id, "action": "Remove"}, jitter_seconds)


def _document(operation: str, request: Mapping[str, Any], jitter_seconds: int) -> dict[str, Any]:
    jitter = {"jitter_seconds": jitter_seconds} if jitter_seconds else {}
    return {"schema": SCHEMA, "operation": operation, "request": request, **jitter}


@dataclass(frozen=True)
class Publication:
    """What publishing one program means, seen against what is published already."""

    manifest: Manifest
    key: str
    action: str
    """``publish`` or ``none``."""
    newest_before: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for results."""
        return {
            "id": self.manifest.id,
            "version": self.manifest.version,
            "sha256": self.manifest.sha256,
            "size_bytes": self.manifest.size_bytes,
            "key": self.key,
            "action": self.action,
            "newest_before": self.newest_before,
        }


def plan_publication(manifest: Manifest, key: str, published: Package | None, newest: str) -> Publication:
    """Decide about one program. The same version with other content is refused."""
    if published is None:
        return Publication(manifest, key, "publish", newest)
    if published.manifest == manifest:
        return Publication(manifest, key, "none", newest)
    mine, theirs = asdict(manifest), asdict(published.manifest)
    differs = ", ".join(sorted(name for name in mine if mine[name] != theirs[name]))
    raise FleetError(
        f"{manifest.id} {manifest.version} is published already, with another {differs}.",
        "What is published stays as it is: give the new content a new version.",
        immutable_keys=[key],
    )
