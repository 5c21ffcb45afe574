"""Is every device complete?"""

from __future__ import annotations

import dataclasses

import pytest
from fleetlib.core.validation import registry
from fleetlib.core.validation.registry import Fleet

THINGS = ("f-1", "f-2", "f-3")


@pytest.fixture
def fleet():
    return Fleet(
        things={thing: f"certificate of {thing}" for thing in THINGS},
        certificates={f"certificate of {thing}": "ACTIVE" for thing in THINGS},
        policy_targets=frozenset(f"certificate of {thing}" for thing in THINGS),
        members=frozenset(THINGS),
    )


def look(fleet, wanted=THINGS, principals=None, may_be_absent=False):
    """Name → row."""
    if principals is None:
        principals = {thing: {f"certificate of {thing}"} for thing in THINGS}
    found = registry.rows(wanted, fleet, principals, may_be_absent=may_be_absent)
    return {row.name: row for row in found}


def failures(rows):
    return {name for name, row in rows.items() if row.status == "failed"}


def test_a_complete_fleet_passes_every_row(fleet):
    rows = look(fleet)
    assert {str(row.status) for row in rows.values()} == {"passed"}
    assert len(rows) == 6


def test_a_missing_device_is_named(fleet):
    rows = look(fleet, wanted=(*THINGS, "f-4"))
    assert failures(rows) == {registry.REGISTERED}
    assert rows[registry.REGISTERED].detail == "1 of 4 wanted devices are missing: f-4."


def test_in_check_mode_a_missing_device_may_be_about_to_be_made(fleet):
    row = look(fleet, wanted=(*THINGS, "f-4"), may_be_absent=True)[registry.REGISTERED]
    assert (row.status, row.detail) == ("not_checked", "1 of 4 devices do not exist yet.")


def test_without_any_device_nothing_is_said_to_pass(fleet):
    rows = look(Fleet(), principals={})
    assert failures(rows) == {registry.REGISTERED}
    assert {str(row.status) for row in rows.values()} == {"failed", "not_checked"}


@pytest.mark.parametrize(
    ("change", "row", "detail"),
    [
        (
            {"certificates": {"certificate of f-1": "ACTIVE", "certificate of f-2": "INACTIVE"}},
            registry.CERTIFIED,
            "2 of 3 devices have none: f-2 (INACTIVE), f-3 (not in the registry).",
        ),
        (
            {"policy_targets": frozenset({"certificate of f-1", "certificate of f-3"})},
            registry.ALLOWED,
            "1 of 3 devices may do nothing: f-2.",
        ),
        ({"policy_targets": None}, registry.ALLOWED, "The device policy does not exist."),
        ({"members": frozenset({"f-1"})}, registry.GROUPED, "2 of 3 devices are not in it: f-2, f-3."),
        ({"members": None}, registry.GROUPED, "The fleet's group does not exist."),
    ],
)
def test_what_a_device_lacks_is_named(fleet, change, row, detail):
    rows = look(dataclasses.replace(fleet, **change))
    assert failures(rows) == {row}
    assert rows[row].detail == detail


def test_a_thing_without_a_certificate_attribute_fails(fleet):
    rows = look(dataclasses.replace(fleet, things={**fleet.things, "f-2": ""}))
    assert registry.CERTIFIED in failures(rows)
    assert "f-2 (no attribute certificate_id)" in rows[registry.CERTIFIED].detail


def test_a_shared_certificate_is_found(fleet):
    shared = {**fleet.things, "f-2": "certificate of f-1"}
    rows = look(
        dataclasses.replace(fleet, things=shared),
        principals={"f-2": {"certificate of f-1"}},
    )
    assert failures(rows) == {registry.OWN}
    assert rows[registry.OWN].detail == "1 of 2 certificates are shared: f-1 and f-2."


def test_a_certificate_that_is_not_tied_to_its_device_fails(fleet):
    rows = look(fleet, principals={"f-1": {"certificate of f-1"}, "f-2": set(), "f-3": {"another"}})
    assert failures(rows) == {registry.TIED}
    assert "2 of 3 devices looked at are not tied to theirs: f-2, f-3" in rows[registry.TIED].detail


def test_a_sample_says_how_many_were_looked_at(fleet):
    row = look(fleet, principals={"f-1": {"certificate of f-1"}})[registry.TIED]
    assert row.status == "passed"
    assert row.detail == "all 1 devices looked at (a random sample of 1 of 3 devices)."


def test_an_empty_sample_is_not_a_pass(fleet):
    assert look(fleet, principals={})[registry.TIED].status == "not_checked"


def test_devices_of_the_group_beyond_the_wanted_are_checked_too(fleet):
    inactive = {**fleet.certificates, "certificate of f-3": "INACTIVE"}
    rows = look(dataclasses.replace(fleet, certificates=inactive), wanted=("f-1",))
    assert failures(rows) == {registry.CERTIFIED}
