"""Who may register itself: what becomes of the list, and what the hook says to the one that comes."""

from __future__ import annotations

import time

import pytest
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.provisioning import claim
from fleetlib.core.provisioning.claim import Expectations, decide
from fleetlib.core.provisioning.estimate import Strategy

EXPECTED = Expectations(frozenset({"device-001"}), {"device-009": "old"})


def nobody(device_id):
    return None


def asked(device_id):
    raise AssertionError(f"the registry was asked about {device_id}")


def test_an_expected_device_that_nobody_knows_is_admitted():
    decision = decide({"SerialNumber": "device-001"}, EXPECTED, nobody)
    assert (decision.allow, decision.device_id) == (True, "device-001")


def test_a_device_that_is_registered_is_refused_although_it_is_on_the_list():
    decision = decide({"SerialNumber": "device-001"}, EXPECTED, lambda one: {"certificate_id": "c"})
    assert (decision.allow, decision.reason) == (False, "registered before")


def test_a_device_that_is_not_on_the_list_is_refused_and_the_registry_is_not_asked():
    assert decide({"SerialNumber": "device-002"}, EXPECTED, asked).reason == "not expected"


def test_a_device_may_come_again_as_long_as_it_has_the_certificate_that_it_may_replace():
    comes = {"SerialNumber": "device-009"}
    assert decide(comes, EXPECTED, lambda one: {"certificate_id": "old"}).allow
    assert not decide(comes, EXPECTED, lambda one: {"certificate_id": "new"}).allow
    assert not decide(comes, EXPECTED, lambda one: {}).allow


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "device-001",
        [],
        {},
        {"SerialNumber": None},
        {"SerialNumber": ""},
        {"SerialNumber": ["device-001"]},
    ],
)
def test_a_request_without_a_serial_number_is_refused(parameters):
    decision = decide(parameters, EXPECTED, asked)
    assert (decision.allow, decision.reason) == (False, "the request has no SerialNumber")


def test_the_list_survives_being_kept():
    assert Expectations.read(EXPECTED.document()) == EXPECTED


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"format": 2, "devices": [], "again": {}}, {"format": 1, "devices": 5, "again": {}}],
)
def test_a_list_that_cannot_be_understood_lets_nobody_in(document):
    with pytest.raises(FleetError, match="cannot be understood"):
        Expectations.read(document)


def test_wanted_devices_come_onto_the_list_and_registered_ones_leave_it():
    before = Expectations(frozenset({"device-001", "device-050"}))
    plan = claim.expect(["device-001", "device-002"], [], {"device-001": "c"}, before)
    assert plan.after.devices == {"device-002", "device-050"}
    assert (plan.wanted, plan.registered, plan.added, plan.removed) == (2, 1, {"device-002"}, {"device-001"})
    assert plan.diff()["after"] == "device-002\n"
    assert plan.lines()[0] == (
        "2 devices named: 1 are registered. 2 devices are expected, 1 of them new on the list."
    )


def test_the_same_devices_again_change_nothing():
    before = Expectations(frozenset({"device-001"}))
    assert not claim.expect(["device-001"], [], {}, before).changed


def test_a_device_that_may_come_again_is_held_to_the_certificate_that_it_has_now():
    plan = claim.expect([], ["device-001"], {"device-001": "c1"}, Expectations())
    assert plan.after.again == {"device-001": "c1"}
    assert "device-001 may replace certificate c1." in plan.lines()


def test_a_permission_that_was_used_leaves_the_list():
    before = Expectations(frozenset(), {"device-001": "c1"})
    assert claim.expect([], [], {"device-001": "c2"}, before).after.again == {}
    assert claim.expect([], [], {"device-001": "c1"}, before).after.again == {"device-001": "c1"}


def test_only_a_registered_device_can_come_again():
    with pytest.raises(InvalidInputError, match="claim_again names 'device-001', which is not registered"):
        claim.expect([], ["device-001"], {}, Expectations())


def test_a_device_can_be_taken_off_the_list():
    plan = claim.forget(["device-001", "device-009"], EXPECTED)
    assert plan.after == Expectations()
    assert plan.diff()["before"] == "device-001\ndevice-009 (again)\n"


def test_the_plan_says_how_long_it_takes_until_all_have_come():
    plan = claim.expect([f"device-{n}" for n in range(36_000)], [], {}, Expectations())
    assert plan.estimate.strategy is Strategy.CLAIM
    assert plan.estimate.seconds == 3600
    assert any(line.startswith("With strategy direct: 180,000 calls, about 40:00") for line in plan.lines())
    assert plan.diff()["after"].splitlines()[-1] == "… and 35,950 more"


def test_a_million_devices_are_planned_in_under_a_second():
    million = numbered_device_ids(1, 1_000_000)
    start = time.process_time()
    plan = claim.expect(million, [], {}, Expectations())
    lines = plan.lines()
    assert time.process_time() - start < 1
    assert "3,000,000 calls, about 27:46:40 at the quotas" in lines[1]
    assert [line.split(":")[0] for line in lines[-2:]] == ["With strategy direct", "With strategy bulk"]


def test_the_client_id_of_a_claim_is_never_a_things_name():
    assert claim.client_id("p", "local", "device-001") == "p-local.claim.device-001"
