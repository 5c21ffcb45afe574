"""A fleet's second region on AWS: compared with the first, and brought to what that holds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from .aws import certificates, replicas, snapshot
from .aws.restoring import Restorer
from .backup import Backups, Opened
from .core.backup.restore import Kind, Plan, Step
from .core.backup.verify import fingerprint
from .core.progress import Meter
from .core.regions import drift, mirror
from .core.regions.drift import Difference
from .core.regions.mirror import Passage
from .core.regions.objects import entries, lacking, outdated

CONCURRENCY: Final = 32

Client = Callable[..., Any]


@dataclass(frozen=True)
class Buckets:
    """The two buckets of a purpose."""

    purpose: str
    origin: str
    target: str
    pattern: str = "*"


@dataclass
class Seen:
    """Both regions, as they were read: what the second should hold, and what it holds."""

    wanted: dict[str, dict[str, Any]]
    there: dict[str, dict[str, Any]]
    remarks: list[str] = field(default_factory=list)

    @functools.cached_property
    def differences(self) -> list[Difference]:
        """Field by field."""
        return drift.compare(self.wanted, self.there)

    @functools.cached_property
    def plan(self) -> Plan:
        """What brings the second region there."""
        return mirror.steps(self.wanted, self.there)


@dataclass
class Regions:
    """A fleet in two regions. Clients pace themselves; each region has its own quotas."""

    origin: Client
    target: Client
    scope: snapshot.Scope
    passage: Passage
    buckets: Sequence[Buckets]
    meter: Meter
    local_pems: Mapping[str, str] = field(default_factory=dict)
    """Certificates that this host has, by id: they need not be asked for."""

    def look(self) -> Seen:
        """Read both, side by side. The first region has to answer."""
        self.meter.phase("reading both regions")
        with ThreadPoolExecutor(max_workers=3) as pool:
            first = pool.submit(snapshot.read, self.origin, self.scope)
            second = pool.submit(snapshot.read, self.target, self.scope)
            objects = pool.submit(self._objects)
            origin, target = first.result(), second.result()
            snapshot.require_indexing(origin)
            wanted = mirror.expected(origin.state, self.passage)
            there = mirror.actual(target.state)
            wanted |= drift.deployed(origin.state, self.passage.origin)
            there |= drift.deployed(target.state, self.passage.target)
            wanted["objects"], there["objects"] = objects.result()
        return Seen(wanted, there, target.remarks)

    def carry_out(self, plan: Plan) -> None:
        """Bring the second region there. Running it again after an interruption goes on with what is left."""
        self.meter.start(len(plan.steps))
        texts = _Texts(self.local_pems, self.origin)
        Restorer(self.target, texts, self._copy, CONCURRENCY).carry_out(plan, self.meter.count)

    def _objects(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the second region lacks of objects, as sections of two states: what it has is left out."""
        wanted: dict[str, Any] = {}
        there: dict[str, Any] = {}
        for one in self.buckets:
            first = replicas.listed(self.origin("s3"), one.origin, one.pattern)
            second = replicas.listed(self.target("s3"), one.target, one.pattern)
            lacking = outdated(first, second)
            wanted |= _named(one.purpose, entries(first, lacking))
            there |= _named(one.purpose, entries(second, lacking))
        return wanted, there

    def _copy(self, step: Step) -> None:
        purpose, _, key = step.name.partition("/")
        (pair,) = (one for one in self.buckets if one.purpose == purpose)
        replicas.copy(self.origin("s3"), self.target("s3"), key, pair.origin, pair.target)


@dataclass
class FromSnapshot:
    """The second region, brought to what a snapshot holds: for when the first one does not answer."""

    backups: Backups
    """Of the second region: its clients, its buckets, and the replicated backup bucket as the place."""
    opened: Opened
    passage: Passage

    def look(self) -> Seen:
        """Read the second region, and compare it with the snapshot."""
        self.backups.meter.phase("reading the second region")
        found = snapshot.read(self.backups.client, self.backups.scope)
        wanted = mirror.expected(self.opened.state, self.passage)
        there = mirror.actual(found.state)
        wanted |= drift.deployed(self.opened.state, self.passage.origin)
        there |= drift.deployed(found.state, self.passage.target)
        purposes = {source.purpose for source in self.backups.scope.sources}
        wanted["objects"] = lacking(self.opened.state["objects"], found.state["objects"], purposes)
        return Seen(wanted, there, found.remarks)

    def carry_out(self, plan: Plan) -> None:
        """Bring the second region there; may be run again."""
        self.backups.meter.start(len(plan.steps))
        restorer = Restorer(
            self.backups.client, self.opened.state["pems"], self.backups.put_object, CONCURRENCY
        )
        restorer.carry_out(plan, self.backups.meter.count)


class _Texts(Mapping[str, str]):
    """The text of certificates: this host's own, else iot:DescribeCertificate in the first region, when it is
    needed, so that asking there and registering here go on side by side."""

    def __init__(self, local: Mapping[str, str], origin: Client) -> None:
        self._local = {one: pem for one, pem in local.items() if fingerprint(pem) == one}
        self._iot = origin("iot", max_connections=CONCURRENCY)

    def __getitem__(self, certificate: str) -> str:
        if certificate in self._local:
            return self._local[certificate]
        return certificates.describe(self._iot, certificate).pem

    def __iter__(self) -> Iterator[str]:
        return iter(self._local)

    def __len__(self) -> int:
        return len(self._local)


def _named(purpose: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{purpose}/{key}": one for key, one in found.items()}


def described(plan: Plan, local: Mapping[str, str]) -> int:
    """How many certificates have to be asked for, one call each: those to register whose text is not here."""
    return sum(step.name not in local for step in plan.of(Kind.CERTIFICATE))
