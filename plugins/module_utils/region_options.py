# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of a second region have in common: their options, and how these become both regions."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .backup_options import PACED, local_pems, trusted_key
from .fleet_module import FLEET_SPEC, Context
from .fleetlib.aws import groups
from .fleetlib.aws.backup_store import BucketStore
from .fleetlib.aws.clients import client as connected
from .fleetlib.aws.pacing import Pacer
from .fleetlib.aws.snapshot import Scope, Source
from .fleetlib.backup import Backups
from .fleetlib.core import progress
from .fleetlib.core.backup import manifest
from .fleetlib.core.backup.ports import Store
from .fleetlib.core.clock import SystemClock
from .fleetlib.core.errors import FleetError
from .fleetlib.core.naming import fleet_name
from .fleetlib.core.regions import drift, serving, summary
from .fleetlib.core.regions.mirror import Passage
from .fleetlib.regions import CONCURRENCY, Buckets, FromSnapshot, Regions, Seen, described
from .paced_module import QUOTAS_SPEC, rates, shown

MOST_DIFFERENCES = 1_000
"""In a result, which Ansible walks through several times; the counts are of all."""

CONNECTION: dict[str, Any] = {
    "region": {"type": "str", "required": True},
    "endpoint_url": {"type": "str"},
    "profile": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
}
"""Another region than the module's own, with amazon.aws's names."""

OPTIONS: dict[str, Any] = {
    **FLEET_SPEC,
    "origin": {"type": "dict", "required": True, "options": CONNECTION},
    "certificate_status": {"type": "str", "choices": ["same", "inactive"], "default": "same"},
    "objects": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "purpose": {"type": "str", "required": True},
            "origin": {"type": "str", "required": True},
            "bucket": {"type": "str", "required": True},
            "pattern": {"type": "str", "default": "*"},
        },
    },
    "snapshot_id": {"type": "str", "default": ""},
    "snapshot_bucket": {"type": "str", "default": ""},
    "public_key_file": {"type": "path", "no_log": False},
    "kms_key": {"type": "str", "no_log": False},
    "state_directory": {"type": "path"},
    **QUOTAS_SPEC,
    "progress_file": {"type": "path"},
}


class Both:
    """Both regions of a module: the origin that it is given, and the target that it is connected to."""

    def __init__(self, context: Context) -> None:
        """Nothing is asked before `world`."""
        self.began = time.monotonic()
        self.params = context.params
        self.clock = SystemClock()
        given = self.params["origin"]
        connect = functools.partial(_connected, given)
        self.quotas = rates(context)
        # Each region has its own; one that a snapshot stands for is not asked.
        origin = self.quotas if self.params["snapshot_id"] else rates(replace(context, client=connect))
        self.pacers = {"origin": Pacer(origin, self.clock), "target": Pacer(self.quotas, self.clock)}
        assert context.client is not None  # noqa: S101  # run_aws_module sets it
        self.origin = self._paced(connect, "origin")
        self.target = self._paced(context.client, "target")
        self.passage = Passage(
            given["region"], self.target("iot").meta.region_name, self.params["certificate_status"]
        )
        self._shown = shown(context)
        self.local_pems = local_pems(self.params["state_directory"])

    def world(self) -> Regions | FromSnapshot:
        """Both regions, or the second one and a snapshot where a snapshot is named."""
        return self._from_snapshot() if self.params["snapshot_id"] else self._regions()

    def require_older_origin(self) -> None:
        """Raises `FleetError` where the fleet was moved from the origin to the target last."""
        marks = [
            serving.since(groups.attributes(one("iot"), self._fleet)) for one in (self.origin, self.target)
        ]
        serving.require_older(self.passage.origin, self.passage.target, *marks)

    @property
    def requests(self) -> dict[str, dict[str, int]]:
        """Requests to AWS IoT by region and operation, repetitions included."""
        names = {"origin": self.passage.origin, "target": self.passage.target}
        return {names[one]: dict(pacer.attempts) for one, pacer in self.pacers.items()}

    @property
    def scope(self) -> Scope:
        """The fleet, without objects: those are listed by pairs of buckets."""
        return Scope(self._fleet, self.params["environment_name"])

    @property
    def _fleet(self) -> str:
        return fleet_name(self.params["name_prefix"], self.params["environment_name"])

    @property
    def _meter(self) -> progress.Meter:
        return progress.Meter(self._shown, self.clock.monotonic, "steps")

    def _paced(self, make: Callable[..., Any], which: str) -> Callable[..., Any]:
        made: dict[str, Any] = {}
        lock = threading.Lock()

        def client(service: str, **_: Any) -> Any:
            """One client for each service, wide enough for all: making one takes a tenth of a second."""
            with lock:
                if service not in made:
                    made[service] = make(service, max_connections=CONCURRENCY)
                    if service in PACED:
                        self.pacers[which].attach(made[service])
                return made[service]

        return client

    def _regions(self) -> Regions:
        buckets = [
            Buckets(one["purpose"], one["origin"], one["bucket"], one["pattern"])
            for one in self.params["objects"]
            if one["origin"] and one["bucket"]
        ]
        return Regions(
            self.origin, self.target, self.scope, self.passage, buckets, self._meter, self.local_pems
        )

    def _from_snapshot(self) -> FromSnapshot:
        sources = tuple(
            Source(one["purpose"], one["bucket"], pattern=one["pattern"])
            for one in self.params["objects"]
            if one["bucket"]
        )
        store = BucketStore(self.target("s3"), self.params["snapshot_bucket"])
        snapshot = chosen(store, self.params["snapshot_id"])
        backups = Backups(
            self.target,
            Scope(self._fleet, self.params["environment_name"], sources),
            [store],
            trusted_key(self.params, self.target),
            self.clock,
            self._meter,
        )
        opened = backups.open(snapshot)
        if not opened.intact:
            raise FleetError(
                f"Snapshot {snapshot} in {store.name} is damaged.", "Choose another snapshot_id."
            )
        return FromSnapshot(backups, opened, self.passage)


def told(both: Both, seen: Seen, *, closed: bool = False) -> dict[str, Any]:
    """What a module says of two regions that it has seen; ``closed`` where it closed the differences."""
    differences, plan = seen.differences, seen.plan
    needed = summary.calls(plan, described(plan, both.local_pems))
    quotas = both.quotas
    return {
        "region": both.passage.target,
        "differences": [one.as_dict() for one in differences[:MOST_DIFFERENCES]],
        "counts": drift.counts(differences),
        "lines": summary.lines(both.passage, differences, plan, needed, quotas),
        "sections": summary.sections(both.passage, differences, needed, quotas, closed=closed),
        "calls": needed,
        "call_seconds": round(summary.seconds(needed, quotas), 3),
        "remarks": seen.remarks,
        "requests": both.requests,
        "seconds": round(time.monotonic() - both.began, 3),
    }


def _connected(given: Mapping[str, Any], service: str, **options: Any) -> Any:
    return connected(service, given, **options)


def chosen(store: Store, wanted: str) -> str:
    """The id of a snapshot; ``latest`` is the newest there is."""
    if wanted != "latest":
        return wanted
    there = manifest.ids(store.keys(manifest.SNAPSHOTS))
    if not there:
        raise FleetError(
            f"There is no snapshot in {store.name}.",
            "backup.yml takes one, and multi_region.yml copies it to the second region.",
        )
    return there[-1]
