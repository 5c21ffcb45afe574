"""What lies beside a program: read strictly, and every mistake named with its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.program_folder import check_program, read_metadata, read_tests

METADATA = 'name = "Blink"\nversion = "1.2.0"\n'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "blink.scm"
    path.write_text('(mqtt-publish "blinks" "1")\n')
    return path


def test_a_program_alone_has_no_metadata_and_no_tests(program: Path):
    assert read_metadata(program) is None
    assert read_tests(program) == []
    assert check_program(program).ok


def test_the_profile_of_the_metadata_counts_unless_another_is_given(program: Path):
    (program.parent / "program.toml").write_text(f'{METADATA}profile = "linux"\ntopics = ["blinks"]\n')
    assert check_program(program).profile == "linux"
    assert check_program(program, "esp32-c3").profile == "esp32-c3"


def test_a_topic_that_the_metadata_does_not_name_is_an_error(program: Path):
    (program.parent / "program.toml").write_text(f'{METADATA}topics = ["other/+"]\n')
    assert [one.code for one in check_program(program).diagnostics] == ["undeclared-topic"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "program.toml is not TOML"),
        ('name = "Blink"', "version is missing"),
        (f"{METADATA}topic = []", "topic means nothing"),
        ('name = "Blink"\nversion = "1.2"', "version in"),
        (f'{METADATA}profile = "esp32"', "profile is 'esp32'"),
        (f'{METADATA}topics = "blinks"', "topics is 'blinks'"),
        (f"{METADATA}topics = [1]", "topics is [1]"),
        (f'{METADATA}auto_start = "yes"', "auto_start is 'yes'"),
        (f"{METADATA}timeout_seconds = 0", "timeout_seconds is 0"),
        (f"{METADATA}memory_bytes = true", "memory_bytes is True"),
        ('name = 1\nversion = "1.2.0"', "name is 1"),
    ],
)
def test_wrong_metadata_are_refused_with_file_and_key(program: Path, text: str, message: str):
    (program.parent / "program.toml").write_text(text)
    with pytest.raises(InvalidInputError) as raised:
        read_metadata(program)
    assert message in str(raised.value)
    assert str(program.parent) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[test]]\nname = "x"', "expects nothing"),
        ("[[test]]\nexpect = []", "name is missing"),
        ('[[test]]\nname = "x"\nexpects = []', "expects means nothing"),
        ('[[tests]]\nname = "x"', "keys beside [[test]]"),
        ("[[test]", "tests.toml is not TOML"),
    ],
)
def test_wrong_tests_are_refused_with_file_and_key(program: Path, text: str, message: str):
    (program.parent / "tests.toml").write_text(text)
    with pytest.raises(InvalidInputError) as raised:
        read_tests(program)
    assert message in str(raised.value)


def test_a_test_becomes_a_scenario_for_the_engine(program: Path):
    (program.parent / "tests.toml").write_text(
        '[[test]]\nname = "x"\nuntil = 5\nboard = {led = true}\ninputs = [{at = 1, event = "go"}]\n'
        "given = {sensors = {temperature = 3}}\n"
    )
    (test,) = read_tests(program)
    assert test.scenario == {
        "board": {"sensors": {"temperature": 3}},
        "inputs": [{"at": 1, "event": "go"}],
        "limits": {"until": 5},
    }
