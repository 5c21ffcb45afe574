"""One board at one port, by esptool: look, write what differs, verify everything, start it.

esptool's logger is one for a whole process, so every port gets a process of its own (`flashing`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import FleetError, MissingDependencyError
from ..core.firmware.layout import Region
from . import quiet, secure_boot

try:
    from esptool import cmds
    from esptool.util import FatalError, flash_size_bytes

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

ROM_BAUD = 115_200
"""The rate at which the boot ROM is spoken to first."""
PAUSE_SECONDS = 0.5
"""Before another attempt: what is on the line dies away."""

Ask = Callable[[str], str | None]
"""Gets the board's MAC; answers why it must not be written, or None."""


class RefusedError(FleetError):
    """The board is not one for this release, or this device: trying again changes nothing."""


@dataclass(frozen=True)
class Expected:
    """What a board must be."""

    chip: str = "ESP32-C3"
    revision: tuple[int, int] = (0, 3)
    secure_boot: bool = False
    flash_encryption: bool = False
    flash_bytes: int = 4 << 20
    before_secure_boot: bool = False
    """Whether a release for secure boot may go to a board where it is still off: it is signed already."""


@dataclass(frozen=True)
class Job:
    """What a board is to hold."""

    port: str
    regions: Sequence[Region]
    expected: Expected
    bauds: Sequence[int] = (921_600, 460_800, ROM_BAUD)
    """One attempt with each."""
    look: bool = False
    """Only compare."""
    encryption_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """MAC → flash encryption key, of boards that encrypt their flash."""


@dataclass
class Outcome:
    """What came of it."""

    port: str
    mac: str = ""
    revision: str = ""
    different: list[str] = field(default_factory=list)
    """Regions that were not as wanted."""
    written_bytes: int = 0
    baud: int = 0
    attempts: int = 0
    seconds: float = 0.0
    error: str = ""
    refused: bool = False

    @property
    def good(self) -> bool:
        """Whether every byte is as wanted; in a look, whether the board could be read."""
        return not self.error


def flash(job: Job, ask: Ask, advance: quiet.Advance) -> Outcome:
    """Bring a board to what it is to hold. Errors are in the outcome; nothing is raised for a bad port."""
    if _MISSING is not None:
        raise MissingDependencyError("esptool", "flashing boards", "Run: make setup") from _MISSING
    outcome = Outcome(job.port)
    started = time.monotonic()
    for baud in job.bauds:
        outcome.attempts += 1
        outcome.baud, outcome.error = baud, ""
        try:
            _attempt(job, baud, ask, advance, outcome)
        except RefusedError as error:
            outcome.error, outcome.refused = str(error), True
        except (FatalError, OSError) as error:  # those of the serial library are OSErrors
            outcome.error = _explained(job.port, error)
            time.sleep(PAUSE_SECONDS)
        if outcome.good or outcome.refused:
            break
    outcome.seconds = round(time.monotonic() - started, 3)
    return outcome


def _attempt(job: Job, baud: int, ask: Ask, advance: quiet.Advance, outcome: Outcome) -> None:
    meter = _Meter(advance)
    with quiet.quiet(meter):
        esp = cmds.detect_chip(job.port, ROM_BAUD)
        try:
            _require(esp, job.expected, outcome)
            outcome.mac = _mac(esp)
            refusal = ask(outcome.mac)
            if refusal:
                raise RefusedError(refusal)
            _attach(esp, job.expected)
            # The ROM can compare: where nothing is to be written, nothing is loaded into the chip.
            regions = _sealed(job, outcome.mac)
            different = [one for one in regions if _md5(esp, one) != one.md5]
            outcome.different += [one.name for one in different if one.name not in outcome.different]
            if different and not job.look:
                esp = _speed_up(esp, baud, job.expected)
                meter.expect([len(one.data) for one in different])
                # esptool takes what is not plain for plain: it is sealed here, with the chip's own key.
                data = [(one.offset, one.data) for one in different]
                cmds.write_flash(esp, data, force=job.expected.flash_encryption)
                outcome.written_bytes += sum(len(one.data) for one in different)
                _verify(esp, regions, outcome.mac)
            cmds.reset_chip(esp, "watchdog-reset" if job.port.startswith("socket:") else "hard-reset")
        finally:
            esp._port.close()


def _require(esp: Any, expected: Expected, outcome: Outcome) -> None:
    if expected.chip != esp.CHIP_NAME:
        raise RefusedError(f"The chip is an {esp.CHIP_NAME}; the release is for the {expected.chip}.")
    if esp.secure_download_mode:
        raise RefusedError(
            "The chip is in secure download mode: what is on it can be neither compared nor verified."
        )
    revision = (int(esp.get_major_chip_version()), int(esp.get_minor_chip_version()))
    outcome.revision = f"{revision[0]}.{revision[1]}"
    if revision < expected.revision:
        wanted = f"{expected.revision[0]}.{expected.revision[1]}"
        raise RefusedError(f"The chip has revision {outcome.revision}; the release needs {wanted} or later.")
    states = {
        "Secure boot": (bool(esp.get_secure_boot_enabled()), expected.secure_boot),
        "Flash encryption": (bool(esp.get_flash_encryption_enabled()), expected.flash_encryption),
    }
    if expected.before_secure_boot and expected.secure_boot:
        del states["Secure boot"]
    for what, (found, wanted_state) in states.items():
        if found != wanted_state:
            raise RefusedError(
                f"{what} is {_on(found)} in this chip; the release is for boards where it is "
                f"{_on(wanted_state)}."
            )


def _sealed(job: Job, mac: str) -> Sequence[Region]:
    """The regions as the chip has them in flash: where it encrypts, with its own key."""
    if not job.expected.flash_encryption:
        return job.regions
    key = job.encryption_keys.get(mac)
    if key is None:
        raise RefusedError(
            f"The board {mac} encrypts its flash, and this host does not have its key: flash it where it was "
            "hardened."
        )
    return [
        replace(one, data=secure_boot.encrypt(one.data, one.offset, key)) if one.sealed else one
        for one in job.regions
    ]


def _attach(esp: Any, expected: Expected) -> None:
    cmds.attach_flash(esp)
    size = flash_size_bytes(cmds.detect_flash_size(esp)) or 0
    if size < expected.flash_bytes:
        raise RefusedError(
            f"The board has {size >> 20} MiB of flash; the release needs {expected.flash_bytes >> 20}."
        )
    esp.flash_set_parameters(size)


def _speed_up(esp: Any, baud: int, expected: Expected) -> Any:
    """Load esptool's stub where the chip takes it: it writes faster than the ROM. Raise the line's rate."""
    esp = cmds.run_stub(esp)
    # A line that breaks is a new attempt, with a new look at who is there: esptool's own would not look.
    esp.WRITE_FLASH_ATTEMPTS = 1
    if baud != ROM_BAUD:
        esp.change_baud(baud)
    _attach(esp, expected)
    return esp


def _verify(esp: Any, regions: Sequence[Region], mac: str) -> None:
    """Every region, also those that were right before; and that it is still the same board."""
    wrong = [one.name for one in regions if _md5(esp, one) != one.md5]
    if wrong:
        raise FatalError(f"After writing, {', '.join(wrong)} is not what was written.")
    if _mac(esp) != mac:
        raise FatalError(f"The board was changed for another one ({_mac(esp)}) while {mac} was written.")


def _md5(esp: Any, region: Region) -> str:
    return str(esp.flash_md5sum(region.offset, len(region.data)))


def _mac(esp: Any) -> str:
    return ":".join(f"{byte:02x}" for byte in esp.read_mac("BASE_MAC"))


def _on(state: bool) -> str:
    return "on" if state else "off"


_CAUSES = (
    (
        r"exclusively lock|Resource temporarily unavailable|Device or resource busy|Access is denied",
        "another program uses the port: close it",
    ),
    (r"No such file or directory|FileNotFoundError", "there is no such port: is the board plugged in?"),
    (r"Permission denied", "this user may not open it: add the user to the group dialout"),
    (
        r"Connection refused|Connection reset|socket disconnected|Broken pipe|Could not open port socket",
        "the server behind the port does not answer, or serves somebody else",
    ),
    (
        r"Failed to connect|No serial data|Wrong boot mode",
        "no board answers: hold BOOT while plugging it in, and check the cable",
    ),
    (
        r"device reports readiness to read but returned no data|Input/output error|device disconnected",
        "the board went away: check the cable and its power",
    ),
)


def _explained(port: str, error: Exception) -> str:
    """What esptool or the serial library said, in one line, and what to do about it."""
    text = " ".join(str(error).split())
    text = re.sub(r" ?For troubleshooting steps visit: \S+", "", text).rstrip(".")
    cause = next((what for pattern, what in _CAUSES if re.search(pattern, text, re.IGNORECASE)), "")
    return f"{port}: {text}" + (f" ({cause})." if cause else ".")


class _Meter:
    """Adds up the progress of several regions: esptool counts each from nothing."""

    def __init__(self, advance: quiet.Advance) -> None:
        self._advance = advance
        self._sizes: list[int] = []
        self._index = 0
        self._ended = False

    def expect(self, sizes: list[int]) -> None:
        self._sizes = sizes

    def __call__(self, done: int, total: int) -> None:
        if self._ended and self._index + 1 < len(self._sizes):
            self._index += 1
        self._ended = done >= total
        share = self._sizes[self._index] * done // max(total, 1) if self._sizes else 0
        self._advance(sum(self._sizes[: self._index]) + share, sum(self._sizes))
