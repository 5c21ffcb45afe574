"""What the report of a rollout shows."""

from __future__ import annotations

import pytest
from fleetlib.core import report_sections
from fleetlib.core.rollout import summary
from fleetlib.core.rollout.record import from_dict

from tests.unit.rollout.test_engine import QUICK
from tests.unit.rollout.world import NEW, World, boards


@pytest.mark.parametrize("fails_with", [(), (NEW,)])
def test_the_sections_are_what_a_report_takes(fails_with):
    world = World(boards(12, fails_with=fails_with))
    world.start(QUICK)
    record = world.run()
    devices = [{"thing": "device-001", "wave": "canary", "was": "", "outcome": "SUCCEEDED"}]
    sections = summary.sections(record, devices, {"curve": [[0, 0], [5, 12]]})
    report_sections.parse_contribution("fleet_report_rollout", {"sections": sections})


def test_a_curve_of_one_point_is_not_drawn_as_a_prediction():
    world = World(boards(12))
    world.start(QUICK)
    assert [one["name"] for one in summary.series(world.run(), {"curve": [[0, 0]]})] == ["actual"]


def test_gates_are_shown_once_there_was_one():
    world = World(boards(12))
    world.start(QUICK)
    before, _ = world.load()
    titles = [section["title"] for section in summary.sections(from_dict(before), [], {})]
    assert "Gates" not in titles
    titles = [section["title"] for section in summary.sections(world.run(), [], {})]
    assert "Gates" in titles


def test_how_a_rollout_ended_badly_is_said_and_a_good_end_is_not():
    good, bad = World(boards(12)), World(boards(12, fails_with=(NEW,)))
    for world in (good, bad):
        world.start(QUICK)
    assert summary.ending(good.run()) == ""
    assert summary.ending(bad.run()).startswith("blink-1 was stopped: wave canary: ")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("SUCCEEDED", "passed"),
        ("ALREADY", "passed"),
        ("SUCCEEDED, back", "passed"),
        ("SUCCEEDED, not back", "warned"),
        ("IN_PROGRESS", "warned"),
        ("QUEUED", "not_checked"),
        ("PENDING", "not_checked"),
        ("TIMED_OUT", "failed"),
    ],
)
def test_a_device_has_the_colour_of_its_outcome(outcome, status):
    assert summary.status(outcome) == status
