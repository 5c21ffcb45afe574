"""`fleetlib.core.drill`: scenarios, measurement, verdict, history, scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.clock import iso
from fleetlib.core.drill import history, measure, page, scenarios, scope, verdict
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.report_sections import parse_contribution

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
OUTAGE = scenarios.SCENARIOS["iot_outage"]


def at(seconds):
    return iso(NOON + timedelta(seconds=seconds))


def record(seconds, event, **facts):
    return {"at": at(seconds), "event": event, **facts}


def spell(began, ended=None, *, arrived=None, found=None, endpoint="a:1"):
    times = {"began": began, "ended": ended, "arrived": arrived, "found": found}
    return {
        "endpoint": endpoint,
        **{name: at(value) if value is not None else None for name, value in times.items()},
    }


JOURNAL = [
    record(-60, "started", scenario="iot_outage"),
    record(-50, "step", name="begin have_boards"),
    record(-20, "step", name="done have_boards"),
    record(0, "step", name="begin lose_cloud"),
    record(1, "step", name="done lose_cloud"),
    record(1, "step", name="begin return_of_cloud"),
    record(30, "step", name="done return_of_cloud"),
    record(30, "step", name="begin check_boards"),
    record(50, "step", name="done check_boards"),
]


CUT_AND_BACK = (spell(-40, 1, arrived=-5), spell(41, found=-5))
GUIDE = verdict.Objectives()


def measured(spells=(CUT_AND_BACK,), journal=JOURNAL, lost=()):
    line = measure.timeline(journal)
    stories = [
        measure.story(f"device-{i:03d}", one, line.failed_at, NOON + timedelta(seconds=60))
        for i, one in enumerate(spells, 1)
    ]
    return measure.Measured(line, tuple(stories), tuple(lost))


def seen(**changes):
    nothing = {
        "differences": [],
        "outside_before": "a" * 64,
        "outside_after": "a" * 64,
        "outside_answered": True,
        "touched": [],
        "left_over": [],
        "failure": "",
        "not_drilled": [],
    }
    return verdict.Seen(**{**nothing, **changes})


def rows(found=None, wanted=GUIDE, **changes):
    checks = verdict.rows(OUTAGE, found or measured(), wanted, seen(**changes))
    return {check.name: check for check in checks}


def failing(*arguments, **named):
    return [name for name, check in rows(*arguments, **named).items() if check.status == "failed"]


# Scenarios


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_a_scenario_fails_once_and_is_noticed_recovered_and_verified_in_this_order(name):
    phases = [step.phase for step in scenarios.steps(scenarios.SCENARIOS[name], own_cloud=True)]
    assert phases == sorted(phases, key=list(scenarios.Phase).index)
    assert phases.count(scenarios.Phase.FAIL) == 1
    assert set(phases) == set(scenarios.Phase)


def test_every_step_of_a_tabletop_has_an_owner_and_every_one_of_people_a_command():
    for step in scenarios.STEPS.values():
        assert step.owner
        assert step.command or step.owner in (scenarios.DRILL, scenarios.AWS), step.name


def test_a_tabletop_counts_the_minutes_since_the_failure():
    rows = scenarios.tabletop(scenarios.steps(OUTAGE, own_cloud=True), "production")
    after = {row["name"]: row["done_after_minutes"] for row in rows}
    assert after["have_boards"] == after["lose_cloud"] == 0
    assert (after["notice_outage"], after["return_of_cloud"], after["check_boards"]) == (5, 125, 135)
    assert all("{environment}" not in row["command"] for row in rows)


def test_a_scenario_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(
        InvalidInputError, match=r"'flood'; it must be one of region_failure, .*pipeline_failure"
    ):
        scenarios.scenario("flood")


def test_a_drill_without_a_cloud_of_its_own_needs_the_name_of_its_scenario():
    loss = scenarios.SCENARIOS["bucket_loss"]
    with pytest.raises(InvalidInputError, match="confirm=bucket_loss"):
        scenarios.require_allowed(loss, False, "lambda_failure")
    scenarios.require_allowed(loss, False, "bucket_loss")
    scenarios.require_allowed(loss, True, "")


@pytest.mark.parametrize("name", ["iot_outage", "region_failure"])
def test_a_cloud_that_others_use_is_never_stopped_whatever_is_confirmed(name):
    with pytest.raises(InvalidInputError, match="--check"):
        scenarios.require_allowed(scenarios.SCENARIOS[name], False, name)


# Measurement


def test_a_board_was_away_from_the_end_of_its_connection_to_the_next():
    board = measured().boards[0]
    assert (board.back, board.away_seconds, board.lost_seconds) == (True, 40.0, 0.0)


def test_several_gaps_of_a_board_add_up_and_those_before_the_failure_do_not_count():
    spells = [spell(-50, -30), spell(-20, 1), spell(11, 20), spell(25)]
    assert measured([spells]).boards[0].away_seconds == 15.0


def test_a_board_that_has_not_come_back_is_away_until_it_was_asked():
    board = measured([[spell(-40, 1)]]).boards[0]
    assert (board.back, board.away_seconds) == (False, 59.0)


def test_a_board_that_kept_its_connection_was_not_away():
    assert measured([[spell(-40)]]).boards[0].away_seconds == 0.0


def test_what_a_board_lost_is_the_time_between_its_last_report_and_the_one_that_it_found():
    spells = [spell(-40, 1, arrived=-5), spell(41, found=-25, endpoint="b:2")]
    board = measured([spells]).boards[0]
    assert (board.lost_seconds, board.endpoint) == (20.0, "b:2")


def test_a_cloud_that_knows_nothing_of_a_board_has_lost_all_that_it_told():
    assert measured([[spell(-40, 1, arrived=-5), spell(41)]]).boards[0].lost_seconds == 35.0


def test_the_recovery_time_is_that_of_the_service_or_of_the_board_that_was_away_the_longest():
    assert measured().rto_seconds == 50.0
    late = [spell(-40, 1, arrived=-5), spell(58, found=-5)]
    assert measured([late]).rto_seconds == 57.0


def test_without_every_board_there_is_no_recovery_time():
    assert measured([[spell(-40, 1)]]).rto_seconds is None


def test_a_step_that_was_begun_and_not_done_leaves_the_drill_unrecovered():
    found = measured(journal=[*JOURNAL[:-1]])
    assert found.timeline.unfinished == ["check_boards"]
    assert found.rto_seconds is None


def test_only_the_steps_of_the_last_drill_count():
    again = [
        *JOURNAL,
        record(100, "started", scenario="iot_outage"),
        record(101, "step", name="begin lose_cloud"),
    ]
    assert [step.name for step in measure.timeline(again).steps] == ["lose_cloud"]


def test_an_object_that_is_gone_was_lost_with_its_age_at_the_failure():
    lost = measure.lost_objects({"b/kept": at(-90), "b/late": at(-12)}, ["b/kept"], NOON)
    assert lost == [measure.Lost("object", "b/late", 12.0)]
    assert measured(lost=lost).rpo_seconds == 12.0


def test_connected_boards_are_counted_over_time():
    diaries = [[spell(-40, 1), spell(41)], [spell(-30)]]
    points = measure.connected_over_time(diaries, NOON - timedelta(seconds=35), NOON + timedelta(seconds=60))
    assert [count for _, count in points] == [0, 0, 1, 1, 2, 2, 1, 1, 2, 2]


# Verdict


def test_a_drill_in_which_all_went_well_has_passed():
    assert not failing()
    assert rows()["Every board is connected again"].detail == "1 of 1; 1 had lost their connection"


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"failure": "the cloud does not start"}, "Every step was done"),
        ({"outside_after": "b" * 64}, "Nothing outside of the drill was touched"),
        ({"outside_before": ""}, "Nothing outside of the drill was touched"),
        ({"differences": None}, "The registry is as before, field by field"),
        ({"left_over": ["/x/world"]}, "The drill left nothing behind"),
        (
            {"differences": [{"kind": "certificate", "name": "9f", "field": "status"}]},
            "The registry is as before, field by field",
        ),
    ],
)
def test_whatever_went_wrong_fails_its_own_row(changes, row):
    assert failing(**changes) == [row]


def test_an_objective_that_is_missed_fails_its_row():
    assert failing(None, verdict.Objectives(rto_minutes=0.5)) == ["Recovery time within 0:30"]
    lost = [measure.Lost("object", "b/late", 61.0)]
    assert failing(measured(lost=lost), verdict.Objectives(rpo_minutes=1)) == ["Loss of data within 1:00"]


def test_a_drill_without_boards_has_not_passed():
    assert "Every board is connected again" in failing(measured([]))


def test_what_was_not_drilled_is_said_and_fails_nothing():
    found = rows(not_drilled=["CodePipeline is not here."])
    assert found["Not drilled"].status == "not_checked"


def test_objectives_of_a_scenario_stand_above_those_for_all():
    given = {"default": {"rto_minutes": 120}, "iot_outage": {"rpo_minutes": 5}}
    assert verdict.objectives(given, "iot_outage") == verdict.Objectives(120.0, 5.0)
    assert verdict.objectives({}, "iot_outage") == verdict.Objectives(240.0, 60.0)


@pytest.mark.parametrize(
    "given",
    [
        {"flood": {"rto_minutes": 1}},
        {"default": {"rto": 1}},
        {"default": {"rto_minutes": "soon"}},
        {"default": {"rpo_minutes": 0}},
    ],
)
def test_objectives_that_make_no_sense_are_refused(given):
    with pytest.raises(InvalidInputError, match="disaster_recovery_objectives"):
        verdict.objectives(given, "iot_outage")


# History


def test_the_last_drill_of_each_scenario_is_remembered_and_one_that_was_undone_is_none():
    records = [
        record(0, "started", scenario="iot_outage"),
        record(9, "ended", outcome="passed", rto_seconds=40.0, rpo_seconds=0.0, boards=4),
        record(10, "started", scenario="bucket_loss"),
        record(11, "ended", outcome="undone"),
    ]
    found = history.last_of_each(records)
    assert found.keys() == {"iot_outage"}
    assert found["iot_outage"].rto_seconds == 40.0


def test_a_scenario_is_due_an_interval_after_it_passed_and_at_once_otherwise():
    done = history.Drilled(NOON, history.PASSED, 40.0, 0.0, 4)
    failed = history.Drilled(NOON, history.FAILED, None, 0.0, 4)
    assert history.next_due(done, NOON, 90) == NOON + timedelta(days=90)
    assert history.next_due(failed, NOON, 90) == history.next_due(None, NOON, 90) == NOON
    with pytest.raises(InvalidInputError, match="interval_days"):
        history.next_due(done, NOON, 0)


# Scope


def test_only_what_has_the_name_of_the_drill_may_be_broken():
    mine = scope.Scope("steel-drill", "local")
    assert mine.require("steel-drill-local-programs-0-us-west-2", "Bucket")
    for name in (
        "aws-iot-steel-local-programs-0",
        "steel-drill-locale-programs",
        "steel-drill-production-x",
        "",
    ):
        with pytest.raises(InvalidInputError, match="does not belong to the drill"):
            mine.require(name, "Bucket")


@pytest.mark.parametrize(("drill", "fleet"), [("steel", "steel"), ("steel-x", "steel"), ("steel", "steel-x")])
def test_names_that_could_be_mistaken_for_each_other_are_refused(drill, fleet):
    with pytest.raises(InvalidInputError, match="mistaken"):
        scope.require_apart(drill, fleet)


def test_exports_are_compared_field_by_field():
    before = {"thing": {"a": {"attributes": {"led": "on", "n": 1}}, "b": {}}}
    after = {"thing": {"a": {"attributes": {"led": "off", "n": 1}}}, "rule": {"r": {"sql": "x"}}}
    assert scope.differences(before, after) == [
        {"kind": "rule", "name": "r", "field": "", "before": "(not there)", "after": "{'sql': 'x'}"},
        {"kind": "thing", "name": "a", "field": "attributes.led", "before": "on", "after": "off"},
        {"kind": "thing", "name": "b", "field": "", "before": "{}", "after": "(not there)"},
    ]
    assert not scope.differences(before, before)


# Report


def test_plan_and_result_are_sections_that_the_report_accepts():
    plan = scenarios.tabletop(scenarios.steps(OUTAGE, own_cloud=True), "local")
    due = history.table({}, NOON, 90)
    boards = [{"name": "device-001", "spells": [spell(-40, 1, arrived=-5), spell(41, found=-25)]}]
    found = measured([boards[0]["spells"]])
    sections = [
        *page.plan_sections(OUTAGE, plan, verdict.Objectives(), due),
        *page.result_sections(found, boards, NOON, NOON + timedelta(seconds=60)),
    ]
    parsed = parse_contribution("fleet_report_drill", {"sections": sections})
    assert parsed.sections[-1]["rows"] == [["report", "device-001", 20.0]]


def test_every_step_is_a_task_file_of_the_role_and_the_other_way_round(root):
    files = {path.stem for path in (root / "roles/disaster_recovery/tasks/steps").glob("*.yml")}
    assert files == scenarios.STEPS.keys()
    used = [scenarios.steps(one, own_cloud=True) for one in scenarios.SCENARIOS.values()]
    assert {step.name for steps in used for step in steps} == files
