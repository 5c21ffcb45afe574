"""What a killed run left at work is found by its mark, and ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from fleetlib import survivors
from fleetlib.core.clock import SystemClock

pytestmark = pytest.mark.skipif(not survivors.can_look(), reason="only Linux tells environments")

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"


@pytest.fixture
def start():
    """``start(value, code)`` starts a marked Python, which is up when this returns."""
    started = []

    def start(value, code="import time; print(1, flush=True); time.sleep(60)"):
        one = subprocess.Popen(
            [sys.executable, "-c", code], env=os.environ | {"A_MARK": value}, stdout=subprocess.PIPE
        )
        started.append(one)
        one.stdout.readline()
        return one

    yield start
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


def test_processes_with_the_mark_are_ended_and_no_others(start):
    mine, other = start("one"), start("two")
    ended = survivors.end("A_MARK", "one", SystemClock())
    assert list(ended) == [mine.pid]
    assert mine.wait(1) == -15
    assert other.poll() is None


def test_one_that_does_not_end_when_it_is_asked_to_is_killed(start, monkeypatch):
    monkeypatch.setattr(survivors, "TERM_SECONDS", 0.2)
    stubborn = start("three", STUBBORN)
    survivors.end("A_MARK", "three", SystemClock())
    assert stubborn.wait(1) == -9


def test_the_one_who_asks_and_those_it_descends_from_are_left_alone(start):
    code = (
        "from fleetlib import survivors; from fleetlib.core.clock import SystemClock;"
        "print(survivors.end('A_MARK', 'four', SystemClock()))"
    )
    inner = f"import subprocess, sys; print(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
    found = subprocess.run(
        [sys.executable, "-c", inner],
        env=os.environ | {"A_MARK": "four", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["{}", "0"], found.stderr
