"""A new certificate for a key that the board makes itself and never tells (docs/certificates.md)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .identity import Identity
from .programs import FailedError

if TYPE_CHECKING:
    from .board import Board

PATIENCE_SECONDS = 3600.0
"""How long a board waits for its certificate."""
KEPT = 2
"""Identities that a board keeps: the newest, and the one before for when that does not work."""


class Rotation:
    """What a board remembers of it is in `Memory.identities` and `Memory.rotation`."""

    def __init__(self, board: Board) -> None:
        """``board`` is whose identity it is."""
        self._board = board
        self._offered: asyncio.Future[Mapping[str, Any]] | None = None

    async def carry_out(self, job: str, tell: Callable[[Mapping[str, str]], None]) -> str:
        """Take the job; the id of the certificate that the board is connected with then.

        ``tell`` reports details of the job while it goes on. On the way the board connects anew, and is
        handed the same job again over that connection.
        """
        board = self._board
        if board.memory.rotation == job:
            return self._result()
        key = ec.generate_private_key(ec.SECP256R1())
        self._offered = asyncio.get_running_loop().create_future()
        tell({"csr": base64.b64encode(_request(key, board.thing)).decode()})
        try:
            certificate = await asyncio.wait_for(self._offered, PATIENCE_SECONDS)
        except TimeoutError:
            raise FailedError("timeout", "no certificate came") from None
        finally:
            self._offered = None
        self._keep(job, certificate, key)
        board.connect_anew()
        await asyncio.Event().wait()  # the end of the connection ends this
        return ""

    def offer(self, certificate: Any) -> None:
        """The shadow holds a certificate for the board."""
        if isinstance(certificate, Mapping) and self._offered is not None and not self._offered.done():
            self._offered.set_result(certificate)

    def _keep(self, job: str, certificate: Mapping[str, Any], key: ec.EllipticCurvePrivateKey) -> None:
        memory = self._board.memory
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        newest = {
            "id": str(certificate.get("id")),
            "certificate": str(certificate.get("pem")),
            "private_key": pem,
            "flashed": fingerprint(self._board.booted.identity),
        }
        memory.identities = [newest, *memory.identities][:KEPT]
        memory.rotation = job
        memory.save(self._board.folder)

    def _result(self) -> str:
        memory = self._board.memory
        newest = memory.identities[0]
        if self._board.identity.certificate == newest["certificate"].encode():
            return newest["id"]
        del memory.identities[0]
        memory.rotation = ""
        memory.save(self._board.folder)
        raise FailedError("certificate", "the new certificate does not work")


def identities(flashed: Identity, kept: Sequence[Mapping[str, str]]) -> list[Identity]:
    """Those a board can connect with, the newest first. What it kept before it was flashed anew is void."""
    made = [
        replace(flashed, certificate=one["certificate"].encode(), private_key=one["private_key"].encode())
        for one in kept
        if one["flashed"] == fingerprint(flashed)
    ]
    return [*made, flashed][:KEPT]


def fingerprint(identity: Identity) -> str:
    """Tells one flashed identity from another."""
    return hashlib.sha256(identity.certificate).hexdigest()


def _request(key: ec.EllipticCurvePrivateKey, thing: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, thing[-64:])])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
