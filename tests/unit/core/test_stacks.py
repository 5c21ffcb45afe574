"""What the state of a stack allows."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.core.stacks import Action, Stack, choose, resources


def stack(status, *failures):
    return Stack("steel-local-storage", "storage", status, failures)


def test_a_stack_that_does_not_exist_is_created():
    assert choose(None, recreate=False) is Action.CREATE


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_settled_stack_is_updated_even_when_recreation_was_asked_for(status):
    assert choose(stack(status), recreate=True) is Action.UPDATE


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_FAILED"])
def test_a_failed_creation_names_its_cause_and_the_way_out(status):
    with pytest.raises(FleetError) as refused:
        choose(stack(status, "Key: denied"), recreate=False)
    assert f"Stack steel-local-storage is {status}: its creation failed (Key: denied)." in str(refused.value)
    assert "-e infrastructure_recreate=storage" in str(refused.value)


def test_a_failed_creation_is_deleted_only_when_asked_for():
    assert choose(stack("ROLLBACK_COMPLETE"), recreate=True) is Action.RECREATE


def test_a_stack_that_somebody_changes_is_left_alone():
    with pytest.raises(FleetError, match="UPDATE_IN_PROGRESS: somebody else is changing it"):
        choose(stack("UPDATE_IN_PROGRESS"), recreate=True)


def test_a_stuck_rollback_is_not_deleted_because_it_holds_data():
    with pytest.raises(FleetError, match="continue-update-rollback --stack-name steel-local-storage"):
        choose(stack("UPDATE_ROLLBACK_FAILED"), recreate=True)


def test_the_resources_of_a_template_are_listed_by_name_and_type():
    template = (
        "Parameters:\n  A:\n    Type: String\n\nResources:\n  # Why.\n  Key:\n    Type: AWS::KMS::Key\n"
        "    Properties:\n      A: b\n\nOutputs:\n  Key:\n    Value: !Ref Key\n"
    )
    assert resources(template) == ["Key (AWS::KMS::Key)"]
