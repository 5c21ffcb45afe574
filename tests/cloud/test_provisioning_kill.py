"""Killed with SIGKILL at random moments, a real run against the local cloud always ends complete."""

from __future__ import annotations

import json
import random

import pytest
from fleetlib import device_store
from fleetlib.crypto import keys

from tests.killing import kill_until_done

pytestmark = pytest.mark.cloud

DEVICES = 12
RUN = f"""
import sys
from pathlib import Path
import boto3
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.provisioning.engine import Settings
from fleetlib.core.provisioning.model import Fleet
from fleetlib.core.quotas import Quotas
from fleetlib.provisioner import Provisioner

iot = boto3.client("iot", endpoint_url=sys.argv[1], region_name="us-west-2",
                   aws_access_key_id=sys.argv[2], aws_secret_access_key="x")
fleet = Fleet("p", "local", numbered_device_ids(1, {DEVICES}), "board", "device", "p-local")
run = Provisioner(fleet, Path(sys.argv[3]), iot, Quotas().scaled(1000), settings=Settings(4, 0))
print("begin", flush=True)
outcome = run.provision().outcome
sys.exit(1 if outcome.stopped or outcome.failed else 0)
"""


def test_killed_at_random_moments_it_ends_complete_and_without_orphans(aws, account, cloud, tmp_path):
    iot = aws("iot")
    iot.create_thing_type(thingTypeName="board")
    iot.create_policy(
        policyName="device", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    iot.create_thing_group(thingGroupName="p-local")
    chance = random.Random(7)
    killed = kill_until_done(
        RUN,
        cloud.endpoint_url,
        account,
        str(tmp_path),
        patience=lambda _: chance.uniform(0.02, 0.6),
    )
    assert killed >= 2
    assert_complete(iot, tmp_path)


def assert_complete(iot, directory):
    store = device_store.DeviceStore(directory / "devices")
    names = {f"p-local-device-{number:03d}" for number in range(1, DEVICES + 1)}
    listed = iot.list_certificates()["certificates"]
    assert {one["status"] for one in listed} == {"ACTIVE"}
    assert len(listed) == DEVICES, "orphans, or too few"
    assert {one["thingName"] for one in iot.list_things()["things"]} == names
    assert set(iot.list_things_in_thing_group(thingGroupName="p-local")["things"]) == names
    assert len(iot.list_targets_for_policy(policyName="device")["targets"]) == DEVICES
    for name in names:
        held = store.certificate(name)
        assert iot.list_thing_principals(thingName=name)["principals"] == [held.arn]
        issued = iot.describe_certificate(certificateId=held.id)["certificateDescription"]["certificatePem"]
        assert keys.certificate_key_id(issued) == keys.public_key_id(store.key(name))
