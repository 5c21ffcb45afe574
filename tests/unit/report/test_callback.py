"""The callback plugin, in real runs of ansible-playbook."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
PLAY = """
- name: Try
  hosts: localhost
  gather_facts: false
  vars:
    fleet_environment: "{{ 'lo' ~ 'cal' }}"
    fleet_region: us-west-2
    fleet_aws_connection: {secret_key: wJalrXUtnFEMI, session_token: ""}
  tasks:
"""
TASKS = """
    - name: Change with wJalrXUtnFEMI
      ansible.builtin.debug: {msg: done}
      changed_when: true
    - name: Hide
      ansible.builtin.debug: {msg: a hidden message}
      changed_when: true
      no_log: true
    - name: Recover
      block:
        - name: Try in vain
          ansible.builtin.fail: {msg: not yet}
      rescue:
        - name: Go on
          ansible.builtin.debug: {msg: fine}
    - name: Skip
      ansible.builtin.debug: {msg: never}
      when: false
    - name: Contribute
      ansible.builtin.set_stats:
        data:
          fleet_report_good:
            order: 10
            summary: {Devices: "{{ 2 + 1 }}"}
            sections: [{title: Checks, kind: checks, checks: [{name: a, status: passed}]}]
          fleet_report_bad: {sections: 5}
"""
FAIL = """
    - name: Break
      ansible.builtin.fail: {msg: "No <b>stack</b>"}
"""
WAIT = """
    - name: Wait
      ansible.builtin.command:
        argv: [sh, -c, "echo waiting > waits; cat released"]
        chdir: "{{ playbook_dir }}"
"""
"""Says through one pipe that it runs, then waits at another. A worker that is stopped while it hands Ansible
a result may keep the lock of that queue, and Ansible waits for ever; here it has nothing to hand."""


class Ran:
    """One run of the playbook ``text``, with its reports below ``directory``."""

    def __init__(
        self, directory: Path, text: str, *arguments: str, stop: int = 0, **environment: str
    ) -> None:
        playbook = directory / "try.yml"
        playbook.write_text(text)
        waits, released = directory / "waits", directory / "released"
        for pipe in (waits, released):
            os.mkfifo(pipe)
        self.reports = directory / "reports"
        process = subprocess.Popen(
            [ANSIBLE_PLAYBOOK, "-i", "localhost,", "-c", "local", str(playbook), *arguments],
            cwd=ROOT,
            env=os.environ
            | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "PYTHONUNBUFFERED": "1"}
            | {"FLEET_REPORTS_DIR": str(self.reports)}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if stop:
            reader = os.open(waits, os.O_RDONLY | os.O_NONBLOCK)
            assert select.select([reader], [], [], 60)[0], "the playbook never came to its task"
            os.close(reader)
            process.send_signal(stop)
            process.wait(60)
            with suppress(OSError):  # no reader: the waiting command went with the run
                os.close(os.open(released, os.O_WRONLY | os.O_NONBLOCK))
        self.output, _ = process.communicate(timeout=60)
        self.code = process.returncode

    @property
    def record(self) -> dict[str, Any]:
        return json.loads((self.reports / "try/latest/report.json").read_text("utf-8"))

    @property
    def kept(self) -> str:
        """Everything that was written."""
        return "".join(path.read_text("utf-8") for path in self.reports.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("ran"), PLAY + TASKS, "-e", "colour=ultramarine")


def test_a_run_ends_with_the_place_of_its_report(ran: Ran) -> None:
    assert ran.code == 0
    assert ran.output.rstrip().endswith(f"Report: {ran.reports}/try/latest/index.html")


def test_the_record_counts_what_the_recap_counts(ran: Ran) -> None:
    assert "ok=4    changed=2    unreachable=0    failed=0    skipped=1    rescued=1" in ran.output
    assert ran.record["counts"] == {
        "ok": 4, "changed": 2, "unreachable": 0, "failures": 0, "skipped": 1, "rescued": 1, "ignored": 0,
    }  # fmt: skip


def test_the_record_says_where_and_by_whom(ran: Ran) -> None:
    record = ran.record

    assert (record["environment"], record["region"], record["check_mode"]) == ("local", "us-west-2", False)
    assert record["started_by"]["command"].endswith("try.yml -e colour=…")
    assert record["started_by"]["ansible"].startswith("2.")
    assert record["result"] == "passed"


def test_contributions_arrive_and_wrong_ones_are_warned_of(ran: Ran) -> None:
    record = ran.record

    assert record["summary"] == {"Devices": 3}
    assert record["checks"]["passed"] == 1
    assert "fleet_report_bad.sections: 5 is not a list" in record["warnings"][0]
    assert "[WARNING]: fleet_report_bad.sections: 5 is not a list" in ran.output


def test_nothing_secret_is_written(ran: Ran) -> None:
    for secret in ("wJalrXUtnFEMI", "a hidden message", "ultramarine"):
        assert secret not in ran.kept


def test_a_failed_run_is_reported_and_still_fails(tmp_path: Path) -> None:
    ran = Ran(tmp_path, PLAY + FAIL)

    assert ran.code == 2
    assert ran.record["result"] == "failed"
    assert ran.record["failures"][0]["message"] == "No <b>stack</b>"
    assert "No &lt;b&gt;stack&lt;/b&gt;" in (ran.reports / "try/latest/index.html").read_text("utf-8")


def test_a_check_mode_run_has_a_place_of_its_own(tmp_path: Path) -> None:
    ran = Ran(tmp_path, PLAY + TASKS, "--check")

    (directory,) = (ran.reports / "try").iterdir()
    assert directory.name.endswith("Z-check")
    assert f"Report: {directory}/index.html" in ran.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_is_reported_once_and_still_ends(tmp_path: Path, number: signal.Signals) -> None:
    ran = Ran(tmp_path, PLAY + TASKS + WAIT, stop=number)

    assert ran.code == {signal.SIGINT: 99, signal.SIGTERM: -signal.SIGTERM}[number]
    assert ran.output.count("Report: ") == 1
    assert ran.record["result"] == "unfinished"
    assert ran.record["stopped_in"]["task"] == "Wait"
    assert ran.record["summary"] == {"Devices": 3}


def test_a_run_that_knows_no_fleet_leaves_no_report(tmp_path: Path) -> None:
    ran = Ran(tmp_path, PLAY.replace("fleet_environment", "other") + TASKS)

    assert ran.code == 0
    assert "Report" not in ran.output
    assert not ran.reports.exists()


def test_a_report_that_cannot_be_written_is_a_warning_and_the_run_keeps_its_result(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where the directory should be")

    ran = Ran(tmp_path, PLAY + TASKS)

    assert ran.code == 0
    assert "This run gets no report" in ran.output
    assert "The run itself is not affected." in ran.output.replace("\n", " ")
    assert "ok=4" in ran.output


def test_two_playbooks_on_one_command_line_are_counted_apart(tmp_path: Path) -> None:
    second = tmp_path / "second.yml"
    second.write_text(PLAY + FAIL.replace("fail: {msg:", "debug: {msg:"))

    ran = Ran(tmp_path, PLAY + TASKS, str(second))

    assert ran.record["counts"]["ok"] == 4
    assert json.loads((ran.reports / "second/latest/report.json").read_text())["counts"]["ok"] == 1


@pytest.fixture
def nobody_listens() -> str:
    """The address of a webhook on a port where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/hooks/T0KEN-abcdefgh"


def test_a_run_whose_message_cannot_be_sent_says_so_keeps_its_result_and_shows_no_address(
    tmp_path: Path, nobody_listens: str
) -> None:
    of_the_fleet = f"    fleet_notify_webhook_url: {nobody_listens}\n  tasks:\n"
    shows_it = "    - name: Show\n      ansible.builtin.debug: {msg: '{{ fleet_notify_webhook_url }}'}\n"
    ran = Ran(tmp_path, PLAY.replace("  tasks:\n", of_the_fleet) + shows_it + FAIL)

    said = ran.output[ran.output.index("PLAY RECAP") :]
    assert ran.code == 2
    assert "The webhook was not told about this run: it cannot be reached" in said.replace("\n", " ")
    assert "hooks/T0KEN" not in said + ran.kept
