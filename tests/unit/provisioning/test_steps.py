"""One device's state machine: whatever a kill left behind, the steps that are left, and no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fleetlib.core.provisioning.model import Fleet, ListedCertificate, LocalDevice, Registry, Thing
from fleetlib.core.provisioning.steps import NEW_DEVICE, Step, decide

NAME = "p-local-device-001"
FLEET = Fleet(
    prefix="p",
    environment="local",
    device_ids=["device-001"],
    type_name="board",
    policy="policy",
    group="p-local",
    attributes={"hardware_revision": "1.0"},
    initial_attributes={"firmware_version": "1.0.0"},
)
COMPLETE = {
    "device_id": "device-001",
    "environment": "local",
    "hardware_revision": "1.0",
    "firmware_version": "1.4.2",
    "certificate_id": "c1",
}
KEY_ONLY = LocalDevice(has_key=True)
WITH_C1 = LocalDevice(has_key=True, certificate_id="c1")


def registry(thing=None, member=False, certificates=("c1",), targets=("c1",), status="ACTIVE"):
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return Registry(
        things={NAME: thing} if thing else {},
        members=frozenset([NAME] if member else []),
        certificates={one: ListedCertificate(one, f"arn:{one}", status, moment) for one in certificates},
        policy_targets=frozenset(targets),
    )


def steps(local, **found):
    return decide(NAME, FLEET, local, registry(**found)).steps


def test_an_unknown_device_goes_the_whole_way():
    assert steps(LocalDevice(), certificates=(), targets=()) == NEW_DEVICE


def test_a_complete_device_needs_nothing():
    assert steps(WITH_C1, thing=Thing("board", COMPLETE), member=True) == ()


def test_killed_with_a_key_and_no_answer_the_certificate_is_looked_for_first():
    assert steps(KEY_ONLY, targets=()) == (
        Step.FIND,
        Step.CERTIFICATE,
        Step.POLICY,
        Step.CREATE,
        Step.PRINCIPAL,
        Step.GROUP,
    )


def test_killed_after_the_certificate_the_rest_follows():
    assert steps(WITH_C1, targets=()) == (Step.POLICY, Step.CREATE, Step.PRINCIPAL, Step.GROUP)


def test_killed_after_the_policy_it_is_not_attached_again():
    assert steps(WITH_C1) == (Step.CREATE, Step.PRINCIPAL, Step.GROUP)


def test_killed_after_the_thing_the_attachment_is_made_or_repeated():
    assert steps(WITH_C1, thing=Thing("board", COMPLETE)) == (Step.PRINCIPAL, Step.GROUP)


def test_a_thing_that_others_made_is_updated_before_it_joins():
    assert steps(WITH_C1, thing=Thing("", {})) == (Step.PRINCIPAL, Step.UPDATE, Step.GROUP)


@pytest.mark.parametrize(
    "thing",
    [Thing("old", COMPLETE), Thing("board", COMPLETE | {"hardware_revision": "0.9"})],
)
def test_a_changed_type_or_attribute_is_one_update(thing):
    assert steps(WITH_C1, thing=thing, member=True) == (Step.UPDATE,)


def test_an_initial_attribute_is_set_only_where_there_is_none():
    without = {key: value for key, value in COMPLETE.items() if key != "firmware_version"}
    assert steps(WITH_C1, thing=Thing("board", without), member=True) == (Step.UPDATE,)
    assert FLEET.attributes_for(NAME, Thing("board", without), "c1")["firmware_version"] == "1.0.0"
    assert "firmware_version" not in FLEET.attributes_for(NAME, Thing("board", COMPLETE), "c1")


def test_attributes_of_others_are_left_alone():
    assert steps(WITH_C1, thing=Thing("board", COMPLETE | {"site": "b2"}), member=True) == ()


def test_a_policy_that_was_detached_is_attached_again():
    assert steps(WITH_C1, thing=Thing("board", COMPLETE), member=True, targets=()) == (Step.POLICY,)


def test_when_the_registry_lost_everything_the_same_key_gets_a_new_certificate():
    assert steps(WITH_C1, certificates=(), targets=()) == NEW_DEVICE[1:]


def test_when_the_registry_lost_the_certificate_the_thing_keeps_its_name_and_key():
    found = {"thing": Thing("board", COMPLETE), "member": True, "certificates": (), "targets": ()}
    assert steps(WITH_C1, **found) == (Step.CERTIFICATE, Step.POLICY, Step.PRINCIPAL, Step.UPDATE)


def test_killed_between_the_new_certificate_and_the_thing_the_attachment_is_repeated():
    thing = Thing("board", COMPLETE | {"certificate_id": "lost"})
    assert steps(WITH_C1, thing=thing, member=True) == (Step.PRINCIPAL, Step.UPDATE)


@pytest.mark.parametrize("local", [LocalDevice(), LocalDevice(certificate_id="c1")])
def test_a_registered_certificate_without_its_key_here_is_a_problem_not_a_new_certificate(local):
    decision = decide(NAME, FLEET, local, registry(thing=Thing("board", COMPLETE), member=True))
    assert decision.steps == ()
    assert decision.problem.startswith(
        "certificate c1 is registered, but its private key is not on this host"
    )


def test_an_issued_certificate_whose_key_was_removed_is_a_problem():
    decision = decide(NAME, FLEET, LocalDevice(certificate_id="c1"), registry())
    assert "private key is not on this host" in decision.problem


def test_a_certificate_of_another_key_is_a_problem():
    local = LocalDevice(has_key=True, certificate_id="c2")
    decision = decide(NAME, FLEET, local, registry(thing=Thing("board", COMPLETE), certificates=("c1", "c2")))
    assert "the registry names certificate c1, but the key here belongs to c2" in decision.problem


def test_a_lost_record_of_a_registered_certificate_is_found_and_never_replaced():
    assert steps(KEY_ONLY, thing=Thing("board", COMPLETE), member=True) == (
        Step.FIND,
        Step.POLICY,
        Step.PRINCIPAL,
        Step.UPDATE,
    )


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_somebody_switched_off_stays_off(status):
    decision = decide(
        NAME, FLEET, WITH_C1, registry(thing=Thing("board", COMPLETE), targets=(), status=status)
    )
    assert decision.steps == ()
    assert decision.remark == f"certificate c1 is {status}; provisioning leaves it so."
