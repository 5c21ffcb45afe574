"""The plan of a fleet: who goes which way, what it costs, and what a person has to decide."""

from __future__ import annotations

import time

import pytest
from fleetlib.core import naming
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.provisioning import plan as planning
from fleetlib.core.provisioning.estimate import Estimate, Strategy, for_new_devices
from fleetlib.core.provisioning.model import Fleet, LocalDevice, Registry, Thing
from fleetlib.core.quotas import Quotas


def fleet(count=3, **changes):
    wanted = {
        "prefix": "p",
        "environment": "local",
        "device_ids": naming.numbered_device_ids(1, count),
        "type_name": "board",
        "policy": "policy",
        "group": "p-local",
    }
    return Fleet(**(wanted | changes))


def test_an_empty_cloud_means_creating_everything():
    plan = planning.make(fleet(3), {}, Registry(missing=("policy policy",)))
    assert plan.changed
    assert plan.counts == {
        "wanted": 3,
        "to_create": 3,
        "to_finish": 0,
        "to_update": 0,
        "complete": 0,
        "inactive": 0,
        "problems": 0,
    }
    assert plan.lines()[:2] == [
        "3 devices wanted: 3 to create, 0 to finish, 0 to update, 0 complete.",
        "Does not exist yet: policy policy.",
    ]


def test_the_cost_is_one_call_per_device_and_operation():
    assert planning.make(fleet(3), {}, Registry()).estimate.calls == {
        "CreateCertificateFromCsr": 3,
        "AttachPolicy": 3,
        "CreateThing": 3,
        "AttachThingPrincipal": 3,
        "AddThingToThingGroup": 3,
    }


def test_the_slowest_quota_decides_and_the_raise_that_pays_is_named():
    estimate = for_new_devices(100_000, Strategy.DIRECT, Quotas())
    assert (estimate.slowest, round(estimate.seconds)) == ("AttachPolicy", 6667)
    assert estimate.raises == (("AttachPolicy", "CreateCertificateFromCsr"), 1000.0)
    assert estimate.lines()[0] == (
        "500,000 calls, about 1:51:07 at the quotas (AWS defaults); the slowest is AttachPolicy."
    )
    assert estimate.lines()[-1] == (
        "A higher quota of AttachPolicy and CreateCertificateFromCsr would help, down to 16:40."
    )


def test_a_claim_is_as_slow_as_register_thing():
    assert for_new_devices(36_000, Strategy.CLAIM, Quotas()).seconds == 3600


def test_nothing_to_do_takes_no_time():
    estimate = Estimate({}, Quotas())
    assert (estimate.seconds, estimate.slowest, estimate.lines()) == (0, "", ["No call has to be made."])


def test_a_million_new_devices_are_planned_in_under_a_second():
    million = fleet(1_000_000)
    assert len(million.devices) == 1_000_000
    start = time.process_time()
    plan = planning.make(million, {}, Registry())
    lines = plan.lines()
    assert time.process_time() - start < 1
    assert lines[0].startswith("1,000,000 devices wanted: 1,000,000 to create")
    assert "5,000,000 calls, about 18:31:07" in lines[1]
    assert lines[-2].startswith("With strategy bulk: 4,000,000 calls, about 30:33:20")
    assert lines[-1].startswith("With strategy claim: 3,000,000 calls, about 27:46:40")
    assert lines[-1].endswith("A higher quota of RegisterThing would help, down to 18:31:07.")


def test_a_problem_names_the_device_and_leaves_the_others_to_go_on():
    registry = Registry(
        things={"p-local-device-002": Thing("board", {"certificate_id": "c"})},
        certificates={"c": object()},
    )
    plan = planning.make(fleet(3), {}, registry)
    assert plan.counts["to_create"] == 2
    assert plan.counts["problems"] == 1
    assert any(line.startswith("p-local-device-002: certificate c is registered") for line in plan.lines())


def test_devices_with_a_key_and_no_certificate_are_uncertain():
    plan = planning.make(fleet(2), {"p-local-device-002": LocalDevice(has_key=True)}, Registry())
    assert plan.uncertain == ["p-local-device-002"]
    assert plan.counts["to_finish"] == 1


def test_the_diff_spells_out_what_a_thing_becomes():
    plan = planning.make(fleet(1, attributes={"site": "b2"}), {}, Registry())
    diff = plan.diff()
    assert diff["before"] == ""
    assert diff["after"].splitlines() == [
        "p-local-device-001:",
        "  type: board",
        "  certificate_id: (issued by AWS IoT)",
        "  device_id: device-001",
        "  environment: local",
        "  site: b2",
        "  in the fleet's group: yes",
        "  policy: policy",
    ]


def test_a_long_diff_is_cut_and_counted():
    assert planning.make(fleet(70), {}, Registry()).diff()["after"].splitlines()[-1] == "… and 20 more"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attributes": {"site": "b 2"}}, "attributes: 'b 2' cannot be the value of site"),
        ({"attributes": {"si te": "b2"}}, "'si te' cannot be the name of an attribute"),
        ({"attributes": {"device_id": "x"}}, "attributes: device_id is set by provisioning itself"),
        (
            {"attributes": {"a": "1"}, "initial_attributes": {"a": "2"}},
            "a: in attributes and in initial_attributes",
        ),
        ({"device_attributes": {"device-009": {"a": "1"}}}, "names 'device-009', which is not among"),
        ({"device_attributes": {"device-001": {"a": ""}}}, "device_attributes of device-001: '' cannot be"),
        ({"attributes": {f"a{n}": "1" for n in range(48)}}, "48 attributes; there is room for 47"),
        ({"device_ids": ["device 1"]}, "'device 1' cannot be a device id"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_anything_is_touched(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        fleet(**changes).check()


def test_good_input_passes():
    fleet(device_attributes={"device-001": {"site": "a/b#2"}}, initial_attributes={"fw": "1.0"}).check()
