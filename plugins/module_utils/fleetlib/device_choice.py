"""Choose devices that this host can stand in for without disturbing them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .aws import registry
from .core.clock import Clock
from .core.naming import chosen_device_ids, fleet_name, thing_name
from .device_store import DeviceStore, Protection
from .mqtt.session import Identity

LOOK_AGAIN_SECONDS = 2.0


@dataclass(frozen=True)
class Choice:
    """Devices to connect as."""

    things: Sequence[str]
    remark: str = ""
    """Why there are none, or fewer than asked for."""


@dataclass(frozen=True)
class Devices:
    """The devices of a fleet whose keys are kept on this host."""

    prefix: str
    environment: str
    store: DeviceStore
    wanted: Sequence[str]
    """Things that may be chosen."""

    @classmethod
    def of(
        cls,
        prefix: str,
        environment: str,
        directory: Path,
        ids: Sequence[str] | None,
        start: int,
        count: int | None,
        protection: Protection | None = None,
    ) -> Devices:
        """The devices with these ids, or ``count`` numbered ones; ``directory`` has one of each."""
        chosen = chosen_device_ids(ids, start, count)
        wanted = [thing_name(prefix, environment, one) for one in chosen]
        return cls(prefix, environment, DeviceStore(directory, protection), wanted)

    def identity(self, thing: str, client_id: str = "") -> Identity:
        """A device's key and certificate, to connect with under its own name or another one."""
        return Identity(
            client_id or thing,
            self.store.key_path(thing),
            self.store.certificate_path(thing),
            self.store.key_password(thing),
        )

    def held(self) -> list[str]:
        """Those whose key and certificate are here, in the order of their names."""
        local = self.store.scan(frozenset(self.wanted))
        return sorted(name for name, one in local.items() if one.has_key and one.certificate_id)

    def choose(
        self,
        iot: Any,
        count: int,
        clock: Clock,
        *,
        only: str = "",
        interrupt: bool = False,
        patience: float = 30.0,
    ) -> Choice:
        """Up to ``count`` devices that are not connected, or ``only`` this one.

        A second connection under a device's name ends its first, so devices that are connected, or of which
        nobody knows, are left alone unless ``interrupt`` allows it. ``patience``: seconds that fleet indexing
        may take to know devices just made.
        """
        held = self.held()
        if only:
            held = [thing for thing in held if thing == only]
        if not held:
            which = only or "any of these devices"
            return Choice(
                (), f"The key and certificate of {which} are not on this host ({self.store.directory})."
            )
        if interrupt:
            return Choice(held[:count])
        if registry.indexing(iot)["connectivity"] != "STATUS":
            return Choice(
                (),
                "Nobody knows which devices are connected: fleet indexing of connectivity is off. Turn it "
                "on, or allow to interrupt devices with validation_interrupt_devices.",
            )
        return self._idle(iot, held, count, clock, patience)

    def _idle(self, iot: Any, held: Sequence[str], count: int, clock: Clock, patience: float) -> Choice:
        deadline = clock.monotonic() + patience
        enough = min(count, len(held))
        while True:
            idle, unknown = self._look(iot, frozenset(held), enough)
            if len(idle) >= enough or not unknown or clock.monotonic() >= deadline:
                break
            clock.sleep(LOOK_AGAIN_SECONDS)
        if len(idle) >= count:
            return Choice(idle)
        busy = len(held) - len(idle) - unknown
        remark = f"Of {len(held):,} devices whose keys are here {busy:,} are connected and stay undisturbed"
        remark += f", and fleet indexing does not know {unknown:,} yet." if unknown else "."
        return Choice(idle, remark)

    def _look(self, iot: Any, held: Collection[str], enough: int) -> tuple[list[str], int]:
        """Idle devices, as soon as there are enough of them, and how many the index did not know."""
        idle: list[str] = []
        known = 0
        for thing, connected in self._indexed(iot):
            if thing not in held:
                continue
            known += 1
            if not connected:
                idle.append(thing)
            if len(idle) >= enough or known == len(held):
                break
        return sorted(idle), len(held) - known

    def _indexed(self, iot: Any) -> Iterator[tuple[str, bool]]:
        """Things that the index knows, and whether they are connected; none while it is being built."""
        query = f"thingName:{fleet_name(self.prefix, self.environment)}-*"
        try:
            for one in registry.search_things(iot, query):
                yield one["thingName"], bool(one.get("connectivity", {}).get("connected"))
        except iot.exceptions.IndexNotReadyException:
            return
