"""Try as a device what a device must be able to do, and what none may."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .aws import messages
from .core.errors import FleetError
from .core.validation.device import (
    Answer,
    Facts,
    Kind,
    foreign_filters,
    load_topic,
    shadow_get_topic,
    stranger,
)
from .mqtt.session import Identity, Server, Session

HARMLESS = b"A check whether this message is refused. It is no program and must be ignored."
"""What is sent where a refusal is expected: should it get through, no board can take it for a program."""


@dataclass(frozen=True)
class DeviceProbe:
    """A server, and the cloud's side of it."""

    server: Server
    iot_data: Any
    """A boto3 client that publishes to the device."""
    timeout_seconds: float = 10.0

    def run(self, identity: Identity, other: str) -> Facts:
        """Connect as a device and try everything; ``other`` is the name of another device."""
        facts = self._own(identity)
        if not facts.connect.allowed:
            return facts
        filters, topic = foreign_filters(other), load_topic(other)
        return replace(
            facts,
            foreign_subscribe={one: self._attempt(identity, Session.subscribe, one) for one in filters},
            foreign_publish={topic: self._attempt(identity, Session.publish, topic, HARMLESS)},
            foreign_client={
                one: self._connect(replace(identity, client_id=one))
                for one in dict.fromkeys((other, stranger(facts.thing)))
            },
        )

    def _own(self, identity: Identity) -> Facts:
        thing = identity.client_id
        with Session(self.server, identity, self.timeout_seconds) as session:
            facts = Facts(thing, session.connected, session.transport)
            if not session.connected.allowed:
                return facts
            return replace(
                facts,
                receive=self._receive(session, load_topic(thing)),
                publish=session.publish(shadow_get_topic(thing), b""),
            )

    def _receive(self, session: Session, topic: str) -> Answer:
        subscribed = session.subscribe(topic)
        if not subscribed.allowed:
            return replace(subscribed, text=f"Subscribing to {topic}: {subscribed.text}")
        payload = f"validation {uuid.uuid4()}".encode()
        start = time.monotonic()
        try:
            messages.publish(self.iot_data, topic, payload)
        except FleetError as error:
            return Answer(Kind.UNCLEAR, str(error))
        moment = session.receive(payload, self.timeout_seconds)
        if moment is None:
            why = session.closed or f"It did not arrive within {self.timeout_seconds:g} s."
            return Answer(Kind.UNCLEAR, f"Published to {topic}: {why}")
        return Answer(Kind.ALLOWED, topic, moment - start)

    def _attempt(self, identity: Identity, attempt: Callable[..., Answer], *arguments: Any) -> Answer:
        """Try on a connection of its own: a server may end it over the attempt."""
        with Session(self.server, identity, self.timeout_seconds) as session:
            if not session.connected.allowed:
                return Answer(Kind.UNCLEAR, f"Connecting again: {session.connected.text}")
            return attempt(session, *arguments)

    def _connect(self, identity: Identity) -> Answer:
        with Session(self.server, identity, self.timeout_seconds) as session:
            return session.connected
