"""The description of alarms and dashboard, the templates, the roles and the runbooks agree."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from cfnlint.decode import decode
from fleetlib.core import telemetry
from fleetlib.core.monitoring.alarms import ALARMS, COMPOSITES, ELSEWHERE, thresholds
from fleetlib.core.monitoring.dashboard import PLOTS

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "roles/infrastructure/files/cloudformation"


def template(purpose):
    read, errors = decode(str(TEMPLATES / f"{purpose}.yml"))
    assert not errors
    return json.loads(json.dumps(read))


def alarms_of(purpose):
    found = (one for one in template(purpose)["Resources"].values() if one["Type"].endswith("Alarm"))
    return {
        one["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${NamePrefix}-${Environment}-"): one[
            "Properties"
        ]
        for one in found
    }


def test_every_alarm_of_the_fleet_is_described():
    made = {
        name
        for purpose in ("monitoring", "validator", "telemetry", "pipeline", "audit")
        for name in alarms_of(purpose)
    }
    assert made == {one.name for one in (*ALARMS, *ELSEWHERE, *COMPOSITES)}


@pytest.mark.parametrize("alarm", [*ALARMS, *ELSEWHERE, *COMPOSITES], ids=lambda one: one.name)
def test_the_runbook_of_an_alarm_is_there_and_named_in_its_description(alarm):
    assert (ROOT / "docs/runbooks" / f"{alarm.runbook}.md").is_file()
    assert (ROOT / "playbooks/runbooks" / f"{alarm.runbook}.yml").is_file()
    stack = getattr(alarm, "stack", "audit" if alarm in COMPOSITES else "monitoring")
    said = alarms_of(stack)[alarm.name]["AlarmDescription"]
    text = said["Fn::Sub"] if isinstance(said, dict) else said
    assert f"docs/runbooks/{alarm.runbook}.md" in text


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda one: one.name)
def test_an_alarm_tells_when_it_rings_and_when_it_ends(alarm):
    made = alarms_of("monitoring")[alarm.name]
    assert made["AlarmActions"] == made["OKActions"] == [{"Ref": "AlarmTopicArn"}]


def test_the_inventory_gives_every_threshold_and_no_other():
    given = yaml.safe_load((ROOT / "roles/infrastructure/vars/main.yml").read_text())
    parameters = template("monitoring")["Parameters"]
    assert set(given["_infrastructure_stack_parameters"]["monitoring"]) <= set(parameters)
    assert {one.parameter for one in thresholds()} <= set(
        given["_infrastructure_stack_parameters"]["monitoring"]
    )


def test_composites_name_alarms_that_there_are():
    names = {one.name for one in (*ALARMS, *ELSEWHERE)}
    assert {name for one in COMPOSITES for names in one.any_of for name in names} <= names


def test_every_metric_of_the_fleet_that_counts_trouble_is_shown():
    shown = {line.metric for plot in PLOTS for line in plot.lines}
    unseen = {one.name for one in telemetry.METRICS if one not in shown}
    assert unseen == {"ProgramCpuTime", "ProgramExecutionTime"}  # those are in performance_report.yml


def test_the_dashboard_is_json_once_its_parameters_are_filled_in():
    body = template("monitoring")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    read = json.loads(re.sub(r"\$\{[\w:.]+\}", "7", body))
    kinds = [one["type"] for one in read["widgets"]]
    assert kinds == ["alarm", *["metric"] * len(PLOTS), "log"]
    assert len(read["widgets"][0]["properties"]["alarms"]) == len(ALARMS)


def test_widgets_lie_beside_each_other_and_never_over_each_other():
    body = template("monitoring")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    taken = set()
    for one in json.loads(re.sub(r"\$\{[\w:.]+\}", "7", body))["widgets"]:
        cells = {
            (x, y)
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
