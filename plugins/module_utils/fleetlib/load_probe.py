"""Connect many devices at the same time, send each some messages, and measure."""

from __future__ import annotations

import contextlib
import resource
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .core.clock import Clock
from .core.errors import FleetError, InvalidInputError
from .core.progress import Meter
from .core.quotas import Bucket
from .core.validation.device import Answer, load_topic
from .core.validation.load import Load, Measured, Message
from .mqtt.session import Identity, Server, Session

CONCURRENT_CALLS = 32
"""Devices that connect, and messages that are published, at the same moment."""
FILES_PER_DEVICE = 3
FILES_FOR_THE_REST = 128

Publish = Callable[[str, bytes], None]
"""``publish(topic, payload)`` raises `FleetError` when the message was not taken."""


class LoadProbe:
    """One load test."""

    def __init__(
        self,
        load: Load,
        server: Server,
        publish: Publish,
        clock: Clock,
        meter: Meter,
        timeout_seconds: float = 10.0,
    ) -> None:
        """Refuses a load that quotas or this host cannot bear."""
        load.check()
        _have_files(load.devices * FILES_PER_DEVICE + FILES_FOR_THE_REST)
        self._load = load
        self._server = server
        self._publish = publish
        self._clock = clock
        self._meter = meter
        self._timeout = timeout_seconds
        self._run = uuid.uuid4().hex
        self._sent: dict[int, float] = {}
        self._arrived: dict[int, float] = {}
        self._duplicates = 0
        self._errors: list[str] = []
        self._changed = threading.Condition()

    def run(self, identities: Sequence[Identity]) -> Measured:
        """Connect as these devices, all at once, and measure."""
        with contextlib.ExitStack() as stack:
            self._meter.phase(f"connecting {len(identities):,} devices")
            sessions, refusals = self._connect(identities, stack)
            total = len(sessions) * self._load.messages_per_device
            self._meter.start(total)
            self._send([thing for thing, _ in sessions])
            self._await(total)
            dropped = sum(1 for _, session in sessions if session.closed)
            return self._measured(sessions, refusals, dropped, total)

    def _connect(
        self, identities: Sequence[Identity], stack: contextlib.ExitStack
    ) -> tuple[list[tuple[str, Session]], list[str]]:
        bucket = Bucket(self._load.connects_per_second)

        def connect(identity: Identity) -> tuple[Session, Answer]:
            self._clock.sleep(bucket.reserve(self._clock.monotonic()))
            session = stack.enter_context(Session(self._server, identity, self._timeout, self._arrive))
            if not session.connected.allowed:
                return session, session.connected
            return session, session.subscribe(load_topic(identity.client_id))

        sessions, refusals = [], []
        with ThreadPoolExecutor(CONCURRENT_CALLS) as pool:
            opened = list(pool.map(connect, identities))
        for identity, (session, answer) in zip(identities, opened, strict=True):
            if answer.allowed:
                sessions.append((identity.client_id, session))
            else:
                refusals.append(f"{identity.client_id}: {answer.text}")
        return sessions, refusals

    def _send(self, things: Sequence[str]) -> None:
        """Publish to one device after the other, round and round, at the wanted rate."""
        bucket = Bucket(self._load.messages_per_second)
        turns = [thing for _ in range(self._load.messages_per_device) for thing in things]
        with ThreadPoolExecutor(CONCURRENT_CALLS) as pool:
            calls = []
            for number, thing in enumerate(turns):
                self._clock.sleep(bucket.reserve(self._clock.monotonic()))
                calls.append(pool.submit(self._send_one, number, load_topic(thing)))
                self._meter.count()
            for call in calls:
                call.result()

    def _send_one(self, number: int, topic: str) -> None:
        self._sent[number] = self._clock.monotonic()
        try:
            self._publish(topic, f"validation {self._run} {number}".encode())
        except FleetError as error:
            self._errors.append(str(error))

    def _arrive(self, topic: str, payload: bytes, moment: float) -> None:
        """Called by the threads of the connections."""
        words = payload.split()
        if len(words) != 3 or words[1] != self._run.encode():
            return  # somebody else's message
        with self._changed:
            if int(words[2]) in self._arrived:
                self._duplicates += 1
            else:
                self._arrived[int(words[2])] = moment
            self._changed.notify_all()

    def _await(self, total: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._arrived) + len(self._errors) >= total, self._timeout)

    def _measured(
        self, sessions: Sequence[tuple[str, Session]], refusals: Sequence[str], dropped: int, total: int
    ) -> Measured:
        with self._changed:
            arrived = dict(self._arrived)
        first = min(self._sent.values(), default=0.0)
        return Measured(
            connect_seconds=[session.connected.seconds for _, session in sessions],
            refusals=refusals,
            dropped=dropped,
            messages=[
                Message(
                    self._sent[number] - first,
                    arrived[number] - self._sent[number] if number in arrived else None,
                )
                for number in range(total)
            ],
            duplicates=self._duplicates,
            seconds=max([*arrived.values(), *self._sent.values()], default=0.0) - first,
            publish_errors=list(self._errors),
        )


def _have_files(needed: int) -> None:
    """Every connection is open files; raise this process's own limit as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InvalidInputError(
            f"The load test needs {needed:,} open files; this host allows a process {hard:,}.",
            "Lower validation_load_devices, or raise the limit (ulimit -Hn).",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
