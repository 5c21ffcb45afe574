"""A virtual board: it starts from its flash, connects as who it is there, and lives until it loses power."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import boot, faults, memory, protocol
from .boot import Booted
from .diary import Diary
from .endpoints import candidates
from .engines import Engines
from .faults import Faults
from .flash import DamagedError, Flash
from .identity import LOG_LEVELS, Identity
from .jobs import Jobs
from .link import Link, LinkError, tls_context
from .memory import Memory, Program
from .places import BOARD_RECORD, FLASH
from .programs import Programs, RejectedError
from .rotation import Rotation

MEMORY_BYTES, IDLE_BYTES, PROGRAM_BYTES = 327_680, 131_072, 12_288
"""Of an ESP32-C3's RAM: in all, in use without programs, and by each program on top of its code."""
RESTART_SECONDS = 0.5
AT_THE_DOOR = 16
"""Boards that connect at the same time."""
RETRY_SECONDS, RETRY_MOST_SECONDS = 1.0, 30.0
_REPORT_DELAY_SECONDS = 0.2
"""So that what changes together is told together."""
_OWN_PROPERTIES = ("runtime_status", "hardware_state", "system_info", "timestamp", "programs", "firmware")
_TOPIC_LETTERS = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class World:
    """What all boards of a process share."""

    engines: Engines
    pool: Executor
    folder: Path
    """Private to the process."""
    seed: str = ""
    public_key: Path | None = None
    """File with the key (PEM) that firmware has to be signed by; none for no check."""
    door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_THE_DOOR))
    """Hundreds at once would overload a broker on the same machine, and none be served in time."""
    confirm_seconds: float = 60.0
    """So long new firmware may take to be well before it is given up."""


@dataclass
class Condition:
    """How a board is."""

    state: str = "off"
    """``off``, ``refused`` (to start), ``connecting``, ``connected`` or ``offline`` (on purpose)."""
    why: str = ""
    since: float = field(default_factory=time.monotonic)
    connections: int = 0
    """How often it has connected since the process began."""


class Board:
    """One board. `live` is its life; everything else happens in the same event loop."""

    def __init__(self, name: str, folder: Path, world: World, lasting: Faults | None = None) -> None:
        """``folder`` holds its flash."""
        self.name, self.folder = name, folder
        self.flash = Flash(folder / FLASH)
        self.condition = Condition()
        self.faults = lasting or Faults()
        self.memory = Memory()
        self.random = random.Random(f"{world.seed}/{name}")  # noqa: S311  # faults, no secrets
        self.public_key = world.public_key
        self.programs = Programs(self, world.engines)
        self.rotation = Rotation(self)
        self.diary = Diary()
        self.stamp = 0
        """When its flash was written last, as far as it knows."""
        self._world = world
        self._booted: Booted | None = None
        self._identities: list[Identity] = []
        self._started = 0.0
        self._restart = asyncio.Event()
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._link: Link | None = None
        self._jobs: Jobs | None = None
        self._led = False
        self._reporting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.settled = asyncio.Event()
        """Set once it is decided that the firmware may stay."""

    @property
    def booted(self) -> Booted:
        """What it started from; only of a board that has."""
        if self._booted is None:
            raise LookupError(f"{self.name} has not started")
        return self._booted

    @property
    def thing(self) -> str:
        """Who it is; empty before it has started."""
        return self._booted.identity.thing if self._booted else ""

    @property
    def identity(self) -> Identity:
        """With which it connects, and where: the first that works of all it may use."""
        return self._identities[0]

    def reconsider(self) -> None:
        """Take what it remembers now into account when it connects next."""
        self._identities = candidates(self.booted.identity, self.memory)

    def connect_anew(self) -> None:
        """With the newest identity that it has, where it was sent last."""
        self.reconsider()
        if self._link is not None:
            self._link.drop()

    async def live(self) -> None:
        """Start, again and again; ends by being cancelled."""
        try:
            while True:
                self._restart.clear()
                if await self._boot():
                    life = asyncio.create_task(self._run())
                    restart = asyncio.create_task(self._restart.wait())
                    try:
                        await asyncio.wait([life, restart], return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        await self._power_off(life, restart)
                else:
                    await self._restart.wait()
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            self._become("off")

    def restart(self) -> None:
        """Press the reset button."""
        self._restart.set()

    def set_faults(self, changes: Mapping[str, Any]) -> bool:
        """Change what lasts, and do what happens once; whether that was anything new."""
        lasting = {name: value for name, value in changes.items() if name not in faults.ONCE}
        before = self.faults
        self.faults = self.faults.with_changes(lasting)
        if "corrupt" in changes:
            faults.corrupt(self.flash, changes["corrupt"], self._booted.slot if self._booted else 0)
            self.stamp = self.flash.stamp()
        if (changes.get("drop") or self.faults.offline) and self._link is not None:
            self._link.drop()
        if changes.get("reboot"):
            self.restart()
        self._changed.set()
        self._changed = asyncio.Event()
        return self.faults != before or len(lasting) < len(changes)

    def tick(self) -> None:
        """Keep its connection alive."""
        if self._link is not None:
            self._link.tick()

    def status(self) -> dict[str, Any]:
        """How it is, for people and tests."""
        found: dict[str, Any] = {
            "name": self.name,
            "thing": self.thing,
            "state": self.condition.state,
            "why": self.condition.why,
            "connections": self.condition.connections,
            "boots": self.memory.boots,
            "programs": {one.id: one.status for one in self.memory.programs.values()},
            "spells": self.diary.as_list(),
        }
        if self._booted is not None:
            found["firmware"] = self._firmware()
            found["notes"] = list(self._booted.notes)
        return found

    # What a restart begins and ends

    async def _boot(self) -> bool:
        self._booted = None
        try:
            revision = _revision(self.folder / BOARD_RECORD)
            booted = await self.in_thread(boot.boot, self.flash, revision)
            await self.in_thread(tls_context, booted.identity, self._world.folder)
        except DamagedError as damaged:
            self._become("refused", str(damaged))
            return False
        finally:
            self.stamp = self.flash.stamp()
        self._booted, self._started = booted, time.monotonic()
        self.memory = memory.load(self.folder, booted.identity.thing)
        self.reconsider()
        self.memory.boots += 1
        self.memory.save(self.folder)
        self._led = bool(self.memory.desired.get("led_control"))
        self.settled.clear()
        return True

    async def _power_off(self, *tasks: asyncio.Task[Any]) -> None:
        """Without a goodbye to anybody but the cloud."""
        self._hang_up()
        mine = [*tasks, *self._tasks]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        await self.programs.end_all()

    def _hang_up(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None
        if self._link is not None:
            self.diary.lost(protocol.now())
            self._link.close()
            self._link = None

    async def _run(self) -> None:
        self.spawn(self.programs.start_all())
        if self.booted.confirmed:
            self.settled.set()
        else:
            self.spawn(self._give_up_in_time())
        wait = RETRY_SECONDS
        while True:
            await self._until_online()
            try:
                await self._connect_and_serve()
                wait = RETRY_SECONDS
            except LinkError as error:
                self._become("connecting", str(error))
            finally:
                self._hang_up()
            await asyncio.sleep(wait * self.random.uniform(0.5, 1.5))
            wait = min(wait * 2, RETRY_MOST_SECONDS)

    async def _until_online(self) -> None:
        while self.faults.offline:
            self._become("offline", "as it was asked to")
            await self._changed.wait()

    async def _connect_and_serve(self) -> None:
        self._become("connecting")
        await self.dawdle()
        async with self._world.door:
            link = await self._open()
            self._link, self._jobs = link, Jobs(self)
            await link.subscribe(protocol.filters(self.thing))
        self._become("connected")
        self.condition.connections += 1
        self.diary.connected(protocol.now(), f"{self.identity.endpoint}:{self.identity.port}")
        if not await self._is_well():
            return
        # Asked first: the answer tells what the cloud still knew of the board.
        self.publish(f"$aws/things/{self.thing}/shadow/get", b"")
        self._report_shadow()
        self._report_metrics()
        self._jobs.ask()
        beside = [self.spawn(self._report_regularly()), self.spawn(self._flap(link))]
        try:
            self._become("connecting", await link.lost)
        finally:
            for task in beside:
                task.cancel()

    async def _open(self) -> Link:
        """A connection; where one identity or endpoint does not give one, the next has the next try."""
        try:
            return await self.link(self.identity, self._hear)
        except (DamagedError, LinkError) as error:
            self._identities.append(self._identities.pop(0))
            raise LinkError(str(error)) from error

    async def _is_well(self) -> bool:
        """New firmware has reached the cloud: it may stay, unless a fault makes it unwell."""
        if self.settled.is_set():
            return True
        self._report_shadow()
        if self.hits(self.faults.fail_updates):
            await self._give_up()
            return False
        await self.with_flash(boot.confirm, self.flash)
        self.settled.set()
        return True

    async def _give_up_in_time(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.settled.wait(), self._world.confirm_seconds)
        if not self.settled.is_set():
            await self._give_up()

    async def _give_up(self) -> None:
        await self.with_flash(boot.give_up, self.flash)
        self.restart()

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._report_seconds() * self.random.uniform(0.9, 1.1))
            self._report_metrics()
            self._report_shadow()

    def _report_seconds(self) -> float:
        wanted = (self.memory.desired.get("configuration") or {}).get("reporting_interval")
        if isinstance(wanted, int | float) and wanted > 0:
            return float(wanted)
        return self.booted.config.report_seconds

    async def _flap(self, link: Link) -> None:
        while True:
            changed = self._changed
            mean = self.faults.flap_seconds
            wait = self.random.expovariate(1 / mean) if mean else None
            try:
                await asyncio.wait_for(changed.wait(), wait)
            except TimeoutError:
                link.drop()

    # What the cloud says

    def _hear(self, topic: str, payload: bytes) -> None:
        body = protocol.decoded(payload)
        if body is None:
            self._log("warn", f"{topic}: no JSON object")
        elif topic.startswith("steel-programs/"):
            self.spawn(self._program_message(topic.rpartition("/")[2], body))
        elif "/jobs/" in topic and self._jobs is not None:
            self._jobs.hear(topic, body)
        elif topic.endswith("/shadow/update/delta"):
            self._wish(body.get("state"))
        elif topic.endswith("/shadow/get/accepted"):
            self._compare(body.get("state"))

    async def _program_message(self, action: str, body: Mapping[str, Any]) -> None:
        await self.dawdle()
        if action == "execute":
            action = {"Stop": "stop", "Status": "status"}.get(str(body.get("action")), "execute")
        program_id = str(body.get("program_id") or "")
        with contextlib.suppress(RejectedError):  # told in a report already
            if action == "load":
                await self._load(body)
            elif action == "status":
                self._report_all()
            elif action in ("execute", "stop", "remove"):
                await getattr(self.programs, action)(program_id)

    async def _load(self, body: Mapping[str, Any]) -> None:
        try:
            await self.programs.load(body)
        except RejectedError as error:
            self._log("error", f"{body.get('program_id')} {body.get('version')}: {error.message}")
            if error.code == "invalid":
                self.report(
                    Program(str(body.get("program_id")), "", "", "", "", True, None, "Failed", error.message)
                )

    def _wish(self, state: Any) -> None:
        """What the shadow wants otherwise: only what a board knows, the rest stays a difference."""
        if not isinstance(state, Mapping):
            return
        self.rotation.offer(state.get("certificate"))
        if isinstance(state.get("led_control"), bool):
            self._led = self.memory.desired["led_control"] = state["led_control"]
        if isinstance(state.get("configuration"), Mapping):
            before = self.memory.desired.get("configuration") or {}
            self.memory.desired["configuration"] = {**before, **state["configuration"]}
        self.changed()

    def _compare(self, state: Any) -> None:
        """The shadow as it is: programs in it that the board does not hold are taken out."""
        if not isinstance(state, Mapping):
            return
        reported = state.get("reported") or {}
        self.diary.found(reported.get("timestamp"))
        strangers = {
            name: None for name in reported.get("programs") or {} if name not in self.memory.programs
        }
        if strangers:
            self._update_shadow({"programs": strangers})
        if state.get("delta"):
            self._wish(state["delta"])

    # What the board tells

    def publish(self, topic: str, payload: bytes, arrived: Callable[[], None] | None = None) -> None:
        """Tell the cloud, if there is a connection; ``arrived`` is called once it has it."""
        if self._link is not None:
            self._link.publish(topic, payload, arrived)

    def report(self, program: Program, milliseconds: int | None = None) -> None:
        """ProgramDeliveryStatus."""
        body = {
            "program_id": program.id,
            "status": program.status,
            "message": program.message or None,
            "timestamp": protocol.now(),
            "execution_time_ms": milliseconds,
        }
        self.publish(
            f"steel-programs/{self.thing}/status/report", protocol.encoded(protocol.without_none(body))
        )
        if program.message == "removed":
            self._update_shadow({"programs": {program.id: None}})

    def _report_all(self) -> None:
        """ProgramStatusReport."""
        programs = [
            {"program_id": one.id, "status": one.status, "version": one.version, "timestamp": one.since}
            for one in self.memory.programs.values()
        ]
        body = {"device_id": self.thing, "programs": programs, "timestamp": protocol.now()}
        self.publish(f"steel-programs/{self.thing}/status/full-report", protocol.encoded(body))

    def changed(self) -> None:
        """Write down what outlives a restart, and tell the shadow soon."""
        self.memory.save(self.folder)
        if self._reporting is None:
            loop = asyncio.get_running_loop()
            self._reporting = loop.call_later(_REPORT_DELAY_SECONDS, self._report_shadow)

    def _report_shadow(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        running = self.programs.running
        programs = {
            one.id: protocol.without_none(
                {
                    "version": one.version,
                    "status": one.status,
                    "since": one.since,
                    "message": one.message or None,
                }
            )
            for one in self.memory.programs.values()
        }
        executing = {"program_id": running[0].id, "started_at": running[0].since} if running else {}
        moment = protocol.now()
        self._update_shadow(
            {
                **self.memory.properties,
                **self.memory.desired,
                "runtime_status": {"ExecutingProgram": executing} if running else "Idle",
                "hardware_state": {
                    "led_status": self._led,
                    "sleep_status": "Awake",
                    "memory_usage": self._memory_usage(),
                },
                "system_info": {
                    "firmware_version": self.booted.image.version,
                    "platform": "esp32-c3",
                    "uptime_seconds": self._uptime(),
                    "steel_runtime_version": protocol.STEEL_VERSION,
                },
                "firmware": self._firmware(),
                "programs": programs,
                "timestamp": moment,
            },
            lambda: self.diary.arrived(moment),
        )

    def _update_shadow(self, reported: Mapping[str, Any], arrived: Callable[[], None] | None = None) -> None:
        body = protocol.encoded({"state": {"reported": reported}})
        self.publish(f"$aws/things/{self.thing}/shadow/update", body, arrived)

    def _firmware(self) -> dict[str, Any]:
        booted = self.booted
        confirmed = booted.confirmed or self.settled.is_set()
        return {"version": booted.image.version, "slot": booted.slot_name, "confirmed": confirmed}

    def _report_metrics(self, **more: Any) -> None:
        usage = self._memory_usage()
        body = {
            "timestamp": protocol.now(),
            "memory_used_bytes": usage["used_bytes"],
            "memory_total_bytes": usage["total_bytes"],
            "cpu_percent": round(3 + 4 * len(self.programs.running) + self.random.uniform(0, 3), 1),
            "uptime_seconds": self._uptime(),
            **more,
        }
        self.publish(f"steel-telemetry/{self.thing}/metrics", protocol.encoded(body))

    def used(self, program: Program, cpu_milliseconds: float) -> None:
        """Metrics with a program's processor time."""
        self._report_metrics(program_id=program.id, program_cpu_ms=round(cpu_milliseconds, 3))

    def _log(self, level: str, message: str, program_id: str | None = None) -> None:
        wanted = (self.memory.desired.get("configuration") or {}).get("log_level")
        least = wanted if wanted in LOG_LEVELS else self.booted.config.log_level
        if LOG_LEVELS.index(level) < LOG_LEVELS.index(least):
            return
        body = {
            "timestamp": protocol.now(),
            "level": level,
            "program_id": program_id,
            "message": message,
        }
        self.publish(f"steel-telemetry/{self.thing}/logs", protocol.encoded(protocol.without_none(body)))

    def _memory_usage(self) -> dict[str, int]:
        used = IDLE_BYTES + sum(PROGRAM_BYTES + len(one.code.encode()) for one in self.programs.running)
        free = MEMORY_BYTES - used
        return {
            "total_bytes": MEMORY_BYTES,
            "free_bytes": free,
            "used_bytes": used,
            "largest_free_block": free // 2,
        }

    def _uptime(self) -> int:
        return int(time.monotonic() - self._started)

    # What programs do

    def scenario(self) -> dict[str, Any]:
        """The board as the engine simulates it."""
        usage = self._memory_usage()
        return {
            "thing": self.thing,
            "firmware_version": self.booted.image.version,
            "uptime": time.monotonic() - self._started,
            "led": self._led,
            "storage": self.memory.storage,
            "memory": {"total_bytes": usage["total_bytes"], "used_bytes": usage["used_bytes"]},
        }

    def happened(self, program: Program, event: Mapping[str, Any]) -> None:
        """An event of the engine's record."""
        act = _EVENTS.get(str(event.get("kind")))
        if act is not None and self._booted is not None:
            act(self, program, event)

    def program_fails(self) -> bool:
        """Whether the fault `fail_programs` hits now."""
        return self.hits(self.faults.fail_programs)

    # For its parts

    def hits(self, probability: float) -> bool:
        """A draw from the board's own sequence; none is made for a fault that is off."""
        return probability > 0 and self.random.random() < probability

    async def dawdle(self) -> None:
        """Be slow, where that was asked for."""
        if self.faults.slow_seconds:
            await asyncio.sleep(self.faults.slow_seconds * self.random.uniform(0.5, 1.5))

    async def in_thread(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do what blocks where it disturbs no other board."""
        return await asyncio.get_running_loop().run_in_executor(self._world.pool, act, *arguments)

    async def with_flash(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """The same for what writes the flash: one at a time, and to its end, whatever happens meanwhile."""
        async with self._writing:
            loop = asyncio.get_running_loop()
            done = loop.run_in_executor(self._world.pool, act, *arguments)
            try:
                return await asyncio.shield(done)
            finally:
                await asyncio.wait([done])
                self.stamp = self.flash.stamp()

    async def link(self, identity: Identity, hear: Callable[[str, bytes], None]) -> Link:
        """Connect as somebody; `DamagedError` and `LinkError` say why that cannot be."""
        context = await self.in_thread(tls_context, identity, self._world.folder)
        link = Link(identity, context, hear)
        await link.open(self._world.pool)
        return link

    @property
    def is_writing(self) -> bool:
        """Whether it writes its flash itself just now."""
        return self._writing.locked()

    def begin_update(self, job: str, version: str) -> None:
        """New firmware is selected: remember for which job, and start it."""
        self.memory.update = {"job": job, "version": version}
        self.memory.save(self.folder)
        self.restart()

    def forget_update(self) -> None:
        """The job of an update is answered."""
        self.memory.update = {}
        self.memory.save(self.folder)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have something done beside the rest; a loss of power ends it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _become(self, state: str, why: str = "") -> None:
        if (state, why) != (self.condition.state, self.condition.why):
            connections = self.condition.connections
            self.condition = Condition(state, why, connections=connections)


def _on_led(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    board._led = bool(event["on"])


def _on_log(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    level = str(event["level"]).lower()
    board._log(level if level in LOG_LEVELS else "info", str(event["message"]), program.id)


def _on_output(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    board._log("debug", str(event["text"]).rstrip(), program.id)


def _on_publish(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    board.publish(str(event["topic"]), str(event["payload"]).encode())


def _on_shadow(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    if event["key"] in _OWN_PROPERTIES:
        board._log("warn", f"{event['key']} is the board's own property of the shadow", program.id)
        return
    board.memory.properties[str(event["key"])] = event["value"]
    board.changed()


def _on_store(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    board.memory.storage[str(event["key"])] = str(event["value"])
    board.memory.save(board.folder)


def _on_delete(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    if board.memory.storage.pop(str(event["key"]), None) is not None:
        board.memory.save(board.folder)


def _on_event(board: Board, program: Program, event: Mapping[str, Any]) -> None:
    """What a program emits is an alert: others than itself may want to know."""
    if event["action"] == "emit":
        kind = _TOPIC_LETTERS.sub("_", str(event["name"]))[:64] or "event"
        body = {"timestamp": protocol.now(), "program_id": program.id, "data": event["data"]}
        board.publish(f"alerts/{board.thing}/{kind}", protocol.encoded(body))


_EVENTS: dict[str, Callable[[Board, Program, Mapping[str, Any]], None]] = {
    "led": _on_led,
    "log": _on_log,
    "output": _on_output,
    "publish": _on_publish,
    "shadow": _on_shadow,
    "store": _on_store,
    "delete": _on_delete,
    "event": _on_event,
}


def _revision(record: Path) -> int | None:
    """The chip's revision as image headers have it (major * 100 + minor); none where nothing says it."""
    try:
        text = str(json.loads(record.read_bytes())["chip_revision"])
        major, _, minor = text.removeprefix("v").partition(".")
        return int(major) * 100 + int(minor) if minor else int(major)
    except (OSError, ValueError, KeyError, TypeError):
        return None
