"""What is burnt into a chip to lock it, in which order, and what must never be burnt. Pure.

The order is Espressif's ("Security Features Enablement Workflows" of the ESP-IDF guide for the ESP32-C3):
flash encryption first, because its key must become unreadable, and secure boot forbids that for good (it
write-protects ``RD_DIS`` so that its digests stay readable). An eFuse is burnt once: nothing is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..errors import FleetError, InvalidInputError

FLASH_ENCRYPTION: Final = "flash_encryption"
SECURE_BOOT: Final = "secure_boot"
STEPS: Final = (FLASH_ENCRYPTION, SECURE_BOOT)
"""In their order."""

KEY_BLOCKS: Final = ("BLOCK_KEY0", "BLOCK_KEY1", "BLOCK_KEY2", "BLOCK_KEY3", "BLOCK_KEY4")
"""For keys of ours. BLOCK_KEY5 takes no flash encryption key on several chips, so it is left alone."""
ENCRYPTION_KEY: Final = "XTS_AES_128_KEY"
DIGESTS: Final = ("SECURE_BOOT_DIGEST0", "SECURE_BOOT_DIGEST1", "SECURE_BOOT_DIGEST2")
UNUSED: Final = "USER"

COUNT: Final = "SPI_BOOT_CRYPT_CNT"
COUNT_RELEASE: Final = 7
"""Flash encryption that cannot be switched off again."""
_ENCRYPTION_FUSES: Final = (
    "DIS_DOWNLOAD_ICACHE",
    "DIS_DOWNLOAD_MANUAL_ENCRYPT",
    "DIS_DIRECT_BOOT",
    "DIS_USB_JTAG",
    "DIS_PAD_JTAG",
)
_BOOT_FUSES: Final = ("DIS_DIRECT_BOOT", "DIS_USB_JTAG", "DIS_PAD_JTAG")
FUSES: Final = (
    COUNT,
    "SECURE_BOOT_EN",
    "ENABLE_SECURITY_DOWNLOAD",
    *_ENCRYPTION_FUSES,
    *(f"SECURE_BOOT_KEY_REVOKE{number}" for number in range(len(DIGESTS))),
)
"""All that are looked at."""
PROTECTED: Final = ("DIS_ICACHE", "RD_DIS", *FUSES)
"""Whose write protection is looked at."""
MINIMUM_REVISION: Final = (0, 3)
"""Of the ESP32-C3 with secure boot v2 (ECO3)."""


class HardeningError(FleetError):
    """The chip must not be burnt so; nothing was."""


@dataclass(frozen=True)
class State:
    """What is burnt into a chip."""

    revision: tuple[int, int]
    fuses: Mapping[str, int]
    """Value of each of `FUSES`."""
    writable: Mapping[str, bool]
    """Of each of `PROTECTED`, whether it can be burnt still."""
    purposes: Mapping[str, str]
    """Of each of `KEY_BLOCKS`."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """What digest blocks hold, in hexadecimal; other blocks cannot be read, or are no concern of ours."""

    def block_of(self, purpose: str) -> str | None:
        """The block with that purpose."""
        return next((block for block, found in self.purposes.items() if found == purpose), None)

    @property
    def profile(self) -> tuple[str, ...]:
        """The steps that are done, in their order."""
        done = {FLASH_ENCRYPTION: self.encrypted, SECURE_BOOT: bool(self.fuses["SECURE_BOOT_EN"])}
        return tuple(step for step in STEPS if done[step])

    @property
    def encrypted(self) -> bool:
        """Whether the chip decrypts its flash: an odd number of bits of the counter."""
        return self.fuses[COUNT].bit_count() % 2 == 1


@dataclass(frozen=True)
class Wanted:
    """How a chip is to be."""

    steps: Sequence[str]
    digests: Sequence[str] = ()
    """Of the public keys whose signatures start, in hexadecimal, one to three."""
    key_at_hand: bool = False
    """Whether this host has the key that is, or will be, the chip's flash encryption key."""


@dataclass(frozen=True)
class Burn:
    """One irreversible step."""

    kind: str
    """``key``, ``fuse`` or ``protect``."""
    name: str
    """The block, or the eFuse."""
    value: str
    """Purpose of a key, value of an eFuse; empty for a protection."""
    why: str

    def __str__(self) -> str:
        """For people."""
        what = {"key": f"{self.name} = {self.value}", "fuse": f"{self.name} = {self.value}"}
        return f"{what.get(self.kind, f'write-protect {self.name}')}: {self.why}"


def check_steps(steps: Sequence[str]) -> tuple[str, ...]:
    """The steps in their order; refuses unknown ones and none at all."""
    unknown = [one for one in steps if one not in STEPS]
    if unknown or not steps:
        raise InvalidInputError(
            f"harden is {', '.join(steps) or 'empty'}; it takes one or more of {', '.join(STEPS)}.",
            "Give -e harden=secure_boot.",
        )
    return tuple(one for one in STEPS if one in steps)


def plan(state: State, wanted: Wanted) -> list[Burn]:
    """What is still to be burnt, in order; empty when the chip is as wanted.

    Raises `HardeningError` where it must not be.
    """
    steps = check_steps(wanted.steps)
    _require_burnable(state, steps)
    encryption = _encryption(state, wanted) if FLASH_ENCRYPTION in steps else []
    taken = [one.name for one in encryption if one.kind == "key"]
    boot = _secure_boot(state, wanted, taken) if SECURE_BOOT in steps else []
    fuses = _missing(state, dict.fromkeys(_wanted_fuses(steps), 1), "closes a way around it")
    protection = [one for one in encryption if one.kind == "protect"]
    return [*(one for one in encryption if one not in protection), *fuses, *protection, *boot]


def _require_burnable(state: State, steps: Sequence[str]) -> None:
    if state.fuses["ENABLE_SECURITY_DOWNLOAD"]:
        raise HardeningError(
            "The chip is in secure download mode: nothing can be read or burnt any more.",
            "Leave this board as it is.",
        )
    if SECURE_BOOT in steps and state.revision < MINIMUM_REVISION:
        raise HardeningError(
            f"The chip has revision {state.revision[0]}.{state.revision[1]}; secure boot v2 needs "
            f"{MINIMUM_REVISION[0]}.{MINIMUM_REVISION[1]} or later.",
            "Use a newer board.",
        )


def _wanted_fuses(steps: Sequence[str]) -> list[str]:
    wanted = [*(_ENCRYPTION_FUSES if FLASH_ENCRYPTION in steps else ())]
    wanted += [one for one in _BOOT_FUSES if SECURE_BOOT in steps and one not in wanted]
    return wanted


def _encryption(state: State, wanted: Wanted) -> list[Burn]:
    count, block = state.fuses[COUNT], state.block_of(ENCRYPTION_KEY)
    if count and not state.encrypted:
        raise HardeningError(
            f"{COUNT} is {count}: flash encryption was switched on and off again in this chip.",
            "Use another board; this one stays without flash encryption.",
        )
    if block is None and count:
        raise HardeningError(
            f"{COUNT} is {count}, but no block holds a flash encryption key.", "Use another board."
        )
    if block is None and not state.writable["RD_DIS"]:
        raise HardeningError(
            "RD_DIS is write-protected, as secure boot does: a flash encryption key could be read by "
            "anybody. Flash encryption comes before secure boot, or not at all.",
            "Use another board, and give both steps at once.",
        )
    if count != COUNT_RELEASE and block is not None and not wanted.key_at_hand:
        raise HardeningError(
            f"{block} holds a flash encryption key that this host does not have: what it would write, "
            "the chip could not read.",
            "Harden it at the host where it was begun, or use another board.",
        )
    burns = []
    if block is None:
        burns.append(
            Burn("key", _free(state, []), ENCRYPTION_KEY, "encrypts the flash; nobody can read it back")
        )
    burns += _missing(state, {COUNT: COUNT_RELEASE}, "the chip decrypts its flash, for good")
    if state.writable["DIS_ICACHE"]:
        burns.append(Burn("protect", "DIS_ICACHE", "", "and with it the other switches of flash encryption"))
    return burns


def _secure_boot(state: State, wanted: Wanted, taken: Sequence[str]) -> list[Burn]:
    if not 1 <= len(wanted.digests) <= len(DIGESTS):
        raise InvalidInputError(
            f"Secure boot takes one to {len(DIGESTS)} keys, not {len(wanted.digests)}.",
            "Name them with secure_boot_keys.",
        )
    burns: list[Burn] = []
    for number, purpose in enumerate(DIGESTS):
        revoke = f"SECURE_BOOT_KEY_REVOKE{number}"
        digest = wanted.digests[number] if number < len(wanted.digests) else None
        burns += _slot(state, purpose, digest, revoke, [*taken, *(one.name for one in burns)])
    revocations = [one for one in burns if one.kind == "fuse"]
    keys = [one for one in burns if one.kind == "key"]
    protect = (
        [Burn("protect", "RD_DIS", "", "the digests stay readable, or the chip would not start")]
        if state.writable["RD_DIS"]
        else []
    )
    enable = _missing(state, {"SECURE_BOOT_EN": 1}, "the chip starts nothing that is not signed")
    return [*keys, *enable, *protect, *revocations]


def _slot(state: State, purpose: str, digest: str | None, revoke: str, taken: Sequence[str]) -> list[Burn]:
    """One of the three places for a digest: as wanted, or revoked so that nobody else fills it."""
    block = state.block_of(purpose)
    if digest is None:
        if block is not None and not state.fuses[revoke]:
            raise HardeningError(
                f"{block} holds a {purpose} that was not asked for.",
                "Name its key, too, or use another board.",
            )
        return _missing(state, {revoke: 1}, "a place for a key that nobody shall fill")
    if state.fuses[revoke]:
        raise HardeningError(f"The place of {purpose} is revoked in this chip.", "Use another board.")
    if block is None:
        return [Burn("key", _free(state, taken), purpose, f"images signed by the key {digest[:16]}… start")]
    if state.digests.get(block) != digest:
        raise HardeningError(
            f"{block} holds the {purpose} of another key ({state.digests.get(block, 'none')[:16]}…), not "
            f"of {digest[:16]}….",
            "Name the keys in the order in which they were burnt, or use another board.",
        )
    return []


def _missing(state: State, wanted: Mapping[str, int], why: str) -> list[Burn]:
    burns = []
    for name, value in wanted.items():
        if state.fuses[name] == value:
            continue
        if not state.writable[name]:
            raise HardeningError(
                f"{name} is {state.fuses[name]} and write-protected; it would have to be {value}.",
                "Use another board.",
            )
        burns.append(Burn("fuse", name, str(value), why))
    return burns


def _free(state: State, taken: Sequence[str]) -> str:
    for block in KEY_BLOCKS:
        if state.purposes[block] == UNUSED and block not in taken:
            return block
    raise HardeningError("No key block of the chip is free.", "Use another board.")
