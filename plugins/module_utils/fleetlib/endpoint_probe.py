"""Is it AWS IoT, the way there, or us? Step by step from the control plane to an encrypted connection."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .aws import endpoints
from .core.errors import FleetError
from .core.symptoms import Attempt
from .mqtt.session import Server

CONTROL = "The control plane of AWS IoT answers"
NAME = "The endpoint's name is known"
PORT = "The endpoint's port is open"
TLS = "The endpoint speaks TLS with a certificate that we trust"

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """Where devices connect."""

    host: str
    """Empty takes what AWS IoT names."""
    port: int
    ca_url: str = ""
    """Where the certificate of who vouches for it is; empty takes the system's trust store."""
    timeout_seconds: float = 5.0


def probe(iot: Any, target: Target) -> list[Attempt]:
    """Every step until one fails."""
    done: list[Attempt] = []

    def step(name: str, work: Callable[[], T], detail: Callable[[T], str] = lambda found: "") -> T | None:
        start = time.monotonic()
        try:
            found = work()
        except FleetError as error:
            done.append(Attempt(name, str(error)))
        except OSError as error:
            done.append(Attempt(name, _words(error)))
        else:
            done.append(Attempt(name, "", time.monotonic() - start, detail(found)))
            return found
        return None

    host = step(CONTROL, lambda: _asked(iot)) or ""
    host = target.host or host
    if not host:
        return done
    address = step(
        NAME,
        lambda: socket.getaddrinfo(host, target.port, type=socket.SOCK_STREAM)[0][4],
        lambda found: f"{host} is {found[0]}",
    )
    if address is None:
        return done
    connection = step(PORT, lambda: socket.create_connection((host, target.port), target.timeout_seconds))
    if connection is not None:
        with connection:
            step(TLS, lambda: _handshake(connection, host, target), str)
    return done


def _asked(iot: Any) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return endpoints.mqtt_endpoint(iot)
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"iot:DescribeEndpoint: {error}") from error


def _handshake(connection: socket.socket, host: str, target: Target) -> str:
    """TLS up to where the server has shown its certificate; it may still ask for ours."""
    authority = ""
    if target.ca_url:
        # Over plain HTTP only right on the loopback address, where the local cloud has it.
        with urllib.request.urlopen(target.ca_url, timeout=target.timeout_seconds) as answer:  # noqa: S310
            authority = answer.read().decode()
    context = Server(host, target.port, ca_pem=authority).context()
    with context.wrap_socket(connection, server_hostname=host) as encrypted:
        return str(encrypted.version())


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted: {error.verify_message}."
    return f"{error.strerror or error}."
