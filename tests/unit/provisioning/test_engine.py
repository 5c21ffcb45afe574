"""The engine: complete after any kill, nothing doubled, nothing lost, honest about what it could not do."""

from __future__ import annotations

import json
import random
import threading

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.core.provisioning.model import Thing
from fleetlib.core.provisioning.ports import AnswerLostError, DeviceError

from tests.unit.provisioning.world import Clock, Cloud, KilledError, assert_complete, fleet, provision

WRITES = ["issue", "attach_policy", "create_thing", "attach_certificate", "add_to_group"]


class Nth:
    """Raises ``error`` at the n-th of the operations named (all, when none are)."""

    def __init__(self, n, error, *operations):
        self.left = n
        self.error = error
        self.operations = operations

    def __call__(self, operation):
        if self.operations and operation not in self.operations:
            return
        self.left -= 1
        if self.left == 0:
            raise self.error


def test_a_new_fleet_is_complete_after_five_calls_a_device(tmp_path):
    cloud = Cloud()
    outcome = provision(fleet(3), cloud, tmp_path)
    assert (outcome.done, outcome.failed, outcome.stopped) == (3, {}, None)
    assert cloud.calls == WRITES * 3
    assert_complete(fleet(3), cloud, tmp_path)


def test_a_second_run_makes_no_call(tmp_path):
    cloud = Cloud()
    provision(fleet(3), cloud, tmp_path)
    cloud.calls.clear()
    assert provision(fleet(3), cloud, tmp_path).done == 0
    assert cloud.calls == []


def test_a_larger_fleet_adds_only_the_new_devices(tmp_path):
    cloud = Cloud()
    provision(fleet(2), cloud, tmp_path)
    cloud.calls.clear()
    provision(fleet(3), cloud, tmp_path)
    assert cloud.calls == WRITES
    assert_complete(fleet(3), cloud, tmp_path)


def test_many_devices_at_once_are_all_complete(tmp_path):
    cloud = Cloud()
    assert provision(fleet(60), cloud, tmp_path, concurrency=16).done == 60
    assert_complete(fleet(60), cloud, tmp_path)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kill", range(1, 15))
def test_killed_at_any_moment_the_next_run_completes_the_fleet_without_an_orphan(tmp_path, moment, kill):
    cloud = Cloud()
    setattr(cloud, moment, Nth(kill, KilledError()))
    with pytest.raises(KilledError):
        provision(fleet(2), cloud, tmp_path)
    cloud.before = cloud.after = lambda _: None
    provision(fleet(2), cloud, tmp_path)
    assert_complete(fleet(2), cloud, tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_killed_again_and_again_with_many_devices_in_flight_it_ends_complete(tmp_path, seed):
    cloud = Cloud()
    chance = random.Random(seed)
    for _ in range(100):
        dead = threading.Event()
        strike = Nth(chance.randint(1, 60), KilledError())

        def hit(operation, dead=dead, strike=strike):
            if dead.is_set():
                raise KilledError
            try:
                strike(operation)
            except KilledError:
                dead.set()  # every thread dies with its process
                raise

        setattr(cloud, chance.choice(["before", "after"]), hit)
        try:
            provision(fleet(20), cloud, tmp_path, concurrency=4)
            break
        except KilledError:
            cloud.before = cloud.after = lambda _: None
    assert_complete(fleet(20), cloud, tmp_path)


def test_a_certificate_whose_answer_was_lost_is_adopted_within_the_run(tmp_path):
    cloud, clock = Cloud(), Clock()
    cloud.after = Nth(2, AnswerLostError(), "issue")
    outcome = provision(fleet(3), cloud, tmp_path, clock=clock)
    assert (outcome.done, outcome.adopted) == (3, ["p-local-device-002"])
    assert cloud.calls.count("issue") == 3
    assert clock.slept == 5.0
    assert_complete(fleet(3), cloud, tmp_path)


def test_a_request_that_never_arrived_is_sent_again_after_looking(tmp_path):
    cloud = Cloud()
    cloud.before = Nth(1, AnswerLostError(), "issue")
    outcome = provision(fleet(2), cloud, tmp_path)
    assert (outcome.done, outcome.adopted) == (2, [])
    assert "list" in cloud.calls
    assert_complete(fleet(2), cloud, tmp_path)


def test_answers_lost_for_ever_end_as_failures_that_the_next_run_resolves(tmp_path):
    cloud = Cloud()

    def lost(operation):
        if operation == "issue":
            raise AnswerLostError

    cloud.before = lost
    outcome = provision(fleet(1), cloud, tmp_path)
    assert outcome.failed == {
        "p-local-device-001": "the answer to its signing request was lost. Run again: it is looked for first."
    }
    cloud.before = lambda _: None
    provision(fleet(1), cloud, tmp_path)
    assert_complete(fleet(1), cloud, tmp_path)


def test_certificates_of_others_are_left_alone(tmp_path):
    cloud = Cloud()
    foreign = cloud.issue("somebody else's request")
    cloud.after = Nth(1, KilledError(), "issue")
    with pytest.raises(KilledError):
        provision(fleet(1), cloud, tmp_path)
    cloud.after = lambda _: None
    assert provision(fleet(1), cloud, tmp_path).adopted == ["p-local-device-001"]
    assert foreign.id not in cloud.policy_targets


def test_a_second_certificate_of_the_same_key_is_reported(tmp_path):
    cloud = Cloud()
    cloud.after = Nth(1, KilledError(), "issue")
    with pytest.raises(KilledError):
        provision(fleet(1), cloud, tmp_path)
    cloud.after = lambda _: None
    request = (tmp_path / "devices/p-local-device-001/private.key").read_text()
    cloud.issue(request)
    outcome = provision(fleet(1), cloud, tmp_path)
    assert list(outcome.surplus.values()) == ["p-local-device-001"]
    assert set(outcome.surplus).isdisjoint(cloud.policy_targets)


def test_one_device_that_fails_does_not_stop_the_others(tmp_path):
    cloud = Cloud()
    cloud.before = Nth(2, DeviceError("CreateThing was throttled."), "create_thing")
    outcome = provision(fleet(3), cloud, tmp_path)
    assert (outcome.done, outcome.failed) == (2, {"p-local-device-002": "CreateThing was throttled."})
    cloud.before = lambda _: None
    provision(fleet(3), cloud, tmp_path)
    assert_complete(fleet(3), cloud, tmp_path)


def test_an_error_that_concerns_everything_stops_the_run(tmp_path):
    cloud = Cloud()
    cloud.before = Nth(2, FleetError("Access denied."), "attach_policy")
    outcome = provision(fleet(50), cloud, tmp_path)
    assert str(outcome.stopped) == "Access denied."
    assert outcome.done == 1
    assert cloud.calls.count("issue") == 2


def test_devices_that_fail_in_a_row_stop_the_run(tmp_path):
    cloud = Cloud()

    def broken(operation):
        if operation == "attach_policy":
            raise DeviceError("AttachPolicy failed.")

    cloud.before = broken
    outcome = provision(fleet(50), cloud, tmp_path, concurrency=2)
    assert "devices in a row failed, the last one, p-local-device-" in str(outcome.stopped)
    assert 4 <= len(outcome.failed) <= 6


def test_a_thing_that_exists_with_other_attributes_is_updated(tmp_path):
    cloud = Cloud()
    made = fleet(1)

    def appear(operation):
        if operation == "create_thing":
            cloud.things["p-local-device-001"] = Thing("other", {"site": "b2"})

    cloud.before = appear
    provision(made, cloud, tmp_path)
    assert cloud.things["p-local-device-001"].attributes["site"] == "b2"
    assert_complete(made, cloud, tmp_path)


def test_after_the_registry_lost_everything_the_keys_stay(tmp_path):
    provision(fleet(2), Cloud(), tmp_path)
    key = (tmp_path / "devices/p-local-device-001/private.key").read_bytes()
    empty = Cloud()
    provision(fleet(2), empty, tmp_path)
    assert (tmp_path / "devices/p-local-device-001/private.key").read_bytes() == key
    assert_complete(fleet(2), empty, tmp_path)


@pytest.mark.parametrize("kill", range(1, 8))
def test_killed_while_replacing_lost_certificates_it_ends_without_an_orphan(tmp_path, kill):
    provision(fleet(1), Cloud(), tmp_path)
    cloud = Cloud()
    cloud.after = Nth(kill, KilledError())
    try:
        provision(fleet(1), cloud, tmp_path)
    except KilledError:
        cloud.after = lambda _: None
        provision(fleet(1), cloud, tmp_path)
    assert_complete(fleet(1), cloud, tmp_path)


def test_a_lost_record_of_a_certificate_is_found_by_the_key(tmp_path):
    cloud = Cloud()
    provision(fleet(1), cloud, tmp_path)
    (tmp_path / "devices/p-local-device-001/certificate.json").unlink()
    assert provision(fleet(1), cloud, tmp_path).adopted == ["p-local-device-001"]
    assert_complete(fleet(1), cloud, tmp_path)


def test_a_record_lost_with_another_key_in_place_is_a_failure_not_a_new_certificate(tmp_path):
    cloud = Cloud()
    provision(fleet(1), cloud, tmp_path)
    folder = tmp_path / "devices/p-local-device-001"
    (folder / "certificate.json").unlink()
    (folder / "private.key").write_bytes(b"another")
    outcome = provision(fleet(1), cloud, tmp_path)
    assert "not one of the key here" in outcome.failed["p-local-device-001"]
    assert len(cloud.certificates_by_id) == 1


def test_an_interrupt_lets_every_device_in_flight_reach_its_end(tmp_path, monkeypatch):
    cloud = Cloud()
    join = threading.Thread.join
    interrupts = iter([KeyboardInterrupt])

    def interrupted_join(thread, timeout=None):
        error = next(interrupts, None)
        if error is not None:
            raise error
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted_join)
    with pytest.raises(KeyboardInterrupt):
        provision(fleet(500), cloud, tmp_path, concurrency=4)
    assert cloud.calls.count("issue") == cloud.calls.count("add_to_group") < 500


def test_a_full_disk_under_the_journal_stops_the_run(tmp_path, monkeypatch):
    from fleetlib.core.journal import Journal

    def full(self, event, **facts):
        if event == "request":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "write", full)
    cloud = Cloud()
    outcome = provision(fleet(1), cloud, tmp_path)
    assert "The journal cannot be written: [Errno 28] No space left on device" in str(outcome.stopped)
    assert cloud.calls == []


def test_the_journal_names_every_step_that_matters_and_no_key(tmp_path):
    provision(fleet(1), Cloud(), tmp_path)
    text = (tmp_path / "provisioning.jsonl").read_text()
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert events == ["started", "request", "certificate", "done", "ended"]
    assert (tmp_path / "devices/p-local-device-001/private.key").read_text() not in text


def test_progress_counts_every_device(tmp_path):
    shown = []
    provision(fleet(5), Cloud(), tmp_path, shown=shown)
    assert (shown[0].total, shown[-1].done) == (5, 5)


def test_a_stopped_run_does_not_blame_the_devices_it_left(tmp_path):
    cloud = Cloud()
    cloud.before = Nth(1, AnswerLostError(), "issue")
    cloud.after = Nth(1, FleetError("Access denied."), "attach_policy")
    outcome = provision(fleet(5), cloud, tmp_path)
    assert (str(outcome.stopped), outcome.failed) == ("Access denied.", {})
