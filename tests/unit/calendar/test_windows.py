"""When work is allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.calendar.windows import GUIDE, State, from_config
from fleetlib.core.errors import InvalidInputError
from hypothesis import given
from hypothesis import strategies as st


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(windows):
    return [(f"{one.begins:%Y-%m-%d %H:%M}", one.name, one.minutes) for one in windows]


def calendar(**parts):
    return from_config({**GUIDE, **parts})


def test_the_guides_calendar_has_the_quarterly_window_in_place_of_the_monthly_one():
    assert names(from_config({}).coming(at("2026-11-28"), 3)) == [
        ("2026-12-06 02:00", "monthly", 120),
        ("2027-01-03 02:00", "quarterly", 240),
        ("2027-02-07 02:00", "monthly", 120),
    ]


def test_every_month_has_exactly_one_window_on_its_first_sunday():
    found = from_config({}).between(at("2024-01-01"), at("2033-12-31"))
    assert len(found) == 120
    assert all(one.begins.weekday() == 6 and one.begins.day <= 7 for one in found)
    assert sum(one.name == "quarterly" for one in found) == 40


@pytest.mark.parametrize(
    ("when", "state", "left"),
    [
        ("2026-12-06T01:59:59", State.CLOSED, 0),
        ("2026-12-06T02:00:00", State.OPEN, 7200),
        ("2026-12-06T03:59:59", State.OPEN, 1),
        ("2026-12-06T04:00:00", State.CLOSED, 0),
        ("2027-01-03T05:59:59", State.OPEN, 1),
    ],
)
def test_a_window_is_open_from_its_first_second_to_its_last(when, state, left):
    found = from_config({}).at(at(when))
    assert (found.state, found.seconds_left) == (state, left)


def test_a_closed_calendar_says_when_it_opens():
    assert from_config({}).at(at("2026-12-07")).why == (
        "No window is open. The next is quarterly at 2027-01-03T02:00:00.000Z."
    )


def test_a_freeze_closes_a_window_that_it_only_touches_and_the_next_one_is_named():
    frozen = calendar(freezes=[{"from": "2027-01-03T05:00:00Z", "until": "2027-01-04", "reason": "fair"}])
    found = frozen.at(at("2027-01-03T02:30"))
    assert (found.state, found.why) == (State.FROZEN, "A freeze is in force: fair.")
    assert [one.frozen for one in frozen.coming(at("2027-01-01"), 2)] == ["fair", ""]
    assert "monthly at 2027-02-07" in frozen.at(at("2027-01-05")).why


def test_a_freeze_until_a_day_includes_that_day():
    frozen = calendar(freezes=[{"from": "2026-12-20", "until": "2027-01-03", "reason": "holidays"}])
    assert frozen.at(at("2027-01-03T23:59")).state is State.FROZEN
    assert frozen.at(at("2027-01-04T00:00")).state is State.CLOSED


def test_an_exception_moves_a_window_and_another_takes_one_away():
    changed = calendar(
        exceptions=[
            {"window": "quarterly", "day": "2027-01-03", "to": "2027-01-10T03:00:00Z", "minutes": 60},
            {"window": "monthly", "day": "2027-02-07"},
        ]
    )
    assert names(changed.coming(at("2026-12-31"), 2)) == [
        ("2027-01-10 03:00", "quarterly", 60),
        ("2027-03-07 02:00", "monthly", 120),
    ]
    assert changed.at(at("2027-01-10T03:59")).state is State.OPEN


def test_every_second_week_counts_from_the_day_given():
    weekly = {"name": "patch", "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "start": "22:30", "minutes": 30}
    found = from_config({"windows": [{**weekly, "starts": "2026-12-08"}]}).coming(at("2026-12-01"), 2)
    assert names(found) == [("2026-12-08 22:30", "patch", 30), ("2026-12-22 22:30", "patch", 30)]


def test_a_window_past_midnight_is_still_open_on_the_next_day():
    late = {"name": "late", "rule": "FREQ=WEEKLY;BYDAY=SU", "start": "23:00", "minutes": 180}
    assert from_config({"windows": [late]}).at(at("2026-12-07T01:59")).state is State.OPEN


def test_a_window_without_a_run_was_missed_and_a_frozen_one_was_not():
    frozen = calendar(freezes=[{"from": "2026-10-01", "until": "2026-10-31", "reason": "move"}])
    missed = frozen.missed(at("2026-08-20"), at("2026-12-31"), [at("2026-09-06T02:00:07")])
    assert names(missed) == [("2026-11-01 02:00", "monthly", 120), ("2026-12-06 02:00", "monthly", 120)]


def test_a_window_that_is_open_yet_is_not_missed():
    assert from_config({}).missed(at("2026-12-01"), at("2026-12-06T03:00"), []) == []


def test_a_calendar_that_never_opens_says_so():
    never = {"name": "never", "rule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "start": "02:00", "minutes": 5}
    found = from_config({"windows": [never]}).at(at("2026-12-01"))
    assert found.why == "No window is open. There is none to come."


ONE = {"name": "one", "rule": "FREQ=MONTHLY;BYDAY=1SU", "start": "02:00", "minutes": 60}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"window": []}, "'window' is not known"),
        ({"windows": [{**ONE, "start": 120}]}, 'start is 120.*in quotes, as start: "02:00"'),
        ({"windows": [{**ONE, "start": "24:00"}]}, "start is '24:00'"),
        ({"windows": [{**ONE, "minutes": 1431}]}, "minutes of window one is 1431"),
        ({"windows": [{**ONE, "minutes": True}]}, "minutes of window one is True"),
        ({"windows": [{**ONE, "name": "a b"}]}, "the name 'a b' is none"),
        ({"windows": [ONE, ONE]}, "'one' is there twice"),
        ({"windows": [{**ONE, "replaces": ["two"]}]}, "'two' is named, but there is no such window"),
        ({"windows": ["one"]}, "'one' is no dictionary"),
        ({"windows": [{**ONE, "rule": "FREQ=YEARLY"}]}, "FREQ has to be one of"),
        ({"windows": [{**ONE, "rule": "FREQ=MONTHLY"}]}, "needs BYDAY or BYMONTHDAY"),
        ({"windows": [{**ONE, "rule": "FREQ=WEEKLY"}]}, "FREQ=WEEKLY needs BYDAY"),
        ({"windows": [{**ONE, "rule": "FREQ=WEEKLY;BYDAY=1SU"}]}, "needs FREQ=MONTHLY"),
        ({"windows": [{**ONE, "rule": "FREQ=MONTHLY;BYDAY=1SU,MO"}]}, "numbers all of its days or none"),
        ({"windows": [{**ONE, "rule": "FREQ=MONTHLY;BYDAY=-2SU"}]}, "BYDAY has '-2SU'"),
        (
            {"windows": [{**ONE, "rule": "FREQ=MONTHLY;BYDAY=SU;COUNT=3"}]},
            "'COUNT=3' is not one of its parts",
        ),
        ({"windows": [{**ONE, "rule": "FREQ=MONTHLY;BYMONTHDAY=0"}]}, "BYMONTHDAY has '0'"),
        ({"windows": [{**ONE, "rule": "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=SU"}]}, "without BYDAY"),
        ({"windows": [{**ONE, "rule": None}]}, "The rule 'None' cannot be used"),
        ({"freezes": [{"from": "2027-01-02", "until": "2027-01-01"}]}, "which is not after 2027-01-02"),
        ({"freezes": [{"from": "soon", "until": "2027-01-01"}]}, "from of a freeze is 'soon'"),
        ({"freezes": [{"from": "2027-01-01T00:00:00", "until": "2027-01-01"}]}, "a time in UTC"),
        ({"exceptions": [{"window": "yearly", "day": "2027-01-03"}]}, "'yearly' is named"),
        ({"exceptions": [{"window": "monthly", "day": "first"}]}, "day of an exception of monthly"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_named(config, words):
    with pytest.raises(InvalidInputError, match=words):
        from_config(config)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))
def test_a_moment_is_in_a_window_exactly_if_a_listed_window_holds_it(moment):
    now = moment.replace(tzinfo=UTC)
    listed = [one for one in from_config({}).between(now - timedelta(days=40), now) if one.holds(now)]
    assert (from_config({}).at(now).state is State.OPEN) == bool(listed)
