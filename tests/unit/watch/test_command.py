"""The command: what it asks the inventory, and what it leaves on a terminal or in a pipe."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.core.watch.view import BAD, Line
from rich.console import Console

from watch import screen, settings

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {
    "fleet_environment": "staging",
    "fleet_name_prefix": "aws-iot-steel",
    "fleet_region": "us-west-2",
    "fleet_aws_connection": {"region": "us-west-2", "secret_key": "not to be seen"},
}


def said(known):
    return f"control_host | SUCCESS => {json.dumps({'changed': False, 'msg': known})}\n"


def test_the_settings_are_what_ansible_makes_of_the_inventory():
    found = settings.answered(said(KNOWN), "")
    assert (found.fleet, found.region) == ("aws-iot-steel-staging", "us-west-2")
    assert found.connection == KNOWN["fleet_aws_connection"]


def test_a_secret_key_is_not_in_what_settings_show_of_themselves():
    assert "not to be seen" not in repr(settings.answered(said(KNOWN), ""))


@pytest.mark.parametrize(
    "out",
    ["", "control_host | FAILED! => {'x'", said("VARIABLE IS NOT DEFINED!"), said({"fleet_region": "x"})],
)
def test_an_inventory_without_a_fleet_is_an_error_with_ansibles_last_words(out):
    with pytest.raises(FleetError, match=r"does not say where the fleet is: .+ is undefined"):
        settings.answered(out, "usage\n'fleet_region' is undefined\n")


def test_an_unknown_environment_is_named(tmp_path):
    with pytest.raises(FleetError, match=r"inventory/nowhere/control\.yml"):
        settings.ask(tmp_path, "nowhere")


def test_a_pipe_gets_no_colour_and_no_cursor_movement():
    out = io.StringIO()
    screen.print_once(Console(file=out), lambda width, height: [Line(f"[b]{width}[/b]", BAD)])
    assert out.getvalue() == "[b]120[/b]\n"


def test_a_terminal_without_a_cursor_counts_as_none(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not screen.is_terminal(Console(force_terminal=True))


SHOW_FOR_EVER = """
import sys, threading
sys.path[:0] = ["plugins/module_utils", "."]
from fleetlib.core.watch.view import Line
from rich.console import Console
from watch import __main__ as command
command.CLOCK_SECONDS = 0.05
class Fake:
    def keep_looking(self, until): until.wait()
    def draw(self, width, height): return [Line(f"{width} by {height}")]
sys.exit(command._live(Console(), Fake()))
"""


def test_ctrl_c_gives_the_terminal_back_as_it_was():
    main, other = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-c", SHOW_FOR_EVER],
        cwd=ROOT, stdin=other, stdout=other, stderr=other,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "77", "LINES": "22"},
    )  # fmt: skip
    try:
        seen = read_until(main, b"77 by 22")
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
        seen += read_until(main, b"\x1b[?1049l")
    finally:
        run.kill()
        os.close(main)
        os.close(other)
    assert b"\x1b[?1049h" in seen  # another screen while it runs
    assert b"\x1b[?25h" in seen  # and the cursor is back after it
    assert b"Traceback" not in seen


def read_until(terminal, wanted, seconds=20):
    seen, end = b"", time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    assert wanted in seen
    return seen
