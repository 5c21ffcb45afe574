"""Rows of the report."""

from __future__ import annotations

from fleetlib.core.validation.checks import (
    Check,
    Status,
    all_of,
    before_changes,
    failed,
    not_checked,
    passed,
    some,
)


def test_a_row_about_many_passes_when_nobody_offends():
    assert all_of("Row", 100, "devices", [], "are late") == Check("Row", Status.PASSED, "all 100 devices")


def test_a_row_about_many_counts_and_names_some_offenders():
    row = all_of("Row", 1000, "devices", ["a", "b", "c", "d"], "are late")
    assert row.status is Status.FAILED
    assert row.detail == "4 of 1,000 devices are late: a, b, c and 1 more."


def test_few_names_are_all_named():
    assert some(["a", "b", "c"]) == "a, b, c"


def test_in_check_mode_a_failure_is_a_warning_and_says_why():
    rows = before_changes([failed("A", "off."), passed("B"), not_checked("C", "no")])
    assert [str(row.status) for row in rows] == ["warned", "passed", "not_checked"]
    assert rows[0].detail == "As it is now: off."


def test_a_row_is_plain_data_of_the_reports_shape():
    assert passed("A", "b").as_dict() == {"name": "A", "status": "passed", "detail": "b"}
