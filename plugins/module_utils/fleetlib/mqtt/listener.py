"""A connection over WebSocket, as an operator makes it, that collects what devices say."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..core.errors import FleetError, MissingDependencyError

try:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

Message = tuple[str, bytes]


@dataclass(frozen=True)
class Gateway:
    """Where to connect, and as whom."""

    address: str
    port: int
    tls: bool
    host: str
    """Name of the endpoint, which the signature is for; the address may be another, such as a tunnel's."""
    path: str
    """Signed path; it holds a signature, so it is never shown."""
    client_id: str = ""


class Listener:
    """A subscription in a ``with`` block."""

    def __init__(self, gateway: Gateway, topics: Sequence[str], timeout_seconds: float = 10.0) -> None:
        """Nothing is sent before the block is entered."""
        if _MISSING is not None:
            raise MissingDependencyError("paho-mqtt", "MQTT", "Run: make setup") from _MISSING
        self._gateway, self._topics, self._timeout = gateway, list(topics), timeout_seconds
        self._changed = threading.Condition()
        self._messages: list[Message] = []
        self._subscribed = False
        self._trouble = ""
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=gateway.client_id or f"operator-{uuid.uuid4()}",
            protocol=MQTTProtocolVersion.MQTTv5,
            transport="websockets",
            reconnect_on_failure=False,
        )
        self._client.ws_set_options(gateway.path, self._headers)
        if gateway.tls:
            self._client.tls_set()
        self._client.on_connect = self._connack
        self._client.on_subscribe = self._suback
        self._client.on_message = self._message
        self._client.on_disconnect = self._disconnected

    def __enter__(self) -> Listener:
        """Connect and subscribe; raises `FleetError` where that is refused."""
        where = f"{self._gateway.address}:{self._gateway.port}"
        try:
            self._client.connect(self._gateway.address, self._gateway.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise FleetError(
                f"MQTT over WebSocket at {where} cannot be reached: {error}.",
                "It needs iot:Connect; fleet_mqtt_websocket_url names another address.",
            ) from error
        self._client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._subscribed or self._trouble, self._timeout)
        if not self._subscribed:
            self._client.loop_stop()
            raise FleetError(
                f"MQTT over WebSocket at {where}: {self._trouble or 'no answer'}.",
                "The operator needs iot:Connect, iot:Subscribe and iot:Receive.",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1."""
        self._client.publish(topic, payload, qos=1)

    def messages(self) -> list[Message]:
        """Everything that has arrived."""
        with self._changed:
            return list(self._messages)

    def wait(self, until: Callable[[list[Message]], bool], timeout_seconds: float) -> list[Message]:
        """What has arrived once ``until`` is content with it, or the time is over."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not until(self._messages) and not self._trouble:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return list(self._messages)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {**headers, "Host": self._gateway.host}

    def _connack(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._tell(f"refused: {reason}")
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _suback(self, client: Any, userdata: Any, packet: int, reasons: Any, properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._tell(f"subscription refused: {refused[0]}")
            return
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def _message(self, client: Any, userdata: Any, message: Any) -> None:
        with self._changed:
            self._messages.append((message.topic, message.payload))
            self._changed.notify_all()

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._tell(f"the connection ended: {reason}")

    def _tell(self, trouble: str) -> None:
        with self._changed:
            self._trouble = self._trouble or trouble
            self._changed.notify_all()
