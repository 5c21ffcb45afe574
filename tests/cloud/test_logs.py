"""What boards logged, read from a log group of a local cloud."""

from __future__ import annotations

import json
import time

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
LOGS = "/boards"


@pytest.fixture
def look(aws, connection):
    logs, now = aws("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=LOGS)
    logs.create_log_stream(logGroupName=LOGS, logStreamName="s")
    lines = [("error", f"no sensor {n}", "blink") for n in range(3)] + [("info", "ready", "")]
    events = [
        {
            "timestamp": now - 60_000,
            "message": json.dumps(dict(zip(("level", "message", "program_id"), line, strict=True))),
        }
        for line in lines
    ]
    old = {"timestamp": now - 7_200_000, "message": json.dumps({"level": "error", "message": "old"})}
    logs.put_log_events(logGroupName=LOGS, logStreamName="s", logEvents=[old, *events])

    def look(**options):
        return run_module("fleet_logs_info", **connection, **{"log_group": LOGS, **options})

    return look


def test_the_period_and_the_shapes_decide(look):
    found = look()
    assert found["levels"] == {"error": 3, "info": 1}
    assert [(one["shape"], one["count"]) for one in found["groups"]] == [("no sensor <n>", 3), ("ready", 1)]
    assert look(since_minutes=180)["count"] == 5


def test_the_pattern_is_applied_by_the_cloud(look):
    found = look(log_pattern="ready")
    assert (found["looked_at"], found["levels"]) == (1, {"info": 1})


def test_levels_may_be_one_text(look):
    assert look(levels="error,warn")["levels"] == {"error": 3}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"log_group": "/none"}, "There is no log group /none. The monitoring stack makes it"),
        ({"log_group": ""}, "There is no log group of the boards."),
        ({"levels": ["loud"]}, "levels has 'loud'"),
        ({"since_minutes": 0}, "since_minutes must be above 0"),
    ],
)
def test_what_makes_no_sense_is_named(look, options, words):
    found = look(**options)
    assert found["failed"]
    assert words in found["msg"]
