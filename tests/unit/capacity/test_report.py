"""What is said of limits, the forecast, and the bill; every figure of the page from the raw days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest
from fleetlib.core import prices
from fleetlib.core.capacity import limits
from fleetlib.core.capacity.cost import HOURS, Habits, bill
from fleetlib.core.capacity.limits import LIMITS, Limit, Reading, merged, use
from fleetlib.core.capacity.report import Capacity, Thresholds
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.report_sections import parse_contribution

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
RULES = next(one for one in LIMITS if one.id == "rules")
PUBLISH = next(one for one in LIMITS if one.id == "publish-in")


def days(*values):
    """Values of the last days, the last one of today."""
    return {NOW.date() - timedelta(days=len(values) - 1 - n): float(one) for n, one in enumerate(values)}


def used(limit: Limit, *values, allowed=1000.0):
    found = days(*values)
    last = values[-1] if values else None
    return use(limit, Reading(last, found, allowed, "AWS default", "" if values else "No right."), NOW)


def capacity(*uses, devices=2000, measured=None, **thresholds):
    lines = bill(devices, Habits(), measured or {}, {"keys": 1.0})
    return Capacity(uses, tuple(lines), devices, Thresholds(**thresholds), NOW)


def row(found, title):
    return next(one for one in found.checks() if one.name.startswith(title))


def test_a_limit_that_fills_evenly_is_reached_on_the_day_that_one_can_count():
    one = used(RULES, *range(100, 200, 10))  # 190 today, 10 a day, 1,000 allowed
    expected = (NOW.date() + timedelta(days=81)).isoformat()
    assert one.reached() == dict.fromkeys(("earliest", "expected", "latest"), expected)
    assert (
        capacity(one)
        .verdict()
        .startswith(
            f"“Topic rules” is the fullest limit: 190 of 1,000 rules (19 %). "
            f"“Topic rules”: reached {expected}"
        )
    )


@pytest.mark.parametrize(
    ("values", "options", "status", "words"),
    [
        ((10,) * 10, {}, "passed", "10 of 1,000 rules (1 %), not reached within 5 years"),
        ((750,) * 10, {}, "warned", "75 %"),
        ((950,) * 10, {}, "failed", "95 %"),
        (range(500, 600, 10), {}, "warned", "reached 2026-05-11"),
        (range(500, 600, 10), {"warn_days": 30}, "passed", "reached 2026-05-11"),
        ((), {}, "not_checked", "No right."),
        ((5,), {}, "passed", "nobody knows how it goes on: figures of 1 of 7 days"),
        ((1200,) * 8, {}, "failed", "(120 %), reached."),
    ],
)
def test_a_limit_is_judged_by_what_is_used_and_by_when_it_is_reached(values, options, status, words):
    found = row(capacity(used(RULES, *values), **options), "Topic rules")
    assert (found.status, words in found.detail) == (status, True), found.detail


def test_what_fails_is_named_and_what_nobody_knows_is_no_room():
    found = capacity(used(RULES, *[950] * 8), used(PUBLISH))
    assert (found.as_dict()["full"], found.as_dict()["well"]) == (["rules"], False)
    assert found.figures()["Limits not known"] == 1
    assert capacity(used(PUBLISH)).verdict() == "Nobody knows: no use of any limit could be read."


def test_the_days_of_earlier_runs_are_kept_and_the_newest_counts():
    earlier = [
        {"rules": {"2026-03-01": 1.0, "2026-03-29": 2.0}},
        {"rules": {"2026-03-29": 3.0, "2026-03-30": 4.0}, "buckets": {"2026-03-30": 9.0}},
        {"buckets": None},
    ]
    found = merged(earlier, RULES, {date(2026, 3, 31): 5.0}, date(2026, 3, 15))
    assert found == {date(2026, 3, 29): 3.0, date(2026, 3, 30): 4.0, date(2026, 3, 31): 5.0}


def test_every_figure_of_the_page_comes_from_the_days_in_the_json():
    found = capacity(
        used(RULES, *[100 + 7 * n + (n % 3) for n in range(20)]),
        used(PUBLISH, *[50] * 20, allowed=20_000.0),
        measured={"publish-in": 5e6},
    )
    data, sections = found.as_dict(), {one["title"]: one for one in found.sections([])}
    bars = {one["name"]: one["value"] for one in sections["Use of the limits"]["bars"]}
    for one in data["limits"]:
        values = [value for _, value in sorted(one["days"].items())]
        assert one["used"] == values[-1]
        assert one["percent"] == pytest.approx(values[-1] * 100 / one["allowed"])
        assert bars[one["title"]] == pytest.approx(one["percent"], abs=1e-4)
        slopes = [
            (values[j] - values[i]) / (j - i) for i in range(len(values)) for j in range(i + 1, len(values))
        ]
        assert one["per_day"] == pytest.approx(median(slopes))
        table = {row[0]: row for row in sections["Forecast"]["rows"]}[one["title"]]
        assert table[5] == pytest.approx(one["per_day"], abs=1e-4)
    plot = sections["Topic rules, day by day"]
    drawn = [tuple(point) for point in plot["series"][0]["points"]]
    assert drawn == sorted(data["limits"][0]["days"].items())
    for line, shown in zip(data["cost"], sections["Cost a month"]["rows"], strict=True):
        dollars = line["quantity"] / line["per"] * line["price"]
        assert line["dollars"] == pytest.approx(dollars)
        assert shown[5] == round(dollars * 1000 / data["devices"], 2)
    assert data["dollars_per_1000"] == pytest.approx(sum(one["dollars_per_1000"] for one in data["cost"]))


def test_the_sections_are_what_reports_allow():
    found = capacity(used(RULES, *range(100, 400, 10)), used(PUBLISH, 1), used(LIMITS[0]))
    run = {"environment": "local", "started": "2026-02-01T12:00:00Z", "summary": {"Devices": 3}}
    value = {"summary": found.figures(), "sections": found.sections([run]), "data": found.as_dict()}
    parsed = parse_contribution("fleet_report_capacity", value)
    plot = next(one for one in parsed.sections if one["title"] == "Topic rules, day by day")
    assert plot["bands"][0]["points"][0][1] <= plot["series"][1]["points"][0][1]


def test_the_bill_is_measured_where_it_can_be_and_assumed_where_not():
    lines = {one.name: one for one in bill(1000, Habits(), {"publish-in": 3e6}, {})}
    assert (lines["Messages from devices"].dollars, lines["Messages from devices"].basis) == (3.0, "measured")
    assert lines["Rules"].quantity == 3e6
    assert lines["Connections"].dollars == pytest.approx(1000 * HOURS * 60 * 0.08 / 1e6)
    assert lines["Shadows"].basis == "assumed"
    assert "Keys" not in lines


def test_a_fleet_without_devices_costs_nothing_that_could_be_divided():
    found = capacity(used(RULES, 1), devices=0)
    assert (found.dollars_per_1000, found.as_dict()["cost"]) == (None, [])
    assert not [one for one in found.sections([]) if one["title"] == "Cost a month"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mesages": 1}, "habits has no 'mesages'"),
        ({"messages_per_hour": "many"}, "habits.messages_per_hour is 'many'"),
        ({"messages_per_hour": -1}, "habits.messages_per_hour is -1"),
        ({"connected_share": 2}, "habits.connected_share is 2"),
    ],
)
def test_habits_that_cannot_be_are_refused(given, words):
    with pytest.raises(InvalidInputError, match=words):
        Habits.of(given)


@pytest.mark.parametrize(
    "thresholds", [{"warn_percent": 0}, {"warn_percent": 95, "fail_percent": 90}, {"warn_days": -1}]
)
def test_thresholds_that_mean_nothing_are_refused(thresholds):
    with pytest.raises(InvalidInputError):
        Thresholds(**thresholds)


def test_every_limit_and_every_price_says_where_it_is_from():
    assert all(one.source.startswith("https://docs.aws.amazon.com/") and one.default > 0 for one in LIMITS)
    every = [one for one in vars(prices).values() if isinstance(one, prices.Price)]
    assert all(one.source.startswith("https://aws.amazon.com/") and one.dollars > 0 for one in every)
    assert limits.day_of(datetime(1970, 1, 2, tzinfo=UTC)) == 1
