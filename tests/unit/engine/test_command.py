"""steel_test as people call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(steel_test: Path, tmp_path: Path) -> Call:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [steel_test, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return run


def test_shows_an_error_with_its_line_and_a_caret(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.scm").write_text("(led-on)\n(frobnicate 1)\n")
    done = call("--check", "bad.scm")
    assert done.returncode == 1
    assert done.stdout == (
        "bad.scm:2:2: error[E02] FreeIdentifier: "
        "Cannot reference an identifier before its definition: frobnicate\n"
        "  |\n"
        "2 | (frobnicate 1)\n"
        "  |  ^^^^^^^^^^\n"
        "bad.scm: refused\n"
    )
    assert done.stderr == ""


def test_checks_many_files_and_fails_when_one_does(call: Call, tmp_path: Path) -> None:
    (tmp_path / "good.scm").write_text("(led-on)")
    (tmp_path / "bad.scm").write_text("(")
    assert call("--check", "good.scm").returncode == 0
    done = call("--check", "good.scm", "bad.scm", "--json")
    assert done.returncode == 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["file"], answer["outcome"]) for answer in answers] == [
        ("good.scm", "loads"),
        ("bad.scm", "refused"),
    ]


def test_shows_what_a_program_does(call: Call, tmp_path: Path) -> None:
    (tmp_path / "blink.scm").write_text('(led-on) (sleep 1.5) (led-off) (log-info "done") 42')
    done = call("--file", "blink.scm")
    assert done.returncode == 0
    assert done.stdout == (
        "     0.000  led      on\n"
        "     1.500  led      off\n"
        "     1.500  log      info: done\n"
        "blink.scm: finished after 1.500 s, value 42\n"
    )


def test_takes_board_inputs_and_limits_from_a_scenario(call: Call, tmp_path: Path) -> None:
    (tmp_path / "p.scm").write_text(
        "(schedule-interval 1 (lambda () (display (get (read-sensors) 'temperature))))"
    )
    scenario = {"limits": {"until": 3}, "inputs": [{"at": 2.5, "sensors": {"temperature": 9}}]}
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    done = call("--file", "p.scm", "--scenario", "s.json", "--set", "temperature=5", "--json")
    answer = json.loads(done.stdout)
    assert [event["text"] for event in answer["events"] if event["kind"] == "output"] == ["5", "5", "9"]
    assert call("--file", "p.scm", "--until", "1").stdout.count("fire") == 1


def test_waits_really_in_real_time(call: Call, tmp_path: Path) -> None:
    (tmp_path / "p.scm").write_text("(sleep 0.2) (uptime)")
    done = call("--file", "p.scm", "--real-time", "--json")
    assert float(json.loads(done.stdout)["value"]) >= 0.2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "nothing to do"),
        (["--check"], "no file is named"),
        (["--check", "missing.scm"], "missing.scm: No such file"),
        (["--file", "p.scm", "--until", "0"], "--until needs a number above 0"),
        (["--file", "p.scm", "--set", "warm"], "--set needs NAME=VALUE"),
        (["--scenario", "missing.json"], "missing.json: No such file"),
        (["--chekc"], "invalid option '--chekc'"),
    ],
)
def test_a_wrong_call_is_explained(call: Call, arguments: list[str], problem: str) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert problem in done.stderr


def test_lists_what_steel_binds_with_arity_and_whether_its_sandbox_does(call: Call) -> None:
    rows = dict.fromkeys(call("--dump-globals").stdout.splitlines())
    assert {
        "name\tarity\tsandboxed",
        "car\t1\tyes",
        "create-directory!\t1\tno",
        "cond\tmacro\tyes",
    } <= rows.keys()


def test_makes_no_directory_for_steel(steel_test: Path, tmp_path: Path) -> None:
    (tmp_path / ".local/share").mkdir(parents=True)
    subprocess.run([steel_test, "--about"], env={"HOME": str(tmp_path)}, check=True, capture_output=True)
    assert not list((tmp_path / ".local/share").iterdir())


def test_without_cargo_the_build_says_so(root: Path, tmp_path: Path) -> None:
    for tool in ("sh", "dirname", "cksum", "tr", "sed"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    done = subprocess.run(
        [root / "engine/build"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("engine: not available: cargo is missing")


def test_without_a_registry_the_build_says_so(root: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "CARGO_HOME": str(tmp_path),
        "CARGO_NET_OFFLINE": "true",
        "STEEL_ENGINE_CACHE": str(tmp_path),
    }
    done = subprocess.run([root / "engine/build"], env=environment, capture_output=True, text=True)
    assert done.returncode == 3
    assert "engine: not available: the crates" in done.stderr


def test_the_parts_written_in_rust_pass_their_own_tests(root: Path, steel_test: Path) -> None:
    done = subprocess.run([root / "engine/build", "--test"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test result: ok" in done.stdout
