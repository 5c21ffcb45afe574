"""Programs that the validator, the engine and their own tests judge together."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.scheme import check
from fleetlib.core.scheme.files import check_file
from fleetlib.core.scheme.second_opinion import disagreement
from fleetlib.program_examination import Examination, Trial, examine, sections
from fleetlib.steel_engine import Engine


@pytest.mark.parametrize(
    ("errors", "engine", "difference"),
    [
        ([], "loads", None),
        ([], "refused FreeIdentifier", "false accept"),
        ([], "crashed", "false accept"),
        (["unbound-identifier"], "loads", "false reject"),
        (["unbound-identifier"], "refused FreeIdentifier", None),
        (["unbound-identifier"], "refused Parse", "other kind"),
        (["unclosed-list"], "refused BadSyntax", None),
        (["bad-topic"], "loads", None),
        (["bad-topic"], "refused Parse", None),
    ],
)
def test_a_difference_is_named(errors: list[str], engine: str, difference: str | None):
    assert disagreement(errors, engine) == difference


def test_a_disagreement_is_a_problem_that_says_who_says_what():
    (problem,) = Examination(check("(led-on)", path="a.scm"), "refused Parse", "Unexpected EOF").problems
    assert problem.startswith("a.scm: the validator accepts it, but on the engine it refused Parse (Unexpect")


def test_two_names_for_one_fault_are_no_problem():
    assert Examination(check("(led-onn)"), "refused Parse").problems == []


def test_a_failed_test_is_a_problem_with_its_name():
    (problem,) = Examination(
        check("(led-on)", path="a.scm"), "loads", tests=(Trial("shines", ("there was no x",)),)
    ).problems
    assert problem == "a.scm: test 'shines': there was no x"


def test_without_the_engine_the_validator_stands_alone():
    (one,) = examine([check("(led-on)")], None, run_tests=True)
    assert one.as_dict()["engine"] == "not available"
    (table,) = sections([one], "not available: cargo is missing")
    assert table["intro"] == "Engine: not available: cargo is missing."
    assert table["rows"][0][-2:] == ["not available", "none run"]


def test_the_engine_judges_files_and_runs_the_tests_beside_them(engine: Engine, tmp_path: Path):
    for name, text in (("good", "(led-on)"), ("bad", "(led-onn)"), ("bytes", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.scm").write_text(text)
    (tmp_path / "bytes/a.scm").write_bytes(b"\xff")
    (tmp_path / "good/tests.toml").write_text(
        '[[test]]\nname = "shines"\nboard = {led = true}\n[[test]]\nname = "is dark"\nboard = {led = false}\n'
    )
    reports = [check_file(tmp_path / name / "a.scm", "esp32-c3") for name in ("good", "bad", "bytes")]
    good, bad, not_text = examine(reports, engine, run_tests=True)
    assert good.engine == "loads"
    assert [test.name for test in good.tests] == ["shines", "is dark"]
    assert good.problems == [
        f"{reports[0].path}: test 'is dark': at the end led is true, not false",
    ]
    assert (bad.engine, bad.problems) == ("refused FreeIdentifier", [])
    assert (not_text.engine, not_text.problems) == (None, [])
    assert len(sections([good, bad, not_text], "used")) == 3


def test_a_program_with_what_may_be_a_secret_is_still_judged_as_it_is(engine: Engine, tmp_path: Path):
    path = tmp_path / "a.scm"
    path.write_text('(define wifi-password "correct horse") (store "wifi" wifi-password)')
    (one,) = examine([check_file(path, "esp32-c3")], engine, run_tests=False)
    assert (one.engine, one.problems) == ("loads", [])


def test_a_test_that_the_engine_cannot_run_is_refused_with_its_program(engine: Engine, tmp_path: Path):
    (tmp_path / "a.scm").write_text("(led-on)")
    (tmp_path / "tests.toml").write_text(
        '[[test]]\nname = "x"\nboard = {led = true}\ngiven = {colour = "red"}\n'
    )
    with pytest.raises(InvalidInputError, match=r"a\.scm: its tests cannot be run.*colour"):
        examine([check_file(tmp_path / "a.scm", "esp32-c3")], engine, run_tests=True)
