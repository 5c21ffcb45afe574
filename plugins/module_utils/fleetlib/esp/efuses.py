"""The eFuses of a chip, by espefuse: look, rehearse on a virtual chip, burn.

A rehearsal begins with a copy of everything that is burnt into the board, so it fails where the board would.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import FleetError, MissingDependencyError
from ..core.firmware.hardening import FUSES, KEY_BLOCKS, PROTECTED, Burn, State
from . import quiet

try:
    from espefuse import init_commands
    from espefuse.efuse.token import EfsToken
    from esptool import cmds
    from esptool.util import FatalError

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

CHIP = "esp32c3"
ROM_BAUD = 115_200
_DIGEST = "SECURE_BOOT_DIGEST"


class EfuseError(FleetError):
    """espefuse refused, or the board does not answer."""


@dataclass(frozen=True)
class Chip:
    """What was read from a board."""

    mac: str
    state: State
    copy: str = field(repr=False)
    """All that is burnt and can be read, as espefuse's token: what a rehearsal begins with."""


Secrets = Mapping[str, bytes]
"""Key purpose → the 32 bytes to burn, in espefuse's order."""


def look(port: str) -> Chip:
    """Read a board; nothing is changed."""
    with _board(port) as (esp, commands):
        mac = ":".join(f"{byte:02x}" for byte in esp.read_mac("BASE_MAC"))
        return Chip(mac, _state(commands), _copy(commands))


def rehearse(chip: Chip, burns: Sequence[Burn], secrets: Secrets) -> State:
    """Burn a virtual chip that is as the board is; what it holds then."""
    _require()
    with quiet.quiet():
        try:
            commands = init_commands(chip=CHIP, virt=True, token=chip.copy, do_not_confirm=True)
            for burn in burns:
                _burn(commands, burn, secrets)
            return _state(commands)
        except FatalError as error:
            raise EfuseError(f"The rehearsal failed: {error}", "Nothing was burnt.") from error


def burn(port: str, mac: str, burns: Sequence[Burn], secrets: Secrets, done: Callable[[Burn], None]) -> State:
    """Burn a board, one step after the other; ``done`` hears of each. What it holds then.

    Nothing is burnt into another board than ``mac``: boards are changed while people read plans.
    """
    with _board(port) as (esp, commands):
        found = ":".join(f"{byte:02x}" for byte in esp.read_mac("BASE_MAC"))
        if found != mac:
            raise EfuseError(f"{port}: the board is {found} now, not {mac}.", "Nothing was burnt into it.")
        for one in burns:
            _burn(commands, one, secrets)
            done(one)
        return _state(commands)


@contextmanager
def _board(port: str) -> Iterator[tuple[Any, Any]]:
    _require()
    with quiet.quiet():
        try:
            esp = cmds.detect_chip(port, ROM_BAUD)
            try:
                yield esp, init_commands(esp=esp, do_not_confirm=True)
            finally:
                esp._port.close()
        except (FatalError, OSError) as error:
            raise EfuseError(f"{port}: {' '.join(str(error).split())}") from error


def _burn(commands: Any, one: Burn, secrets: Secrets) -> None:
    if one.kind == "key":
        commands.burn_key([one.name], [io.BytesIO(secrets[one.value])], [one.value])
    elif one.kind == "fuse":
        commands.burn_efuse({one.name: one.value})
    else:
        commands.write_protect_efuse([one.name])


def _state(commands: Any) -> State:
    efuses = commands.efuses
    blocks = {one.name: one for one in efuses.blocks}
    purposes = {name: str(efuses[f"KEY_PURPOSE_{name[-1]}"].get()) for name in KEY_BLOCKS}
    revision = int(commands.esp.get_chip_revision())
    return State(
        revision=(revision // 100, revision % 100),
        fuses={name: int(efuses[name].get_raw()) for name in FUSES},
        writable={name: bool(efuses[name].is_writeable()) for name in PROTECTED},
        purposes=purposes,
        digests={
            name: bytes(blocks[name].get_bitstring().bytes)[::-1].hex()
            for name, purpose in purposes.items()
            if purpose.startswith(_DIGEST) and blocks[name].is_readable()
        },
    )


def _copy(commands: Any) -> str:
    revision = int(commands.esp.get_chip_revision())
    return str(EfsToken.build(CHIP, revision, commands.efuses.blocks))


def _require() -> None:
    if _MISSING is not None:
        raise MissingDependencyError("esptool", "burning eFuses", "Run: make setup") from _MISSING
