"""What is left to do, what stands in the way, what stays, and what the journal tells."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.quotas import Quotas
from fleetlib.core.teardown import history, model, names, report
from fleetlib.core.teardown.model import Resource, Stack
from fleetlib.core.teardown.names import Names
from fleetlib.core.teardown.plan import Obstacles, Plan, World

FLEET = "aws-iot-steel-local"
NAMES = Names(FLEET, "111122223333", "us-west-2")
PROGRAMS, LOGS = NAMES.bucket("programs"), NAMES.bucket("logs")
KEY = "0f0f0f0f-0000-4000-8000-000000000000"


def stack(purpose, *resources, **more):
    name = f"{FLEET}-{purpose}"
    held = [Resource(kind, one, name, kept) for kind, one, kept in resources]
    return Stack(name, purpose, more.pop("status", "CREATE_COMPLETE"), "id", resources=held, **more)


def world(**given):
    core = stack(
        "core",
        (names.TYPE, f"{FLEET}-esp32-c3", True),
        (names.KEY, KEY, True),
        ("AWS::IAM::Role", "r", False),
    )
    storage = stack(
        "storage",
        (names.BUCKET, LOGS, True),
        (names.BUCKET, PROGRAMS, True),
        (names.BUCKET_POLICY, PROGRAMS, True),
    )
    found = [Resource(names.TYPE, f"{FLEET}-esp32-c3")]
    found += [Resource(names.BUCKET, one) for one in (LOGS, PROGRAMS)]
    whole = {
        "stacks": [core, storage],
        "found": found,
        "things": [f"{FLEET}-device-001"],
        "keys": {KEY: ""},
    }
    return World(NAMES, **{**whole, **given})


def plan(told=None, obstacles=None, **given):
    return Plan(world(**given), told or history.History(), obstacles or Obstacles(can_snapshot=True))


def test_the_bucket_of_access_logs_goes_after_the_others_and_the_type_last():
    order = [(one.kind, one.name) for one in plan().to_remove]
    assert order == [
        (names.BUCKET, PROGRAMS),
        (names.BUCKET, LOGS),
        (names.KEY, KEY),
        (names.TYPE, f"{FLEET}-esp32-c3"),
    ]


def test_a_group_goes_after_its_children():
    groups = [Resource(names.GROUP, one) for one in ("a", "b", "c")]
    assert [one.name for one in model.in_order(groups, {"b": "a", "a": "c"})] == ["b", "a", "c"]


def test_what_a_stack_takes_along_is_not_removed_twice():
    function = (names.FUNCTION, f"{FLEET}-telemetry", False)
    made = plan(stacks=[stack("telemetry", function)], found=[Resource(*function[:2])], keys={})
    assert made.to_remove == []
    assert plan(stacks=[], found=[Resource(*function[:2])], keys={}).to_remove == [Resource(*function[:2])]


def test_what_a_stack_made_is_the_fleets_whatever_its_name():
    policy = (names.POLICY, f"{FLEET}-of-another-time", True)
    found = [Resource(*policy[:2])]
    assert plan(stacks=[stack("core", policy)], found=found, keys={}).to_remove == found
    left_alone = plan(stacks=[], found=found, keys={}, things=[])
    assert not left_alone.changed
    assert left_alone.alike == [f"IoT policy {FLEET}-of-another-time"]
    assert any("similar name" in why for _, why in left_alone.stays())


def test_a_key_that_is_pending_is_nothing_to_do_and_the_plan_says_when_it_goes():
    made = plan(stacks=[], found=[], things=[], keys={KEY: "2026-12-28T00:00:00.000Z"})
    assert not made.changed
    assert (f"KMS key {KEY}", "scheduled: AWS deletes it on 2026-12-28T00:00:00.000Z") in made.stays()


def test_nothing_but_the_fleets_exact_name_confirms():
    for given in ("", "yes", FLEET[:-1], f"{FLEET}-core"):
        with pytest.raises(InvalidInputError, match=f"-e confirm={FLEET}$"):
            plan().require(given)
    plan().require(FLEET)


@pytest.mark.parametrize("days", [6, 31])
def test_days_that_kms_does_not_take_are_refused(days):
    with pytest.raises(InvalidInputError, match="7 to 30"):
        Plan(world(), history.History(), key_days=days)


BEGUN = history.History(started="t", is_open=True, devices_begun=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stacks": [stack("core", is_protected=True)]}, "--no-enable-termination-protection --stack-name"),
        ({"stacks": [stack("core", status="UPDATE_IN_PROGRESS")]}, "wait until it is done"),
        ({"stacks": [stack("core", ("AWS::DynamoDB::Table", "t", True))]}, "AWS::DynamoDB::Table t behind"),
        ({"strangers": ["other-thing"]}, "other-thing"),
        ({"obstacles": Obstacles(can_snapshot=False)}, "teardown_snapshot=false"),
        ({"obstacles": Obstacles(can_snapshot=True, rollouts=["r-1"])}, "rollout_action=abort"),
        ({"obstacles": Obstacles(can_snapshot=True, maintenance="2026-11-28")}, "maintenance.yml"),
        (
            {"obstacles": Obstacles(can_snapshot=True, caller=f"arn:…:assumed-role/{FLEET}-operator/me")},
            "administrator",
        ),
    ],
)
def test_what_stands_in_the_way_is_refused_with_what_to_do(given, words):
    (refusal,) = plan(**given).refusals
    assert words in refusal


def test_a_run_that_goes_on_is_not_held_up_by_what_it_took_away_itself():
    gone_on = plan(BEGUN, Obstacles(can_snapshot=False, rollouts=["r-1"]))
    assert gone_on.refusals == []
    assert plan(stacks=[stack("core", status="DELETE_IN_PROGRESS")]).refusals == []


def test_a_retained_kind_that_nobody_knows_is_refused_also_when_only_the_journal_has_it():
    told = history.History(is_open=True, resources=(Resource("AWS::SNS::Topic", "t", "s", True),))
    assert "AWS::SNS::Topic t" in plan(told).refusals[0]


def test_the_plan_names_devices_stacks_in_order_and_what_is_left_behind():
    lines = plan(alike=[f"{FLEET}-bridge"]).lines()
    assert lines[1] == "1 devices and 0 jobs would go."
    assert lines.index(f"  {FLEET}-storage (CREATE_COMPLETE)") < lines.index(
        f"  {FLEET}-core (CREATE_COMPLETE)"
    )
    assert f"  bucket {PROGRAMS}" in lines
    assert any(one.startswith(f"  thing {FLEET}-bridge: has a similar name") for one in lines)


def test_a_million_devices_are_planned_at_the_quotas():
    things = [f"{FLEET}-device-{number:07d}" for number in range(1_000_000)]
    many = Plan(world(things=things), history.History(), quotas=Quotas())
    assert many.estimate.slowest == "DeleteCertificate"
    assert many.estimate.seconds == 100_000
    assert len(report.sections(many)[1]["rows"]) <= report.SHOWN


TEMPLATE = """---
Resources:
  # Text.
  Kept:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      DeletionPolicy: not one
  Gone:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
  Plain:
    Type: AWS::SNS::Topic

Outputs:
  Plain:
    DeletionPolicy: Retain
"""


def test_a_template_says_what_it_keeps():
    assert model.retained(TEMPLATE) == {"Kept"}
    as_json = {"Resources": {"A": {"DeletionPolicy": "Retain"}, "B": {"DeletionPolicy": "Delete"}, "C": {}}}
    assert model.retained(as_json) == {"A"}


def test_every_retained_kind_of_the_templates_can_be_removed(root):
    for path in (root / "roles/infrastructure/files/cloudformation").glob("*.yml"):
        text = path.read_text()
        kept = model.retained(text)
        assert len(kept) == text.count("DeletionPolicy: RetainExceptOnCreate")
        for name in kept:
            kind = text.split(f"\n  {name}:\n    Type: ")[1].partition("\n")[0]
            assert kind in (*model.REMOVED_IN_ORDER, *model.GOES_WITH)


def record(event, **facts):
    return {"at": f"2026-11-28T00:00:0{len(facts)}Z", "event": event, **facts}


def test_the_journal_tells_the_last_teardown_only():
    old = [record("started"), record("snapshot", id="1", things=9, directory="d"), record("ended")]
    new = [
        record("started", fleet=FLEET),
        record("snapshot", id="2", things=5, directory="d"),
        record("devices", count=5),
        record("snapshot", id="3", things=1, directory="d"),
        record("stack", name="s", resources=[{"kind": names.KEY, "name": KEY, "retained": True}]),
        record("removed", kind=names.STACK, name="s"),
    ]
    told = history.told(old)
    assert (told.is_open, told.snapshot["id"]) == (False, "1")
    told = history.told([*old, *new])
    assert (told.is_open, told.devices_begun, told.devices) == (True, True, 5)
    assert told.resources[0].retained
    # The one that was taken when four devices were gone is not the one to go back to.
    assert told.snapshot["id"] == "2"
    assert history.told([]) == history.History()
