# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends every run against a fleet with a record and a page. See docs/reports.md."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: notification
short_description: Write a report of every run against a fleet
version_added: 0.1.0
author: steel.fleet maintainers
description:
  - Writes C(report.json) and a self-contained C(index.html) to C(<reports_dir>/<playbook>/<UTC time>/), lets
    C(<reports_dir>/<playbook>/latest) point to the last run that was not in check mode, and refreshes
    C(<reports_dir>/index.html) over all runs.
  - Only runs that know the variable C(fleet_environment) are reported. Failed and interrupted runs are, too.
  - Roles contribute sections with M(ansible.builtin.set_stats) under a key C(fleet_report_<id>); see
    C(docs/reports.md).
  - Results of tasks with C(no_log) are left out, values of extra variables are never written.
  - A report that cannot be written is a warning; the run is not affected.
  - Can tell people about the run, over topics of SNS and a webhook - what failed and why, what changed, the
    figures, where the report is. It tells nobody unless it is given somebody to tell, and nobody about check
    mode. A message that cannot be sent is a warning.
requirements:
  - Jinja2 and matplotlib for the page; without them there is only C(report.json), or a page without plots
options:
  reports_dir:
    description:
      - Directory of all reports. It is made when it is missing.
      - The default is C(reports) beside the C(ansible.cfg) in use, or in the working directory without one.
    type: path
    env:
      - name: FLEET_REPORTS_DIR
    ini:
      - section: callback_steel_fleet_report
        key: reports_dir
  notify_topic_arns:
    description: Topics of SNS that are told. By default those of the variable C(fleet_notify_topic_arns).
    type: list
    elements: str
    env:
      - name: FLEET_NOTIFY_TOPIC_ARNS
    ini:
      - section: callback_steel_fleet_report
        key: notify_topic_arns
  notify_webhook_url:
    description:
      - Address that gets the message as JSON (C(text), C(playbook), C(environment), C(result), C(changed),
        C(started), C(report)). It is a secret and shown nowhere.
      - By default that of the variable C(fleet_notify_webhook_url); keep it in a vault.
    type: str
    env:
      - name: FLEET_NOTIFY_WEBHOOK_URL
    ini:
      - section: callback_steel_fleet_report
        key: notify_webhook_url
  notify_when:
    description:
      - V(failed) tells about runs that failed or were stopped, V(changed) also about those that changed
        something, V(always) about all.
      - By default what the variable C(fleet_notify_when) says, or V(changed).
    type: str
    choices: [failed, changed, always]
    env:
      - name: FLEET_NOTIFY_WHEN
    ini:
      - section: callback_steel_fleet_report
        key: notify_when
"""

EXAMPLES = r"""
enable: |
  # in ansible.cfg
  [defaults]
  callbacks_enabled = steel.fleet.report
tell people about runs that went wrong: |
  # in inventory/production/group_vars/all/
  fleet_notify_when: failed
  fleet_notify_topic_arns: ["arn:aws:sns:us-west-2:000000000000:operators"]
  fleet_notify_webhook_url: "{{ vault_notify_webhook_url }}"
contribute a section: |
  - name: Report what was provisioned
    ansible.builtin.set_stats:
      data:
        fleet_report_provisioning:
          order: 300
          sections:
            - title: Devices
              kind: table
              columns: [Device, Certificate]
              rows: [[device-001, active]]
"""

import atexit
import datetime
import functools
import getpass
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version
from ansible.template import Templar
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.redaction import safe_command
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.run_notice import Audience
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.run_record import (
    COUNTED,
    Recorder,
    Run,
    playbook_name,
)

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.playbook import Playbook
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, or the installed collection."""

_SECRETS_OF_CONNECTION = ("secret_key", "aws_secret_key", "session_token", "security_token", "password")
_SECRETS_OF_ENVIRONMENT = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _never_fails(method: Callable[..., None]) -> Callable[..., None]:
    """Turn what goes wrong into one warning: a report must neither fail nor hide the run."""

    @functools.wraps(method)
    def guarded(self: CallbackModule, *arguments: Any, **named: Any) -> None:
        if self.recorder is None and method.__name__ != "v2_playbook_on_start":
            return
        try:
            method(self, *arguments, **named)
        except Exception as error:
            self.recorder = None
            self._display.warning(
                f"This run gets no report: {type(error).__name__}: {error} The run itself is not affected."
            )

    return guarded


class CallbackModule(CallbackBase):
    """Tells a `Recorder` what happens, and saves what it says."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "steel.fleet.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.recorder: Recorder | None = None
        self._owner = os.getpid()
        self._counts_before: dict[str, dict[str, int]] = {}
        self._connection: Mapping[str, Any] = {}
        self._audience = Audience()

    @_never_fails
    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        run = Run(
            playbook_name(Path(playbook._file_name).resolve(), ROOT),
            datetime.datetime.now(datetime.UTC),
            bool(context.CLIARGS.get("check")),
            _started_by(),
        )
        secrets = tuple(filter(None, map(os.environ.get, _SECRETS_OF_ENVIRONMENT)))
        self.recorder = Recorder(run, time.monotonic(), secrets=secrets)
        self._watch_for_interrupts()

    @_never_fails
    def v2_playbook_on_play_start(self, play: Play) -> None:
        self.recorder.play_started(play.get_name(), time.monotonic())
        if self.recorder.environment is None:
            self._learn_environment(play)

    @_never_fails
    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        role = task._role.get_name().rpartition(".")[2] if task._role else None
        self.recorder.task_started(task._uuid, task.name or task.action, role, task.action, time.monotonic())

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        self.v2_playbook_on_task_start(task, False)

    @_never_fails
    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        with_diff = bool(result.task_fields.get("diff"))
        self.recorder.ok(result.task._uuid, result.host.name, result.result, with_diff)

    @_never_fails
    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self.recorder.skipped(result.host.name)

    @_never_fails
    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        kind = "ignored" if ignore_errors else "failures"
        self.recorder.failed(result.task._uuid, result.host.name, result.result, kind)

    @_never_fails
    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        kind = "ignored" if result.task.ignore_unreachable else "unreachable"
        self.recorder.failed(result.task._uuid, result.host.name, result.result, kind)

    @_never_fails
    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        counts = {host: _counts(stats.summarize(host)) for host in stats.processed}
        self._save(
            {
                host: {what: n - self._counts_before.get(host, {}).get(what, 0) for what, n in seen.items()}
                for host, seen in counts.items()
            }
        )
        # Several playbooks on one command line share one count.
        self._counts_before = counts

    def _learn_environment(self, play: Play) -> None:
        """Ask the first host of the play what fleet this is."""
        manager = play.get_variable_manager()
        host = next(iter(manager._inventory.get_hosts(play.hosts)), None)
        known = manager.get_vars(play=play, host=host)
        templar = Templar(loader=play.get_loader(), variables=known)

        def value(name: str, is_asked_for: bool = False) -> Any:
            try:
                return templar.template(known.get(name))
            except Exception:
                if is_asked_for:
                    self._display.warning(
                        f"{name} cannot be read, so that way nobody is told about this run."
                    )
                return None  # it needs something that only a task knows; the run will say so

        environment, region = value("fleet_environment"), value("fleet_region")
        self.recorder.environment = str(environment) if environment else None
        self.recorder.region = str(region) if region else None
        connection = value("fleet_aws_connection")
        if isinstance(connection, Mapping):
            self._connection = connection
            found = (str(connection.get(name) or "") for name in _SECRETS_OF_CONNECTION)
            self.recorder.secrets += tuple(filter(None, found))
        self._audience = Audience.of(
            *(
                self.get_option(name) or value(f"fleet_{name}", is_asked_for=True)
                for name in ("notify_topic_arns", "notify_webhook_url", "notify_when")
            )
        )
        self.recorder.secrets += self._audience.secrets

    def _save(self, counts: Mapping[str, Mapping[str, int]] | None) -> None:
        recorder, self.recorder = self.recorder, None
        if recorder.environment is None:
            return
        # Pages are only imported when there is one to write.
        from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.report import store

        for warning in recorder.warnings:
            self._display.warning(warning)
        record = recorder.finish(time.monotonic(), counts)
        saved = store.save(self._reports_dir(), record)
        for problem in saved.problems:
            self._display.warning(f"{problem} The record is in {saved.directory}/report.json.")
        self._display.display(f"Report: {_near(saved.shown)}")
        if self._audience.is_somebody:
            self._tell(record, str(saved.page))

    def _tell(self, record: Mapping[str, Any], report: str) -> None:
        """Send the message of the run; what cannot be sent is a warning."""
        # boto3 takes its time: it is only imported when there is somebody to tell.
        from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.run_notice import tell

        told, problems = tell(record, report, self._audience, self._connection)
        for problem in problems:
            self._display.warning(f"{problem} The run itself is not affected.")
        if told:
            self._display.display(f"Told about it: {', '.join(told)}")

    def _reports_dir(self) -> Path:
        chosen = self.get_option("reports_dir")
        beside = Path(constants.CONFIG_FILE).parent if constants.CONFIG_FILE else Path.cwd()
        return Path(chosen) if chosen else beside / "reports"

    def _watch_for_interrupts(self) -> None:
        """Write the report of a run that never reaches its end: after Ctrl-C at exit, on SIGTERM at once."""
        atexit.register(self._interrupted)
        before = signal.getsignal(signal.SIGTERM)

        def on_term(number: int, frame: Any) -> None:
            self._interrupted()
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, on_term)

    @_never_fails
    def _interrupted(self) -> None:
        if os.getpid() == self._owner:  # workers are forks and inherit this
            self._save(None)


def _counts(summary: Mapping[str, int]) -> dict[str, int]:
    return {what: summary[what] for what in COUNTED}


def _started_by() -> dict[str, str | None]:
    return {
        "command": safe_command(sys.argv),
        "user": _user(),
        "host": platform.node(),
        "ansible": ansible_version,
        "python": platform.python_version(),
        "revision": _revision(),
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None  # a container may run as a user without a name


def _revision() -> str | None:
    """The git revision of the checkout; None outside git."""
    try:
        described = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty=, changed since", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def _near(path: Path) -> str:
    """``path`` as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
