"""Certificates of real connections are rotated on the local cloud: nobody is ever without one that works."""

from __future__ import annotations

import contextlib
import fcntl
import json
import random
import threading
import time
import urllib.request

import pytest
from fleetlib.device_store import DeviceStore
from fleetlib.mqtt.session import Server

from tests.cloud.rotating_boards import Board
from tests.killing import kill_until_done
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

FAST = {
    "canary_size": 1,
    "wave_size": 10,
    "timeout_seconds": 20,
    "bake_seconds": 0.5,
    "poll_seconds": 0.2,
    "max_failed_percent": 0,
}


@pytest.fixture
def iot(aws, connection, tmp_path):
    """An account with three devices that may do everything."""
    iot = aws("iot")
    iot.create_thing_type(thingTypeName="board")
    everything = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iot.create_policy(policyName="device", policyDocument=policy)
    iot.create_thing_group(thingGroupName="p-local")
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    made = run_module(
        "iot_thing_batch",
        **connection,
        **of_fleet(tmp_path),
        count=3,
        thing_type="board",
        policy="device",
        group="p-local",
        settle_seconds=0,
    )
    assert made["done"] == 3
    return iot


def of_fleet(directory):
    return {
        "name_prefix": "p",
        "environment_name": "local",
        "state_directory": str(directory / "state"),
        "rate_factor": 1000,
    }


@pytest.fixture
def boards(iot, cloud, tmp_path):
    """The three boards, connected."""
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/iot/ca.pem", timeout=10) as answer:
        authority = answer.read().decode()
    server = Server("127.0.0.1", cloud.mqtt_port, ca_pem=authority)
    store = DeviceStore(tmp_path / "state/devices")
    (tmp_path / "flash").mkdir()
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                Board(
                    server, thing, tmp_path / "flash" / thing, store.key(thing), store.certificate_pem(thing)
                )
            )
            for thing in (f"p-local-device-00{number}" for number in (1, 2, 3))
        ]


@pytest.fixture
def rotate(connection, tmp_path):
    def rotate(action="rotate", check_mode=False, rules=None, device_ids=(), max_age_days=365, **options):
        return run_module(
            "iot_certificate_rotation",
            check_mode=check_mode,
            **connection,
            **of_fleet(tmp_path),
            action=action,
            policy="device",
            group="p-local",
            device_ids=list(device_ids),
            max_age_days=max_age_days,
            rules={**FAST, **(rules or {})},
            **options,
        )

    return rotate


ALL = ("device-001", "device-002", "device-003")


def certificates_of(iot):
    return {one["certificateId"]: one["status"] for one in iot.list_certificates()["certificates"]}


def named(iot):
    return {one["thingName"]: one["attributes"]["certificate_id"] for one in iot.list_things()["things"]}


def test_every_device_gets_a_certificate_for_a_key_that_only_it_has(iot, boards, rotate, tmp_path):
    before = named(iot)
    done = rotate(device_ids=ALL)
    assert not done["failed"], done
    assert done["rotated"] == sorted(before)
    after = named(iot)
    assert not set(after.values()) & set(before.values())
    assert certificates_of(iot) == dict.fromkeys(after.values(), "ACTIVE")
    assert {board.thing: board.certificate_id for board in boards} == after
    assert all(board.is_connected for board in boards)
    for thing, certificate in after.items():
        (principal,) = iot.list_thing_principals(thingName=thing)["principals"]
        assert principal.endswith(certificate)
        assert not (tmp_path / "state/devices" / thing / "private.key").exists()
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["p-local"]


def test_provisioning_takes_rotated_devices_for_complete(iot, boards, rotate, connection, tmp_path):
    rotate(device_ids=ALL)
    again = run_module(
        "iot_thing_batch",
        **connection,
        **of_fleet(tmp_path),
        count=3,
        thing_type="board",
        policy="device",
        group="p-local",
    )
    assert not again["changed"], again


def test_nothing_is_due_in_a_young_fleet(iot, boards, rotate):
    done = rotate()
    assert not done["changed"]
    assert done["counts"] == {"to_rotate": 0, "not_connected": 0, "waves": 0, "begun": 0}


def test_check_mode_tells_whose_turn_it_is_and_asks_nobody(iot, boards, rotate):
    before = certificates_of(iot)
    plan = rotate(device_ids=ALL, check_mode=True)
    assert plan["changed"]
    assert plan["lines"][0] == "3 devices to rotate in 2 waves; 0 more are not connected."
    assert certificates_of(iot) == before
    assert iot.list_jobs()["jobs"] == []


def test_a_device_that_is_not_connected_is_left_for_another_time(iot, boards, rotate):
    boards[1].__exit__()
    done = rotate(device_ids=ALL)
    assert done["not_connected"] == ["p-local-device-002"]
    assert len(done["rotated"]) == 2


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"refuses": True}, "its job ended REJECTED: it may not"),
        ({"sends": "!"}, "what it sent is no base64"),
        ({"sends": "AAAA"}, "what it sent is no signing request"),
        ({"damages": True}, "its job ended FAILED: the new certificate does not work"),
    ],
)
def test_a_device_that_fails_stops_the_rotation_and_keeps_its_certificate(
    iot, boards, rotate, trouble, words
):
    before = named(iot)
    for name, value in trouble.items():
        setattr(boards[0], name, value)
    stopped = rotate(device_ids=["device-001"])
    assert words in stopped["msg"]
    assert "certificate_action=undo" in stopped["msg"]
    assert named(iot) == before
    assert "Wave 1 of the rotation was stopped" in rotate(device_ids=["device-001"])["msg"]
    undone = rotate("undo")
    assert undone["undone"] == ["p-local-device-001"]
    assert certificates_of(iot) == dict.fromkeys(before.values(), "ACTIVE")
    assert boards[0].certificate_id == before["p-local-device-001"]
    assert "no wave to take back" in rotate("undo")["msg"]


def test_a_stopped_wave_goes_on_without_the_device_that_failed(iot, boards, rotate):
    before = named(iot)
    boards[2].refuses = True
    assert "was stopped" in rotate(device_ids=ALL, rules={"canary_size": 3})["msg"]
    accepted = rotate("accept")
    assert not accepted["failed"], accepted
    assert accepted["rotated"] == ["p-local-device-001", "p-local-device-002"]
    assert accepted["failed_devices"] == {"p-local-device-003": "its job ended REJECTED: it may not"}
    after = named(iot)
    assert after["p-local-device-003"] == before["p-local-device-003"]
    assert certificates_of(iot) == dict.fromkeys(after.values(), "ACTIVE")


def test_a_device_that_is_silent_fails_after_the_time_it_had(iot, boards, rotate):
    boards[0].is_deaf = True
    stopped = rotate(device_ids=["device-001"], rules={"timeout_seconds": 1})
    assert "did not come back within" in stopped["msg"]
    assert rotate("undo")["undone"] == ["p-local-device-001"]


def test_a_device_that_is_lost_without_its_old_certificate_gets_it_back(iot, boards, rotate):
    old = named(iot)["p-local-device-001"]

    def vanish_when_switched_off():
        while certificates_of(iot)[old] == "ACTIVE":
            time.sleep(0.05)
        boards[0].vanish()

    watching = threading.Thread(target=vanish_when_switched_off)
    watching.start()
    stopped = rotate(device_ids=["device-001"], rules={"bake_seconds": 3})
    watching.join()
    assert "it lost its connection with the new certificate" in stopped["msg"]
    assert certificates_of(iot)[old] == "ACTIVE"
    boards[0].goes_away.clear()
    rotate("undo")
    assert certificates_of(iot)[old] == "ACTIVE"
    assert len(certificates_of(iot)) == 3


RUN = """
import sys
from pathlib import Path
import boto3
from fleetlib.core.certificates import Limits
from fleetlib.core.quotas import Quotas
from fleetlib.core.rotation.model import Rules
from fleetlib.rotation import CertificateRotation, Clients, Place

def client(service):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="us-west-2",
                        aws_access_key_id=sys.argv[2], aws_secret_access_key="x")

place = Place("p", "local", "device", "p-local", Path(sys.argv[3]))
rules = Rules(canary_size=1, bake_seconds=0.3, poll_seconds=0.1, timeout_seconds=60, max_failed_percent=0)
run = CertificateRotation(
    place, Clients(*map(client, ("iot", "iot-data", "iot-jobs-data"))), rules, Quotas().scaled(1000), 4
)
print("begin", flush=True)
before = set(sys.argv[4].split(","))
plan = run.look(Limits(365, 90), ["device-001", "device-002", "device-003"])
left = [thing.rpartition("-local-")[2] for thing, certificate in plan.now if certificate in before]
if plan.begun is not None or left:
    run.rotate(Limits(365, 90), left or ["device-001"])
"""


def test_killed_at_random_moments_it_ends_with_new_certificates_and_without_orphans(
    iot, boards, account, cloud, tmp_path
):
    before = named(iot)
    chance = random.Random(3)
    killed = kill_until_done(
        RUN,
        cloud.endpoint_url,
        account,
        str(tmp_path / "state"),
        ",".join(before.values()),
        patience=lambda attempt: chance.uniform(0.2, 0.8 + attempt / 10),
    )
    assert killed >= 2
    after = named(iot)
    assert certificates_of(iot) == dict.fromkeys(after.values(), "ACTIVE")
    assert not set(after.values()) & set(before.values())
    assert {board.thing: board.certificate_id for board in boards} == after


def test_two_rotations_do_not_run_at_once(iot, boards, rotate, tmp_path):
    (tmp_path / "state").mkdir(exist_ok=True)
    with (tmp_path / "state/provisioning.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "Another run" in rotate(device_ids=ALL)["msg"]


def test_an_unknown_device_is_named(iot, boards, rotate):
    assert "p-local-device-099, which is not in the registry" in rotate(device_ids=["device-099"])["msg"]
