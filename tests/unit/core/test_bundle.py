from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from fleetlib.core import bundle
from fleetlib.core.errors import InvalidInputError


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """A small library and a handler that imports it."""
    library, handlers = tmp_path / "fleetlib", tmp_path / "lambda"
    for room in ("core", "aws", "esp", "report", "crypto"):
        (library / room).mkdir(parents=True)
        (library / room / "__init__.py").write_text("")
    (library / "__init__.py").write_text("")
    (library / "local_cloud.py").write_text("raise RuntimeError\n")
    (library / "core" / "answer.py").write_text("ANSWER = 42\n")
    (library / "core" / "ruff.toml").write_text("")
    handlers.mkdir()
    (handlers / "hook.py").write_text("from fleetlib.core.answer import ANSWER\n")
    return library, handlers


def test_the_same_sources_give_the_same_bytes_whatever_their_times_modes_and_order(
    sources: tuple[Path, Path],
) -> None:
    before = bundle.build(bundle.read_sources(*sources))
    for path in sources[0].rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    reread = bundle.read_sources(*sources)
    after = bundle.build(dict(reversed(reread.items())))
    assert after.data == before.data
    assert after.sha256 == before.sha256


def test_a_changed_source_gives_another_hash(sources: tuple[Path, Path]) -> None:
    before = bundle.build(bundle.read_sources(*sources))
    (sources[0] / "core" / "answer.py").write_text("ANSWER = 43\n")
    assert bundle.build(bundle.read_sources(*sources)).sha256 != before.sha256


def test_the_bytes_are_the_same_on_every_machine() -> None:
    # Seen with Python 3.11, 3.12 and 3.13.
    assert bundle.build({"a.py": b"1\n"}).sha256 == (
        "0d7439407c9bba05549e0de41c3d4cdc72cfd9583d490751209abef05c4432f5"
    )


def test_it_holds_the_core_and_none_of_the_edges(sources: tuple[Path, Path]) -> None:
    assert bundle.build(bundle.read_sources(*sources)).names == (
        "fleetlib/__init__.py",
        "fleetlib/core/__init__.py",
        "fleetlib/core/answer.py",
        "hook.py",
    )


def test_everyone_may_read_what_is_in_it(sources: tuple[Path, Path]) -> None:
    built = bundle.build(bundle.read_sources(*sources))
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert archive.testzip() is None


def test_a_handler_finds_the_library_beside_it(sources: tuple[Path, Path], tmp_path: Path) -> None:
    archive = tmp_path / "hook.zip"
    archive.write_bytes(bundle.build(bundle.read_sources(*sources)).data)
    assert run_isolated(archive, "import hook; print(hook.ANSWER)") == "42\n"


def test_a_directory_that_is_not_fleetlib_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="has no core/"):
        bundle.read_sources(tmp_path, tmp_path)


def test_a_source_without_a_handler_is_refused(sources: tuple[Path, Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInputError, match=r"there is no \.py file"):
        bundle.read_sources(sources[0], empty)


def test_a_handler_that_would_hide_the_library_is_refused(sources: tuple[Path, Path]) -> None:
    (sources[1] / "fleetlib").mkdir()
    (sources[1] / "fleetlib" / "__init__.py").write_text("")
    with pytest.raises(InvalidInputError, match="a name that the library needs"):
        bundle.read_sources(*sources)


def run_isolated(archive: Path, code: str) -> str:
    """What ``code`` prints with the archive on the path and nothing but the standard library besides."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_real_library_checks_programs_with_the_standard_library_only(root: Path, tmp_path: Path) -> None:
    archive = tmp_path / "validator.zip"
    sources = bundle.read_sources(
        root / "plugins/module_utils/fleetlib", root / "roles/programs/files/lambda"
    )
    archive.write_bytes(bundle.build(sources).data)
    code = (
        "from fleetlib.core.scheme import check; "
        "print(check('(led-on)', path='a.scm', profile='esp32-c3').ok, "
        "check('(led-on', path='a.scm', profile='esp32-c3').ok)"
    )
    assert run_isolated(archive, code) == "True False\n"
