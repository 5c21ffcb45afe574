"""Take a whole fleet apart from this host: what there is, and stage by stage nothing of it any more.

In ``<state>/teardown/`` (mode 0700): ``journal.jsonl``, and the snapshots that were taken before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .aws import account
from .aws import teardown as cloud
from .aws.snapshot import Scope
from .backup import Backups, DirectoryStore
from .core.clock import Clock, SystemClock
from .core.errors import FleetError
from .core.journal import Journal
from .core.maintenance import history as maintenance
from .core.naming import device_id_of
from .core.progress import Meter, Progress
from .core.provisioning.decommission import Order
from .core.provisioning.model import CERTIFICATE_ATTRIBUTE
from .core.quotas import Quotas
from .core.rollout.record import ENDED
from .core.teardown import history
from .core.teardown.history import History
from .core.teardown.model import Resource
from .core.teardown.names import ALARM, BUCKET, FUNCTION, GROUP, JOB, KEY, LOG_GROUP, POLICY, TYPE, Names
from .core.teardown.plan import Obstacles, Plan, World
from .decommissioner import ARCHIVE, Decommissioner
from .device_archive import DeviceArchive
from .device_store import DeviceStore, explained
from .provisioner import DEVICES, explained_lock
from .rollout import latest_records

DIRECTORY = "teardown"
JOURNAL = "journal.jsonl"
LOCK = "lock"
PUBLIC_KEY = "public.pem"
"""Beside the snapshots: the key that they are signed with may go away with the fleet."""

ROLLOUTS_LOOKED_AT = 10


@dataclass(frozen=True)
class Settings:
    """What the operator decides."""

    prefix: str
    environment: str
    names: Names
    directory: Path
    """The fleet's private directory on this host."""
    maintenance_journal: Path | None = None
    wants_snapshot: bool = True
    snapshot_directory: Path | None = None
    """Where the last snapshot is kept, with the public key that it is checked with."""
    key_days: int = 30
    type_wait_seconds: float = 330.0
    concurrency: int = 32


@dataclass
class Teardown:
    """A fleet, and the journal of its removal."""

    client: Callable[..., Any]
    """``client(service)`` makes a boto3 client; those of AWS IoT are paced."""
    settings: Settings
    quotas: Quotas
    show: Callable[[Progress], None] = lambda progress: None
    clock: Clock = field(default_factory=SystemClock)

    @property
    def journal(self) -> Path:
        """Where it is written down."""
        return self.settings.directory / DIRECTORY / JOURNAL

    @cached_property
    def meter(self) -> Meter:
        """Tells how far it is."""
        return Meter(self.show, self.clock.monotonic, "steps")

    @cached_property
    def iot(self) -> Any:
        """The client of the control plane."""
        return self.client("iot", max_connections=self.settings.concurrency)

    def look(self) -> Plan:
        """What there is, and what is left to do."""
        self.meter.phase("looking for everything of the fleet")
        told = history.tell(self.journal)
        formation = self.client("cloudformation")
        names = self.settings.names.seeing(cloud.types(self.iot), cloud.stack_names(formation))
        stacks = cloud.stacks(formation, names)
        found = cloud.found(self.client, names)
        things, strangers, alike = cloud.things(self.iot, names)
        held = (*told.resources, *(one for stack in stacks for one in stack.resources))
        known = {one.name for one in held if one.kind == KEY}
        kms = self.client("kms")
        keys = {name: cloud.key_deletion(kms, name) for name in sorted(known)}
        world = World(
            names=names,
            stacks=stacks,
            found=found,
            things=things,
            strangers=strangers,
            alike=alike,
            begun=self._begun(things),
            keys={name: when for name, when in keys.items() if when is not None},
            parents=cloud.parents(self.iot, [one.name for one in found if one.kind == GROUP]),
        )
        return Plan(world, told, self._obstacles(world), self.quotas, self.settings.key_days)

    @contextlib.contextmanager
    def at_work(self, confirm: str) -> Iterator[tuple[Plan, Journal]]:
        """Be the only teardown, with the plan and an open journal; the confirmation is required while
        anything is left."""
        folder = self.journal.parent
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with explained_lock(folder / LOCK, self.clock):
            plan = self.look()
            if plan.changed:
                plan.require(confirm)
            with explained(self.journal):
                journal = Journal(self.journal, self.clock)
            with journal:
                yield plan, journal

    def begin(self, confirm: str, snapshot: Mapping[str, Any]) -> bool:
        """Write down that a teardown has begun, and its snapshot; whether there was anything to write."""
        with self.at_work(confirm) as (plan, journal):
            if plan.refusals:
                raise FleetError(f"{' '.join(plan.refusals)} Nothing was changed.")
            begins = plan.changed and not plan.history.is_open
            if begins:
                journal.write(history.STARTED, fleet=plan.names.fleet)
            if snapshot:
                journal.write(history.SNAPSHOT, **snapshot)
            return begins or bool(snapshot)

    def remove_devices(self, confirm: str) -> dict[str, Any]:
        """Jobs, claim certificates, devices, and certificates that are left with a policy of the fleet."""
        with self.at_work(confirm) as (plan, journal):
            devices, jobs = plan.devices, plan.jobs
            if devices:
                journal.write(history.DEVICES, count=len(devices))
            self.meter.phase(f"deleting {len(jobs):,} jobs")
            for job in jobs:
                cloud.delete_job(self.iot, job, self.clock)
                journal.note(history.REMOVED, kind=JOB, name=job)
            certificates = self._release(plan, [f"{plan.names.fleet}-claim"], journal)
            archived = self._decommission(plan.world.things, devices) if devices else {}
            certificates += self._release(plan, plan.names.given(POLICY), journal)
            return {"devices": len(archived), "jobs": len(jobs), "certificates": certificates}

    def remove_stacks(self, confirm: str) -> list[str]:
        """Every stack, the last one first. What each holds is in the journal before the first is deleted."""
        with self.at_work(confirm) as (plan, journal):
            if plan.devices:
                raise FleetError(f"{len(plan.devices):,} devices are left.", "Run teardown.yml again.")
            for stack in plan.world.stacks:
                held = [{"kind": r.kind, "name": r.name, "retained": r.retained} for r in stack.resources]
                journal.write(history.STACK, name=stack.name, id=stack.id, resources=held)
            if Resource(TYPE, plan.names.given(TYPE)[0]) in plan.ours:
                cloud.deprecate_type(self.iot, plan.names.given(TYPE)[0])  # its five minutes begin
            names = [stack.name for stack in reversed(plan.world.stacks)]
            for number, name in enumerate(names, 1):
                self.meter.phase(f"deleting stack {name} ({number} of {len(names)})")
                cloud.delete_stack(self.client("cloudformation"), name, self.clock)
                journal.write(history.REMOVED, kind="AWS::CloudFormation::Stack", name=name)
            return names

    def remove_rest(self, confirm: str) -> list[Resource]:
        """What the stacks left behind."""
        with self.at_work(confirm) as (plan, journal):
            if plan.world.stacks:
                raise FleetError(f"{len(plan.world.stacks)} stacks are left.", "Run teardown.yml again.")
            for one in plan.to_remove:
                self.meter.phase(f"deleting {one.text}")
                why_kept = self._remove(one)
                if why_kept:
                    journal.write(history.KEPT, name=one.text, why=why_kept)
                else:
                    journal.write(history.REMOVED, kind=one.kind, name=one.name)
            return plan.to_remove

    def end(self, confirm: str) -> Plan:
        """Close the journal when nothing is left. Raises `FleetError` with what is left."""
        with self.at_work(confirm) as (plan, journal):
            if plan.left:
                few = "; ".join(plan.left[:20])
                raise FleetError(
                    f"{len(plan.left):,} of fleet {plan.names.fleet} are left: {few}.",
                    "Run teardown.yml again.",
                    left=plan.left,
                )
            if plan.history.is_open:
                journal.write(history.ENDED)
            return plan

    def told(self) -> History:
        """What the journal tells now."""
        return history.tell(self.journal)

    def needs_snapshot(self, plan: Plan) -> bool:
        """Whether a snapshot has to be taken first: there is none yet of what there is now."""
        if not (plan.changed and self.settings.wants_snapshot and plan.obstacles.can_snapshot):
            return False
        taken = plan.history.snapshots if plan.history.is_open else ()
        if not taken or self.settings.snapshot_directory is None:
            return True
        saved = self._saved(str(taken[-1]["id"]), self.settings.snapshot_directory)
        return any(
            one["attributes"].get(CERTIFICATE_ATTRIBUTE, "") not in (*saved.get(name, ()), "")
            or name not in saved
            for name, one in plan.world.things.items()
        )

    def _saved(self, snapshot: str, directory: Path) -> dict[str, list[str]]:
        """Thing → its certificates, as a snapshot on this host has them; nothing where that is damaged."""
        key = directory / PUBLIC_KEY
        if not key.exists():
            return {}
        kept = Backups(
            self.client,
            Scope(self.settings.names.fleet, self.settings.environment),
            [DirectoryStore(directory)],
            key.read_text(),
            self.clock,
            self.meter,
        )
        try:
            opened = kept.open(snapshot, only=("things",))
        except FleetError:  # it was moved away
            return {}
        return {name: one["certificates"] for name, one in opened.state.get("things", {}).items()}

    def _remove(self, one: Resource) -> str:
        """Remove a thing; why it stays, where it does for a while."""
        if one.kind == KEY:
            when = cloud.schedule_key_deletion(self.client("kms"), one.name, self.settings.key_days)
            return f"AWS deletes it on {when}"
        removers: Mapping[str, Callable[[], None]] = {
            POLICY: lambda: cloud.delete_policy(self.iot, one.name, self.clock),
            GROUP: lambda: cloud.delete_group(self.iot, one.name),
            BUCKET: lambda: self._empty(one.name),
            FUNCTION: lambda: cloud.delete_function(self.client("lambda"), one.name),
            ALARM: lambda: self.client("cloudwatch").delete_alarms(AlarmNames=[one.name]),
            LOG_GROUP: lambda: cloud.delete_log_group(self.client("logs"), one.name),
            TYPE: lambda: cloud.delete_type(self.iot, one.name, self.clock, self.settings.type_wait_seconds),
        }
        removers[one.kind]()
        return ""

    def _empty(self, bucket: str) -> None:
        gone = 0

        def count(versions: int) -> None:
            nonlocal gone
            gone += versions
            self.meter.phase(f"deleting bucket {bucket}: {gone:,} object versions")

        cloud.delete_bucket(self.client("s3"), bucket, count)

    def _decommission(self, things: Mapping[str, Any], devices: Sequence[str]) -> dict[str, str]:
        settings = self.settings
        ids = [device_id_of(one, settings.prefix, settings.environment) or one for one in devices]
        order = Order(settings.prefix, settings.environment, ids)
        described = {name: {k: v for k, v in one.items() if k in _RECORDED} for name, one in things.items()}
        result = Decommissioner(
            order,
            settings.directory,
            self.iot,
            self.client("iot-data", max_connections=settings.concurrency),
            self.quotas,
            settings.concurrency,
            self.show,
            self.clock,
            described,
        ).remove(order.confirmation)
        failed = result.outcome.failed
        if result.outcome.stopped:
            raise result.outcome.stopped
        if failed:
            few = " ".join(f"{name}: {why}" for name, why in list(failed.items())[:3])
            raise FleetError(
                f"{len(failed):,} of {len(devices):,} devices are not gone. {few}",
                "Running again goes on from there.",
                failed_devices=failed,
            )
        return result.outcome.archived

    def _release(self, plan: Plan, policies: Sequence[str], journal: Journal) -> int:
        """Detach policies from everything, and delete certificates that nothing else holds; how many went."""
        there = {one.name for one in plan.world.found if one.kind == POLICY}
        held = {
            one for policy in policies if policy in there for one in cloud.detach_policy(self.iot, policy)
        }
        deleted = [one for one in sorted(held) if cloud.delete_free_certificate(self.iot, one, self.clock)]
        for one in deleted:
            journal.note(history.REMOVED, kind="AWS::IoT::Certificate", name=one)
        return len(deleted)

    def _begun(self, things: Mapping[str, Any]) -> list[str]:
        """Devices that are gone from the registry, and of which this host still has a certificate in service,
        or evidence of a removal that has not ended."""
        devices = self.settings.directory / DEVICES
        archive = DeviceArchive(self.settings.directory / ARCHIVE, devices)
        here = sorted(path.name for path in devices.glob("*")) if devices.is_dir() else []
        local = {name for name, one in DeviceStore(devices).scan(here).items() if one.certificate_id}
        names = {*archive.begun(), *local} - things.keys()
        return sorted(one for one in names if self.settings.names.is_like(one))

    def _obstacles(self, world: World) -> Obstacles:
        settings = self.settings
        buckets = {one.name for one in world.found if one.kind == BUCKET}
        open_rollouts: list[str] = []
        if world.names.bucket("deploy") in buckets:
            records = latest_records(self.client("s3"), world.names.bucket("deploy"), ROLLOUTS_LOOKED_AT)
            open_rollouts = [str(one["id"]) for one in records if one["state"] not in ENDED]
        told = maintenance.tell(settings.maintenance_journal) if settings.maintenance_journal else None
        stored = any(stack.purpose == "storage" for stack in world.stacks)
        return Obstacles(
            caller=account.caller_identity(self.client("sts")).arn,
            maintenance=str(told.open["at"]) if told and told.open else "",
            rollouts=open_rollouts,
            wants_snapshot=settings.wants_snapshot,
            can_snapshot=stored and world.names.bucket("backup") in buckets,
        )


_RECORDED = ("thingArn", "thingTypeName", "attributes", "version")
"""What evidence keeps of a thing's record."""
