"""Have devices registered by a task of AWS: keys are made and stay here, certificates come back."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .core.clock import Clock
from .core.crew import Crew
from .core.errors import FleetError
from .core.journal import Journal, read, sync_directory
from .core.progress import Meter
from .core.provisioning import bulk
from .core.provisioning.bulk import OpenTask, Task, Tasks
from .core.provisioning.model import Certificate, Fleet
from .core.provisioning.plan import Plan
from .core.provisioning.ports import AnswerLostError, DeviceError, Keys, Store
from .device_store import explained

DIRECTORY = "bulk"
JOURNAL = "bulk.jsonl"
KEY_PREFIX = "provisioning/bulk/"


@dataclass(frozen=True)
class BulkSettings:
    """How tasks are reached."""

    tasks: Tasks
    bucket: str
    """Of the input files."""
    poll_seconds: float = 10.0
    """Pause between two looks at a task."""
    settle_seconds: float = 5.0
    """How long a new task may take to appear in the list."""
    concurrency: int = 32
    """Keys made at the same time."""


def open_task(directory: Path) -> OpenTask | None:
    """The task of the fleet whose results are not here yet."""
    return bulk.tell(read(directory / JOURNAL))


def require_no_task(directory: Path) -> None:
    """Refuse to make calls for devices that a registration task may be working on."""
    begun = open_task(directory)
    if begun is not None:
        raise FleetError(
            f"A registration task for {begun.total:,} devices of this fleet was begun ({begun.key}) and its "
            "results are not here yet.",
            "Run with strategy bulk first: it waits for the task and takes its results in.",
        )


class BulkRegistrar:
    """Prepares a task, has it carried out and takes in its results. Whatever was begun is ended first."""

    def __init__(
        self,
        settings: BulkSettings,
        fleet: Fleet,
        directory: Path,
        store: Store,
        keys: Keys,
        clock: Clock,
        meter: Meter,
    ) -> None:
        """Nothing happens before `register`."""
        self._settings = settings
        self._tasks = settings.tasks
        self._fleet = fleet
        self._directory = directory
        self._store = store
        self._keys = keys
        self._clock = clock
        self._meter = meter
        self.last: Task | None = None
        """The task that this run has seen last."""

    def register(
        self, plan: Plan, requests: Container[str], things: Callable[[], Container[str]]
    ) -> dict[str, str]:
        """End the task that was begun, then have the plan's new devices registered by another one.

        ``requests``: things whose signing request once left in a call of its own; ``things`` reads which of
        the wanted things are registered. Returns thing → why the task did not register it.
        """
        folder = self._directory / DIRECTORY
        with explained(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            journal = Journal(self._directory / JOURNAL, self._clock)
        with journal:
            failed: dict[str, str] = {}
            settled: frozenset[str] = frozenset()
            begun = open_task(self._directory)
            if begun is not None:
                settled = frozenset(self._things(begun))
                failed |= self._carry_out(begun, settled, journal, things)
            names = [name for name in bulk.candidates(plan, requests) if name not in settled]
            if names:
                task = self._prepare(names, journal)
                failed |= self._carry_out(task, frozenset(names), journal, things)
            return failed

    def _prepare(self, names: Collection[str], journal: Journal) -> OpenTask:
        """Keys and input file: on this disk, then in the bucket, then in the journal."""
        folder = self._directory / DIRECTORY
        draft = folder / ".requests.new"
        self._meter.start(len(names))
        with explained(folder):
            with draft.open("wb") as out:
                os.fchmod(out.fileno(), 0o600)
                self._write(names, out)
                os.fsync(out.fileno())
            with draft.open("rb") as written:
                name = hashlib.file_digest(written, "sha256").hexdigest()[:32]
            os.replace(draft, folder / f"{name}.jsonl")
            sync_directory(folder)
        task = OpenTask(f"{KEY_PREFIX}{self._fleet.name}/{name}.jsonl", f"{name}.jsonl", len(names))
        self._meter.phase(f"uploading the signing requests of {len(names):,} devices")
        self._tasks.upload(folder / task.file, task.key)
        journal.write("prepared", key=task.key, file=task.file, total=task.total)
        return task

    def _write(self, names: Collection[str], out: BinaryIO) -> None:
        writing = threading.Lock()
        local = self._store.scan(frozenset(names))

        def add(name: str) -> None:
            if name not in local or not local[name].has_key:
                self._store.keep_key(name, self._keys.new())
            request = self._keys.signing_request(self._store.key(name), name)
            text = bulk.line(name, self._fleet.devices[name], request)
            with writing:
                out.write(text.encode())
                self._meter.count()

        crew = Crew(self._settings.concurrency)
        crew.work(names, add)
        if crew.error is not None:
            raise crew.error

    def _carry_out(
        self,
        begun: OpenTask,
        names: frozenset[str],
        journal: Journal,
        things: Callable[[], Container[str]],
    ) -> dict[str, str]:
        task_id = begun.id or self._started(begun, journal)
        task = self._ended(task_id, begun.total)
        self.last = task
        failed = self._collect(task, names, things)
        journal.write(
            "collected", key=begun.key, task=task_id, registered=len(names) - len(failed), failed=len(failed)
        )
        return failed

    def _started(self, begun: OpenTask, journal: Journal) -> str:
        """The id of the task: of the one that was started although nobody noted it, or of a new one."""
        found = self._found(begun)
        if found is None:
            try:
                task_id = self._tasks.start(bulk.template(self._fleet), begun.key)
            except AnswerLostError as error:
                self._clock.sleep(self._settings.settle_seconds)
                again = bulk.find(self._tasks.every(), self._settings.bucket, begun.key)
                if again is None:
                    raise FleetError(
                        "The answer to StartThingRegistrationTask was lost.",
                        "Run again: the task is looked for first.",
                    ) from error
                task_id = again.id
        else:
            task_id = found.id
        journal.write("started", key=begun.key, task=task_id)
        return task_id

    def _found(self, begun: OpenTask) -> Task | None:
        """The task of this input file. Raises where another one is at work: AWS runs one at a time."""
        self._meter.phase("looking for registration tasks of this account")
        tasks = list(self._tasks.every())
        found = bulk.find(tasks, self._settings.bucket, begun.key)
        others = [task for task in tasks if task.running]
        if found is None and others:
            raise FleetError(
                f"Registration task {others[0].id} is at work in this account, and AWS runs one at a time "
                f"(its input: s3://{others[0].bucket}/{others[0].key}).",
                "Wait for it to end, then run again.",
            )
        return found

    def _ended(self, task_id: str, total: int) -> Task:
        """Wait until the task has ended, showing how far it is."""
        self._meter.start(total)
        while True:
            task = self._tasks.describe(task_id)
            self._meter.reach(task.registered, task.failed)
            if not task.running:
                return task
            self._clock.sleep(self._settings.poll_seconds)

    def _collect(
        self, task: Task, names: frozenset[str], things: Callable[[], Container[str]]
    ) -> dict[str, str]:
        """Keep the certificates that came out; thing → why there is none."""
        self._meter.phase(f"taking in the results of registration task {task.id}")
        failed, kept = {}, set()
        for text in self._tasks.results(task.id):
            found = bulk.registered(text, names)
            if found is not None and self._keep(*found):
                kept.add(found[0])
        unnamed = ""
        for text in self._tasks.errors(task.id):
            name, reason = bulk.failure(text, names)
            if name:
                failed[name] = f"the registration task could not register it: {reason}"
            unnamed = unnamed or ("" if name else reason)
        missing = names - kept - failed.keys()
        if missing:
            missing -= self._recover(missing, things())
        told = unnamed or task.message or f"the task is {task.status}"
        failed |= dict.fromkeys(missing, f"registration task {task.id} did not register it: {told}")
        return {name: reason for name, reason in failed.items() if name not in kept}

    def _recover(self, missing: Iterable[str], registered: Container[str]) -> set[str]:
        """Things that are registered although no line says so, with their certificates from the registry."""
        found = set()

        def look(name: str) -> None:
            if any(self._keep(name, one) for one in self._tasks.certificate_of(name)):
                found.add(name)

        crew = Crew(self._settings.concurrency)
        crew.work([name for name in missing if name in registered], look)
        if crew.error is not None:
            raise crew.error
        return found

    def _keep(self, name: str, certificate: Certificate) -> bool:
        """Keep a certificate, if it is of the device's own key."""
        held = self._store.certificate(name)
        if held is not None and held.id == certificate.id:
            return True
        try:
            own = self._keys.key_id(self._store.key(name))
            fits = self._keys.certificate_key_id(certificate.pem) == own
        except (DeviceError, ValueError):
            return False
        if fits:
            self._store.keep_certificate(name, certificate)
        return fits

    def _things(self, task: OpenTask) -> Iterator[str]:
        path = self._directory / DIRECTORY / task.file
        try:
            with path.open(encoding="utf-8") as lines:
                yield from bulk.things_in(lines)
        except (OSError, ValueError, KeyError) as error:
            raise FleetError(
                f"{path}, the input file of a registration task, cannot be read: {error}.",
                f"Restore it; it is also in the bucket {self._settings.bucket}, as {task.key}.",
            ) from error
