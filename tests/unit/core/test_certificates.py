"""What is said of a fleet's certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.certificates import Limits, examine
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.validation.registry import Fleet

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LIMITS = Limits(max_age_days=365, expiring_within_days=90)
AGES = {"a": 10, "b": 400, "c": 20, "d": 30}
FLEET = Fleet(
    things={"f-1": "a", "f-2": "b", "f-3": "c", "f-4": "", "f-5": "gone", "f-6": "d"},
    certificates={
        "a": "ACTIVE",
        "b": "ACTIVE",
        "c": "INACTIVE",
        "d": "ACTIVE",
        "left": "ACTIVE",
        "other": "ACTIVE",
    },
    created={name: NOW - timedelta(days=age) for name, age in AGES.items()},
    policy_targets=frozenset({"a", "b", "c", "left", "group"}),
)
ENDS = {"f-1": NOW + timedelta(days=1000), "f-2": NOW + timedelta(days=90), "f-3": NOW + timedelta(days=91)}


@pytest.fixture(scope="module")
def found():
    return examine(FLEET, ENDS, NOW, LIMITS)


@pytest.mark.parametrize(
    ("thing", "troubles"),
    [
        ("f-1", ()),
        ("f-2", ("too old", "expires soon")),
        ("f-3", ("not active",)),
        ("f-4", ("no certificate",)),
        ("f-5", ("no certificate",)),
        ("f-6", ("no policy",)),
    ],
)
def test_every_trouble_of_a_certificate_is_named(found, thing, troubles):
    assert next(one.troubles for one in found.entries if one.thing == thing) == troubles


def test_those_with_troubles_come_first_the_oldest_before_the_others(found):
    assert [one.thing for one in found.entries] == ["f-2", "f-6", "f-3", "f-4", "f-5", "f-1"]


def test_a_certificate_with_the_device_policy_and_no_device_is_left_over(found):
    assert found.orphans == ("left",)


def test_every_row_fails_here_and_names_its_device(found):
    rows = {one.name: one for one in found.checks()}
    assert {str(one.status) for one in rows.values()} == {"failed"}
    assert rows["Every certificate is active"].detail == "1 of 6 devices are not: f-3."
    assert "left" in rows["No certificate is left over"].detail


def test_a_sound_fleet_passes_and_says_whose_expiry_is_not_known_here():
    fleet = Fleet({"f-1": "a", "f-2": "d"}, FLEET.certificates, FLEET.created, frozenset({"a", "d"}))
    rows = examine(fleet, {"f-1": ENDS["f-1"]}, NOW, LIMITS).checks()
    assert {str(row.status) for row in rows} == {"passed"}
    assert "no copy here of f-2" in rows[4].detail


def test_without_any_copy_the_expiry_is_not_checked_instead_of_passed():
    rows = examine(Fleet({"f-1": "a"}, {"a": "ACTIVE"}, {}, frozenset({"a"})), {}, NOW, LIMITS).checks()
    assert rows[4].status == "not_checked"


def test_a_fleet_without_devices_is_not_checked():
    (row,) = examine(Fleet(), {}, NOW, LIMITS).checks()
    assert row.status == "not_checked"


def test_the_sections_have_the_ages_and_the_limit(found):
    kinds = {section["kind"]: section for section in found.sections()}
    assert sorted(kinds["histogram"]["values"]) == [10, 20, 30, 400]
    assert kinds["histogram"]["limits"] == [{"name": "maximum age", "value": 365}]
    assert [section["title"] for section in found.sections()][2:] == [
        "Certificates that need attention",
        "Certificates left over",
    ]


def test_a_limit_far_beyond_all_ages_is_not_drawn():
    fleet = Fleet({"f-1": "a"}, {"a": "ACTIVE"}, {"a": NOW - timedelta(days=2)}, frozenset({"a"}))
    _, histogram = examine(fleet, {}, NOW, LIMITS).sections()
    assert (histogram["values"], histogram["limits"]) == ([2.0], [])


@pytest.mark.parametrize("values", [(0, 1), (1, 0), (-5, 1)])
def test_limits_below_a_day_are_refused_by_name(values):
    with pytest.raises(InvalidInputError, match="must be 1 or more"):
        Limits(*values)
