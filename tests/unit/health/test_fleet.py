"""A fleet: what decides, what is said first, and what the page shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.health.devices import Evidence, Limits
from fleetlib.core.health.fleet import FailOn, examine
from fleetlib.core.history import worth_looking_back_on
from fleetlib.core.report_sections import parse_contribution

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connectivity(kind):
    if kind == "never":
        return {"connected": False}
    ago = timedelta(days=3) if kind == "lost" else timedelta(minutes=5)
    return {"connected": kind == "well", "timestamp": int((NOW - ago).timestamp() * 1000)}


def fleet(fail_on=None, expected=0, without_certificate=0, **kinds):
    names = [kind for kind, count in kinds.items() for _ in range(count)]
    hits = [
        {
            "thingName": f"d-{number:03d}",
            "attributes": {} if number < without_certificate else {"certificate_id": "c"},
            "connectivity": connectivity(kind),
        }
        for number, kind in enumerate(names)
    ]
    evidence = Evidence({"c": ("ACTIVE", NOW - timedelta(days=9))})
    return examine(hits, evidence, Limits(), FailOn.of(fail_on or {}), NOW, expected)


def row(found, start):
    return next(one for one in found.checks() if one.name.startswith(start))


def test_a_fleet_that_is_connected_is_all_right():
    found = fleet(well=10)
    assert found.verdict() == "Yes. 10 of 10 devices are connected."
    assert found.as_dict()["well"]


def test_lost_devices_and_those_that_never_connected_are_counted_apart():
    found = fleet(well=95, lost=3, never=2)
    counts = found.counts()
    assert (counts["lost"], counts["never_connected"]) == (3, 2)
    assert row(found, "Every device was connected once").status == "not_checked"
    assert row(found, "No device is lost").status == "warned"


def test_the_worst_devices_come_first():
    found = fleet(well=2, never=1, offline=1, lost=2, without_certificate=1)
    assert [one.troubles for one in found.devices] == [
        ("lost",), ("lost",), ("certificate",), ("offline",), ("never_connected",), (),
    ]  # fmt: skip


def test_a_share_at_its_threshold_passes_and_above_it_fails():
    assert not fleet(well=95, lost=5).exceeded()
    found = fleet(well=94, lost=6)
    assert found.exceeded() == ["6 of 100 devices (6 %) are lost; fail_on.lost allows 5 %"]
    assert found.verdict().startswith("No. 6 of 100 devices (6 %) are lost")
    assert "At most 5 % may (fail_on.lost)" in row(found, "No device is lost").detail


def test_one_threshold_can_be_changed_without_the_others():
    found = fleet({"never_connected": 10}, well=8, never=2, without_certificate=1)
    assert [one.partition(";")[2] for one in found.exceeded()] == [
        " fail_on.certificate allows 0 %",
        " fail_on.never_connected allows 10 %",
    ]


def test_devices_that_the_index_lacks_are_missing():
    found = fleet(expected=10, well=9)
    assert found.exceeded() == ["1 of 10 devices (10 %) are not in the index; fail_on.missing allows 5 %"]


def test_a_fleet_of_which_no_device_was_ever_connected_is_no_good_news():
    assert fleet(never=3).verdict() == (
        "Nobody knows: no device is connected. 0 of 3 devices are connected, 3 never connected."
    )


def test_an_empty_fleet_is_not_looked_at():
    found = fleet()
    assert [one.status for one in found.checks()] == ["not_checked"]
    assert found.verdict() == "There is no device to look at."
    assert [one["kind"] for one in found.sections(())] == ["text", "checks"]


def test_figures_that_nobody_reports_are_not_checked():
    found = fleet(well=1)
    unknown = [one.detail for one in found.checks() if one.status == "not_checked"]
    assert unknown == [
        "No device reports the use of its memory.",
        "No device reports the use of its CPU.",
        "There is no log group of the boards.",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lots": 5}, "fail_on has no 'lots'; it knows missing, lost, program_failed"),
        ({"lost": 101}, "fail_on.lost is 101; it must be a share of the devices, 0 to 100 percent"),
        ({"lost": -1}, "fail_on.lost is -1"),
        ({"lost": "many"}, "fail_on.lost is 'many'"),
        ({"lost": True}, "fail_on.lost is True"),
        ({"lost": float("nan")}, "fail_on.lost is nan"),
    ],
)
def test_a_threshold_that_is_none_is_refused(given, words):
    with pytest.raises(InvalidInputError, match=words.replace(".", r"\.")):
        FailOn.of(given)


def run(day, connected, **more):
    summary = {"Devices": 10, "Connected": connected, "Lost": "?"}
    return {"environment": "local", "started": f"2026-02-{day:02d}T12:00:00Z", "summary": summary, **more}


def test_the_history_has_runs_of_this_environment_only_the_oldest_first():
    damaged = [{}, {"environment": "local"}, run(9, 9, summary={"Devices": "many"}), run(9, 9, started=7)]
    others = [run(8, 8, environment="production"), run(7, 7, check_mode=True)]
    kept = worth_looking_back_on([run(3, 3), run(1, 1), *damaged, *others], "local", "Devices")
    assert [one["summary"]["Connected"] for one in kept] == [1, 3]


def test_the_history_keeps_the_newest_runs():
    many = [run(1, number, started=f"2026-01-01T00:{number:02d}:00Z") for number in range(50)]
    kept = worth_looking_back_on(many, "local", "Devices")
    assert [one["summary"]["Connected"] for one in kept] == list(range(20, 50))


def test_figures_have_a_trend_that_ends_with_now():
    table = next(one for one in fleet(well=9).sections([run(1, 7), run(2, 8)]) if one["title"] == "History")
    assert table["rows"][1] == ["Connected", 9, 8, {"trend": [7, 8, 9]}]
    assert ["Lost", 0, None, {"trend": [0]}] in table["rows"]


def test_the_sections_are_what_reports_allow():
    found = fleet(well=5, lost=1, never=1, offline=1)
    value = {"summary": found.figures(), "sections": found.sections([run(1, 7)]), "data": found.as_dict()}
    assert parse_contribution("fleet_report_health", value).data["connected"] == 5


def test_every_figure_of_the_page_follows_from_the_devices():
    found = fleet(well=50, lost=3, never=4, offline=2, without_certificate=2)
    plain = [one.as_dict() for one in found.devices]
    assert found.figures() == {
        "Devices": len(plain),
        "Connected": sum(one["connected"] for one in plain),
        "In trouble": sum(one["status"] == "failed" for one in plain),
        "To look at": sum(one["status"] == "warned" for one in plain),
        "Lost": sum("lost" in one["troubles"] for one in plain),
        "Never connected": sum(not one["ever_connected"] for one in plain),
    }
    cells = next(one for one in found.sections(()) if one["kind"] == "map")["cells"]
    assert {one["name"]: one["status"] for one in cells} == {one["thing"]: one["status"] for one in plain}
