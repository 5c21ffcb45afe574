"""Programs in files: which ones, and their checks."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from ..errors import InvalidInputError
from . import rules
from .checker import check
from .diagnostics import Findings, Report
from .profiles import Profile, find_profile
from .source import Source

SUFFIX: Final = ".scm"


def find_programs(paths: Iterable[str]) -> list[Path]:
    """The program files of files, of directories (every .scm file below) and of glob patterns, each once.

    Raises InvalidInputError for a path where there is nothing to check: that would look like a success.
    """
    found: dict[Path, None] = {}
    for path in paths:
        programs = _programs_of(Path(path).expanduser())
        if not programs:
            raise InvalidInputError(
                f"{path}: there is no program to check.",
                f"Name a file, a directory with {SUFFIX} files or a pattern such as 'programs/*{SUFFIX}'.",
            )
        found.update(dict.fromkeys(programs))
    return list(found)


def _programs_of(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob(f"*{SUFFIX}") if file.is_file())
    if path.is_file():
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    return [file for match in matches for file in _programs_of(match)]


def check_file(path: Path, profile: str | Profile, topics: Collection[str] | None = None) -> Report:
    """Check the program in a file, under the path as it was given; see `check`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error
    return check_bytes(data, path=str(path), profile=profile, topics=topics)


def check_bytes(
    data: bytes, *, path: str, profile: str | Profile, topics: Collection[str] | None = None
) -> Report:
    """Check a program as it is stored, which has to be UTF-8."""
    try:
        return check(data.decode(), path=path, profile=profile, topics=topics)
    except UnicodeDecodeError as error:
        text = data.decode(errors="replace")
        start = len(data[: error.start].decode(errors="replace"))
        findings = Findings()
        message = f"byte {error.start} of the program is not UTF-8"
        findings.add(rules.NOT_UTF8, start, start + 1, message, "Save the file as UTF-8.")
        return findings.report(Source(text, path), find_profile(profile).name)
