"""What a journal tells the next run."""

from __future__ import annotations

from datetime import UTC, datetime

from fleetlib.core.provisioning import history, orphans
from fleetlib.core.provisioning.model import ListedCertificate, Registry, Thing

T1, T2 = "2026-03-01T09:30:00.000Z", "2026-03-01T10:30:00.000Z"


def at(hour, minute=0):
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


def test_an_empty_journal_tells_nothing():
    assert history.tell([]) == history.History()
    assert history.tell([]).lines() == []


def test_a_run_without_an_end_was_cut_off():
    told = history.tell(
        [
            {"at": T1, "event": "started", "pid": 42, "total": 3},
            {"at": T1, "event": "request", "thing": "a"},
            {"at": T1, "event": "certificate", "thing": "a"},
            {"at": T1, "event": "done", "thing": "a"},
            {"at": T2, "event": "request", "thing": "b"},
        ]
    )
    assert told.requests == {"b": at(10, 30)}
    assert told.lines() == [
        f"The run of process 42, started at {T1}, was cut off with 1 of 3 devices done; "
        "this run goes on from there."
    ]


def test_an_open_request_outlives_runs_that_did_not_resolve_it():
    told = history.tell(
        [
            {"at": T1, "event": "started", "pid": 1, "total": 1},
            {"at": T1, "event": "request", "thing": "a"},
            {"at": T2, "event": "started", "pid": 2, "total": 1},
            {"at": T2, "event": "ended"},
        ]
    )
    assert told.ended
    assert told.requests == {"a": at(9, 30)}


def test_suspects_are_young_and_referred_to_by_nothing():
    listed = [
        ListedCertificate(name, f"arn:{name}", "ACTIVE", at(hour))
        for name, hour in [("old", 7), ("young", 10), ("taken", 10), ("named", 7)]
    ]
    found = orphans.suspects(listed, {"taken", "named"}, at(9), {"named"})
    assert [one.id for one in found] == ["young", "named"]


def test_a_clock_that_is_minutes_off_hides_nothing():
    listed = [ListedCertificate("a", "arn:a", "ACTIVE", at(8, 50))]
    assert orphans.suspects(listed, set(), at(9), set()) == listed


def test_what_things_and_the_policy_refer_to_is_taken():
    registry = Registry(
        things={"a": Thing("", {"certificate_id": "c1"}), "b": Thing()}, policy_targets=frozenset(["c2"])
    )
    assert {"c1", "c2"} <= orphans.taken(registry)


def test_the_search_begins_with_the_request_or_the_key_that_is_oldest():
    requests, keys = {"a": at(10)}, {"a": at(5), "b": at(9)}
    assert orphans.since_when(["a", "b"], requests, keys, at(12)) == at(9)
    assert orphans.since_when([], {}, {}, at(12)) == at(12)
