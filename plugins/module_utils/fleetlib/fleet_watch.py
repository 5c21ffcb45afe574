"""Reads a fleet for the live view, with a number of requests that does not grow with the fleet."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from . import rollout
from .aws import account, alarms, logs_and_alarms, registry
from .aws.pacing import THROTTLED
from .core.clock import Clock
from .core.errors import FleetError
from .core.rollout.record import Record, from_dict
from .core.watch import state
from .core.watch.pace import SilentCloudError, ThrottledError
from .core.watch.state import Alarm, Event, Fleet, State, Version

with contextlib.suppress(ImportError):  # who makes the clients names the missing library first
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnectionError

MOST_PAGES: Final = 10
"""Of the index: a fleet of up to 1,000 devices is counted device by device, a larger one by statistics."""
MOST_SUBJECTS: Final = 6
"""Programs, and the firmware, whose last rollouts are looked at."""
MOST_EVENTS: Final = 50
MOST_LOG_PAGES: Final = 2
LOOK_BACK: Final = timedelta(minutes=60)
"""How old an event may be."""
_STACKS: Final = ("core", "storage", "monitoring")
_UNKNOWN: Final = (400, 404, 501)
"""Statuses with which something that has no statistics answers a request for them."""


_T = TypeVar("_T")


class Reader:
    """Reads state after state of one fleet. It remembers where things are, and which errors it has seen."""

    def __init__(self, client: Callable[[str], Any], fleet: str, clock: Clock) -> None:
        """``client(service)`` makes a boto3 client; ``fleet`` begins the names of its stacks and alarms."""
        self._client, self._fleet, self._clock = client, fleet, clock
        self._clients: dict[str, Any] = {}
        self._outputs: dict[str, str] = {}
        self._is_large = False
        self._logged: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._logged_until = clock.now() - LOOK_BACK
        self._requests = 0

    def read(self) -> State:
        """How the fleet is. A part that AWS refuses has its reason in `State.troubles`.

        Raises `SilentCloudError` where no answer comes, `ThrottledError` where AWS wants fewer requests.
        """
        now, self._requests, troubles = self._clock.now(), 0, dict[str, str]()

        def part(name: str, read: Callable[[], _T]) -> _T | None:
            try:
                return _translated(read)
            except (SilentCloudError, ThrottledError):
                raise
            except FleetError as error:
                troubles[name] = str(error)
                return None

        if part("fleet", self._find) is None:
            everything = ("fleet", "alarms", "rollouts", "events")
            return State(now, troubles=dict.fromkeys(everything, troubles["fleet"]), requests=self._requests)
        records = part("rollouts", self._rollouts)
        fleet = part("fleet", lambda: self._devices(records or ()))
        found = part("alarms", self._alarms)
        part("events", lambda: self._errors(now))
        events = state.happened(records or (), found or (), self._logged, now - LOOK_BACK)[:MOST_EVENTS]
        shown = None if records is None else state.worth_showing(records, now)
        return State(now, fleet, shown, found, events, troubles, self._requests)

    def _find(self) -> bool:
        """Ask the stacks where things are, until they say it."""
        if self._outputs:
            return True
        stacks = account.fleet_stacks(self._to("cloudformation"), self._fleet, _STACKS)
        if "core" not in stacks:
            raise FleetError(f"there is no stack {self._fleet}-core; nothing was deployed yet")
        for stack in stacks.values():
            self._outputs |= account.outputs_of(stack)
        return True

    def _rollouts(self) -> list[Record]:
        bucket = self._outputs.get("DeploymentBucket")
        if not bucket:
            return []
        return [from_dict(one) for one in rollout.latest_records(self._to("s3"), bucket, MOST_SUBJECTS)]

    def _devices(self, records: Sequence[Record]) -> Fleet:
        group = self._outputs["FleetGroupName"]
        if self._is_large:
            return self._by_statistics(group, records)
        most = MOST_PAGES * registry.SEARCH_PAGE_SIZE
        hits = list(islice(registry.search_things(self._to("iot"), f"thingGroupNames:{group}"), most + 1))
        if len(hits) <= most:
            return state.count(hits)
        try:
            counted = self._by_statistics(group, records)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in _UNKNOWN:
                raise
            note = f"Only the first {most:,} devices: this index gives no statistics."
            return state.count(hits[:most], note)
        self._is_large = True
        return counted

    def _by_statistics(self, group: str, records: Sequence[Record]) -> Fleet:
        """Two requests for the devices, and two for each subject that had a rollout."""
        everyone = f"thingGroupNames:{group}"
        versions = [self._version(everyone, one) for one in records]
        note = "Versions of what had a rollout last; others are not counted." if records else ""
        return Fleet(
            self._count(everyone),
            self._count(f"{everyone} AND connectivity.connected:true"),
            state.in_order(versions),
            note,
        )

    def _version(self, everyone: str, record: Record) -> Version:
        name = record.subject.removeprefix("program:")
        field = "firmware" if name == state.FIRMWARE else f"programs.{name}"
        having = f'{everyone} AND shadow.reported.{field}.version:"{record.version}"'
        failed = self._count(f"{having} AND shadow.reported.{field}.status:Failed")
        return Version(name, record.version, self._count(having), failed)

    def _count(self, query: str) -> int:
        return registry.count_things(self._to("iot"), query)

    def _alarms(self) -> tuple[Alarm, ...]:
        return tuple(
            Alarm(
                one["AlarmName"],
                one["StateValue"],
                one["StateUpdatedTimestamp"],
                str(one.get("StateReason", "")),
                not one.get("ActionsEnabled", True),
            )
            for one in alarms.described(self._to("cloudwatch"), f"{self._fleet}-")
        )

    def _errors(self, now: datetime) -> bool:
        """Remember what devices logged as errors since the last look."""
        group = self._outputs.get("RuntimeLogGroup")
        if group:
            found = logs_and_alarms.latest_errors(self._to("logs"), group, self._logged_until, MOST_LOG_PAGES)
            self._logged += (Event(at, "device", f"{device}: {message}") for at, device, message in found)
            last = max((at for at, _, _ in found), default=None)
            self._logged_until = last + timedelta(milliseconds=1) if last else self._logged_until
        return True

    def _to(self, service: str) -> Any:
        if service not in self._clients:
            client = self._clients[service] = self._client(service)
            client.meta.events.register("before-send", self._sent)
        return self._clients[service]

    def _sent(self, **_: Any) -> None:
        self._requests += 1


def _translated(read: Callable[[], _T]) -> _T:
    """What ``read`` gives; errors of AWS as what they mean for the view."""
    try:
        return read()
    except ClientError as error:
        said = error.response["Error"]
        if said["Code"] in (*THROTTLED, "SlowDown"):
            raise ThrottledError(f"AWS wants fewer requests ({error.operation_name}).") from error
        raise FleetError(f"{error.operation_name}: {said['Code']}: {said.get('Message', '')}") from error
    except (NoConnectionError, HTTPClientError) as error:
        raise SilentCloudError(str(error)) from error
    except BotoCoreError as error:
        raise FleetError(str(error)) from error
