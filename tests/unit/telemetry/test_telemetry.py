"""What messages of boards mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from fleetlib.core import telemetry
from fleetlib.core.telemetry import MalformedError, read

NOW = datetime(2026, 3, 1, 9, 30, 1, tzinfo=UTC)
METRICS = {
    "timestamp": "2026-03-01T09:30:00.900Z",
    "memory_used_bytes": 50,
    "memory_total_bytes": 200,
    "cpu_percent": 12.5,
    "uptime_seconds": 7,
}
LOG = {"timestamp": "2026-03-01T09:30:00.900Z", "level": "info", "message": "on", "program_id": "blink"}
STATUS = {"program_id": "blink", "status": "Running", "timestamp": "2026-03-01T09:30:00.900Z"}
EVENT = {"jobId": "p-local-firmware-0123abcd-w1", "status": "SUCCEEDED"}
ON = {
    "metrics": "steel-telemetry/p-local-device-001/metrics",
    "logs": "steel-telemetry/p-local-device-001/logs",
    "status": "steel-programs/p-local-device-001/status/report",
    "event": "$aws/events/jobExecution/p-local-firmware-0123abcd-w1/succeeded",
}


def values(topic, body):
    report = read(topic, json.dumps(body).encode(), NOW)
    return {one.metric.name: one.value for one in report.measurements}


def test_memory_is_a_share_and_latency_the_age_of_the_message():
    assert values(ON["metrics"], METRICS) == {
        "MemoryUsage": 25,
        "CpuUsage": 12.5,
        "DeliveryLatency": pytest.approx(100),
    }


def test_processor_time_of_a_program_comes_with_the_metrics():
    found = values(ON["metrics"], METRICS | {"program_id": "blink", "program_cpu_ms": 3})
    assert found["ProgramCpuTime"] == 3


@pytest.mark.parametrize("stamp", ["2026-03-01T09:30:05Z", "1970-01-01T00:00:09Z"])
def test_a_clock_that_is_wrong_gives_no_latency(stamp):
    assert "DeliveryLatency" not in values(ON["metrics"], METRICS | {"timestamp": stamp})


def test_a_log_message_becomes_a_line_with_the_name_from_the_topic():
    report = read(ON["logs"], json.dumps(LOG | {"thing": "somebody-else"}).encode(), NOW)
    assert report.line == LOG | {"thing": "p-local-device-001"}
    assert report.measurements == ()


def test_an_error_in_the_log_is_counted():
    assert values(ON["logs"], LOG | {"level": "error"}) == {"ErrorMessages": 1}


@pytest.mark.parametrize(
    ("status", "found"),
    [("Completed", {"ProgramSuccesses": 1}), ("Failed", {"ProgramFailures": 1}), ("Running", {})],
)
def test_only_the_end_of_a_program_run_counts(status, found):
    assert values(ON["status"], STATUS | {"status": status}) == found


def test_the_duration_of_a_program_run_is_measured():
    assert values(ON["status"], STATUS | {"execution_time_ms": 40}) == {"ProgramExecutionTime": 40}


def test_alerts_are_counted_and_those_of_security_apart():
    assert values("alerts/p-local-device-001/hot", {}) == {"Alerts": 1}
    assert values("alerts/p-local-device-001/security-tamper", {}) == {"Alerts": 1, "SecurityAlerts": 1}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {"UpdateSuccesses": 1}),
        ({"status": "TIMED_OUT"}, {"UpdateFailures": 1}),
        (
            {"status": "FAILED", "statusDetails": {"code": "rolled_back"}},
            {"UpdateFailures": 1, "UpdateRollbacks": 1},
        ),
        ({"status": "CANCELED"}, {}),
        ({"jobId": "p-local-blink-0123abcd-w1", "status": "FAILED"}, {}),
    ],
)
def test_ends_of_firmware_jobs_are_counted(changes, found):
    assert values(ON["event"], EVENT | changes) == found


@pytest.mark.parametrize(
    ("topic", "payload", "words"),
    [
        ("steel-data/p-local-device-001/x", b"{}", "is no topic of telemetry"),
        (ON["metrics"], b"\xff", "The payload is no JSON"),
        (ON["metrics"], b"[" * 100_000, "The payload is no JSON"),
        (ON["metrics"], b"7", "The payload is 7; it must be a JSON object"),
        (ON["metrics"], b'{"memory_total_bytes": true}', "memory_total_bytes is True; it must be a number"),
    ],
)
def test_a_payload_that_is_none_is_named(topic, payload, words):
    with pytest.raises(MalformedError, match=words):
        read(topic, payload, NOW)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("metrics", METRICS | {"memory_total_bytes": 0, "memory_used_bytes": 0}, "memory_total_bytes is 0"),
        ("metrics", METRICS | {"memory_used_bytes": 201}, "memory_used_bytes is 201; .* from 0 to 200"),
        ("metrics", METRICS | {"cpu_percent": float("nan")}, "cpu_percent is nan"),
        ("metrics", METRICS | {"cpu_percent": -1}, "cpu_percent is -1; it must be a number from 0 to 100"),
        ("metrics", METRICS | {"program_cpu_ms": 10**400}, "program_cpu_ms is 1000"),
        ("metrics", METRICS | {"timestamp": "noon"}, "timestamp is 'noon'; it must be like"),
        ("metrics", METRICS | {"timestamp": "2026-03-01T09:30:00"}, "timestamp is .* it must be like"),
        ("metrics", METRICS | {"timestamp": None}, "timestamp is None; it must be text"),
        ("logs", LOG | {"level": "loud"}, "level is 'loud'; boards log error, warn"),
        ("logs", LOG | {"message": 7}, "message is 7; it must be text"),
        ("status", STATUS | {"status": {"Failed": "x"}}, "status is .*; it must be text"),
        ("status", STATUS | {"status": "Dozing"}, "status is 'Dozing'; it must be Pending"),
    ],
)
def test_what_does_not_follow_the_protocol_is_named(kind, body, words):
    with pytest.raises(MalformedError, match=words):
        read(ON[kind], json.dumps(body).encode(), NOW)


def test_every_metric_has_its_own_name():
    assert len({(one.namespace, one.name) for one in telemetry.METRICS}) == len(telemetry.METRICS)
