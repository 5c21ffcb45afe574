"""What the parts of a backup ask of the world."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """A place for snapshots."""

    name: str
    """For people."""

    def keys(self, prefix: str) -> list[str]:
        """Every key that begins so."""

    def get(self, key: str) -> bytes | None:
        """The bytes; nothing where there are none."""

    def put(self, key: str, data: bytes) -> None:
        """Keep the bytes: whole, or not at all."""

    def delete(self, key: str) -> None:
        """Forget the bytes; nothing happens where there are none."""


class Signer(Protocol):
    """Who vouches for a snapshot."""

    key_id: str

    def sign(self, data: bytes) -> bytes:
        """A signature, DER."""
