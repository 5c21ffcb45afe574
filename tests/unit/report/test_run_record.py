"""The record of a run."""

from __future__ import annotations

import datetime
import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from fleetlib.core.run_record import Recorder, Run, playbook_name, run_id, summary_of

STARTED = datetime.datetime(2026, 3, 1, 9, 30, tzinfo=datetime.UTC)


def recorder(check_mode: bool = False, **options: Any) -> Recorder:
    made = Recorder(Run("deploy", STARTED, check_mode, {"user": "operator"}), 100.0, "local", **options)
    made.play_started("Deploy", 100.5)
    return made


def contribute(to: Recorder, key: str, value: Any) -> None:
    to.task_started(key, "Report", None, "set_stats", 101.0)
    to.ok(key, "control", {"ansible_stats": {"data": {key: value}}}, with_diff=False)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/fleet/deploy.yml", "deploy"),
        ("/fleet/playbooks/deploy.yml", "deploy"),
        ("/fleet/playbooks/runbooks/restart_device.yml", "runbooks/restart_device"),
        ("/fleet/molecule/deploy/converge.yml", "molecule/deploy/converge"),
        ("/elsewhere/site.yml", "site"),
    ],
)
def test_a_playbook_is_named_by_its_place_in_the_checkout(path: str, name: str) -> None:
    assert playbook_name(PurePosixPath(path), PurePosixPath("/fleet")) == name


def test_a_run_is_named_by_its_start_and_check_mode() -> None:
    assert run_id(STARTED, check_mode=False) == "2026-03-01T09-30-00Z"
    assert run_id(STARTED, check_mode=True) == "2026-03-01T09-30-00Z-check"


def test_phases_are_the_roles_of_a_play_and_add_up_to_the_time_of_their_tasks() -> None:
    run = recorder()
    for key, role, at in (
        ("a", "preflight", 101.0),
        ("b", None, 102.5),
        ("c", "programs", 103),
        ("d", "preflight", 107),
    ):
        run.task_started(key, key, role, "x", at)
    record = run.finish(108.25, {})

    assert [(phase["name"], phase["seconds"], phase["tasks"]) for phase in record["phases"]] == [
        ("preflight", 2.75, 2),
        ("Deploy", 0.5, 1),
        ("programs", 4.0, 1),
    ]
    assert sum(phase["seconds"] for phase in record["phases"]) == sum(
        task["seconds"] for task in record["tasks"]
    )
    assert (record["seconds"], record["ended"]) == (8.25, "2026-03-01T09:30:08Z")


def test_a_role_in_two_plays_is_two_phases_told_apart_by_play() -> None:
    run = recorder()
    run.task_started("a", "a", "preflight", "x", 101)
    run.play_started("Validate", 102)
    run.task_started("b", "b", "preflight", "x", 103)

    names = [phase["name"] for phase in run.finish(104, {})["phases"]]

    assert names == ["preflight (Deploy)", "preflight (Validate)"]


def test_a_task_ends_when_the_next_play_begins() -> None:
    run = recorder()
    run.task_started("a", "a", None, "x", 101)
    run.play_started("Next", 103)
    run.task_started("b", "b", None, "x", 110)

    assert [task["seconds"] for task in run.finish(111, {})["tasks"]] == [2.0, 1.0]


def test_counts_are_those_of_ansibles_recap() -> None:
    run = recorder()
    record = run.finish(101, {"a": {"ok": 3, "changed": 1}, "b": {"ok": 1, "failures": 1}})

    assert (record["counts"]["ok"], record["counts"]["changed"], record["counts"]["failures"]) == (4, 1, 1)
    assert record["hosts"]["a"]["unreachable"] == 0
    assert record["result"] == "failed"


@pytest.mark.parametrize(
    ("hosts", "result"),
    [
        ({}, "passed"),
        ({"a": {"failures": 1}}, "failed"),
        ({"a": {"unreachable": 1}}, "failed"),
        (None, "unfinished"),
    ],
)
def test_the_result_follows_from_the_counts(hosts: Any, result: str) -> None:
    assert recorder().finish(101, hosts)["result"] == result


def test_an_unfinished_run_counts_what_it_saw_and_says_where_it_stopped() -> None:
    run = recorder()
    run.task_started("a", "First", "preflight", "x", 101)
    run.ok("a", "control", {"changed": True}, with_diff=False)
    run.skipped("control")
    run.failed("a", "control", {"msg": "bad"}, "ignored")
    run.task_started("b", "Wait for the stack", "infrastructure", "x", 102)
    record = run.finish(109, None)

    assert record["counts"] == {
        "ok": 2, "changed": 1, "unreachable": 0, "failures": 0, "skipped": 1, "rescued": 0, "ignored": 1,
    }  # fmt: skip
    assert (record["stopped_in"]["task"], record["stopped_in"]["seconds"]) == ("Wait for the stack", 7.0)


def test_an_unfinished_run_without_tasks_stopped_nowhere() -> None:
    assert recorder().finish(101, None)["stopped_in"] is None


def test_a_rescued_failure_is_no_failure_of_its_phase() -> None:
    run = recorder()
    run.task_started("a", "Tried", "preflight", "x", 101)
    run.failed("a", "control", {"msg": "first"}, "failures")
    run.task_started("b", "Failed", "preflight", "x", 102)
    run.failed("b", "control", {"msg": "second"}, "failures")
    record = run.finish(103, {"control": {"failures": 1, "rescued": 1}})

    assert [(failure["message"], failure["kind"]) for failure in record["failures"]] == [
        ("first", "rescued"),
        ("second", "failures"),
    ]
    assert record["phases"][0]["failed"] == 1


def test_a_changed_task_is_listed_with_where_it_ran() -> None:
    run = recorder()
    run.task_started("a", "Create the stacks", "infrastructure", "amazon.aws.cloudformation", 101)
    run.ok("a", "control", {"changed": True, "msg": "Created."}, with_diff=False)
    run.ok("a", "other", {"changed": False}, with_diff=False)

    assert run.finish(102, {})["changes"] == [
        {
            "play": "Deploy",
            "role": "infrastructure",
            "task": "Create the stacks",
            "action": "amazon.aws.cloudformation",
            "host": "control",
            "loop": None,
            "summary": ["Created."],
            "diff": None,
        }
    ]


def test_contributions_appear_in_their_order_whoever_came_first() -> None:
    run = recorder()
    contribute(
        run, "fleet_report_late", {"order": 800, "sections": [{"title": "Late", "kind": "text", "text": ""}]}
    )
    contribute(
        run,
        "fleet_report_early",
        {"order": 100, "sections": [{"title": "Early", "kind": "text", "text": ""}]},
    )
    contribute(run, "unrelated", {"sections": "not ours"})
    record = run.finish(102, {})

    assert [(section["title"], section["id"]) for section in record["sections"]] == [
        ("Early", "early"),
        ("Late", "late"),
    ]


def test_a_role_that_contributes_again_replaces_what_it_said() -> None:
    run = recorder()
    contribute(run, "fleet_report_x", {"summary": {"Old": 1}})
    contribute(run, "fleet_report_x", {"summary": {"New": 2}})

    assert run.finish(102, {})["summary"] == {"New": 2}


def test_items_of_a_loop_contribute_as_well() -> None:
    run = recorder()
    run.task_started("a", "Report", None, "set_stats", 101)
    items = [{"ansible_stats": {"data": {f"fleet_report_{n}": {"summary": {n: 1}}}}} for n in ("a", "b")]
    run.ok("a", "control", {"results": items}, with_diff=False)

    assert run.finish(102, {})["summary"] == {"a": 1, "b": 1}


def test_a_wrong_contribution_becomes_a_warning_that_names_the_schema() -> None:
    run = recorder()
    contribute(run, "fleet_report_x", {"sections": 5})

    assert run.finish(102, {})["warnings"] == run.warnings
    assert run.warnings == [
        "fleet_report_x.sections: 5 is not a list. "
        "It is left out of the report; docs/reports.md has the schema."
    ]


def test_a_known_secret_is_nowhere_in_the_record() -> None:
    run = recorder(secrets=("the-secret-value",))
    run.task_started("a", "Task the-secret-value", None, "x", 101)
    run.failed("a", "control", {"msg": "refused the-secret-value"}, "failures")
    contribute(run, "fleet_report_x", {"summary": {"the-secret-value": "the-secret-value"}})

    assert "the-secret-value" not in json.dumps(run.finish(102, None))


def test_the_summary_for_the_index_repeats_the_record() -> None:
    run = recorder(check_mode=True)
    record = run.finish(102, {"control": {"changed": 4}})
    summary = summary_of(record)

    assert {name: record[name] for name in summary if name != "changed"} | {"changed": 4} == summary


def test_data_for_machines_are_kept_by_role_and_the_summary_keeps_the_facts() -> None:
    run = recorder()
    contribute(run, "fleet_report_health", {"summary": {"Devices": 3}, "data": {"lost": ["d-1"]}})
    contribute(run, "fleet_report_other", {"summary": {"Errors": 0}})
    record = run.finish(102, {})

    assert record["data"] == {"health": {"lost": ["d-1"]}}
    assert summary_of(record)["summary"] == {"Devices": 3, "Errors": 0}
