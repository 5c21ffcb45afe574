"""Where a board connects: where it was flashed to, where a job sent it, where it goes when that is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .flash import DamagedError
from .identity import Identity
from .link import LinkError
from .memory import Memory
from .programs import FailedError
from .rotation import fingerprint, identities

if TYPE_CHECKING:
    from .board import Board


def candidates(flashed: Identity, memory: Memory) -> list[Identity]:
    """All ways in which a board may connect, the first one first.

    Certificates, the newest first, at the endpoint that a job has sent it to; then at the one it was flashed
    with, and at its standby. What it was told before it was flashed anew is void.
    """
    told = [one for one in (memory.endpoint, memory.standby) if one.get("flashed") == fingerprint(flashed)]
    moved = [at(flashed, one) for one in told]
    places = [*moved[: 1 if memory.endpoint in told else 0], flashed, *moved]
    certificates = identities(flashed, memory.identities)
    return [_with(place, one) for place in _distinct(places) for one in certificates]


def at(identity: Identity, told: Mapping[str, Any]) -> Identity:
    """The same identity at another endpoint; ``told`` is the request of a job, or what was kept of it."""
    host, port = told.get("endpoint"), told.get("mqtt_port", identity.port)
    if not isinstance(host, str) or not host or not isinstance(port, int) or not 1 <= port <= 0xFFFF:
        raise ValueError(f"{host!r}:{port!r} is no endpoint")
    root_ca = str(told.get("root_ca") or "").encode() or identity.root_ca
    region = str(told.get("region") or identity.region)
    return replace(identity, endpoint=host, port=port, region=region, root_ca=root_ca)


async def switch(board: Board, request: Mapping[str, Any]) -> bool:
    """Carry out ``endpoint.switch``; whether the board has to connect anew for it.

    With ``standby`` the endpoint is only kept for when the board's own does not answer. Otherwise the board
    tries it beside its connection first: an endpoint that refuses it changes nothing.
    """
    wanted = at(board.identity, request)
    kept = {
        **{name: request[name] for name in ("endpoint", "mqtt_port", "region", "root_ca") if name in request},
        "flashed": fingerprint(board.booted.identity),
    }
    if request.get("standby"):
        board.memory.standby = kept
    elif _place(wanted) == _place(board.identity):
        return False
    else:
        await _try(board, wanted)
        board.memory.endpoint = kept
    board.memory.save(board.folder)
    board.reconsider()
    return not request.get("standby")


async def _try(board: Board, wanted: Identity) -> None:
    """Connect and leave again; `FailedError` where that does not work."""
    try:
        link = await board.link(wanted, lambda topic, payload: None)
    except (DamagedError, LinkError) as error:
        raise FailedError("endpoint", f"{wanted.endpoint}:{wanted.port}: {error}") from error
    link.close()


def _with(place: Identity, identity: Identity) -> Identity:
    return replace(place, certificate=identity.certificate, private_key=identity.private_key)


def _place(identity: Identity) -> tuple[str, int]:
    return identity.endpoint, identity.port


def _distinct(places: Sequence[Identity]) -> list[Identity]:
    found: dict[tuple[str, int], Identity] = {}
    for one in places:
        found.setdefault(_place(one), one)
    return list(found.values())
