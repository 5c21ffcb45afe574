"""The schema of what roles contribute."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.report_sections import (
    STATUSES,
    count_checks,
    histogram_bins,
    parse_contribution,
    worst_first,
)


def section(kind: str, **keys: Any) -> dict[str, Any]:
    return {"title": "T", "kind": kind, **keys}


VALID = [
    section(
        "checks", checks=[{"name": "a", "status": "passed"}, {"name": "b", "status": "failed", "detail": ""}]
    ),
    section("facts", facts={"a": 1, "b": None, "c": True, "d": 1.5}, intro="Words."),
    section("table", columns=["a", "b"], rows=[["x", 1], [{"text": "t", "href": "x"}, {"trend": [1, 2.5]}]]),
    section("table", columns=["a"], rows=[[{"text": "t", "status": "warned"}]]),
    section("text", text="One.\n\nTwo."),
    section("links", links=[{"text": "a", "href": "b"}]),
    section("bars", bars=[{"name": "a", "value": -1.5}], unit="s", limits=[{"name": "max", "value": 3}]),
    section(
        "series",
        series=[{"name": "a", "points": [[1, 2], [3, 4]]}],
        bands=[{"name": "b", "points": [[1, 2, 3]]}],
    ),
    section("series", series=[{"name": "a", "points": [["2026-03-01T09:30:00Z", 2]]}]),
    section("histogram", values=[1, 2.5], bins=5),
    section("map", cells=[{"name": "device-001", "status": "not_checked"}], legend={"passed": "connected"}),
]


@pytest.mark.parametrize("given", VALID, ids=lambda given: given["kind"])
def test_a_valid_section_passes_unchanged(given: dict[str, Any]) -> None:
    assert parse_contribution("fleet_report_x", {"sections": [given]}).sections == (given,)


def test_a_contribution_without_keys_is_empty_and_in_the_middle() -> None:
    said = parse_contribution("fleet_report_x", {})

    assert (said.id, said.order, said.summary, said.sections, said.next) == ("x", 500, {}, (), ())


@pytest.mark.parametrize(
    ("given", "where", "allowed"),
    [
        ("text", "fleet_report_x:", "a mapping with the keys order, summary, sections, next"),
        ({"section": []}, "fleet_report_x: 'section'", "the keys are order, summary, sections, next"),
        ({"order": "first"}, "fleet_report_x.order: 'first'", "an integer"),
        ({"order": True}, "fleet_report_x.order: True", "an integer"),
        ({"summary": {"a": [1]}}, "fleet_report_x.summary.a", "text, a number, true, false or null"),
        ({"sections": {}}, "fleet_report_x.sections", "a list"),
        ({"sections": ["a"]}, "fleet_report_x.sections[0]", "a mapping with title and kind"),
        ({"sections": [{"title": "a"}]}, "fleet_report_x.sections[0]", "the key kind is missing"),
        ({"sections": [section("pie")]}, "sections[0].kind: 'pie'", "one of checks, facts, table"),
        ({"sections": [{"kind": "text", "text": ""}]}, "sections[0]", "the key title is missing"),
        ({"sections": [section("text")]}, "sections[0]", "the key text is missing"),
        ({"sections": [section("text", text=1)]}, "sections[0].text: 1", "text"),
        (
            {"sections": [section("checks", checks=[{"name": "a", "status": "ok"}])]},
            "sections[0].checks[0].status: 'ok'",
            "one of failed, warned, not_checked, passed",
        ),
        (
            {"sections": [section("table", columns=["a"], rows=[["x", "y"]])]},
            "sections[0].rows[0]",
            "2 cells; there are 1 columns",
        ),
        (
            {"sections": [section("table", columns=["a"], rows=[[{"text": "x"}]])]},
            "sections[0].rows[0][0]",
            "a scalar, {text, href}, {text, status} or {trend}",
        ),
        (
            {"sections": [section("bars", bars=[{"name": "a", "value": "12"}])]},
            "bars[0].value: '12'",
            "a finite number",
        ),
        ({"sections": [section("histogram", values=[float("nan")])]}, "values[0]: nan", "a finite number"),
        ({"sections": [section("histogram", values=[], bins=0)]}, "bins: 0", "between 1 and 200"),
        (
            {"sections": [section("series", series=[{"name": "a", "points": [[1]]}])]},
            "points[0]",
            "a list of 2",
        ),
        (
            {"sections": [section("series", series=[{"name": "a", "points": [["noon", 1]]}])]},
            "points[0]: 'noon'",
            "a time such as 2026-03-01T09:30:00Z",
        ),
        (
            {"sections": [section("series", series=[{"name": "a", "points": [[1, 1], ["2026-03-01", 1]]}])]},
            "sections[0]: x is a number here and a time without a zone there",
            "use one of them throughout",
        ),
        (
            {"sections": [section("map", cells=[], legend={"ok": "connected"})]},
            "legend: 'ok'",
            "one of failed, warned, not_checked, passed",
        ),
        ({"next": [{"href": "x"}]}, "next[0]", "the key text is missing"),
    ],
)
def test_a_wrong_contribution_is_refused_by_place_and_rule(given: object, where: str, allowed: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_contribution("fleet_report_x", given)

    assert where in str(raised.value)
    assert allowed in str(raised.value)


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_contribution("fleet_report_x", {"order": "x" * 500})

    assert len(str(raised.value)) < 120


def test_dates_that_yaml_recognised_become_text() -> None:
    said = parse_contribution("fleet_report_x", {"summary": {"When": datetime.date(2026, 3, 1)}})

    assert said.summary == {"When": "2026-03-01"}


def test_times_that_yaml_recognised_become_text_in_a_series() -> None:
    moment = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    given = section("series", series=[{"name": "a", "points": [[moment, 1]]}])

    said = parse_contribution("fleet_report_x", {"sections": [given]})

    assert said.sections[0]["series"][0]["points"] == [["2026-03-01T00:00:00+00:00", 1]]


def test_checks_are_counted_over_all_sections() -> None:
    assert count_checks([VALID[0], VALID[1], VALID[0]]) == {
        "failed": 2,
        "warned": 0,
        "not_checked": 0,
        "passed": 2,
    }


def test_the_worst_status_comes_first_and_equals_keep_their_order() -> None:
    rows = [{"name": str(i), "status": status} for i, status in enumerate((*reversed(STATUSES), "failed"))]

    assert [row["name"] for row in worst_first(rows)] == ["3", "4", "2", "1", "0"]


def test_histogram_edges_are_round_and_every_value_is_counted_once() -> None:
    values = [0.13 * i for i in range(100)]

    bins = histogram_bins(values)

    assert bins == [
        (0.0, 2.0, 16),
        (2.0, 4.0, 15),
        (4.0, 6.0, 16),
        (6.0, 8.0, 15),
        (8.0, 10.0, 15),
        (10.0, 12.0, 16),
        (12.0, 14.0, 7),
    ]


def test_histogram_bins_of_fractions_and_negatives_have_clean_edges() -> None:
    assert histogram_bins([-0.05, 0.0, 0.31], bins=2) == [(-0.2, 0.0, 1), (0.0, 0.2, 1), (0.2, 0.4, 1)]


def test_equal_values_are_one_bin() -> None:
    assert histogram_bins([5, 5, 5]) == [(5.0, 6.0, 3)]


def test_no_values_are_no_bins() -> None:
    assert histogram_bins([]) == []
