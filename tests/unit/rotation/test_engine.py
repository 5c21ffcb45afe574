"""A rotation that is killed at any call still ends with one working certificate for each device."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from fleetlib.core.crew import Crew
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.progress import Meter
from fleetlib.core.provisioning.model import Certificate, ListedCertificate
from fleetlib.core.provisioning.ports import AnswerLostError
from fleetlib.core.rotation.engine import Rotation
from fleetlib.core.rotation.model import Phase, Rules, Wave
from fleetlib.core.rotation.plan import Plan, whose_turn
from fleetlib.core.rotation.ports import Signing


class KilledError(BaseException):
    """The process ends here."""


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self):
        self.slept = 0.0
        self.start = datetime.now(UTC)

    def now(self):
        return datetime.fromtimestamp(self.start.timestamp() + self.slept, UTC)

    def monotonic(self):
        return self.slept

    def sleep(self, seconds):
        self.slept += seconds


class Cloud:
    """Registry, jobs and devices in memory. ``strike`` is called before and after each call takes effect."""

    def __init__(self, things):
        self.status = {f"old-{thing}": "ACTIVE" for thing in things}
        self.pem = {}
        self.tied = {thing: {f"old-{thing}"} for thing in things}
        self.named = {thing: f"old-{thing}" for thing in things}
        self.device = {thing: f"old-{thing}" for thing in things}
        self.offered = {}
        self.jobs = {}
        self.strike = lambda moment: None
        self.silent = set()
        self.lost = 0
        """Answers to signing requests that get lost."""

    def _call(self, effect):
        self.strike("before")
        result = effect()
        self.strike("after")
        return result

    def ask(self, wave):
        self._call(lambda: self.jobs.setdefault(wave.id, dict.fromkeys(wave.members, "QUEUED")))

    def statuses(self, wave):
        job = self.jobs[wave.id]
        for thing in job:
            if thing not in self.silent:
                job[thing] = self._next(thing, job[thing])
        return self._call(lambda: dict(job))

    def _next(self, thing, status):
        offered = self.offered.get(thing)
        if status == "QUEUED":
            return "IN_PROGRESS"
        if status == "IN_PROGRESS" and offered:
            self.device[thing] = offered
            return "SUCCEEDED"
        return status

    def details(self, wave, thing):
        return self._call(lambda: {"csr": f"request of {thing}", "certificate_id": self.device[thing]})

    def issue(self, request):
        def effect():
            number = len(self.status)
            certificate = Certificate(f"new-{number}", f"arn/new-{number}", f"pem {key_of(request)}")
            self.status[certificate.id] = "ACTIVE"
            self.pem[certificate.id] = certificate
            return certificate

        self.strike("before")
        result = effect()
        if self.lost:
            self.lost -= 1
            raise AnswerLostError
        self.strike("after")
        return result

    def certificates(self):
        return self._call(
            lambda: [ListedCertificate(one, f"arn/{one}", "ACTIVE", datetime.now(UTC)) for one in self.pem]
        )

    def describe(self, certificate_id):
        return self._call(lambda: self.pem[certificate_id])

    def tie(self, thing, arn):
        self._call(lambda: self.tied[thing].add(arn.rpartition("/")[2]))

    def offer(self, thing, certificate):
        self._call(lambda: self.offered.update({thing: certificate.id}))

    def withdraw(self, thing):
        self._call(lambda: self.offered.pop(thing, None))

    def set_active(self, certificate_id, active):
        def effect():
            if certificate_id in self.status:
                self.status[certificate_id] = "ACTIVE" if active else "INACTIVE"

        self._call(effect)

    def remove(self, thing, certificate_id, arn):
        def effect():
            assert arn.endswith(certificate_id)
            assert self.status.get(certificate_id) != "ACTIVE"
            self.tied[thing].discard(certificate_id)
            self.status.pop(certificate_id, None)
            self.pem.pop(certificate_id, None)
            if self.device[thing] == certificate_id:  # the board takes the certificate before
                self.device[thing] = f"old-{thing}"

        self._call(effect)

    def connected(self, wave):
        return self._call(
            lambda: {one for one in wave.members if self.status.get(self.device[one]) == "ACTIVE"}
        )

    def end(self, wave, why):
        self._call(lambda: None)

    def certificate_of(self, thing, certificate_id):
        self._call(lambda: self.named.update({thing: certificate_id}))


class Files:
    """The disk."""

    def __init__(self, cloud):
        self.cloud, self.wave, self.kept, self.ended = cloud, None, {}, []

    def save(self, wave):
        self.cloud.strike("before")
        self.wave = wave.as_dict()
        self.cloud.strike("after")

    def note(self, member):
        self.cloud.strike("before")
        self.wave["members"][member.thing] = member.as_dict()
        self.cloud.strike("after")

    def close(self, wave):
        self.wave = None
        self.ended.append(wave.as_dict())

    def keep_certificate(self, thing, certificate):
        self.kept[thing] = certificate.id


class Requests:
    def look_through(self, encoded):
        return Signing(encoded, key_of(encoded), encoded.removeprefix("request of "))

    def certificate_key_id(self, pem):
        return pem.split()[1]


def key_of(request):
    return hashlib.sha256(request.encode()).hexdigest()


THINGS = ("a", "b", "c")
RULES = Rules(canary_size=1, timeout_seconds=100, bake_seconds=10, poll_seconds=1, max_failed_percent=0)


def rotation(cloud, files, rules=RULES, clock=None):
    clock = clock or Clock()
    return Rotation(
        cloud,
        files,
        Requests(),
        clock,
        Meter(lambda _: None, clock.monotonic, "devices"),
        rules,
        lambda: Crew(1),
    )


def due(cloud):
    return [(thing, old) for thing, old in cloud.named.items() if old.startswith("old-")]


def finish(cloud, files):
    """Run again, as an operator does after a kill."""
    run = rotation(cloud, files)
    if files.wave is not None:
        run.carry_on(Wave.from_dict(files.wave))
    run.run(due(cloud), 1 + len(files.ended))


def assert_all_new(cloud, files):
    assert set(cloud.status.values()) == {"ACTIVE"}
    assert set(cloud.status) == set(cloud.named.values()), "orphans, or an old certificate is left"
    assert not any(one.startswith("old-") for one in cloud.status)
    assert cloud.device == cloud.named == files.kept
    assert dict(cloud.tied.items()) == {t: {c} for t, c in cloud.named.items()}
    assert files.wave is None


def test_all_devices_get_new_certificates_in_two_waves():
    cloud = Cloud(THINGS)
    files = Files(cloud)
    run = rotation(cloud, files)
    run.run(due(cloud))
    assert_all_new(cloud, files)
    assert [len(wave["members"]) for wave in files.ended] == [1, 2]
    assert run.outcome.waves == 2


def test_no_device_is_ever_without_a_certificate_that_works():
    cloud = Cloud(THINGS)

    def strike(moment):
        for thing, certificate in cloud.device.items():
            assert cloud.status.get(certificate) == "ACTIVE" or cloud.status.get(f"old-{thing}") == "ACTIVE"

    cloud.strike = strike
    rotation(cloud, Files(cloud)).run(due(cloud))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_the_next_run_finishes(moment):
    calls = count_calls(moment)
    assert calls > 30
    for kill_at in range(calls):
        cloud = Cloud(THINGS)
        files = Files(cloud)
        left = [kill_at]

        def strike(when, left=left):
            if when == moment:
                if left[0] == 0:
                    left[0] = -1
                    raise KilledError
                left[0] -= 1

        cloud.strike = strike
        with pytest.raises(KilledError):
            run_in_this_thread(rotation(cloud, files), cloud)
        cloud.strike = lambda _: None
        finish(cloud, files)
        assert_all_new(cloud, files)


def run_in_this_thread(run, cloud):
    """A kill ends the whole process, not one thread of it."""
    run._side_by_side = lambda members, action: [action(one) for one in members]
    run.run(due(cloud))


def count_calls(moment):
    cloud = Cloud(THINGS)
    seen = []
    cloud.strike = lambda when: seen.append(when) if when == moment else None
    run_in_this_thread(rotation(cloud, Files(cloud)), cloud)
    return len(seen)


def test_a_certificate_whose_answer_was_lost_is_found_by_its_key():
    cloud = Cloud(THINGS)
    cloud.lost = 2
    files = Files(cloud)
    rotation(cloud, files).run(due(cloud))
    assert_all_new(cloud, files)


def test_a_lost_answer_of_a_device_that_then_fails_leaves_no_orphan():
    cloud = Cloud(THINGS)
    cloud.lost = 100
    cloud.certificates = list
    files = Files(cloud)
    with pytest.raises(FleetError):
        rotation(cloud, files, Rules(canary_size=1, timeout_seconds=2, poll_seconds=1)).run(due(cloud))
    del cloud.certificates
    while len(cloud.pem) > 1:  # the emulated loss made several of one request; AWS would have made one
        cloud.status.pop(cloud.pem.popitem()[0])
    rotation(cloud, files).undo(Wave.from_dict(files.wave))
    assert set(cloud.status) == {"old-a", "old-b", "old-c"}


def test_too_many_failures_stop_the_wave_before_any_old_certificate_is_touched():
    cloud = Cloud(THINGS)
    cloud.silent = {"a"}
    files = Files(cloud)
    with pytest.raises(FleetError, match=r"a: it did not come back within 1\.66667 minutes"):
        rotation(cloud, files).run(due(cloud))
    assert files.wave["phase"] == Phase.STOPPED
    assert {cloud.status[f"old-{thing}"] for thing in THINGS} == {"ACTIVE"}
    rotation(cloud, files).undo(Wave.from_dict(files.wave))
    assert set(cloud.status) == {"old-a", "old-b", "old-c"}
    assert files.wave is None


def test_few_failures_are_left_behind_with_their_old_certificates():
    cloud = Cloud(THINGS)
    cloud.silent = {"c"}
    files = Files(cloud)
    run = rotation(cloud, files, Rules(canary_size=3, max_failed_percent=50, bake_seconds=0))
    run.run(due(cloud))
    assert sorted(run.outcome.rotated) == ["a", "b"]
    assert list(run.outcome.failed) == ["c"]
    assert cloud.named["c"] == "old-c"
    assert cloud.status["old-c"] == "ACTIVE"


def test_a_run_may_be_held_to_a_number_of_waves():
    cloud = Cloud(THINGS)
    run = rotation(cloud, Files(cloud), Rules(canary_size=1, wave_size=1, waves=2, bake_seconds=0))
    run.run(due(cloud))
    assert len(run.outcome.rotated) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"wave_size": 0},
        {"canary_size": 501},
        {"max_failed_percent": 101},
        {"poll_seconds": 0},
        {"bake_seconds": -1},
    ],
)
def test_rules_that_make_no_sense_are_refused(bad):
    with pytest.raises(InvalidInputError, match=next(iter(bad))):
        Rules(**bad)


def test_a_million_devices_are_planned_in_waves():
    devices = [(f"d-{number}", "c") for number in range(1_000_000)]
    now, later = whose_turn(devices, {thing for thing, _ in devices[1:]})
    plan = Plan(now, later, Rules(wave_size=500))
    assert plan.waves == 2001
    assert plan.as_dict()["counts"]["not_connected"] == 1
    assert plan.estimate.slowest == "DeleteCertificate"
