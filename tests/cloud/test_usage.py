"""What programs and devices use, from the shadows of a fleet on a local cloud."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
GROUP = "fleet"


@pytest.fixture
def look(aws, connection):
    iot, data = aws("iot"), aws("iot-data")
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=modes)
    iot.create_thing_group(thingGroupName=GROUP)
    for number in range(12):
        thing = f"device-{number:03d}"
        iot.create_thing(thingName=thing)
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=thing)
        used = 290_000 if number == 7 else 100_000 + number * 1000
        reported = {
            "timestamp": datetime.now(UTC).isoformat(),
            "hardware_state": {"memory_usage": {"used_bytes": used, "total_bytes": 300_000}},
            "programs": {"blink": {"version": "1.0.0", "status": "Running"}},
        }
        data.update_thing_shadow(thingName=thing, payload=json.dumps({"state": {"reported": reported}}))

    def look(**options):
        return run_module("fleet_usage_info", **connection, **{"group": GROUP, **options})

    return look


def test_the_device_that_uses_far_more_is_found(look):
    found = look()
    assert found["usage"]["devices"] == 12
    assert [(one["thing"], one["value"]) for one in found["usage"]["outliers"]] == [("device-007", 96.7)]
    assert [one["status"] for one in found["checks"]] == ["passed", "not_checked", "failed", "not_checked"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": ""}, "There is no thing group of the fleet"),
        ({"since_minutes": -5}, "since_minutes is -5; it must be above 0"),
        ({"memory_percent": 0}, "memory_percent is 0; it must be above 0"),
    ],
)
def test_what_makes_no_sense_is_named(look, options, words):
    found = look(**options)
    assert found["failed"]
    assert words in found["msg"]
