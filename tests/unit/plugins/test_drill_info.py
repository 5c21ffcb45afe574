"""`drill_info`: what it refuses, and whom it finds at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from fleetlib import playbook_process

from tests.module_runner import run_module


@pytest.fixture
def plan(tmp_path):
    def run(check_mode=False, left=None, **options):
        journal = tmp_path / "journal.jsonl"
        if left is not None:
            record = {"at": "2026-11-28T09:00:00.000Z", "event": "started", "scenario": "iot_outage", **left}
            journal.write_text(json.dumps(record) + "\n")
        given = {
            "scenario": "bucket_loss",
            "environment_name": "local",
            "fleet_prefix": "aws-iot-steel",
            "drill_prefix": "steel-drill",
            "own_cloud": True,
            "journal": str(journal),
        }
        return run_module("drill_info", check_mode, **{**given, **options})

    return run


@pytest.fixture
def other_playbook(tmp_path):
    """A process that looks like another run."""
    script = tmp_path / "ansible-playbook"
    script.write_text("import time\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, str(script)]) as process:
        yield process
        process.kill()


def test_a_drill_is_planned_with_ports_and_devices(plan):
    found = plan(boards=3)
    assert found["devices"] == ["device-001", "device-002", "device-003"]
    assert len(set(found["ports"])) == 4
    assert found["open"] is None


def test_a_tabletop_needs_no_confirmation_and_a_drill_among_others_does(plan):
    assert not plan(check_mode=True, own_cloud=False)["failed"]
    assert "confirm=bucket_loss" in plan(own_cloud=False)["msg"]


def test_names_that_begin_like_the_fleets_are_refused_also_for_a_tabletop(plan):
    assert "mistaken" in plan(check_mode=True, drill_prefix="aws-iot-steel")["msg"]


def test_a_drill_that_was_cut_off_is_told(plan, tmp_path):
    assert plan(left={"pid": 2**22 + 1})["open"]["scenario"] == "iot_outage"


def test_a_drill_that_is_at_work_is_left_alone(plan, other_playbook):
    assert f"process {other_playbook.pid}" in plan(left={"pid": other_playbook.pid})["msg"]


def test_a_number_that_another_program_has_now_is_nobody(plan):
    assert not playbook_process.is_playbook(os.getpid())
    assert not plan(left={"pid": os.getpid()})["failed"]
