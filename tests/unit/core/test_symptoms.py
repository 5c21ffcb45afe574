"""A fleet in trouble, counted: what is said of connections, programs, resources, alarms and changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core import symptoms
from fleetlib.core.symptoms import AlarmState, Attempt, Change, Error, Series

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hit(thing, connected=True, at=NOW, reason="", memory=None, **programs):
    connection = {"connected": connected}
    if at:
        connection |= {"timestamp": int(at.timestamp() * 1000), "disconnectReason": reason}
    reported = {
        "programs": {
            name: {"version": version, "status": status} for name, (version, status) in programs.items()
        }
    }
    if memory is not None:
        reported["hardware_state"] = {"memory_usage": {"used_bytes": memory, "total_bytes": 100}}
    return {"thingName": thing, "connectivity": connection, "shadow": json.dumps({"reported": reported})}


def by_name(rows):
    return {row.name: row for row in rows}


def test_connections_are_counted_with_their_reasons():
    found = symptoms.tally(
        [
            hit("a"),
            hit("b", connected=False, reason="CONNECTION_LOST"),
            hit("c", connected=False, at=None),
        ]
    )
    assert (found.devices, found.connected, found.away, found.never) == (3, 1, 1, 1)
    assert found.reasons == {"CONNECTION_LOST": 1}
    (section,) = symptoms.connection_sections(found)
    assert section["rows"] == [["CONNECTION_LOST", 1, "the network went away, or the board did"]]


def test_many_that_went_away_in_one_minute_are_no_matter_of_devices():
    away = [hit(f"d{number}", connected=False, reason="CONNECTION_LOST") for number in range(4)]
    rows = symptoms.connection_rows(symptoms.tally([*away, hit("x")]), 0.1)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert "4 went away within the minute 2026-03-01T12:00Z" in rows[1].detail


def test_few_that_went_away_over_time_are():
    away = [
        hit(f"d{number}", connected=False, at=NOW - timedelta(hours=number), reason="CONNECTION_LOST")
        for number in range(2)
    ]
    found = symptoms.tally([*away, *(hit(f"x{number}") for number in range(98))])
    assert [row.status for row in symptoms.connection_rows(found, 0.1)] == ["passed", "passed"]
    assert symptoms.connection_sections(found)[1]["kind"] == "series"


def test_a_fleet_that_the_index_does_not_know_is_not_checked():
    assert [row.status for row in symptoms.connection_rows(symptoms.tally([]), 0.1)] == ["not_checked"]
    assert [row.status for row in symptoms.program_rows(symptoms.tally([]))] == ["not_checked"]


def test_a_program_that_fails_is_named_with_version_and_devices():
    found = symptoms.tally(
        [
            hit("a", blink=("1.1", "Failed")),
            hit("b", blink=("1.1", "Running"), other=("2", "Running")),
            hit("c", blink=("1.0", "Running")),
        ]
    )
    rows = by_name(symptoms.program_rows(found))
    assert rows["Program blink fails nowhere"].detail == "version 1.1 on 1 of 2 devices (a)."
    assert rows["Program other fails nowhere"].status == "passed"
    assert ["blink", "1.1", "Failed", 1] in symptoms.program_sections(found)[0]["rows"]


@pytest.mark.parametrize("shadow", ["", "{", "[]", '{"reported": 1}', '{"reported": {"programs": []}}'])
def test_a_shadow_of_another_shape_reports_nothing(shadow):
    found = symptoms.tally([{"thingName": "a", "shadow": shadow}])
    assert (found.devices, found.programs, found.memory) == (1, {}, [])


def test_memory_is_judged_by_board_and_by_program():
    found = symptoms.tally(
        [hit("a", memory=95, big=("1", "Running")), hit("b", memory=15, small=("1", "Running"))]
    )
    rows = by_name(symptoms.resource_rows(found, [], {"MemoryUsage": 90.0}))
    assert rows["No board is short of memory"].detail == "a; 55.0 % on average."
    table = next(one for one in symptoms.resource_sections(found, []) if one["title"] == "Programs by memory")
    assert table["rows"] == [["big", 95.0, 1], ["small", 15.0, 1]]


def test_a_metric_is_judged_by_its_last_value():
    points = ((NOW, 50.0), (NOW + timedelta(minutes=5), 91.0))
    rows = symptoms.resource_rows(
        symptoms.tally([]), [Series("CpuUsage", points), Series("MemoryUsage", ())], {"CpuUsage": 90.0}
    )
    assert [row.status for row in rows] == ["failed", "not_checked", "not_checked"]
    assert rows[0].detail == "91.0 % last, 70.5 % on average"


def test_only_the_worst_boards_are_kept():
    found = symptoms.tally(hit(f"d{number}", memory=number) for number in range(100))
    assert len(found.memory) == symptoms.MOST_ROWS
    assert found.memory[0] == (99.0, "d99")
    assert found.memory_count == 100


def test_alarms_lead_to_their_runbooks():
    ringing = AlarmState("f-x", "ALARM", NOW, "Too few. See docs/runbooks/connection_failures.md", False)
    quiet = AlarmState("f-y", "OK", NOW, "", True)
    assert ringing.runbook == "connection_failures"
    rows = symptoms.alarm_rows([ringing, quiet])
    assert [row.status for row in rows] == ["failed", "warned"]
    assert symptoms.alarm_section([ringing, quiet])[0]["rows"][0][2] == "connection_failures"
    assert symptoms.alarm_rows([])[0].status == "not_checked"


def test_errors_are_counted_by_program_and_message():
    errors = [Error("a", "p", "boom"), Error("b", "p", "boom"), Error("a", "", "else")]
    (row,), (section,) = symptoms.error_section(errors, 60)
    assert (row.status, row.detail) == ("warned", "3 from 2 devices.")
    assert section["rows"] == [["p", "boom", 2], ["none", "else", 1]]
    assert symptoms.error_section([], 60)[0][0].status == "passed"
    assert symptoms.error_section(None, 60)[0][0].status == "not_checked"


def test_changes_are_listed_newest_first():
    changes = [
        Change(NOW, "iot:CreateJob", "me"),
        Change(NOW + timedelta(minutes=1), "iot:CreateJob", "you", "j"),
    ]
    (row,), (section,) = symptoms.change_section(changes, 60)
    assert row.detail == "iot:CreateJob 2 times"
    assert [one[2] for one in section["rows"]] == ["you", "me"]
    assert symptoms.change_section(None, 60)[0][0].status == "not_checked"


def test_the_first_step_that_fails_is_where_it_breaks():
    rows = symptoms.endpoint_rows(
        [Attempt("a", "", 0.1), Attempt("b", "", 3.0), Attempt("c", "refused")], 2.0
    )
    assert [row.status for row in rows] == ["passed", "warned", "failed"]
    assert symptoms.verdict(rows) == "1 of 3: c."
    assert symptoms.verdict(rows[:1]) == "Nothing that was looked at is wrong."
