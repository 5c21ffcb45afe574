"""What opens a gate and what closes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleetlib.core.rollout import gate
from fleetlib.core.rollout.plan import Gate, Wave

GOOD = gate.Measured(
    gate.Counts(succeeded=10),
    connected_before=10,
    lost=(),
    program_failed=(),
    error_logs=(),
    memory_before=1000,
    memory_now=1050,
    cpu_before=10,
    cpu_now=11,
    alarms=(),
    command_code=0,
)
STRICT = Gate(
    error_log_percent=0,
    memory_growth_percent=10,
    cpu_growth_percent=20,
    alarms=("fleet-*",),
    command=("smoke-test",),
)


def test_a_healthy_wave_opens_every_gate():
    checks = gate.judge(STRICT, GOOD)
    assert len(checks) == 8
    assert gate.is_open(checks)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (
            {"counts": gate.Counts(succeeded=8, failed=1, timed_out=1)},
            "2 of 10 failed (20.0 %), allowed are 0 %",
        ),
        ({"lost": ("a", "b", "c", "d")}, "4 of 10 lost (40.0 %), allowed are 0 %: a, b, c, …"),
        ({"program_failed": ("a",)}, "1 of 10 do not run it (10.0 %), allowed are 0 %: a"),
        ({"error_logs": ("a",)}, "1 of 10 logged errors (10.0 %), allowed are 0 %: a"),
        ({"memory_now": 1200}, "median went from 1,000 to 1,200 (+20.0 %), allowed are +10 %"),
        ({"cpu_now": 20}, "median went from 10 to 20 (+100.0 %), allowed are +20 %"),
        ({"alarms": ("fleet-offline",)}, "in ALARM: fleet-offline"),
        ({"command_code": 3, "command_output": "no light"}, "exit code 3: no light"),
    ],
)
def test_one_bad_measurement_closes_the_gate_and_says_why(seen, reason):
    checks = gate.judge(STRICT, replace(GOOD, **seen))
    assert not gate.is_open(checks)
    assert [check.reason for check in checks if check.passed is False] == [reason]


def test_what_cannot_be_measured_is_said_and_does_not_close_the_gate():
    checks = gate.judge(STRICT, gate.Measured())
    assert gate.is_open(checks)
    assert {check.passed for check in checks} == {None}


def test_a_wave_is_stopped_while_its_job_runs_once_enough_devices_have_failed():
    wave = Wave("canary", "rest", True, abort_percent=20, abort_after=5)
    assert gate.job_stops(wave, gate.Counts(succeeded=2, failed=2)) == ""
    assert gate.job_stops(wave, gate.Counts(succeeded=4, failed=1)) == ""
    assert "2 of 5 finished devices failed (40.0 %)" in gate.job_stops(
        wave, gate.Counts(succeeded=3, rejected=2)
    )
