"""The programs of this checkout: what lies beside each of them, and whether they do what their tests say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleetlib.core.program_folder import check_program, read_metadata, read_tests
from fleetlib.program_examination import examine
from fleetlib.steel_engine import Engine

PROGRAMS = sorted(Path(__file__).parents[2].glob("programs/*/*.scm"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_has_metadata_and_tests_and_no_finding(path: Path):
    assert path.stem == path.parent.name
    metadata = read_metadata(path)
    assert metadata
    assert metadata.description
    assert read_tests(path)
    assert check_program(path).diagnostics == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_does_what_its_tests_say(path: Path, engine: Engine):
    (one,) = examine([check_program(path)], engine, run_tests=True)
    assert one.tests
    assert one.problems == []


def test_the_programs_that_the_guide_names_are_there():
    assert {"blink_led", "interactive_demo", "sensor_monitor", "system_monitor"} <= {
        path.stem for path in PROGRAMS
    }
