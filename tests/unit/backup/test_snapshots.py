"""Snapshots without a cloud: what is stored, what a flipped byte does, what is kept and what is put back."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.aws.snapshot import Scope
from fleetlib.backup import Backups, DirectoryStore
from fleetlib.core.backup import chunks, manifest, restore, verify
from fleetlib.core.backup.manifest import Manifest
from fleetlib.core.backup.restore import Kind
from fleetlib.core.backup.retention import Retention
from fleetlib.core.clock import SystemClock
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.progress import Meter
from fleetlib.crypto.signatures import LocalSigner
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
PEM = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"
ONE = verify.fingerprint(PEM)


class Memory:
    """A place in memory."""

    name = "memory"

    def __init__(self):
        self.data = {}

    def keys(self, prefix):
        return sorted(key for key in self.data if key.startswith(prefix))

    def get(self, key):
        return self.data.get(key)

    def put(self, key, data):
        self.data[key] = data

    def delete(self, key):
        self.data.pop(key, None)


def thing(certificate="", groups=("p-local",), **attributes):
    return {
        "type": "board",
        "attributes": attributes,
        "certificates": [certificate] if certificate else [],
        "groups": list(groups),
    }


def state(things=300):
    empty = {name: {} for name in ("types", "rules", "jobs", "indexing", "objects", "stacks")}
    return {
        **empty,
        "things": {f"p-local-{number:03d}": thing(ONE, serial=str(number)) for number in range(things)},
        "shadows": {"p-local-000": {"desired": {"led": 1}, "reported": {"led": 0}}},
        "certificates": {ONE: {"status": "ACTIVE", "policies": ["p-local-device"]}},
        "pems": {ONE: PEM},
        "groups": {
            "p-local": {"parent": "", "policies": []},
            "p-local-a": {"parent": "p-local", "policies": []},
        },
        "policies": {"p-local-device": {"documents": ['{"a": 1}'], "default": '{"a": 1}'}},
    }


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return LocalSigner(tmp_path_factory.mktemp("signing") / "private.key")


def backups(signer, *stores):
    clock = SystemClock()
    meter = Meter(lambda progress: None, clock.monotonic, "steps")
    return Backups(None, Scope("p-local", "local"), stores, signer.public_pem(), clock, meter)


def described(signer, began=NOW):
    at = began.isoformat()
    name = manifest.snapshot_id(began)
    return Manifest(name, "p-local", "000000000000", "us-west-2", at, at, signer.key_id, {}, {})


@pytest.fixture(scope="module")
def stored(signer):
    """A snapshot with copies of objects, as bytes by key."""
    memory = Memory()
    blob, packed = chunks.pack(b"an object")
    made, _ = backups(signer, memory).write(described(signer), state(), {blob.id: (blob, packed)}, signer)
    return memory.data, made


def test_what_was_stored_is_read_again(signer, stored):
    data, made = stored
    memory = Memory()
    memory.data = data
    opened = backups(signer, memory).open(made.id)
    assert opened.intact
    assert opened.state == state()
    assert {row.status for row in opened.checks} == {"passed"}


@settings(max_examples=400, deadline=None)
@given(choice=st.data())
def test_a_flipped_byte_anywhere_is_found(signer, stored, choice):
    data, made = stored
    key = choice.draw(st.sampled_from(sorted(data)))
    position = choice.draw(st.integers(0, len(data[key]) - 1))
    flip = choice.draw(st.integers(1, 255))
    memory = Memory()
    spoiled = bytearray(data[key])
    spoiled[position] ^= flip
    memory.data = {**data, key: bytes(spoiled)}
    assert not backups(signer, memory).open(made.id).intact


def test_every_byte_of_manifest_and_signature_counts(signer, stored):
    data, made = stored
    for name in (manifest.MANIFEST, manifest.SIGNATURE):
        key = manifest.key_of(made.id, name)
        for position in range(len(data[key])):
            spoiled = bytearray(data[key])
            spoiled[position] ^= 1
            memory = Memory()
            memory.data = {**data, key: bytes(spoiled)}
            assert not backups(signer, memory).open(made.id).intact


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_blob_that_is_cut_or_gone_is_found(signer, stored, cut):
    data, made = stored
    for key in (key for key in data if key.startswith("blobs/")):
        memory = Memory()
        memory.data = {**data, key: data[key][:cut]} if cut else {k: v for k, v in data.items() if k != key}
        assert not backups(signer, memory).open(made.id).intact


def test_a_snapshot_in_anothers_place_and_one_by_another_key_are_refused(signer, stored, tmp_path):
    data, made = stored
    other = manifest.snapshot_id(NOW + timedelta(days=1))
    memory = Memory()
    memory.data = {key.replace(made.id, other): value for key, value in data.items()}
    assert "put in another's place" in backups(signer, memory).open(other).checks[0].detail
    memory.data = data
    stranger = LocalSigner(tmp_path / "private.key")
    assert "another key signed it" in backups(stranger, memory).open(made.id).checks[0].detail


def test_one_change_writes_one_blob(signer):
    memory = Memory()
    made = backups(signer, memory)
    made.write(described(signer), state(5000), {}, signer)
    before = {key for key in memory.data if key.startswith("blobs/")}
    later = state(5000)
    later["things"]["p-local-0007"] = thing(ONE, serial="changed")
    made.write(described(signer, NOW + timedelta(hours=1)), later, {}, signer)
    assert len({key for key in memory.data if key.startswith("blobs/")} - before) == 1


def test_a_directory_keeps_snapshots_private(signer, tmp_path):
    place = tmp_path / "backups"
    made, _ = backups(signer, DirectoryStore(place)).write(described(signer), state(3), {}, signer)
    assert backups(signer, DirectoryStore(place)).open(made.id).intact
    assert {oct(path.stat().st_mode)[-3:] for path in place.rglob("*") if path.is_file()} == {"600"}
    assert backups(signer, DirectoryStore(place)).ids() == [made.id]


def test_a_snapshot_without_its_signature_is_none(signer, stored):
    data, made = stored
    memory = Memory()
    memory.data = {key: value for key, value in data.items() if not key.endswith(manifest.SIGNATURE)}
    assert backups(signer, memory).ids() == []
    with pytest.raises(FleetError, match=f"There is no snapshot {made.id} in memory"):
        backups(signer, memory).open(made.id)


@pytest.mark.parametrize("name", ["latest", "../x", "2026-11-28", ""])
def test_what_can_be_no_snapshot_is_refused(name):
    with pytest.raises(InvalidInputError, match="it must be like 2026-11-28T09-30-00Z"):
        manifest.check_id(name)


def hourly(count):
    return [manifest.snapshot_id(NOW - timedelta(hours=number)) for number in range(count)]


def test_all_of_two_days_then_daily_weekly_and_monthly_ones_are_kept():
    kept, gone = Retention(2, 3, 2, 2).split(hourly(24 * 70), NOW)
    assert sum(NOW - manifest.when(one) <= timedelta(days=2) for one in kept) == 49
    assert [one for one in kept if NOW - manifest.when(one) > timedelta(days=2)] == [
        "2026-10-31T23-30-00Z",
        "2026-11-22T23-30-00Z",
    ]
    assert len(kept) + len(gone) == 24 * 70


@given(st.lists(st.integers(0, 10**6), max_size=60, unique=True), st.integers(0, 3), st.integers(0, 3))
def test_the_newest_is_always_kept_and_nothing_is_lost_between(hours, days, daily):
    names = sorted({manifest.snapshot_id(NOW - timedelta(hours=one)) for one in hours})
    kept, gone = Retention(days, daily, 0, 0).split(names, NOW)
    assert sorted(kept + gone) == names
    assert names == [] or kept[-1] == names[-1]


def test_a_retention_below_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="retention: daily is -1"):
        Retention(daily=-1)


def test_expiry_deletes_only_what_no_kept_snapshot_needs(signer):
    memory = Memory()
    made = backups(signer, memory)
    old, new = NOW - timedelta(days=900), datetime.now(UTC)
    made.write(described(signer, old), {**state(3), "types": {"x": {"old": True}}}, {}, signer)
    made.write(described(signer, new), state(3), {}, signer)
    assert made.expire(Retention(1, 1, 0, 0)) == [manifest.snapshot_id(old)]
    assert made.open(manifest.snapshot_id(new)).intact
    needed = {blob.key for blob in made.open(manifest.snapshot_id(new)).manifest.blobs.values()}
    assert set(memory.keys("blobs/")) == needed


def test_expiry_deletes_nothing_while_a_kept_manifest_is_damaged(signer):
    memory = Memory()
    made = backups(signer, memory)
    old, new = NOW - timedelta(days=900), datetime.now(UTC)
    for began in (old, new):
        made.write(described(signer, began), state(3), {}, signer)
    memory.data[manifest.key_of(manifest.snapshot_id(new), manifest.MANIFEST)] = b"{"
    before = dict(memory.data)
    with pytest.raises(FleetError, match="cannot be read"):
        made.expire(Retention(1, 1, 0, 0))
    assert memory.data == before


EMPTY = {name: {} for name in state()}


def test_everything_is_put_back_in_an_order_in_which_nothing_is_missed():
    plan = restore.plan(state(2), EMPTY)
    assert [str(step.kind) for step in plan.steps] == [
        "thing group",
        "thing group",
        "policy",
        "certificate",
        "thing",
        "thing",
        "certificate of a thing",
        "certificate of a thing",
        "membership",
        "membership",
        "policy of a certificate",
        "shadow",
    ]
    assert [step.name for step in plan.of(Kind.GROUP)] == ["p-local", "p-local-a"]


def test_a_device_comes_with_its_certificate_and_a_shared_certificate_before_the_second_device():
    *shared, devices, rest = restore.plan(state(2), EMPTY).phases()
    assert [str(step.kind) for step in devices[0]] == [
        "certificate",
        "thing",
        "certificate of a thing",
        "membership",
        "policy of a certificate",
        "shadow",
    ]
    assert [[(step.name, step.other) for step in chain] for chain in rest] == [[("p-local-001", ONE)]]
    assert sum(len(chain) for phase in shared for chain in phase) == 3


def test_who_was_interrupted_before_the_policy_ties_the_certificate_again():
    now = copy.deepcopy(state(1))
    now["certificates"][ONE]["policies"] = []
    steps = restore.plan(state(1), now).steps
    assert [step.kind for step in steps] == [Kind.PRINCIPAL, Kind.CERTIFICATE_POLICY]


def test_a_fleet_as_it_was_needs_nothing():
    assert not restore.plan(state(), state()).changed


def test_what_came_later_is_left_alone_and_named():
    now = copy.deepcopy(state(2))
    now["things"]["p-local-999"] = thing()
    now["things"]["p-local-000"]["groups"].append("p-local-quarantine")
    now["certificates"][ONE]["status"] = "REVOKED"
    now["shadows"]["p-local-000"]["reported"] = {"led": 5}
    plan = restore.plan(state(2), now)
    assert not plan.changed
    assert plan.left == {
        "groups that devices were put into later": ("p-local-000 in p-local-quarantine",),
        "certificates whose status was changed": (f"{ONE}: REVOKED, was ACTIVE",),
        "devices that came later": ("p-local-999",),
    }
    assert restore.plan(state(2), now, statuses=True).counts() == {"status of a certificate": 1}


def test_one_device_is_put_back_with_its_own_certificate_and_nothing_else():
    plan = restore.plan(state(5), EMPTY, only=["p-local-003"])
    assert {step.name for step in plan.steps} == {"p-local-003", ONE}
    assert Kind.GROUP not in {step.kind for step in plan.steps}


def test_a_device_that_is_in_no_snapshot_is_named():
    with pytest.raises(FleetError, match="p-local-777 is not in this snapshot"):
        restore.plan(state(2), EMPTY, only=["p-local-777"])


def test_a_changed_attribute_a_lost_membership_and_a_changed_wish_are_mended():
    now = copy.deepcopy(state(2))
    now["things"]["p-local-000"]["attributes"] = {"serial": "7"}
    now["things"]["p-local-001"]["groups"] = []
    now["shadows"]["p-local-000"]["desired"] = {"led": 1, "fan": 2}
    plan = restore.plan(state(2), now)
    assert plan.counts() == {"attributes of a thing": 1, "membership": 1, "shadow": 1}
    assert plan.diff()["after"]["shadow p-local-000"] == {"desired": {"led": 1}}


def test_a_policy_is_compared_by_what_it_says():
    now = copy.deepcopy(state(1))
    now["policies"]["p-local-device"] = {"documents": ['{ "a":1 }'], "default": '{"a":1}'}
    assert not restore.plan(state(1), now).changed


def test_completeness_tells_the_lost_from_the_new(signer):
    made = described(signer)
    had = dict.fromkeys(state(3)["things"], ONE)
    old, new = {ONE: NOW - timedelta(days=1)}, {ONE: NOW + timedelta(seconds=1)}
    more = {**had, "p-local-888": ONE}
    assert verify.complete(made, state(3), verify.Registry(had, old)).status == "passed"
    assert verify.complete(made, state(3), verify.Registry(more, new)).status == "warned"
    lost = verify.complete(made, state(3), verify.Registry(more, old))
    assert (lost.status, lost.detail) == ("failed", "1 of 4 devices are missing: p-local-888.")


def test_age_is_held_against_the_objective(signer):
    assert verify.young(described(signer), NOW + timedelta(minutes=60), 60).status == "passed"
    late = verify.young(described(signer), NOW + timedelta(minutes=61), 60)
    assert (late.status, late.detail) == ("failed", "It is 1:01:00 old; the objective is 1:00:00.")


def test_a_certificate_under_anothers_name_is_found(signer):
    wrong = {**state(1), "pems": {ONE: PEM.replace("YWJj", "YWJk")}}
    made = Manifest(**vars(described(signer)) | {"counts": {name: len(part) for name, part in wrong.items()}})
    assert [row.status for row in verify.contents(made, wrong)] == ["passed", "failed"]


def test_a_blob_that_unpacks_to_more_than_it_was_is_refused_before_it_fills_the_memory():
    bomb, stored = chunks.pack(bytes(50_000_000))
    small = chunks.Blob(bomb.id, bomb.size_bytes, 100)
    with pytest.raises(chunks.DamagedError, match="unpacks to another size"):
        small.open(stored)
