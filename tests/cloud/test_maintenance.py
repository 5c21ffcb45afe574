"""What keeps maintenance safe: alarms that cannot be left silent unnoticed, and a guard that looks around."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import alarms

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

NAMES = ["connection-storm", "devices-silent", "errors-logged"]


@pytest.fixture
def bucket(aws, account):
    name = f"deploy-{account}"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@pytest.fixture
def cloudwatch(aws):
    cloudwatch = aws("cloudwatch")
    for name in (
        "p-local-devices-silent",
        "p-local-connection-storm",
        "p-local-errors-logged",
        "q-local-other",
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="x",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
    return cloudwatch


@pytest.fixture
def use(connection, bucket):
    def use(module, check_mode=False, **options):
        given = {**connection, "name_prefix": "p", "environment_name": "local", "bucket": bucket}
        return run_module(module, check_mode=check_mode, **{**given, **options})

    return use


def silent(cloudwatch):
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    return sorted(one["AlarmName"] for one in found if not one["ActionsEnabled"])


def test_exactly_the_named_alarms_are_silenced_and_switched_on_again(cloudwatch, use):
    first = use("fleet_alarms", state="silenced", alarms=NAMES[:2])
    assert first["switched"] == silent(cloudwatch) == ["p-local-connection-storm", "p-local-devices-silent"]
    assert not use("fleet_alarms", state="silenced", alarms=NAMES[:2])["changed"]
    last = use("fleet_alarms", state="restored")
    assert (last["switched"], last["silenced"], silent(cloudwatch)) == (first["switched"], [], [])
    assert not use("fleet_alarms", state="restored")["changed"]


def test_an_alarm_that_somebody_else_switched_off_stays_off(cloudwatch, use):
    cloudwatch.disable_alarm_actions(AlarmNames=["p-local-errors-logged"])
    use("fleet_alarms", state="silenced", alarms=NAMES)
    use("fleet_alarms", state="restored")
    assert silent(cloudwatch) == ["p-local-errors-logged"]


def test_check_mode_touches_no_alarm(cloudwatch, use):
    assert use("fleet_alarms", check_mode=True, state="silenced", alarms=NAMES)["changed"]
    assert silent(cloudwatch) == []


def test_an_alarm_that_does_not_exist_is_named(cloudwatch, use):
    assert (
        "There is no alarm p-local-nothing"
        in use("fleet_alarms", state="silenced", alarms=["nothing"])["msg"]
    )


class Killed(BaseException):
    """The process is gone."""


def killed_at(call, *clients):
    """The clients' calls from the ``call``-th on never leave."""
    left = iter(range(10**6))

    def count(**_):
        if next(left) >= call:
            raise Killed

    for client in clients:
        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", count)


@pytest.mark.parametrize("call", range(1, 9))
@pytest.mark.parametrize("doing", ["silence", "restore"])
def test_whatever_is_killed_the_silent_alarms_are_written_down_and_the_next_run_switches_them_on(
    cloudwatch, use, aws, bucket, call, doing
):
    if doing == "restore":
        use("fleet_alarms", state="silenced", alarms=NAMES)
    cut, s3 = aws("cloudwatch"), aws("s3")
    killed_at(call, cut, s3)
    names = [f"p-local-{name}" for name in NAMES]
    try:
        if doing == "silence":
            alarms.silence(cut, s3, bucket, names, {})
        else:
            alarms.restore(cut, s3, bucket, "p-local-")
    except Killed:
        pass
    assert set(silent(cloudwatch)) <= set(alarms.recorded(aws("s3"), bucket)[0])
    use("fleet_alarms", state="restored")
    assert silent(cloudwatch) == []


def test_watching_ends_with_the_first_alarm_that_rings_also_a_silent_one(cloudwatch, use):
    use("fleet_alarms", state="silenced", alarms=NAMES)
    assert use("fleet_alarms", state="watched")["ringing"] == []
    cloudwatch.set_alarm_state(AlarmName="p-local-errors-logged", StateValue="ALARM", StateReason="test")
    found = use("fleet_alarms", state="watched", watch_seconds=3600, poll_seconds=1)
    assert found["ringing"] == ["p-local-errors-logged"]
    assert "poll_seconds is 0" in use("fleet_alarms", state="watched", poll_seconds=0)["msg"]


@pytest.fixture
def guard(use, tmp_path):
    """``guard()`` gives the rows by name."""
    path = tmp_path / "verified.json"
    at = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    path.write_text(json.dumps({"snapshot_id": "2026-11-28T09-30-00Z", "taken_at": at}))

    def guard(**options):
        found = use("maintenance_guard_info", verified=str(path), **options)
        return found.get("may_begin"), {row["name"]: row for row in found["checks"]}

    return guard


def test_a_quiet_fleet_with_a_fresh_backup_is_clear(cloudwatch, guard):
    assert guard()[0] is True


def test_a_running_rollout_a_ringing_and_a_silent_alarm_and_an_old_backup_stand_in_the_way(
    cloudwatch, guard, aws, bucket
):
    def put(key, data):
        aws("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(data).encode())

    put("rollouts/current/program/blink.json", {"rollout": "p-local-blink-1", "version": "1.2.0"})
    record = {"version": "1.2.0", "state": "running", "created_at": "2026-11-28T09:30:00.000Z"}
    put("rollouts/p-local-blink-1/record.json", record)
    cloudwatch.set_alarm_state(AlarmName="p-local-errors-logged", StateValue="ALARM", StateReason="test")
    cloudwatch.disable_alarm_actions(AlarmNames=["p-local-devices-silent"])
    clear, found = guard(backup_minutes=20)
    assert not clear
    assert {row["status"] for row in found.values()} == {"failed"}
    assert "p-local-blink-1 (running)" in found["No rollout is running"]["detail"]
    assert "p-local-errors-logged" in found["No alarm rings"]["detail"]
    put("rollouts/p-local-blink-1/record.json", {**record, "state": "waiting"})
    clear, found = guard(ignored_alarms=["errors-logged"])
    assert [name for name, row in found.items() if row["status"] == "failed"] == ["No alarm is silent"]


def test_without_any_verified_backup_maintenance_is_not_clear(cloudwatch, use, tmp_path):
    found = use("maintenance_guard_info", verified=str(tmp_path / "none.json"))
    assert "Run backup.yml and verify_backups.yml." in found["checks"][-1]["detail"]
    (tmp_path / "bad.json").write_text("{")
    assert "is damaged" in use("maintenance_guard_info", verified=str(tmp_path / "bad.json"))["msg"]
