"""Real devices are cut off, brought back exactly, and cut off for good."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from fleetlib.core.journal import read
from fleetlib.quarantine import Incidents

from tests.cloud.incident_site import Site
from tests.cloud.registry_state import export
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FIRST, SECOND, THIRD = (f"pit-local-device-00{number}" for number in (1, 2, 3))


@pytest.fixture
def site(aws, connection, account, tmp_path, cloud):
    site = Site(aws, connection, account, tmp_path, cloud)
    site.provision(3)
    return site


@pytest.fixture
def act(site):
    def act(action="quarantine", check_mode=False, **options):
        given = {
            "name_prefix": "pit",
            "environment_name": "local",
            "directory": str(site.directory),
            "quarantine_group": "pit-local-quarantine",
            "quarantine_policy": "pit-local-quarantine",
            "end_sessions": False,
            "rate_factor": 1000,
        }
        return run_module(
            "iot_quarantine", check_mode, **site.connection, action=action, **{**given, **options}
        )

    return act


def worked(answer):
    assert not answer["failed"], answer
    assert answer["failures"] == {}
    return answer


def test_devices_are_cut_off_at_once_and_cannot_come_back(site, act):
    topic = f"steel-programs/{FIRST}/load"
    with site.session(FIRST) as board, site.session(THIRD) as other:
        assert board.subscribe(topic).allowed
        answer = worked(act(device_ids=["device-001", "device-002"], reason="test"))
        site.aws("iot-data").publish(topic=topic, qos=1, payload=b"secret")
        assert not board.publish(f"steel-telemetry/{FIRST}/metrics", b"{}").allowed
        assert board.receive(b"secret", 0.5) is None
        assert other.publish(f"steel-telemetry/{THIRD}/metrics", b"{}").allowed
    assert answer["state"] == "quarantined"
    with site.session(FIRST) as board:
        assert not board.connected.allowed
    group = site.iot.list_things_in_thing_group(thingGroupName="pit-local-quarantine")["things"]
    assert sorted(group) == [FIRST, SECOND]


def test_a_release_restores_every_byte_of_the_registry(site, act):
    site.iot.update_certificate(certificateId=site.certificate(SECOND).id, newStatus="INACTIVE")
    extra = site.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    site.iot.attach_thing_principal(thingName=FIRST, principal=extra)
    site.iot.add_thing_to_thing_group(thingName=THIRD, thingGroupName="pit-local-quarantine")
    before = export(site.iot)
    ids = ["device-001", "device-002", "device-003"]
    worked(act(device_ids=ids))
    assert export(site.iot) != before
    answer = worked(act("release"))
    assert (answer["state"], answer["remarks"]) == ("released", {})
    assert export(site.iot) == before
    with site.session(FIRST) as board:
        assert board.connected.allowed


def test_running_again_changes_nothing(site, act):
    first = worked(act(device_ids=["device-001"]))
    again = worked(act(device_ids=["device-001"]))
    assert first["changed"] is True
    assert (again["changed"], again["incident_id"]) == (False, first["incident_id"])
    worked(act("release"))
    assert worked(act("release", incident_id=first["incident_id"]))["changed"] is False


def test_check_mode_says_what_it_would_do_and_does_nothing(site, act):
    before = export(site.iot)
    answer = worked(act(check_mode=True, device_ids=["device-001", "device-002"]))
    assert answer["changed"] is True
    assert answer["steps"] == {
        "add to the quarantine group": 2,
        "attach the policy to certificate": 2,
        "attach the policy to group": 1,
        "make INACTIVE": 2,
    }
    assert export(site.iot) == before
    assert not (site.directory / "incidents").exists()
    worked(act(device_ids=["device-001"]))
    held = export(site.iot)
    assert worked(act("release", check_mode=True))["changed"] is True
    assert export(site.iot) == held


def test_a_group_is_cut_off_with_one_call_and_comes_back(site, act):
    before = export(site.iot)
    answer = worked(act(group="pit-local"))
    assert answer["steps"]["attach the policy to group"] == 1
    assert "add to the quarantine group" not in answer["steps"]
    assert len(answer["things"]) == 3
    for thing in (FIRST, SECOND, THIRD):
        with site.session(thing) as board:
            assert not board.connected.allowed
    worked(act("release"))
    assert export(site.iot) == before


def test_what_an_intruder_attaches_later_is_cut_off_by_running_again(site, act):
    incident = worked(act(device_ids=["device-001"]))["incident_id"]
    late = site.iot.create_keys_and_certificate(setAsActive=True)
    site.iot.attach_thing_principal(thingName=FIRST, principal=late["certificateArn"])
    again = worked(act(device_ids=["device-001"], incident_id=incident))
    assert again["steps"] == {"attach the policy to certificate": 1, "make INACTIVE": 1}


def test_everything_found_is_on_the_disk_before_it_is_changed(site, act):
    incident = worked(act(device_ids=["device-001"]))["incident_id"]
    path = Incidents(site.directory).path(incident) / "journal.jsonl"
    events = list(read(path))
    assert [one["event"] for one in events] == ["opened", "gate", "found", "quarantined"]
    assert events[2]["certificates"] == [
        {"arn": site.certificate(FIRST).arn, "denied": False, "status": "ACTIVE"}
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_revoking_needs_the_incidents_name_and_is_for_good(site, act):
    incident = worked(act(device_ids=["device-001"]))["incident_id"]
    assert f"Repeat it: confirm={incident}" in act("revoke")["msg"]
    assert status_of(site, FIRST) == "INACTIVE"
    answer = worked(act("revoke", confirm=incident))
    assert (answer["state"], status_of(site, FIRST)) == ("revoked", "REVOKED")
    assert "a revoked certificate cannot come back" in act("release", incident_id=incident)["msg"]
    assert worked(act("revoke", incident_id=incident, confirm=incident))["changed"] is False


def status_of(site, thing):
    answer = site.iot.describe_certificate(certificateId=site.certificate(thing).id)
    return answer["certificateDescription"]["status"]


def test_a_device_that_does_not_exist_is_named_and_the_others_are_cut_off(site, act):
    answer = act(device_ids=["device-001", "device-999"])
    assert list(answer["failures"]) == ["pit-local-device-999"]
    assert answer["state"] == "open"
    assert status_of(site, FIRST) == "INACTIVE"
    worked(act("release"))


def test_what_changed_in_between_is_not_forced_and_is_told(site, act):
    worked(act(device_ids=["device-001", "device-002"]))
    site.iot.update_certificate(certificateId=site.certificate(FIRST).id, newStatus="REVOKED")
    arn = site.certificate(SECOND).arn
    site.iot.detach_thing_principal(thingName=SECOND, principal=arn)
    answer = worked(act("release"))
    assert (
        f"certificate {site.certificate(FIRST).id} was ACTIVE and is REVOKED now" in answer["remarks"][FIRST]
    )
    assert "no longer attached" in answer["remarks"][SECOND]


def test_a_device_in_two_incidents_is_released_in_the_order_that_restores_it(site, act):
    before = export(site.iot)
    first = worked(act(device_ids=["device-001"], incident_id="a"))
    second = worked(act(device_ids=["device-001", "device-002"], incident_id="b"))
    assert second["open_incidents"] == ["a", "b"]
    assert "are in incident b as well" in act("release", incident_id="a")["msg"]
    assert "2 incidents are open: a, b" in act("release")["msg"]
    worked(act("release", incident_id="b"))
    assert status_of(site, FIRST) == "INACTIVE"
    worked(act("release", incident_id=first["incident_id"]))
    assert export(site.iot) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Name either device_ids or group"),
        ({"device_ids": ["device-001"], "group": "pit-local"}, "Name either device_ids or group"),
        ({"group": "nowhere"}, "There is no thing group nowhere"),
        ({"group": "pit-local-quarantine"}, "is empty"),
        ({"device_ids": ["x/y"]}, "cannot be a device id"),
        ({"device_ids": ["device-001"], "incident_id": "../x"}, "incident_id is '../x'"),
        ({"device_ids": ["device-001"], "quarantine_policy": ""}, "quarantine_policy is empty"),
        ({"device_ids": ["device-001"], "quarantine_policy": "none"}, "There is no policy none"),
        ({"device_ids": ["device-001"], "concurrency": 0}, "concurrency is 0"),
        ({"action": "release"}, "0 incidents are open"),
        ({"action": "release", "incident_id": "x"}, "There is no incident x"),
    ],
)
def test_a_wrong_option_is_named(site, act, options, words):
    assert words in act(**options)["msg"]


def test_a_group_with_devices_of_another_fleet_is_refused(site, act):
    site.iot.create_thing(thingName="other-device")
    site.iot.add_thing_to_thing_group(thingName="other-device", thingGroupName="pit-local")
    assert "1 things of group pit-local are of another fleet: other-device" in act(group="pit-local")["msg"]


RUN = """
import sys
from pathlib import Path
import boto3
from fleetlib.core.quarantine import Scope
from fleetlib.core.quotas import Quotas
from fleetlib.quarantine import Incidents, Responder

iot = boto3.client("iot", endpoint_url=sys.argv[1], region_name="us-west-2",
                   aws_access_key_id=sys.argv[2], aws_secret_access_key="x")
responder = Responder(Incidents(Path(sys.argv[3])), iot, None, Quotas().scaled(1000), 2)
print("begin", flush=True)
things = tuple(f"pit-local-device-{number:03d}" for number in range(1, 13))
scope = Scope("killed", "pit-local-quarantine", "pit-local-quarantine", things)
result = responder.quarantine(scope) if sys.argv[4] == "quarantine" else responder.release("killed")
sys.exit(1 if result.failures else 0)
"""


def test_killed_at_random_moments_quarantine_and_release_end_whole(site, account, root):
    site.provision(12)
    before = export(site.iot)
    chance = random.Random(7)
    killed = {what: run_until_done(site, account, root, what, chance) for what in ("quarantine", "release")}
    assert min(killed.values()) >= 2, killed
    assert export(site.iot) == before
    states = [one["event"] for one in read(site.directory / "incidents/killed/journal.jsonl")]
    assert {"quarantined", "released"} <= set(states)


def run_until_done(site, account, root, what, chance):
    """Start it again and again, killing it at random moments; how often it was killed."""
    for attempt in range(60):
        run = subprocess.Popen(
            [sys.executable, "-c", RUN, site.cloud.endpoint_url, account, str(site.directory), what],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(root / "plugins/module_utils")},
        )
        run.stdout.readline()
        try:
            run.wait(timeout=chance.uniform(0.02, 0.2) * (1 + attempt / 4))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
            continue
        assert run.returncode == 0
        return attempt
    raise AssertionError(f"{what} never ended")


def test_no_secret_is_kept_with_an_incident(site, act):
    worked(act(device_ids=["device-001"]))
    for path in (site.directory / "incidents").rglob("*"):
        assert path.is_dir() or b"PRIVATE" not in path.read_bytes()
    assert "PRIVATE" not in json.dumps(act("status"))
