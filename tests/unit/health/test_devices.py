"""One device judged by what is known of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.health.devices import Evidence, Limits, judge
from fleetlib.core.rollout.drift import Drift

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def milliseconds(ago):
    return int((NOW - ago).timestamp() * 1000)


def hit(connected=True, ago=5 * MINUTE, reported=None, metadata=None, **more):
    connection = {"connected": connected, **({} if ago is None else {"timestamp": milliseconds(ago)})}
    shadow = {"reported": reported or {}, **({"metadata": metadata} if metadata else {})}
    given = {"thingName": "d-1", "attributes": {"certificate_id": "c"}, "connectivity": connection}
    return {**given, **({"shadow": json.dumps(shadow)} if reported else {}), **more}


def look(found, errors=None, drifts=(), status="ACTIVE", age_days=10, limits=None):
    certificates = {"c": (status, NOW - timedelta(days=age_days))}
    evidence = Evidence(certificates, errors, {"d-1": drifts} if drifts else {})
    return judge(found, evidence, limits or Limits(), NOW)


def usage(used, total=100_000, cpu=None):
    return {
        "hardware_state": {"memory_usage": {"used_bytes": used, "total_bytes": total}, "cpu_percent": cpu}
    }


def test_a_connected_device_without_complaints_is_well():
    found = look(hit(reported=usage(50_000, cpu=20)))
    assert (found.status, found.troubles) == ("passed", ())
    assert (found.memory_percent, found.cpu_percent) == (50.0, 20.0)
    assert found.last_seen == "2026-03-01T11:55:00.000Z"


def test_a_device_that_was_there_and_is_away_for_long_is_lost():
    found = look(hit(connected=False, ago=61 * MINUTE))
    assert (found.status, found.troubles) == ("failed", ("lost",))


def test_a_device_that_just_left_is_offline_and_not_lost():
    found = look(hit(connected=False, ago=59 * MINUTE))
    assert (found.status, found.troubles) == ("warned", ("offline",))


def test_a_device_of_which_nothing_was_ever_heard_never_connected():
    found = look(hit(connected=False, ago=None))
    assert (found.status, found.troubles, found.last_seen) == ("not_checked", ("never_connected",), "")


def test_a_device_whose_leaving_aws_forgot_is_lost_because_it_once_reported():
    said = {"timestamp": "2026-02-27T08:00:00Z"}
    found = look(hit(connected=False, ago=None, reported=said))
    assert (found.troubles, found.last_seen) == (("lost",), "2026-02-27T08:00:00.000Z")


def test_the_clock_of_aws_counts_more_than_that_of_the_device():
    stamped = {"reported": {"a": {"timestamp": (NOW - 30 * MINUTE).timestamp()}, "b": [{"timestamp": 5}]}}
    said = {"a": 1, "timestamp": "2001-01-01T00:00:00Z"}
    found = look(hit(connected=False, ago=None, reported=said, metadata=stamped))
    assert (found.troubles, found.last_seen) == (("offline",), "2026-03-01T11:30:00.000Z")


@pytest.mark.parametrize("stamp", ["2099-01-01T00:00:00Z", "yesterday", 7, None])
def test_a_device_whose_clock_is_wrong_is_lost_at_an_unknown_time(stamp):
    found = look(hit(connected=False, ago=None, reported={"x": 1, "timestamp": stamp}))
    assert (found.troubles, found.last_seen) == (("lost",), "")


@pytest.mark.parametrize("status", ["Failed", {"Failed": "out of memory"}])
def test_a_failed_program_fails_its_device(status):
    found = look(hit(reported={"programs": {"blink": {"version": "1.0.0", "status": status}}}))
    assert (found.status, found.troubles) == ("failed", ("program_failed",))
    assert [(one.id, one.version) for one in found.programs] == [("blink", "1.0.0")]


def test_a_program_that_was_removed_is_not_on_the_device():
    assert look(hit(reported={"programs": {"blink": {"version": None}}})).programs == ()


@pytest.mark.parametrize(
    ("options", "trouble"),
    [
        ({"status": "REVOKED"}, "certificate"),
        ({"age_days": 366}, "old_certificate"),
        ({"errors": {"d-1": 3}}, "errors"),
        ({"drifts": [Drift("d-1", "program:blink", "2", "1", "it is offline", "")]}, "drifted"),
    ],
)
def test_what_others_say_of_a_device_counts(options, trouble):
    assert look(hit(), **options).troubles == (trouble,)


def test_a_device_without_a_certificate_fails_even_when_it_never_connected():
    found = look(hit(connected=False, ago=None, attributes={}))
    assert (found.status, found.troubles) == ("failed", ("certificate", "never_connected"))


def test_a_difference_names_both_versions_and_why():
    drift = Drift("d-1", "program:blink", "2.0.0", "", "its job waits", "")
    found = look(hit(), drifts=[drift])
    assert found.drifts == ("program:blink: should have 2.0.0, does not report it; its job waits",)


def test_a_device_that_never_connected_differs_from_nothing():
    drift = Drift("d-1", "program:blink", "2.0.0", "", "its job waits", "")
    assert look(hit(connected=False, ago=None), drifts=[drift]).troubles == ("never_connected",)


@pytest.mark.parametrize(("used", "troubles"), [(80_000, ()), (80_100, ("memory",))])
def test_memory_is_high_above_its_limit(used, troubles):
    assert look(hit(reported=usage(used))).troubles == troubles


@pytest.mark.parametrize("said", ["x", [], {"hardware_state": {"memory_usage": 7, "cpu_percent": "much"}}])
def test_a_shadow_of_another_shape_reports_nothing(said):
    found = look(hit(reported=said or {"x": 1}))
    assert (found.memory_percent, found.cpu_percent, found.programs) == (None, None, ())


@pytest.mark.parametrize("total", [0, -5, None, "8", float("inf"), float("nan")])
def test_memory_without_a_sensible_total_is_unknown(total):
    assert look(hit(reported=usage(5, total))).memory_percent is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_a_damaged_shadow_is_no_error(text):
    assert look({**hit(), "shadow": text}).status == "passed"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"since_minutes": 0}, "since_minutes is 0; it must be above 0."),
        ({"cpu_percent": 101}, "cpu_percent is 101; it must be above 0 and at most 100."),
        ({"max_age_days": -1}, "max_age_days is -1"),
    ],
)
def test_limits_that_flag_everything_or_nothing_are_refused(limit, words):
    with pytest.raises(InvalidInputError, match=words.replace(".", r"\.")):
        Limits(**limit)
