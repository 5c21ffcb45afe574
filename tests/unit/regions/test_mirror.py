"""A second region without a cloud: what it should hold, what brings it there, and where it differs."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.backup.restore import Kind
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.quotas import Quotas
from fleetlib.core.regions import drift, mirror, replication, summary
from fleetlib.core.regions.mirror import Passage
from fleetlib.core.regions.objects import Listed, lacking, outdated
from fleetlib.core.regions.replication import Replica

PASSAGE = Passage("us-west-2", "eu-west-1")
POLICY = json.dumps({"Resource": "arn:aws:iot:us-west-2:000000000000:client/x"})
OLD_POLICY = json.dumps({"Resource": "*"})


def group(parent="", policies=(), query=""):
    return {"parent": parent, "description": "", "attributes": {}, "query": query, "policies": list(policies)}


def state():
    return {
        "types": {"f-board": {"description": "", "searchable": []}},
        "groups": {"f": group(), "f-quarantine": group("f", ["f-deny"]), "f-dynamic": group(query="x:1")},
        "policies": {"f-device": {"documents": [OLD_POLICY, POLICY], "default": POLICY}},
        "things": {
            "f-1": {
                "type": "f-board",
                "attributes": {"site": "a"},
                "certificates": ["c1"],
                "groups": ["f", "f-dynamic"],
            }
        },
        "certificates": {"c1": {"status": "ACTIVE", "policies": ["f-device"]}},
        "shadows": {"f-1": {"desired": {"led": 1}, "reported": {"led": 0}}},
        "indexing": {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY_AND_SHADOW"}},
        "rules": {},
        "jobs": {"f-job": {}},
        "objects": {},
        "stacks": {},
        "functions": {},
    }


def empty():
    return {name: {} for name in state()}


def in_second(found):
    """What the second region holds after everything was carried out."""
    return mirror.actual(
        {**mirror.expected(found, PASSAGE), "jobs": {}, "objects": {}, "stacks": {}, "functions": {}}
    )


def planned(first, second, passage=PASSAGE):
    return mirror.steps(mirror.expected(first, passage), mirror.actual(second))


def test_an_empty_region_gets_everything_of_a_device_and_no_job():
    assert planned(state(), empty()).counts() == {
        "fleet indexing": 1,
        "thing type": 1,
        "thing group": 3,
        "policy": 1,
        "policy of a group": 1,
        "certificate": 1,
        "thing": 1,
        "certificate of a thing": 1,
        "membership": 1,
        "policy of a certificate": 1,
        "shadow": 1,
    }


def test_a_region_that_holds_everything_needs_nothing_and_differs_in_nothing():
    second = in_second(state())
    wanted = mirror.expected(state(), PASSAGE)
    assert mirror.steps(wanted, second).steps == ()
    assert drift.compare(wanted, second) == []


def test_the_policy_in_force_names_the_second_region_and_history_stays():
    (policy,) = (step for step in planned(state(), empty()).steps if step.kind is Kind.POLICY)
    assert policy.then["documents"] == [POLICY.replace("us-west-2", "eu-west-1")]


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("arn:aws:iot:us-west-2:0:topic/x", "arn:aws:iot:eu-west-1:0:topic/x"),
        ("f-programs-0-us-west-2", "f-programs-0-eu-west-1"),
        ("us-west-21 xus-west-2", "us-west-21 xus-west-2"),
    ],
)
def test_a_regions_name_is_exchanged_where_it_stands_alone(text, carried):
    assert PASSAGE.text(text) == carried


def test_certificates_wait_where_that_is_asked_and_others_keep_their_status():
    waiting = Passage("us-west-2", "eu-west-1", "inactive")
    first = state()
    first["certificates"]["c2"] = {"status": "REVOKED", "policies": []}
    status = {one: found["status"] for one, found in mirror.expected(first, waiting)["certificates"].items()}
    assert status == {"c1": "INACTIVE", "c2": "REVOKED"}


def test_what_was_cut_off_in_the_first_region_is_cut_off_in_the_second():
    first, second = state(), in_second(state())
    first["certificates"]["c1"] |= {"status": "INACTIVE", "policies": ["f-device", "f-deny"]}
    first["things"]["f-1"]["groups"].append("f-quarantine")
    assert planned(first, second).counts() == {
        "status of a certificate": 1,
        "membership": 1,
        "policy of a certificate": 1,
        "certificate of a thing": 1,  # repeated: who lacks a policy may not have been tied
    }


def test_what_was_released_in_the_first_region_is_released_in_the_second():
    released, second = state(), state()
    second["certificates"]["c1"]["policies"] = ["f-deny", "f-device"]
    second["things"]["f-1"]["groups"] = ["f", "f-quarantine"]
    second["groups"]["f"]["policies"] = ["f-deny"]
    steps = planned(released, in_second(second)).counts()
    assert steps == {
        "policy taken off a group": 1,
        "policy taken off a certificate": 1,
        "membership ended": 1,
    }


def test_a_certificate_that_the_first_region_does_not_know_is_made_inactive_and_its_thing_is_named():
    second = in_second(state())
    second["certificates"]["old"] = {"status": "ACTIVE", "policies": ["f-device"]}
    second["things"]["f-2"] = {"type": "", "attributes": {}, "certificates": ["old"], "groups": []}
    wanted = mirror.expected(state(), PASSAGE)
    (step,) = mirror.steps(wanted, second).steps
    assert (step.kind, step.name, step.then) == (Kind.STATUS, "old", "INACTIVE")
    found = {(one.kind, one.name, one.first) for one in drift.compare(wanted, second)}
    assert found == {("thing", "f-2", drift.ABSENT), ("certificate", "old", drift.ABSENT)}
    second["certificates"]["old"]["status"] = "INACTIVE"
    assert not mirror.steps(wanted, second).changed


def test_a_rotated_certificate_replaces_the_old_one():
    first, second = state(), in_second(state())
    first["certificates"]["c2"] = first["certificates"].pop("c1")
    first["things"]["f-1"]["certificates"] = ["c2"]
    assert planned(first, second).counts() == {
        "certificate": 1,
        "status of a certificate": 1,
        "certificate of a thing": 1,
        "policy of a certificate": 1,
        "certificate taken off a thing": 1,
    }


def test_who_was_interrupted_before_the_policy_ties_the_certificate_again():
    second = in_second(state())
    second["certificates"]["c1"]["policies"] = []
    kinds = [step.kind for step in planned(state(), second).steps]
    assert kinds == [Kind.PRINCIPAL, Kind.CERTIFICATE_POLICY]


def test_every_field_that_differs_is_named_with_both_values():
    second = in_second(state())
    second["things"]["f-1"]["attributes"]["site"] = "b"
    second["certificates"]["c1"]["status"] = "INACTIVE"
    second["shadows"]["f-1"]["reported"] = {"led": 1}
    found = [one.row() for one in drift.compare(mirror.expected(state(), PASSAGE), second)]
    assert found == [
        ["thing", "f-1", "attributes.site", "a", "b"],
        ["certificate", "c1", "status", "ACTIVE", "INACTIVE"],
    ]


def test_long_values_are_shown_by_their_beginning_and_a_hash():
    second = in_second(state())
    second["things"]["f-1"]["attributes"]["site"] = "b" * 1000
    (one,) = drift.compare(mirror.expected(state(), PASSAGE), second)
    assert len(one.second) < 200
    assert "SHA-256" in one.second


def stacks(region, suffix="", **parameters):
    arn = f"arn:aws:iam::000000000000:policy/f-boundary{suffix}"
    key = f"arn:aws:kms:{region}:000000000000:key/00000000-0000-0000-0000-00000000000{len(region)}"
    given = {"KmsKeyArn": key, "BoundaryArn": arn, "NameSuffix": suffix, "Bucket": f"f-programs-0-{region}"}
    return {"stacks": {"f-core": {"template": "t", "parameters": given | parameters}}, "functions": {}}


def test_stacks_of_two_regions_are_the_same_but_for_what_has_to_be_another():
    first = drift.deployed(stacks("us-west-2", Memory="256"), "us-west-2")
    second = drift.deployed(stacks("eu-west-1", "-eu-west-1", Memory="512"), "eu-west-1")
    assert [one.row() for one in drift.compare(first, second)] == [
        ["stack", "f-core", "parameters.Memory", "256", "512"]
    ]


def test_both_regions_have_to_be_two():
    with pytest.raises(InvalidInputError, match="Both regions are us-west-2"):
        Passage("us-west-2", "us-west-2")


def test_an_object_is_copied_where_it_is_lacking_of_another_size_or_older():
    now = datetime(2026, 11, 28, tzinfo=UTC)
    first = {name: Listed(1, now) for name in ("lacking", "same", "older", "other")}
    second = {
        "same": Listed(1, now + timedelta(hours=1)),
        "older": Listed(1, now - timedelta(hours=1)),
        "other": Listed(2, now),
        "extra": Listed(1, now),
    }
    assert outdated(first, second) == ["lacking", "older", "other"]


@pytest.mark.parametrize("passage", [PASSAGE, Passage("eu-west-1", "us-west-2")], ids=["there", "back"])
def test_a_rule_is_the_same_though_its_role_and_its_queue_are_named_after_its_region(passage):
    def with_rule(region):
        suffix = "-eu-west-1" if region == "eu-west-1" else ""
        role = f"arn:aws:iam::000000000000:role/steel-fleet/f-rules{suffix}"
        queue = f"https://sqs.{region}.amazonaws.com/000000000000/f"
        return {**empty(), "rules": {"f_rule": {"actions": [{"sqs": {"roleArn": role, "queueUrl": queue}}]}}}

    wanted = mirror.expected(with_rule(passage.origin), passage)
    assert drift.compare(wanted, mirror.actual(with_rule(passage.target))) == []


def test_a_rule_with_another_role_differs():
    def with_role(name):
        return {"rules": {"f_rule": {"roleArn": f"arn:aws:iam::000000000000:role/{name}"}}}

    assert drift.compare(with_role("f-rules"), with_role("f-other"))


def test_the_plan_says_its_calls_and_how_long_they_take_at_the_quotas():
    wanted, there = mirror.expected(state(), PASSAGE), mirror.actual(empty())
    plan = mirror.steps(wanted, there)
    needed = summary.calls(plan, 1)
    assert needed["RegisterCertificateWithoutCA"] == needed["DescribeCertificate"] == 1
    first, second = summary.lines(PASSAGE, drift.compare(wanted, there), plan, needed, Quotas())
    assert "eu-west-1 differs from us-west-2 in: 1 x thing" in first
    assert "calls, 0:01 at the quotas (AWS defaults)" in second


def test_registering_100_000_certificates_takes_two_hours_and_three_quarters():
    assert (
        summary.seconds({"RegisterCertificateWithoutCA": 100_000, "CreateThing": 100_000}, Quotas()) == 10_000
    )


def test_replication_leaves_a_rule_of_another_maker_alone():
    replica = Replica("a", "b", "arn:aws:kms:eu-west-1:0:alias/f")
    desired = replication.wanted(replica, "role")
    assert replication.differs("a", {}, desired)
    assert not replication.differs("a", copy.deepcopy(desired), desired)
    with pytest.raises(FleetError, match="another maker: theirs"):
        replication.differs("a", {"Role": "r", "Rules": [{"ID": "theirs"}]}, desired)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["COMPLETED"], "passed"),
        ([], "passed"),
        (["PENDING"], "warned"),
        ([""], "warned"),
        (["FAILED"], "failed"),
    ],
)
def test_the_state_of_replication_is_a_row_of_the_report(statuses, status):
    assert replication.check(Replica("a", "b", ""), statuses).status == status


def test_of_a_snapshot_only_objects_are_carried_over_whose_bucket_is():
    kept = {"programs/a": {"n": 1}, "programs/b": {"n": 2}, "deploy/state.json": {"n": 3}}
    assert lacking(kept, {"programs/b": {}}, {"programs", "firmware"}) == {"programs/a": {"n": 1}}
