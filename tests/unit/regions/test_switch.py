"""Who is told to switch, by which job, and who is waited for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fleetlib.core.regions import switch
from fleetlib.core.regions.switch import Endpoint, Move, Region

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
THERE = Endpoint("b.example", 8883, "eu-west-1")
ALL = frozenset({"f-1", "f-2", "f-3"})


def region(name, connected=(), things=ALL, answers=True, since=""):
    return Region(name, answers, frozenset(things), frozenset(connected), serves_since=since)


def test_who_is_connected_is_told_and_waited_for_and_who_is_away_is_not():
    move = Move(region("us-west-2", {"f-1", "f-2"}), region("eu-west-1"))
    assert move.needs_job
    assert move.expected == {"f-1", "f-2"}


def test_a_region_that_does_not_answer_tells_nobody_and_every_device_is_waited_for():
    move = Move(region("us-west-2", answers=False), region("eu-west-1", {"f-1"}))
    assert not move.needs_job
    assert move.expected == ALL


@pytest.mark.parametrize(
    ("origin", "destination", "moved"),
    [
        (region("us-west-2"), region("eu-west-1"), False),
        (region("us-west-2"), region("eu-west-1", ALL, since="2026-11-28T09-30-00Z"), True),
        (
            region("us-west-2", {"f-1", "f-2"}),
            region("eu-west-1", {"f-3"}, since="2026-11-28T09-30-00Z"),
            False,
        ),
        (
            region("us-west-2", since="2026-11-28T10-00-00Z"),
            region("eu-west-1", since="2026-11-28T09-30-00Z"),
            False,
        ),
        (
            region("us-west-2", since="2026-11-28T09-30-00Z"),
            region("eu-west-1", since="2026-11-28T10-00-00Z"),
            True,
        ),
    ],
    ids=["never", "moved", "cut off before most had come", "gone back since", "moved a second time"],
)
def test_the_region_to_which_the_fleet_was_moved_last_holds_what_is_newer(origin, destination, moved):
    assert Move(origin, destination).moved() == moved


@pytest.mark.parametrize(
    ("snapshot", "moved"), [("2026-11-28T09-00-00Z", True), ("2026-11-28T10-00-00Z", False), ("", True)]
)
def test_of_a_silent_region_the_newest_snapshot_says_how_old_it_is(snapshot, moved):
    move = Move(region("us-west-2", answers=False), region("eu-west-1", since="2026-11-28T09-30-00Z"))
    assert move.moved(snapshot) == moved


def test_who_has_come_already_is_still_counted():
    move = Move(region("us-west-2", {"f-1"}), region("eu-west-1", {"f-2"}))
    assert move.expected == {"f-1", "f-2"}


def test_a_device_that_the_destination_would_refuse_is_named_before_it_is_sent_there():
    move = Move(region("us-west-2", {"f-1", "f-9"}), region("eu-west-1"))
    assert move.unknown() == ["f-9"]


def test_the_job_says_where_to_and_only_what_a_device_does_not_know():
    assert switch.document(THERE, 30) == {
        "schema": 1,
        "operation": "endpoint.switch",
        "request": {"endpoint": "b.example", "mqtt_port": 8883, "region": "eu-west-1"},
        "jitter_seconds": 30,
    }
    local = Endpoint("127.0.0.1", 1, "eu-west-1", "PEM", standby=True)
    assert switch.document(local, 0)["request"] == {
        "endpoint": "127.0.0.1",
        "mqtt_port": 1,
        "region": "eu-west-1",
        "root_ca": "PEM",
        "standby": True,
    }


def test_a_second_run_finds_the_newest_job_to_the_same_region():
    first, second = (switch.job_id("f-local", "eu-west-1", NOW.replace(minute=one)) for one in (1, 2))
    other = switch.job_id("f-local", "us-west-2", NOW)
    assert switch.in_flight_to([first, second, other, "f-local-x"], "f-local", "eu-west-1") == second
    assert switch.in_flight_to([other], "f-local", "eu-west-1") == ""


def test_ids_of_jobs_fit_where_names_are_longest():
    longest = "a" * 15 + "-production"
    assert len(switch.job_id(longest, "ap-southeast-1", NOW)) <= 64
    assert len(switch.standby_id(longest, Endpoint("x", 1, "ap-southeast-1"))) <= 64


def test_another_endpoint_is_another_standby_job():
    assert switch.standby_id("f", THERE) == switch.standby_id("f", THERE)
    assert switch.standby_id("f", THERE) != switch.standby_id("f", Endpoint("c.example", 8883, "eu-west-1"))
