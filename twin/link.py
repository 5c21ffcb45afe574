"""A board's MQTT 5 connection over mutual TLS, driven by the event loop that all boards share.

paho-mqtt, because the project has it already and its client can be driven from outside: hundreds of
connections need no thread of their own. Only TCP and TLS are opened in a thread, of a small pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from .flash import DamagedError
from .identity import Identity

KEEPALIVE_SECONDS = 60
TIMEOUT_SECONDS = 60.0
"""Long: a board that gives up too early and comes again makes a slow broker slower."""
FILTERS_AT_ONCE = 8
"""AWS IoT's limit for one SUBSCRIBE."""

OnMessage = Callable[[str, bytes], None]


class LinkError(Exception):
    """The connection cannot be opened, or has ended."""


def tls_context(identity: Identity, folder: Path) -> ssl.SSLContext:
    """A TLS client that presents exactly this identity and trusts exactly its root.

    Python takes a key from a file only: it is written to ``folder``, mode 0600, for that moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    handle, name = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(identity.certificate + b"\n" + identity.private_key)
        context.load_verify_locations(cadata=identity.root_ca.decode())
        context.load_cert_chain(name)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise DamagedError("identity", f"key and certificates do not belong together: {error}") from error
    finally:
        os.unlink(name)
    return context


class Link:
    """One connection; a new one is made for every attempt."""

    def __init__(self, identity: Identity, context: ssl.SSLContext, on_message: OnMessage) -> None:
        """Nothing is sent before `open`. ``on_message`` is called by the event loop."""
        self._loop = asyncio.get_running_loop()
        self._identity = identity
        self._on_message = on_message
        self._ended = False
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._told: dict[int, Callable[[], None]] = {}
        self.lost: asyncio.Future[str] = self._loop.create_future()
        """Why the connection ended, once it has."""
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity.thing,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(context)
        self._client.connect_timeout = TIMEOUT_SECONDS
        self._client.on_socket_open = self._opened
        self._client.on_socket_close = self._closed
        self._client.on_socket_register_write = self._wants_to_write
        self._client.on_socket_unregister_write = self._has_written
        self._client.on_connect = self._connack
        self._client.on_subscribe = self._suback
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.on_publish = self._puback

    async def open(self, pool: Executor) -> None:
        """Connect; `LinkError` says why that failed."""
        where = f"{self._identity.endpoint}:{self._identity.port}"
        try:
            await self._loop.run_in_executor(pool, self._connect)
            await asyncio.wait_for(asyncio.shield(self._connected), TIMEOUT_SECONDS)
        except TimeoutError:
            raise LinkError(f"{where} did not answer within {TIMEOUT_SECONDS:g} s") from None
        except OSError as error:
            raise LinkError(f"{where} cannot be reached: {error}") from None
        finally:
            if not self._connected.done() or self._connected.exception() is not None:
                self.close()  # also when it is cancelled: what a thread still opens is closed at once

    def _connect(self) -> None:
        self._client.connect(self._identity.endpoint, self._identity.port, keepalive=KEEPALIVE_SECONDS)

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe with QoS 1, and wait until all are granted."""
        for start in range(0, len(filters), FILTERS_AT_ONCE):
            code, packet = self._client.subscribe(
                [(one, 1) for one in filters[start : start + FILTERS_AT_ONCE]]
            )
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS or packet is None:
                raise LinkError("the connection is not open")
            granted = self._waiting[packet] = self._loop.create_future()
            try:
                await asyncio.wait_for(granted, TIMEOUT_SECONDS)
            except TimeoutError:
                raise LinkError("a subscription was not answered") from None
            finally:
                self._waiting.pop(packet, None)

    def publish(self, topic: str, payload: bytes, arrived: Callable[[], None] | None = None) -> None:
        """Send with QoS 1. What a board says while its connection ends is lost, as it would be.

        ``arrived`` is called once the server has acknowledged it.
        """
        sent = self._client.publish(topic, payload, qos=1)
        if arrived is not None:
            self._told[sent.mid] = arrived

    def tick(self) -> None:
        """Keep the connection alive; to be called every few seconds."""
        self._client.loop_misc()

    def close(self) -> None:
        """Say goodbye and end."""
        self._ended = True
        self._client.disconnect()
        self._client.loop_write()
        self.drop()

    def drop(self) -> None:
        """Cut the connection, as a lost radio does."""
        sock: Any = self._client.socket()
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            with contextlib.suppress(OSError):  # it has ended already
                sock.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()
        self._tell("the connection was cut")

    def _opened(self, client: Any, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._listen, sock)

    def _listen(self, sock: Any) -> None:
        if self._ended:
            sock.close()
        elif sock.fileno() >= 0:
            self._loop.add_reader(sock, self._read)
            self._loop.add_writer(sock, self._client.loop_write)

    def _read(self) -> None:
        """Also what TLS has read ahead, of which the socket tells nothing."""
        self._client.loop_read()
        while self._pending():
            self._client.loop_read()

    def _pending(self) -> int:
        sock: Any = self._client.socket()
        return sock.pending() if sock is not None else 0

    def _closed(self, client: Any, userdata: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _wants_to_write(self, client: Any, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._begin_to_write, sock)

    def _begin_to_write(self, sock: Any) -> None:
        if sock.fileno() >= 0 and self._client.want_write():
            self._loop.add_writer(sock, self._client.loop_write)

    def _has_written(self, client: Any, userdata: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)

    def _connack(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._tell(f"the server refused the connection: {reason}")
        elif not self._connected.done():
            self._connected.set_result(None)

    def _suback(self, client: Any, userdata: Any, packet: int, reasons: Any, properties: Any) -> None:
        granted = self._waiting.get(packet)
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if granted is None or granted.done():
            return
        if refused:
            granted.set_exception(LinkError(f"a subscription was refused: {refused[0]}"))
        else:
            granted.set_result(None)

    def _puback(self, client: Any, userdata: Any, packet: int, reason: Any, properties: Any) -> None:
        arrived = self._told.pop(packet, None)
        if arrived is not None and not reason.is_failure:
            arrived()

    def _message(self, client: Any, userdata: Any, message: Any) -> None:
        self._on_message(message.topic, message.payload)

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        by_server = flags.is_disconnect_packet_from_server
        self._tell(f"the server ended it: {reason}" if by_server else "the connection was lost")

    def _tell(self, why: str) -> None:
        self._ended = True
        for future in (self._connected, *self._waiting.values()):
            if not future.done():
                future.set_exception(LinkError(why))
                future.exception()  # it may be that nobody waits for it
        if not self.lost.done():
            self.lost.set_result(why)
