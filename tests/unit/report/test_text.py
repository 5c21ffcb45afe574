"""Values as people read them."""

from __future__ import annotations

import pytest
from fleetlib.report import text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.00 s"),
        (0.04, "0.04 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (11040, "3 h 04 min"),
        (-3, "−3.0 s"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (-4, "−4"),
        (0.12345, "0.123"),
        (99.5, "99.5"),
        (1234.56, "1,234.6"),
        (2.0, "2"),
    ],
)
def test_numbers_show_the_digits_that_matter(value: float, shown: str) -> None:
    assert text.number(value) == shown


def test_quantities_carry_their_unit_and_seconds_become_durations() -> None:
    assert text.quantity(1500, "ms") == "1,500 ms"
    assert text.quantity(90, "s") == "1 min 30 s"
    assert text.quantity(3) == "3"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "yes"), (False, "no"), (2026, "2026"), (0.1 + 0.2, "0.3"), ("", "")],
)
def test_a_fact_is_shown_as_it_is(value: object, shown: str) -> None:
    assert text.scalar(value) == shown


def test_moments_are_utc_whatever_zone_they_came_in() -> None:
    assert text.moment("2026-03-01T01:30:05+02:00") == "28 February 2026, 23:30:05 UTC"
    assert text.minute("2026-03-01T09:30:05Z") == "1 Mar 2026, 09:30"


def test_one_task_is_singular() -> None:
    assert (text.plural(0, "task"), text.plural(1, "task"), text.plural(2000, "task")) == (
        "0 tasks",
        "1 task",
        "2,000 tasks",
    )


@pytest.mark.parametrize(
    "href",
    [
        "https://example.com/a?b#c",
        "http://x",
        "mailto:ops@example.com",
        "../../index.html",
        "report.json",
        "#a",
    ],
)
def test_links_to_the_web_mail_and_files_beside_the_page_work(href: str) -> None:
    assert text.safe_href(href) == href


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", "JaVaScript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
     "data:text/html,x", "//evil.example/x", "file:///etc/passwd", "http://[", "", "  "],
)  # fmt: skip
def test_other_links_do_not_become_links(href: str) -> None:
    assert text.safe_href(href) is None
