# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports on disk: a directory per run that appears whole, `latest`, and the index over all runs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ..core.run_record import FORMAT, summary_of
from . import page

LATEST = "latest"


@dataclass(frozen=True)
class Saved:
    """Where a report went."""

    directory: Path
    shown: Path
    """What to open, through `latest` where the run moved it."""
    page: Path
    """The same where no later run moves it."""
    problems: tuple[str, ...]
    """What could not be written besides the JSON record."""


def save(reports: Path, record: Mapping[str, Any]) -> Saved:
    """Write the report of one run below ``reports``.

    The directory is filled under another name first, so nobody sees half a report. A page that cannot be made
    is a problem in the result, not an error: the record itself is there.

    Raises:
        OSError: the record cannot be written.
    """
    parent = reports / record["playbook"]
    parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        staged.chmod(0o755)
        _write(staged / "report.json", json.dumps(record, indent=1, ensure_ascii=False))
        _write(staged / "summary.json", json.dumps(summary_of(record), ensure_ascii=False))
        problems = _attempt("The page", lambda: _write(staged / "index.html", page.run_page(record)))
        directory = _publish(staged, parent, record["id"])
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    if not record["check_mode"]:
        problems += _attempt("The link to the latest report", lambda: _point(parent / LATEST, directory.name))
    problems += _attempt("The index of all reports", lambda: refresh_index(reports))
    latest = parent / LATEST
    opened = latest if latest.is_symlink() and latest.readlink() == Path(directory.name) else directory
    page_file = _page_in(directory)
    return Saved(directory, opened / page_file.name, page_file, tuple(problems))


def refresh_index(reports: Path) -> None:
    """Write ``reports/index.html`` anew from the summaries of the runs below it."""
    runs = []
    for path in reports.rglob("summary.json"):
        if path.parent.name.startswith(".") or path.parent.name == LATEST:
            continue
        try:
            summary = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue  # deleted or damaged since: the others still count
        if isinstance(summary, dict) and summary.get("format") == FORMAT:
            runs.append({**summary, "href": _page_in(path.parent).relative_to(reports).as_posix()})
    fresh = reports / f".index-{os.getpid()}.html"
    _write(fresh, page.index_page(runs))
    fresh.replace(reports / "index.html")


def _page_in(directory: Path) -> Path:
    """What to open in a report: the page, or the record where the page could not be made."""
    page_file = directory / "index.html"
    return page_file if page_file.exists() else directory / "report.json"


def _publish(staged: Path, parent: Path, name: str) -> Path:
    """Give the filled directory its name; with a number where two runs started in the same second."""
    for number in count(1):
        target = parent / (name if number == 1 else f"{name}-{number}")
        try:
            staged.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target
    raise AssertionError


def _point(link: Path, target: str) -> None:
    """Make the symbolic link point to ``target``, at once for whoever follows it."""
    fresh = link.with_name(f".latest-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    try:
        fresh.replace(link)
    except OSError:
        fresh.unlink()
        raise


def _attempt(what: str, do: Callable[[], None]) -> list[str]:
    try:
        do()
    except Exception as error:  # a report that is incomplete is better than none
        return [f"{what} could not be written: {error}"]
    return []


def _write(path: Path, content: str) -> None:
    """Write UTF-8; what it cannot hold (half a surrogate pair, from a device) becomes an escape."""
    path.write_bytes(content.encode("utf-8", "backslashreplace"))
