"""A registry in memory that can be killed before or after any call, and clocks and keys that cost nothing."""

from __future__ import annotations

import hashlib
import itertools
import threading
from datetime import UTC, datetime, timedelta

from fleetlib.core.journal import Journal, read
from fleetlib.core.progress import Meter
from fleetlib.core.provisioning import history, plan
from fleetlib.core.provisioning.engine import Engine, Settings
from fleetlib.core.provisioning.model import Certificate, Fleet, ListedCertificate, Registry, Thing
from fleetlib.device_store import DeviceStore


class KilledError(Exception):
    """The process ends here."""


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self):
        self.slept = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.slept)

    def monotonic(self):
        return self.slept

    def sleep(self, seconds):
        self.slept += seconds


class Keys:
    """A key is a number; its request names it; its certificate holds its hash."""

    numbers = itertools.count()

    def new(self):
        return f"key-{next(self.numbers)}".encode()

    def signing_request(self, key, thing):
        return key.decode()

    def key_id(self, key):
        return hashlib.sha256(key).hexdigest()

    def certificate_key_id(self, certificate_pem):
        return certificate_pem.split()[1]


class Cloud:
    """The registry. ``faults`` maps an operation to functions called before and after it takes effect."""

    def __init__(self, group="p-local", type_name="board"):
        self.type_name = type_name
        self.group = group
        self.certificates_by_id = {}
        self.policy_targets = set()
        self.things = {}
        self.principals = {}
        self.members = set()
        self.calls = []
        self.before = lambda operation: None
        self.after = lambda operation: None
        self._lock = threading.Lock()

    def _call(self, operation, effect):
        self.before(operation)
        with self._lock:
            self.calls.append(operation)
            result = effect()
        self.after(operation)
        return result

    def issue(self, signing_request):
        def effect():
            number = len(self.certificates_by_id)
            identity = hashlib.sha256(f"{number}{signing_request}".encode()).hexdigest()
            key_id = hashlib.sha256(signing_request.encode()).hexdigest()
            certificate = Certificate(identity, f"arn:{identity}", f"pem {key_id}")
            self.certificates_by_id[identity] = (certificate, datetime.now(UTC), "ACTIVE")
            return certificate

        return self._call("issue", effect)

    def attach_policy(self, certificate_arn):
        self._call("attach_policy", lambda: self.policy_targets.add(certificate_arn[4:]))

    def create_thing(self, name, attributes):
        def effect():
            if name in self.things:
                return self.things[name] == Thing(self.type_name, attributes)
            self.things[name] = Thing(self.type_name, attributes)
            return True

        return self._call("create_thing", effect)

    def update_thing(self, name, attributes):
        def effect():
            self.things[name] = Thing(self.type_name, {**self.things[name].attributes, **attributes})

        self._call("update_thing", effect)

    def attach_certificate(self, name, certificate_arn):
        def effect():
            assert name in self.things
            self.principals.setdefault(name, set()).add(certificate_arn[4:])

        self._call("attach_certificate", effect)

    def add_to_group(self, name):
        self._call("add_to_group", lambda: self.members.add(name))

    def certificates(self):
        return self._call(
            "list",
            lambda: [
                ListedCertificate(one.id, one.arn, status, created)
                for one, created, status in self.certificates_by_id.values()
            ],
        )

    def describe(self, certificate_id):
        return self._call("describe", lambda: self.certificates_by_id[certificate_id][0])

    def registry(self):
        """What a run reads before it plans; no fault strikes here."""
        before, after, self.before, self.after = self.before, self.after, lambda _: None, lambda _: None
        found = Registry(
            things=dict(self.things),
            members=frozenset(self.members),
            certificates={one.id: one for one in self.certificates()},
            policy_targets=frozenset(self.policy_targets),
        )
        self.calls.pop()
        self.before, self.after = before, after
        return found


class FragileStore(DeviceStore):
    """A store that can be killed before or after every write."""

    def __init__(self, directory, cloud):
        super().__init__(directory)
        self._cloud = cloud

    def keep_key(self, thing, key):
        self._cloud.before("keep_key")
        super().keep_key(thing, key)
        self._cloud.after("keep_key")

    def keep_certificate(self, thing, certificate):
        self._cloud.before("keep_certificate")
        super().keep_certificate(thing, certificate)
        self._cloud.after("keep_certificate")


def fleet(count, **changes):
    """Devices 1 to ``count`` of the fleet p-local."""
    wanted = {
        "prefix": "p",
        "environment": "local",
        "device_ids": [f"device-{number:03d}" for number in range(1, count + 1)],
        "type_name": "board",
        "policy": "policy",
        "group": "p-local",
    }
    return Fleet(**(wanted | changes))


def provision(fleet, cloud, directory, concurrency=1, clock=None, shown=None):
    """One run, from reading the registry to the outcome. A second run finds what the first one left."""
    clock = clock or Clock()
    store = FragileStore(directory / "devices", cloud)
    local = store.scan(fleet.devices)
    made = plan.make(fleet, local, cloud.registry())
    path = directory / "provisioning.jsonl"
    told = history.tell(read(path))
    with Journal(path, clock) as journal:
        journal.write("started", pid=1, total=made.counts["wanted"])
        meter = Meter(shown.append if shown is not None else lambda _: None, clock.monotonic, "devices")
        engine = Engine(made, cloud, Keys(), store, journal, clock, meter, Settings(concurrency))
        outcome = engine.run(told, local)
        journal.write("ended")
    return outcome


def assert_complete(fleet, cloud, directory):
    """Exactly the devices wanted, each with its own key, certificate, policy, attachment and group."""
    store = DeviceStore(directory / "devices")
    names = set(fleet.devices)
    assert set(cloud.things) == cloud.members == names
    assert len(cloud.certificates_by_id) == len(names), "an orphan, or one too few"
    for name in names:
        held = store.certificate(name)
        issued, _, status = cloud.certificates_by_id[held.id]
        assert status == "ACTIVE"
        assert issued.pem == f"pem {Keys().key_id(store.key(name))}", "the certificate is of another key"
        assert store.certificate_path(name).read_text() == issued.pem
        assert held.id in cloud.policy_targets
        assert cloud.principals[name] == {held.id}
        assert cloud.things[name].attributes["certificate_id"] == held.id
    assert not plan.make(fleet, store.scan(fleet.devices), cloud.registry()).changed
