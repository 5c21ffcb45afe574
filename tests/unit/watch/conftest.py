from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from fleetlib.core.rollout.gate import Counts
from fleetlib.core.rollout.plan import Plan, parse
from fleetlib.core.rollout.record import Decision, Part, Record, WaveRecord

NOW = datetime(2027, 1, 3, 12, 0, 0, tzinfo=UTC)
PLAN = {"name": "careful", "waves": [{"name": "canary", "count": 5}, {"name": "all", "rest": True}]}


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def plan() -> Plan:
    return parse(PLAN)


@pytest.fixture
def a_rollout(plan):
    """Makes the record of a rollout: its canary is through, the rest is under way."""

    def make(**fields):
        usual = {
            "id": "aws-iot-steel-local-blink_led-0a1b2c3d",
            "subject": "program:blink_led",
            "version": "1.1.0",
            "sha256": "0" * 64,
            "target": "everyone",
            "plan": plan,
            "waves": [
                WaveRecord("canary", 5, "passed", parts=[Part("j0", "g0", 5, counts=Counts(succeeded=5))]),
                WaveRecord(
                    "all",
                    95,
                    "deploying",
                    parts=[
                        Part("j1", "g1", 95, counts=Counts(queued=60, in_progress=5, succeeded=28, failed=2))
                    ],
                ),
            ],
            "created_at": "2027-01-03T11:30:00.000Z",
            "created_by": "ann@host:1",
            "decisions": [Decision("2027-01-03T11:40:00.000Z", "ann@host:1", "pass", "canary: 5 of 5")],
            "lease": {"holder": "ann@host:1", "until": "2027-01-03T12:01:00.000Z"},
        }
        return Record(**{**usual, **fields})

    return make


@pytest.fixture
def a_hit():
    """Makes a device as the fleet index finds it."""

    def make(number=1, connected=True, programs=None, firmware="1.0.0"):
        reported = {"programs": programs or {}, "firmware": {"version": firmware}}
        return {
            "thingName": f"aws-iot-steel-local-device-{number:03}",
            "connectivity": {"connected": connected},
            "shadow": json.dumps({"reported": reported}),
        }

    return make
