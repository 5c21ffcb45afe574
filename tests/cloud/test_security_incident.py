"""The runbook from quarantine to release, with evidence that proves itself."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from tests.cloud.incident_site import Site, reports
from tests.cloud.registry_state import export
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

THING = "pit-local-device-001"


@pytest.fixture
def site(aws, connection, account, tmp_path, cloud):
    site = Site(aws, connection, account, tmp_path, cloud)
    site.provision(2)
    return site


@pytest.fixture
def play(site, ansible_playbook):
    def play(*arguments, **variables):
        return ansible_playbook(
            *("playbooks/runbooks/security_incident.yml", "-i", "inventory/local/control.yml"),
            *("-e", site.variables(**variables), *arguments),
        )

    return play


def test_from_quarantine_to_release(site, play, tmp_path):
    shadow = json.dumps({"state": {"reported": {"led": True}}})
    site.aws("iot-data").update_thing_shadow(thingName=THING, payload=shadow)
    before = export(site.iot)
    tried = play("--check", "--diff", device_id="device-001")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert export(site.iot) == before
    run = play(device_id="device-001", reason="a drill", incident_id="drill")
    assert run.returncode == 0, run.stdout + run.stderr
    with site.session(THING) as board:
        assert not board.connected.allowed
    looked = play(incident_action="status")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "drill: quarantined" in looked.stdout
    back = play(incident_action="release")
    assert back.returncode == 0, back.stdout + back.stderr
    assert export(site.iot) == before
    made, shown, released = [one for one in reports(tmp_path / "reports") if not one["check_mode"]]
    assert made["summary"]["State"] == "quarantined"
    assert made["warnings"] == shown["warnings"] == released["warnings"] == []
    assert shown["checks"]["passed"] == released["checks"]["passed"] == 1
    (folder,) = (site.directory / "incidents/drill/evidence").iterdir()
    assert json.loads((folder / "shadows.json").read_text())[THING]["state"]["reported"] == {"led": True}
    assert "PRIVATE KEY" not in "".join(path.read_text() for path in folder.iterdir())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_whole_group_needs_its_name_repeated(site, play):
    before = export(site.iot)
    run = play(thing_group="pit-local")
    assert run.returncode != 0
    assert "-e confirm=pit-local" in " ".join(run.stdout.split())
    assert export(site.iot) == before


def test_a_device_that_is_not_done_fails_the_run_after_the_report(site, play, tmp_path):
    run = play(device_ids=["device-001", "device-009"])
    assert run.returncode != 0
    assert "1 devices are not done: pit-local-device-009: " in " ".join(run.stdout.split())
    (report,) = reports(tmp_path / "reports")
    assert report["summary"]["State"] == "open"
    assert [one["title"] for one in report["sections"]][:2] == ["Incident", "Not done"]


@pytest.fixture
def evidence(site):
    def act(**options):
        given = {"incident_id": "i", "directory": str(site.directory), "device_log_group": "/fleet/boards"}
        return run_module("incident_evidence", **site.connection, rate_factor=1000, **{**given, **options})

    made = run_module(
        "iot_quarantine",
        **site.connection,
        name_prefix="pit",
        environment_name="local",
        device_ids=["device-001"],
        incident_id="i",
        directory=str(site.directory),
        quarantine_group="pit-local-quarantine",
        quarantine_policy="pit-local-quarantine",
        end_sessions=False,
        rate_factor=1000,
    )
    assert not made["failed"], made
    return act


def test_evidence_is_hashed_and_what_is_missing_is_named(site, evidence):
    answer = evidence()
    assert answer["missing"] == {"/fleet/boards": "There is no such log group."}
    for one in answer["files"]:
        data = (Path(answer["evidence_directory"]) / one["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one["sha256"]
    names = [one["name"] for one in answer["files"]]
    assert names == ["registry.json", "shadows.json", "cloudtrail.jsonl", "journal.jsonl"]
    registry = json.loads((Path(answer["evidence_directory"]) / "registry.json").read_text())
    assert registry["things"][THING]["certificates"][0]["status"] == "INACTIVE"
    assert set(registry["policies"]) == {"pit-local-device", "pit-local-quarantine"}


def test_log_events_of_the_devices_and_of_no_other_are_kept(site, evidence):
    logs = site.aws("logs")
    logs.create_log_group(logGroupName="/fleet/boards")
    logs.create_log_stream(logGroupName="/fleet/boards", logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps({"thing": one})} for one in (THING, "other")]
    logs.put_log_events(logGroupName="/fleet/boards", logStreamName="s", logEvents=events)
    answer = evidence()
    kept = (Path(answer["evidence_directory"]) / "fleet-boards.jsonl").read_text()
    assert THING in kept
    assert "other" not in kept


def change(folder):
    (folder / "shadows.json").write_text("{}")


def remove(folder):
    (folder / "shadows.json").unlink()


def add(folder):
    (folder / "more.json").write_text("{}")


def forge(folder):
    change(folder)
    path = folder / "manifest.json"
    old = next(one for one in json.loads(path.read_text())["files"] if one["name"] == "shadows.json")
    path.write_text(path.read_text().replace(old["sha256"], hashlib.sha256(b"{}").hexdigest()))


@pytest.mark.parametrize(
    ("touch", "words"),
    [
        (lambda folder: None, ""),
        (change, "shadows.json was changed"),
        (remove, "shadows.json is gone"),
        (add, "more.json does not belong to it"),
        (forge, "manifest.json was changed: its hash is not the one in the journal"),
    ],
)
def test_whoever_touches_the_evidence_is_noticed(site, evidence, touch, words):
    evidence()
    (folder,) = (site.directory / "incidents/i/evidence").iterdir()
    touch(folder)
    (row,) = evidence(action="verify")["checks"]
    assert row["status"] == ("failed" if words else "passed")
    assert words in row["detail"]


def test_without_evidence_that_is_said_and_an_unknown_incident_is_refused(evidence):
    (row,) = evidence(action="verify")["checks"]
    assert row["status"] == "not_checked"
    assert "There is no incident other" in evidence(incident_id="other")["msg"]
    assert "since_minutes is 0" in evidence(since_minutes=0)["msg"]
