"""`schedule.yml` and the guard in front of maintenance, as a host runs them. Nothing of it reaches AWS."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from fleetlib.core.calendar import timers
from fleetlib.core.calendar.windows import from_config
from fleetlib.core.errors import InvalidInputError

from tests.module_runner import run_module

HOST = timers.Host("p-local", "/srv/100% steel", "/venv/bin/ansible-playbook", "/srv/inventory")
PREFIX = "steel-fleet-aws-iot-steel-local-at-"
NIGHTLY = {"name": "nightly", "playbook": "backup.yml", "rule": "FREQ=DAILY", "start": "00:30"}


@pytest.fixture
def schedule(ansible_playbook, tmp_path):
    def schedule(*arguments, **variables):
        given = {
            "fleet_state_dir": str(tmp_path / "state"),
            "schedule_backend": "systemd",
            "schedule_directory": str(tmp_path / "units"),
            "schedule_enabled": False,
            **variables,
        }
        words = ["-i", "inventory/local/control.yml", "-i", "inventory/local", "playbooks/schedule.yml"]
        return ansible_playbook(
            *words, "-e", json.dumps(given), *arguments, PATH=f"{tmp_path}:{os.environ['PATH']}"
        )

    return schedule


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_units_are_verified_put_there_once_and_removed_with_their_job(schedule, tmp_path):
    first = schedule()
    assert first.returncode == 0, first.stdout
    units = sorted(path.name for path in (tmp_path / "units").iterdir())
    assert f"{PREFIX}maintenance.timer" in units
    assert f"{PREFIX}verify-backups.service" in units
    timer = (tmp_path / f"units/{PREFIX}maintenance.timer").read_text()
    assert "OnCalendar=Sun *-*-01..07 02:00:00 UTC\n" in timer
    assert "Persistent=true" in timer
    assert "changed=0 " in schedule().stdout
    assert schedule(schedule_jobs=[NIGHTLY]).returncode == 0
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == [
        f"{PREFIX}nightly.service",
        f"{PREFIX}nightly.timer",
    ]
    assert schedule(schedule_state="absent").returncode == 0
    assert list((tmp_path / "units").iterdir()) == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_check_mode_shows_the_units_and_writes_none(schedule, tmp_path):
    shown = schedule("--check", "--diff")
    assert shown.returncode == 0, shown.stdout
    assert "+OnCalendar=*-*-* 00:30:00 UTC" in shown.stdout
    assert not (tmp_path / "units").exists()
    assert not (tmp_path / "state").exists()


CRONTAB = """#!/bin/sh
# What cron's own command does, for one file.
table=$(dirname "$0")/table
case "$1" in
  -l) cat "$table" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; } ;;
  *) cat "$1" > "$table" ;;
esac
"""


def test_without_systemd_the_jobs_are_lines_of_a_crontab_and_others_lines_stay(schedule, tmp_path):
    (tmp_path / "crontab").write_text(CRONTAB)
    (tmp_path / "crontab").chmod(0o755)
    (tmp_path / "table").write_text("5 5 * * * somebody else's\n")
    first = schedule(schedule_backend="cron")
    assert first.returncode == 0, first.stdout
    table = (tmp_path / "table").read_text()
    assert "5 5 * * * somebody else's\n" in table
    assert '0 2 1-7 * * case "$(date -u +\\%u)" in 7) ;; *) exit 0 ;; esac; cd ' in table
    assert "changed=0 " in schedule(schedule_backend="cron").stdout
    assert schedule(schedule_backend="cron", schedule_state="absent").returncode == 0
    assert (tmp_path / "table").read_text() == "5 5 * * * somebody else's\n"


def write_journal(tmp_path, *records):
    path = tmp_path / "state/maintenance/journal.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def ago(**span):
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def test_a_missed_window_is_noticed_and_named(schedule, tmp_path):
    write_journal(tmp_path, {"at": ago(days=40), "event": "scheduled"})
    run = schedule(schedule_state="watched")
    assert run.returncode != 0
    assert "Nothing was done in the" in run.stdout
    record = json.loads((tmp_path / "reports/schedule/latest/report.json").read_text())
    assert record["checks"]["failed"] == 1


def test_a_fresh_schedule_has_missed_nothing(schedule, tmp_path):
    write_journal(tmp_path, {"at": ago(minutes=1), "event": "scheduled"})
    assert schedule(schedule_state="watched").returncode == 0


def test_work_that_was_left_open_beyond_its_deadline_is_noticed(schedule, tmp_path):
    write_journal(
        tmp_path,
        {"at": ago(minutes=9), "event": "started", "deadline": ago(minutes=1)},
        {"at": ago(minutes=8), "event": "step", "name": "silenced"},
    )
    run = schedule(schedule_state="watched")
    assert run.returncode != 0
    assert "was interrupted after: silenced" in run.stdout


@pytest.fixture
def guard(ansible_playbook, tmp_path):
    """A play with the guard and a task behind it."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "roles": ["steel.fleet.maintenance_window"],
        "tasks": [{"ansible.builtin.debug": {"msg": "the work begins"}}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))

    def guard(calendar, **variables):
        given = {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "fleet_name_prefix": "p",
            "fleet_environment": "local",
            "fleet_state_dir": str(tmp_path / "state"),
            "maintenance_calendar": calendar,
            **variables,
        }
        return ansible_playbook(
            str(tmp_path / "play.yml"), "-i", "localhost,", "-c", "local", "-e", json.dumps(given)
        )

    return guard


def always_but(offset_hours):
    """A calendar with one daily window, which is open now for an offset of 0."""
    begins = datetime.now(UTC) - timedelta(minutes=1) + timedelta(hours=offset_hours)
    window = {"name": "daily", "rule": "FREQ=DAILY", "start": f"{begins:%H:%M}", "minutes": 60}
    return {"windows": [window]}


def test_work_begins_in_an_open_window(guard):
    run = guard(always_but(0))
    assert run.returncode == 0
    assert "the work begins" in run.stdout


def test_work_is_refused_outside_of_one_and_may_be_forced(guard):
    run = guard(always_but(4))
    assert run.returncode != 0
    assert "No window is open. The next is daily at" in run.stdout
    assert "the work begins" not in run.stdout
    assert "the work begins" in guard(always_but(4), maintenance_force=True).stdout


def test_a_timer_that_fired_too_often_ends_without_an_error(guard):
    run = guard(always_but(4), maintenance_window_closed="end")
    assert run.returncode == 0
    assert "the work begins" not in run.stdout


def test_a_freeze_is_not_forced_open(guard):
    today = datetime.now(UTC).date()
    freeze = {
        "from": str(today - timedelta(days=1)),
        "until": str(today + timedelta(days=1)),
        "reason": "fair",
    }
    run = guard({**always_but(0), "freezes": [freeze]}, maintenance_force=True)
    assert run.returncode != 0
    assert "A freeze is in force: fair." in run.stdout


def test_another_window_than_the_one_asked_for_is_no_window(guard):
    run = guard(always_but(0), maintenance_kind="quarterly")
    assert run.returncode != 0
    assert "The daily window is open, and maintenance_kind asks for quarterly." in run.stdout


def test_a_word_of_a_command_is_taken_as_it_is():
    job = timers.Job("x", ("/p", "-e", 'a="$HOME 5%"'), ())
    service = timers.units([job], HOST)["steel-fleet-p-local-at-x.service"]
    assert 'ExecStart=/p -e "a=\\"$$HOME 5%%\\""\n' in service
    assert "WorkingDirectory=/srv/100%% steel\n" in service


def test_a_moved_window_gets_a_line_of_its_own():
    calendar = from_config(
        {"exceptions": [{"window": "monthly", "day": "2027-02-07", "to": "2027-02-14T03:00:00Z"}]}
    )
    job = {"name": "m", "playbook": "maintenance.yml", "calendar": True}
    (made,) = timers.jobs([job], HOST, calendar)
    assert (
        "OnCalendar=2027-02-14 03:00:00 UTC\n" in timers.units([made], HOST)["steel-fleet-p-local-at-m.timer"]
    )


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({**NIGHTLY, "name": "a b"}, "'a b' cannot be a name"),
        ({**NIGHTLY, "calendar": True}, "nightly needs either calendar: true or rule and start"),
        ({"name": "x", "playbook": "y.yml"}, "x needs either"),
        ({**NIGHTLY, "start": None}, "start is None"),
    ],
)
def test_what_is_wrong_with_a_job_is_named(job, words):
    with pytest.raises(InvalidInputError, match=words):
        timers.jobs([job], HOST, from_config({}))


def test_two_jobs_of_one_name_are_refused():
    with pytest.raises(InvalidInputError, match="nightly is there twice"):
        timers.jobs([NIGHTLY, NIGHTLY], HOST, from_config({}))


def test_the_module_answers_for_any_moment_and_refuses_what_is_none():
    found = run_module("maintenance_window_info", at="2026-12-06T02:10:00Z", count=1)
    assert (found["now"]["state"], found["now"]["seconds_left"]) == ("open", 6600.0)
    assert found["timers"]["quarterly"]["aws_cron"] == ["cron(0 2 ? 1,4,7,10 SUN#1 *)"]
    assert found["icalendar"].count("BEGIN:VEVENT") == 1
    assert "at is 'soon'" in run_module("maintenance_window_info", at="soon")["msg"]
    assert "count is 0" in run_module("maintenance_window_info", count=0)["msg"]


def test_the_journal_is_private_and_check_mode_writes_nothing(tmp_path):
    path = tmp_path / "maintenance/journal.jsonl"
    assert run_module("maintenance_journal", check_mode=True, path=str(path), event="started", minutes=60)[
        "changed"
    ]
    assert not path.parent.exists()
    run_module(
        "maintenance_journal", path=str(path), event="started", minutes=60, facts={"window": "monthly"}
    )
    done = run_module("maintenance_journal", path=str(path), event="step", step="snapshot")
    assert (done["open"]["window"], done["steps"]) == ("monthly", ["snapshot"])
    assert done["open"]["began"] < done["open"]["deadline"]
    assert oct(path.stat().st_mode)[-3:] == "600"
    assert run_module("maintenance_journal", path=str(path), event="ended")["open"] is None
    assert not run_module("maintenance_journal", path=str(path), event="ended")["changed"]
