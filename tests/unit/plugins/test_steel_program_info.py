"""The module that checks programs: what it takes, what makes it fail, what it says of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.module_runner import run_module


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "good.scm").write_text("(led-on)\n")
    (tmp_path / "warned.scm").write_text("(define x 1)\n(led-on)\n")
    (tmp_path / "bad.scm").write_text("(led-on\n")
    return tmp_path


def test_directories_files_and_patterns_are_all_checked_once(programs: Path):
    paths = [str(programs), str(programs / "good.scm"), str(programs / "g*.scm")]
    answer = run_module("steel_program_info", paths=paths, fail_on="never")
    assert [Path(one["path"]).name for one in answer["programs"]] == ["bad.scm", "good.scm", "warned.scm"]
    assert [Path(path).name for path in answer["refused"]] == ["bad.scm"]
    assert not answer["changed"]


def test_a_program_with_an_error_fails_the_module_with_its_line(programs: Path):
    answer = run_module("steel_program_info", paths=[str(programs)])
    assert answer["failed"]
    assert "1 of 3 programs must not go to a device" in answer["msg"]
    assert "bad.scm:1:1: error" in answer["msg"]
    assert len(answer["programs"]) == 3


@pytest.mark.parametrize(("fail_on", "failed"), [("error", False), ("warning", True), ("never", False)])
def test_what_makes_it_fail_can_be_chosen(programs: Path, fail_on: str, failed: bool):
    answer = run_module("steel_program_info", paths=[str(programs / "warned.scm")], fail_on=fail_on)
    assert answer["failed"] is failed


def test_a_text_is_checked_for_the_profile_and_limits_given():
    text = "(led-on) (led-off)"
    assert not run_module("steel_program_info", source=text)["failed"]
    assert not run_module("steel_program_info", source=text, profile="linux")["failed"]
    assert run_module("steel_program_info", source=text, max_bytes=8)["failed"]


def test_a_path_with_no_program_is_refused(tmp_path: Path):
    answer = run_module("steel_program_info", paths=[str(tmp_path)])
    assert answer["failed"]
    assert "there is no program to check" in answer["msg"]


def test_an_engine_that_is_not_built_is_named_and_the_check_goes_on(programs: Path, tmp_path: Path):
    answer = run_module(
        "steel_program_info", paths=[str(programs / "good.scm")], engine=str(tmp_path), run_tests=True
    )
    assert not answer["failed"]
    assert answer["engine"] == "not available: it is not built; 'make engine' builds it"
    assert answer["programs"][0]["engine"] == "not available"


def test_a_failed_test_of_a_program_fails_the_module(steel_test: Path, root: Path, programs: Path):
    (programs / "tests.toml").write_text('[[test]]\nname = "is dark"\nboard = {led = false}\n')
    options = {"engine": str(root), "build_engine": True, "run_tests": True}
    answer = run_module("steel_program_info", paths=[str(programs / "good.scm")], **options)
    assert answer["failed"]
    assert "test 'is dark': at the end led is true, not false" in answer["msg"]
    assert answer["engine"] == "used"
