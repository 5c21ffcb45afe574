"""Bring a program to one device, and wait for the device's own word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .aws import device_gateway, endpoints, jobs
from .core import delivery
from .core.errors import InvalidInputError
from .core.rollout.plan import Wave
from .mqtt.listener import Gateway, Listener

JOB_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Delivered:
    """How it went."""

    good: bool
    status: str
    message: str
    logs: tuple[str, ...] = ()
    programs: tuple[Mapping[str, Any], ...] = ()
    """What the device holds, where it was asked for that."""
    seconds: float = 0.0


def gateway(iot: Any, url: str, client_id: str) -> Gateway:
    """Where an operator connects; ``url`` (ws:// or wss://) is another address than the endpoint's own."""
    host = endpoints.mqtt_endpoint(iot)
    parts = urlsplit(url or f"wss://{host}")
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise InvalidInputError(f"websocket_url is {url!r}; it must begin with ws:// or wss://.")
    tls = parts.scheme == "wss"
    path = device_gateway.signed_path(iot, host)
    return Gateway(parts.hostname, parts.port or (443 if tls else 80), tls, host, path, client_id)


def by_mqtt(
    where: Gateway,
    thing: str,
    program_id: str,
    action: str,
    payload: Mapping[str, Any],
    *,
    auto_start: bool,
    timeout_seconds: float,
    watch_seconds: float,
) -> Delivered:
    """Publish on the device's topic; listen on from its answer for ``watch_seconds``, for its log."""
    start = time.monotonic()
    with Listener(where, delivery.listened_to(thing)) as listener:
        listener.publish(delivery.topic(thing, action), json.dumps(payload, ensure_ascii=False).encode())

        def answered(messages: list[tuple[str, bytes]]) -> bool:
            return delivery.is_answered(action, delivery.heard(messages, program_id), auto_start)

        said = delivery.heard(listener.wait(answered, timeout_seconds), program_id)
        seconds = time.monotonic() - start
        if said.status == "Running" and watch_seconds:
            said = delivery.heard(listener.wait(_has_ended(program_id), watch_seconds), program_id)
    return Delivered(
        good=delivery.is_good(action, said, auto_start),
        status=said.status,
        message=said.message,
        logs=said.logs,
        programs=tuple((said.full or {}).get("programs", ())),
        seconds=seconds,
    )


def by_job(
    iot: Any, job: str, thing_arn: str, document: Mapping[str, Any], timeout_seconds: float
) -> Delivered:
    """Make a job for the device and wait for its end there; a job that it does not take is cancelled."""
    start = time.monotonic()
    wave = Wave("delivery", "things", (), abort_percent=100)
    jobs.create(iot, job, thing_arn, document, wave, keep_open=False, comment="One delivery")
    thing = thing_arn.rpartition("/")[2]
    while True:
        status, details = jobs.execution_details(iot, job, thing)
        seconds = time.monotonic() - start
        if status not in ("", "QUEUED", "IN_PROGRESS"):
            break
        if seconds > timeout_seconds:
            jobs.cancel(iot, job, "not taken in time", running_too=True)
            break
        time.sleep(JOB_POLL_SECONDS)
    message = details.get("message", "") or " ".join(f"{name}={value}" for name, value in details.items())
    return Delivered(status == "SUCCEEDED", status, message, seconds=seconds)


def _has_ended(program_id: str) -> Callable[[list[tuple[str, bytes]]], bool]:
    return lambda messages: delivery.heard(messages, program_id).status in ("Completed", "Failed", "Stopped")
