"""Registration tasks: what goes in, what is understood of what comes out; no kill doubles anything."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime

import pytest
from fleetlib.bulk_registrar import BulkRegistrar, BulkSettings, require_no_task
from fleetlib.core.errors import FleetError
from fleetlib.core.journal import Journal, read
from fleetlib.core.progress import Meter
from fleetlib.core.provisioning import bulk, history, plan
from fleetlib.core.provisioning.bulk import OpenTask, Task
from fleetlib.core.provisioning.engine import Engine, Settings
from fleetlib.core.provisioning.model import Certificate, LocalDevice, Registry, Thing
from fleetlib.core.provisioning.ports import AnswerLostError

from tests.unit.provisioning.test_engine import Nth
from tests.unit.provisioning.world import (
    Clock,
    Cloud,
    FragileStore,
    Keys,
    KilledError,
    assert_complete,
    fleet,
    provision,
)

NAMES = frozenset({"p-local-device-001", "p-local-device-002"})
BUCKET = "deploy"


class ArnCloud(Cloud):
    """Its certificates may have ARNs as AWS's have."""

    def attach_certificate(self, name, certificate_arn):
        super().attach_certificate(name, f"arn:{certificate_arn.rpartition('/')[2].removeprefix('arn:')}")


class FakeTasks:
    """AWS's side. A task has done its work when it is started; it is seen at work once."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.objects = {}
        self.tasks = {}
        self.lines = {}
        self.refuse = {}
        self.tells_results = True

    def upload(self, path, key):
        self.cloud._call("upload", lambda: self.objects.update({key: path.read_text()}))

    def start(self, template, key):
        return self.cloud._call("start", lambda: self._work(json.loads(template), key))

    def _work(self, template, key):
        assert not any(task.running for task in self.tasks.values()), "AWS runs one task at a time"
        assert template["Resources"]["policy"]["Properties"] == {"PolicyName": "policy"}
        task_id = f"task-{len(self.tasks) + 1}"
        results, errors = [], []
        for text in self.objects[key].splitlines():
            given = json.loads(text)
            name = given["ThingName"]
            if name in self.refuse:
                errors.append(json.dumps({"lineNumber": 1, "thing": name, "errorMessage": self.refuse[name]}))
                continue
            number = len(self.cloud.certificates_by_id)
            identity = hashlib.sha256(f"{number}{given['CSR']}".encode()).hexdigest()
            pem = f"pem {hashlib.sha256(given['CSR'].encode()).hexdigest()}"
            arn = f"arn:aws:iot:x:1:cert/{identity}"
            self.cloud.certificates_by_id[identity] = (
                Certificate(identity, arn, pem),
                datetime.now(UTC),
                "ACTIVE",
            )
            self.cloud.policy_targets.add(identity)
            attributes = {"device_id": given["DeviceId"], "environment": "local"}
            self.cloud.things[name] = Thing("board", attributes)
            self.cloud.principals[name] = {identity}
            arns = {"thing": f"arn:aws:iot:x:1:thing/{name}", "certificate": arn}
            results.append(json.dumps({"response": {"CertificatePem": pem, "ResourceArns": arns}}))
        self.tasks[task_id] = Task(task_id, "InProgress", BUCKET, key, len(results) // 2, 0)
        self.lines[task_id] = (results, errors)
        return task_id

    def every(self):
        return iter(list(self.tasks.values()))

    def describe(self, task_id):
        def effect():
            seen = self.tasks[task_id]
            results, errors = self.lines[task_id]
            self.tasks[task_id] = Task(task_id, "Completed", BUCKET, seen.key, len(results), len(errors))
            return seen

        return self.cloud._call("describe_task", effect)

    def results(self, task_id):
        return iter(self.cloud._call("results", lambda: self.lines[task_id][0] if self.tells_results else []))

    def errors(self, task_id):
        return iter(self.lines[task_id][1])

    def certificate_of(self, thing):
        return iter([self.cloud.certificates_by_id[one][0] for one in self.cloud.principals[thing]])


def run(wanted, cloud, tasks, directory, clock=None, shown=None):
    """One run as `Provisioner` makes it: the task, and then the direct engine."""
    clock, keys = clock or Clock(), Keys()
    store = FragileStore(directory / "devices", cloud)
    meter = Meter(shown.append if shown is not None else lambda _: None, clock.monotonic, "devices")
    registrar = BulkRegistrar(
        BulkSettings(tasks, BUCKET, 10, 5, 1), wanted, directory, store, keys, clock, meter
    )
    path = directory / "provisioning.jsonl"
    told = history.tell(read(path))
    made = plan.make(wanted, store.scan(wanted.devices), cloud.registry())
    failed = registrar.register(made, told.requests, lambda: cloud.things)
    local = store.scan(wanted.devices)
    rest = plan.make(wanted, local, cloud.registry()).without(failed)
    with Journal(path, clock) as journal:
        outcome = Engine(rest, cloud, keys, store, journal, clock, meter, Settings(1)).run(told, local)
    return failed, outcome


def world():
    cloud = ArnCloud()
    return cloud, FakeTasks(cloud)


def test_a_task_registers_and_this_host_completes(tmp_path):
    cloud, tasks = world()
    failed, outcome = run(fleet(3), cloud, tasks, tmp_path)
    assert (failed, outcome.done, outcome.failed) == ({}, 3, {})
    assert cloud.calls.count("start") == 1
    assert "issue" not in cloud.calls
    assert "create_thing" not in cloud.calls
    assert_complete(fleet(3), cloud, tmp_path)


def test_a_second_run_starts_nothing(tmp_path):
    cloud, tasks = world()
    run(fleet(2), cloud, tasks, tmp_path)
    cloud.calls.clear()
    run(fleet(2), cloud, tasks, tmp_path)
    assert cloud.calls == []


def test_more_devices_get_a_task_of_their_own(tmp_path):
    cloud, tasks = world()
    run(fleet(2), cloud, tasks, tmp_path)
    run(fleet(3), cloud, tasks, tmp_path)
    assert [task.registered for task in tasks.tasks.values()] == [2, 1]
    assert_complete(fleet(3), cloud, tmp_path)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kill", range(1, 16))
def test_killed_at_any_point_it_ends_with_one_certificate_a_device(tmp_path, kill, moment):
    cloud, tasks = world()
    setattr(cloud, moment, Nth(kill, KilledError()))
    try:
        run(fleet(2), cloud, tasks, tmp_path)
    except KilledError:
        cloud.before = cloud.after = lambda _: None
        run(fleet(2), cloud, tasks, tmp_path)
    cloud.before = cloud.after = lambda _: None
    run(fleet(2), cloud, tasks, tmp_path)
    assert_complete(fleet(2), cloud, tmp_path)


def test_a_task_that_was_started_but_not_noted_is_found_by_its_input(tmp_path):
    cloud, tasks = world()
    cloud.after = Nth(1, KilledError(), "start")
    with pytest.raises(KilledError):
        run(fleet(2), cloud, tasks, tmp_path)
    cloud.after = lambda _: None
    run(fleet(2), cloud, tasks, tmp_path)
    assert list(tasks.tasks) == ["task-1"]


def test_a_start_whose_answer_is_lost_is_not_repeated(tmp_path):
    cloud, tasks = world()
    cloud.after = Nth(1, AnswerLostError(), "start")
    run(fleet(2), cloud, tasks, tmp_path)
    assert list(tasks.tasks) == ["task-1"]
    assert_complete(fleet(2), cloud, tmp_path)


def test_a_start_that_never_arrived_is_told_and_made_by_the_next_run(tmp_path):
    cloud, tasks = world()
    cloud.before = Nth(1, AnswerLostError(), "start")
    with pytest.raises(FleetError, match=r"The answer to StartThingRegistrationTask was lost. Run again"):
        run(fleet(2), cloud, tasks, tmp_path)
    run(fleet(2), cloud, tasks, tmp_path)
    assert_complete(fleet(2), cloud, tmp_path)


def test_another_task_of_the_account_is_named_and_left_alone(tmp_path):
    cloud, tasks = world()
    tasks.tasks["other"] = Task("other", "InProgress", "their-bucket", "their-key")
    with pytest.raises(
        FleetError, match=r"Registration task other is at work .* s3://their-bucket/their-key"
    ):
        run(fleet(2), cloud, tasks, tmp_path)
    assert "start" not in cloud.calls


def test_a_device_that_the_task_refuses_is_named_with_the_reason_and_tried_again_by_the_next_run(tmp_path):
    cloud, tasks = world()
    tasks.refuse = {"p-local-device-002": "Thing type not found"}
    failed, outcome = run(fleet(2), cloud, tasks, tmp_path)
    assert failed == {
        "p-local-device-002": "the registration task could not register it: Thing type not found"
    }
    assert (outcome.done, outcome.failed) == (1, {})
    tasks.refuse = {}
    failed, _ = run(fleet(2), cloud, tasks, tmp_path)
    assert failed == {}
    assert_complete(fleet(2), cloud, tmp_path)


def test_certificates_that_no_report_tells_of_are_found_in_the_registry(tmp_path):
    cloud, tasks = world()
    tasks.tells_results = False
    failed, _ = run(fleet(2), cloud, tasks, tmp_path)
    assert failed == {}
    assert_complete(fleet(2), cloud, tmp_path)


def test_a_device_whose_request_left_before_is_no_business_of_a_task(tmp_path):
    cloud, tasks = world()
    cloud.after = Nth(1, KilledError(), "issue")
    with pytest.raises(KilledError):
        provision(fleet(1), cloud, tmp_path)
    cloud.after = lambda _: None
    run(fleet(2), cloud, tasks, tmp_path)
    assert [task.registered for task in tasks.tasks.values()] == [1]
    assert_complete(fleet(2), cloud, tmp_path)


def test_progress_is_what_aws_counts(tmp_path):
    cloud, tasks = world()
    shown, clock = [], Clock()
    run(fleet(4), cloud, tasks, tmp_path, clock, shown)
    assert [one.done for one in shown if not one.phase].count(2) >= 1
    assert clock.slept == 10


def test_the_input_file_holds_requests_and_no_key_and_is_private(tmp_path):
    cloud, tasks = world()
    run(fleet(1), cloud, tasks, tmp_path)
    (text,) = tasks.objects.values()
    assert set(json.loads(text)) == {"ThingName", "DeviceId", "CSR"}
    (path,) = (tmp_path / "bulk").glob("*.jsonl")
    assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o600)


def test_direct_calls_are_refused_while_a_task_is_open(tmp_path):
    require_no_task(tmp_path)
    with Journal(tmp_path / "bulk.jsonl", Clock()) as journal:
        journal.write("prepared", key="provisioning/bulk/x.jsonl", file="x.jsonl", total=5)
    with pytest.raises(FleetError, match=r"A registration task for 5 devices .* Run with strategy bulk"):
        require_no_task(tmp_path)


def test_a_lost_input_file_says_where_it_also_is(tmp_path):
    cloud, tasks = world()
    with Journal(tmp_path / "bulk.jsonl", Clock()) as journal:
        journal.write("prepared", key="provisioning/bulk/x.jsonl", file="x.jsonl", total=5)
    with pytest.raises(FleetError, match=r"also in the bucket deploy, as provisioning/bulk/x.jsonl"):
        run(fleet(1), cloud, tasks, tmp_path)


def test_the_journal_tells_of_the_task_that_has_no_end():
    prepared = {"event": "prepared", "key": "k", "file": "f", "total": 5}
    started = {"event": "started", "key": "k", "task": "t"}
    assert bulk.tell([]) is None
    assert bulk.tell([prepared]) == OpenTask("k", "f", 5)
    assert bulk.tell([prepared, started]) == OpenTask("k", "f", 5, "t")
    assert bulk.tell([prepared, started, {"event": "collected"}]) is None


def test_only_devices_without_thing_and_certificate_go_into_a_task():
    registry = Registry(things={"p-local-device-002": Thing("board", {})})
    local = {"p-local-device-003": LocalDevice(has_key=True), "p-local-device-004": LocalDevice(has_key=True)}
    made = plan.make(fleet(4), local, registry)
    assert sorted(bulk.candidates(made, {"p-local-device-004"})) == [
        "p-local-device-001",
        "p-local-device-003",
    ]


def test_the_estimate_has_the_task_first_and_this_hosts_calls_after_it():
    made = plan.make(fleet(36_000), {}, Registry())
    estimate = bulk.estimate(made, bulk.candidates(made, {}))
    assert estimate.seconds == 3600 + 360
    assert (estimate.slowest, estimate.raises) == ("RegisterThing", (("RegisterThing",), 360.0))
    lines = made.lines(estimate)
    assert lines[1].startswith(
        "144,000 calls, about 1:06:00 at the quotas (AWS defaults); the slowest is Reg"
    )
    assert "  UpdateThing: 36,000 at 100/s = 6:00 (when the others are done)" in lines
    assert [line.split(":")[0] for line in lines[-2:]] == ["With strategy direct", "With strategy claim"]


def test_a_million_devices_for_a_task_are_planned_in_under_a_second():
    million = fleet(1_000_000)
    assert len(million.devices) == 1_000_000
    start = time.process_time()
    made = plan.make(million, {}, Registry())
    lines = made.lines(bulk.estimate(made, bulk.candidates(made, {})))
    assert time.process_time() - start < 1
    assert lines[1].startswith("4,000,000 calls, about 30:33:20 at the quotas")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"response": null}', '{"response": {"CertificatePem": "x"}}', '"p-local-device-001"'],
)
def test_a_line_that_tells_no_certificate_is_no_result(text):
    assert bulk.registered(text, NAMES) is None


def test_a_result_of_another_thing_is_no_result():
    arns = {"thing": "arn:aws:iot:x:1:thing/other", "certificate": "arn:aws:iot:x:1:cert/c"}
    text = json.dumps({"response": {"CertificatePem": "x", "ResourceArns": arns}})
    assert bulk.registered(text, NAMES) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"thingName": "p-local-device-001", "message": "no"}', ("p-local-device-001", "no")),
        ('{"e": {"line": "ThingName=p-local-device-002;"}}', ("p-local-device-002", None)),
        ("p-local-device-001 failed", ("p-local-device-001", "p-local-device-001 failed")),
        ('{"errorMessage": "limit exceeded"}', ("", "limit exceeded")),
        ("x" * 5000, ("", "x" * 300)),
    ],
)
def test_an_error_line_of_any_shape_is_tied_to_the_device_it_names(text, expected):
    thing, reason = bulk.failure(text, NAMES)
    assert (thing, reason) == (expected[0], expected[1] or text)
