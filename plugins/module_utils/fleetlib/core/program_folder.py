"""What lies beside a program: ``program.toml`` says what it is, ``tests.toml`` what it has to do.

Both are read strictly: a key that nobody knows is a mistake, and is named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from .errors import InvalidInputError
from .programs import check_version
from .scheme.diagnostics import Report
from .scheme.files import check_file
from .scheme.profiles import DEFAULT_PROFILE, PROFILES, find_profile

METADATA: Final = "program.toml"
TESTS: Final = "tests.toml"


@dataclass(frozen=True)
class Metadata:
    """``program.toml``; the names are those of a package's manifest."""

    name: str
    """For people."""
    version: str
    """Semantic version of at most 16 characters, the device's limit."""
    description: str = ""
    profile: str = DEFAULT_PROFILE
    topics: tuple[str, ...] = ()
    """Topics that it publishes to, below ``steel-data/<thing>/``; ``+`` stands for any one level."""
    auto_start: bool = True
    timeout_seconds: int | None = None
    memory_bytes: int | None = None
    author: str = ""


@dataclass(frozen=True)
class Expectation:
    """One test of ``tests.toml``: what happens to a simulated board, and what the program must make of it."""

    name: str
    expect: tuple[Mapping[str, Any], ...] = ()
    """Events that must be there in this order; others may lie between them."""
    never: tuple[Mapping[str, Any], ...] = ()
    """Events that must not be there."""
    once: tuple[Mapping[str, Any], ...] = ()
    """Events that must be there exactly once."""
    outcome: str | None = None
    """``finished`` or ``stopped``; by default either."""
    clock: float | None = None
    """Seconds on the board's clock when the program ended."""
    board: Mapping[str, Any] = field(default_factory=dict)
    """What the board is like at the end, such as ``{ led = false }``."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the board is like at the beginning: sensors, memory, storage, …"""
    inputs: tuple[Mapping[str, Any], ...] = ()
    """What comes from outside, and after how many seconds."""
    until: float = 60.0
    """Seconds to simulate."""

    @property
    def scenario(self) -> dict[str, Any]:
        """For `steel_engine.Engine.run`."""
        return {
            "board": dict(self.given),
            "inputs": [dict(one) for one in self.inputs],
            "limits": {"until": self.until},
        }


def check_program(
    path: Path, profile: str | None = None, limits: Mapping[str, float] | None = None
) -> Report:
    """Check a program in a file against its metadata, where there is some: its profile and its topics.

    ``profile`` stands above the metadata's. Raises InvalidInputError where a file cannot be read.
    """
    metadata = read_metadata(path)
    name = profile or (metadata.profile if metadata else DEFAULT_PROFILE)
    topics = metadata.topics if metadata else None
    return check_file(path, find_profile(name).with_limits(**(limits or {})), topics)


def read_metadata(program: Path) -> Metadata | None:
    """The metadata beside a program; None if there is none. Raises InvalidInputError."""
    path = program.with_name(METADATA)
    data = _read(path)
    if data is None:
        return None
    _check_keys(data, Metadata, str(path))
    topics = data.get("topics", [])
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise InvalidInputError(f"{path}: topics is {topics!r}.", "It must be a list of texts.")
    metadata = Metadata(**{**data, "topics": tuple(topics)})
    _check_types(metadata, path)
    return metadata


def read_tests(program: Path) -> list[Expectation]:
    """The tests beside a program. Raises InvalidInputError."""
    path = program.with_name(TESTS)
    data = _read(path) or {}
    tests = data.pop("test", [])
    if data or not isinstance(tests, list):
        raise InvalidInputError(f"{path}: there are keys beside [[test]].", f"Remove {', '.join(data)}.")
    found = []
    for number, test in enumerate(tests, 1):
        where = f"{path}, test {number}"
        _check_keys(test, Expectation, where)
        lists = {key: tuple(test[key]) for key in ("expect", "never", "once", "inputs") if key in test}
        found.append(Expectation(**{**test, **lists}))
        if not (found[-1].expect or found[-1].never or found[-1].once or found[-1].board):
            raise InvalidInputError(f"{where} expects nothing.", "Add expect, never, once or board.")
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not TOML: {error}.", "Correct it there.") from error
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error


def _check_keys(data: Mapping[str, Any], kind: type, where: str) -> None:
    known = [one.name for one in fields(kind)]
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise InvalidInputError(
            f"{where}: {', '.join(unknown)} means nothing.", f"Known are {', '.join(known)}."
        )
    missing = [name for name in ("name", "version") if name in known and name not in data]
    if missing:
        raise InvalidInputError(f"{where}: {' and '.join(missing)} is missing.", "Add it.")


def _check_types(metadata: Metadata, path: Path) -> None:
    check_version(f"version in {path}", metadata.version)
    if metadata.profile not in PROFILES:
        raise InvalidInputError(
            f"{path}: profile is {metadata.profile!r}.", f"Known are {', '.join(PROFILES)}."
        )
    for name, sound, what in (
        ("name", isinstance(metadata.name, str), "a text"),
        ("description", isinstance(metadata.description, str), "a text"),
        ("author", isinstance(metadata.author, str), "a text"),
        ("auto_start", isinstance(metadata.auto_start, bool), "true or false"),
        ("timeout_seconds", _is_count(metadata.timeout_seconds), "a whole number above 0"),
        ("memory_bytes", _is_count(metadata.memory_bytes), "a whole number above 0"),
    ):
        if not sound:
            raise InvalidInputError(f"{path}: {name} is {getattr(metadata, name)!r}.", f"It must be {what}.")


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and value > 0)
