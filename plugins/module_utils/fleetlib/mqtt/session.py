"""One MQTT 5 connection over mutual TLS, as a device makes it.

MQTT 5 because it answers: a refused client id, subscription or message gets the reason code "Not authorized",
where MQTT 3.1.1 just closes the connection and a refusal looks like any other trouble.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ..core.errors import InvalidInputError, MissingDependencyError
from ..core.validation.device import Answer, Kind

try:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

NOT_AUTHORIZED = 0x87
"""MQTT 5: the server knows this client and does not allow it this."""
FIRST_ERROR = 0x80
"""MQTT 5: reason codes below are good news."""

CLOSED_UNANSWERED = (
    "The server closed the connection without an answer. AWS IoT does so when it does not know the "
    "certificate, or when the certificate is not active."
)

OnMessage = Callable[[str, bytes, float], None]
"""``on_message(topic, payload, moment)``; the moment is of the monotonic clock. Called by another thread."""


@dataclass(frozen=True)
class Server:
    """Where devices connect, and who has to vouch for the name.

    Without ``ca_file`` and ``ca_pem`` it is the system's trust store, which holds Amazon Root CA 1.
    """

    host: str
    port: int = 8883
    ca_file: str = ""
    ca_pem: str = ""

    def context(self) -> ssl.SSLContext:
        """A TLS client that checks the server's certificate and its name."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None, cadata=self.ca_pem or None)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(
                f"The certificates of the MQTT server's authority cannot be used: {self.ca_file}: {error}.",
                "fleet_mqtt_ca_file names a PEM file; without it the system's trust store is used.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@dataclass(frozen=True)
class Identity:
    """What a device is known by."""

    client_id: str
    key: Path
    certificate: Path
    password: bytes | None = field(default=None, repr=False)
    """What opens the key's file, when that is encrypted."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have the TLS client present this certificate."""
        try:
            # Never None: OpenSSL would ask on the terminal for the password of an encrypted key.
            context.load_cert_chain(self.certificate, self.key, self.password or b"none")
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(
                f"The key and certificate of {self.client_id} cannot be used ({self.certificate}): {error}.",
                "They must be PEM files that belong together, readable by you.",
            ) from error


class Session:
    """A connection in a ``with`` block. What the server does is an `Answer`; only local trouble raises."""

    def __init__(
        self,
        server: Server,
        identity: Identity,
        timeout_seconds: float = 10.0,
        on_message: OnMessage | None = None,
    ) -> None:
        """Nothing is sent before the block is entered."""
        if _MISSING is not None:
            raise MissingDependencyError(
                "paho-mqtt", "connecting as a device", "Run: make setup"
            ) from _MISSING
        self._server = server
        self._timeout = timeout_seconds
        self._on_message = on_message
        self._changed = threading.Condition()
        self._acknowledged: dict[int, Answer] = {}
        self._messages: list[tuple[str, bytes, float]] = []
        self._closed = ""
        self.connected = Answer(Kind.UNCLEAR, "not tried")
        """How the server answered CONNECT."""
        self.transport = ""
        """TLS version and cipher, once the server has answered CONNECT."""
        context = server.context()
        identity.load_into(context)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(context)
        self._client.connect_timeout = timeout_seconds
        self._client.on_connect = self._connack
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._suback
        self._client.on_publish = self._puback
        self._client.on_message = self._message

    @property
    def closed(self) -> str:
        """Why the connection ended; empty while it lasts."""
        with self._changed:
            return self._closed

    def __enter__(self) -> Session:
        """Connect; how that went is in `connected`."""
        start = time.monotonic()
        try:
            self._client.connect(self._server.host, self._server.port, keepalive=30, clean_start=True)
        except OSError as error:
            self.connected = Answer(Kind.UNCLEAR, self._explain(error))
            self._closed = self.connected.text
            return self
        self._client.loop_start()
        self.connected = self._wait(CONNECT, start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye, so that the server does not take the device for lost."""
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic_filter: str) -> Answer:
        """Subscribe with QoS 1."""
        start = time.monotonic()
        code, packet = self._client.subscribe(topic_filter, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or packet is None:
            return self._not_sent()
        return self._wait(packet, start)

    def publish(self, topic: str, payload: bytes) -> Answer:
        """Publish with QoS 1."""
        start = time.monotonic()
        sent = self._client.publish(topic, payload, qos=1)
        return self._wait(sent.mid, start) if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else self._not_sent()

    def receive(self, payload: bytes, timeout_seconds: float) -> float | None:
        """Wait for a message with this payload; the moment it came (monotonic), or nothing."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._moment_of(payload) is not None or self._closed, timeout_seconds
            )
            return self._moment_of(payload)

    def _moment_of(self, payload: bytes) -> float | None:
        return next((moment for _, body, moment in self._messages if body == payload), None)

    def _wait(self, packet: int, start: float) -> Answer:
        with self._changed:
            self._changed.wait_for(lambda: packet in self._acknowledged or self._closed, self._timeout)
            answer = self._acknowledged.pop(packet, None)
        if answer is not None:
            return Answer(answer.kind, answer.text, time.monotonic() - start)
        if self._closed:
            return Answer(Kind.UNCLEAR, self._closed)
        return Answer(Kind.UNCLEAR, f"No answer within {self._timeout:g} s.")

    def _not_sent(self) -> Answer:
        return Answer(Kind.UNCLEAR, self.closed or "The connection is not open.")

    def _explain(self, error: Exception) -> str:
        where = f"{self._server.host}:{self._server.port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"The certificate of {where} is not trusted: {error.verify_message}. Its authority has to be "
                "in the file that fleet_mqtt_ca_file names; without one, in the system's trust store."
            )
        if isinstance(error, TimeoutError):
            return f"{where} did not answer within {self._timeout:g} s."
        return f"{where} cannot be reached: {error}."

    def _settle(self, packet: int, reason: Any) -> None:
        with self._changed:
            self._acknowledged[packet] = _answer(reason)
            self._changed.notify_all()

    def _connack(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if client.socket() is not None:
            self.transport = f"{client.socket().version()} {client.socket().cipher()[0]}"
        self._settle(CONNECT, reason)

    def _suback(self, client: Any, userdata: Any, packet: int, reasons: Any, properties: Any) -> None:
        self._settle(packet, reasons[0])

    def _puback(self, client: Any, userdata: Any, packet: int, reason: Any, properties: Any) -> None:
        self._settle(packet, reason)

    def _message(self, client: Any, userdata: Any, message: Any) -> None:
        moment = time.monotonic()
        if self._on_message is not None:
            self._on_message(message.topic, message.payload, moment)
            return
        with self._changed:
            self._messages.append((message.topic, message.payload, moment))
            self._changed.notify_all()

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            why = f"The server ended the connection: {reason}."
        else:
            why = "The connection was lost." if self.transport else CLOSED_UNANSWERED
        with self._changed:
            self._closed = why
            self._changed.notify_all()


CONNECT = 0
"""Stands for CONNECT among the packets waited for; MQTT numbers the others from 1."""


def _answer(reason: Any) -> Answer:
    if reason.value < FIRST_ERROR:
        return Answer(Kind.ALLOWED, str(reason))
    kind = Kind.REFUSED if reason.value == NOT_AUTHORIZED else Kind.UNCLEAR
    return Answer(kind, f"The server answered: {reason} (0x{reason.value:02X}).")
