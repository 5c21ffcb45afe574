"""Harden boards at ports: look, plan, rehearse on a virtual chip, then burn exactly what was rehearsed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import hardening_keys
from .core.errors import FleetError, InvalidInputError
from .core.firmware import hardening
from .core.firmware.hardening import Burn, HardeningError, State, Wanted
from .esp import efuses, flasher, secure_boot
from .esp.efuses import Chip
from .firmware_release import Release


@dataclass(frozen=True)
class Target:
    """A device and the port that its board is at."""

    port: str
    device_id: str
    mac: str
    """Of the board, as the registry has it."""


@dataclass(frozen=True)
class KeyRing:
    """The keys of this host."""

    folder: Path
    """Of flash encryption keys (`hardening_keys`)."""
    signing: Sequence[Path]
    """Whose signatures the chip shall start; private or public, one to three."""

    def digests(self) -> list[str]:
        """What the chip keeps of the signing keys, in hexadecimal."""
        return [secure_boot.digest(_read(path), str(path)).hex() for path in self.signing]


@dataclass(frozen=True)
class Prepared:
    """A board that was looked at, and what is to be burnt into it."""

    target: Target
    chip: Chip
    burns: Sequence[Burn]
    rehearsed: State = field(repr=False)


@dataclass(frozen=True)
class Hardener:
    """One step for boards, one after the other."""

    step: str
    keys: KeyRing
    release: Release
    """What the boards hold when secure boot is switched on: signed, and verified."""

    def prepare(self, target: Target) -> Prepared:
        """Look at a board, and rehearse what it lacks; nothing is changed. `FleetError` where it must not."""
        chip = efuses.look(target.port)
        if chip.mac != target.mac:
            raise HardeningError(
                f"{target.port}: the board is {chip.mac}; {target.device_id} "
                f"is {target.mac or 'not flashed'}.",
                "Flash it first (playbooks/flash.yml), or name the port of the right board.",
            )
        digests = self.keys.digests() if self.step == hardening.SECURE_BOOT else []
        at_hand = hardening_keys.find(self.keys.folder, chip.mac) is not None
        burns = hardening.plan(chip.state, Wanted([self.step], digests, at_hand))
        if burns:
            self._require_release(target, chip.state)
        # The value of an encryption key plays no part in a rehearsal: the virtual chip gets one of its own.
        stand_in = secrets.token_bytes(hardening_keys.KEY_BYTES)
        return Prepared(target, chip, burns, efuses.rehearse(chip, burns, self._secrets(stand_in)))

    def burn(self, prepared: Prepared, done: Callable[[Burn], None]) -> State:
        """Burn what was rehearsed; the board must be then as the rehearsal ended."""
        mac, folder = prepared.chip.mac, self.keys.folder
        key = hardening_keys.find(folder, mac)
        if key is None and any(one.value == hardening.ENCRYPTION_KEY for one in prepared.burns):
            key = hardening_keys.make(folder, mac)
        burnt = self._secrets(key or b"")
        state = efuses.burn(prepared.target.port, mac, prepared.burns, burnt, done)
        if state != prepared.rehearsed:
            raise HardeningError(
                f"{prepared.target.port}: after burning, the chip is not as the rehearsal ended.",
                "Look with --check what it lacks, and keep it off the line until that is understood.",
            )
        return state

    def _secrets(self, encryption_key: bytes) -> Mapping[str, bytes]:
        found = {hardening.ENCRYPTION_KEY: encryption_key}
        if self.step == hardening.SECURE_BOOT:
            found |= {
                purpose: bytes.fromhex(digest)
                for purpose, digest in zip(hardening.DIGESTS, self.keys.digests(), strict=False)
            }
        return found

    def _require_release(self, target: Target, state: State) -> None:
        """The release is for boards as this one will be; for secure boot it is signed, and on the board."""
        security = self.release.manifest.security
        after = {*state.profile, self.step}
        for step in hardening.STEPS:
            if getattr(security, step) != (step in after):
                raise InvalidInputError(
                    f"Release {self.release.manifest.version} is for boards with {step} "
                    f"{'on' if getattr(security, step) else 'off'}; {target.device_id} would have it "
                    f"{'on' if step in after else 'off'}.",
                    "Name the release that the board is to have afterwards (module esp_release).",
                )
        if self.step == hardening.SECURE_BOOT:
            self._require_signed()
            self._require_on_board(target, state)

    def _require_signed(self) -> None:
        keys = [(_read(path), str(path)) for path in self.keys.signing]
        for name, content in self.release.contents.items():
            if not any(secure_boot.is_signed(content, key, where) for key, where in keys):
                raise HardeningError(
                    f"Image {name} of release {self.release.manifest.version} is not signed by "
                    f"{', '.join(where for _, where in keys)}: the chip would never start it again.",
                    "Sign the images (module esp_signed_image), and make a release of them.",
                )

    def _require_on_board(self, target: Target, state: State) -> None:
        regions = self.release.shared_regions()
        expected = flasher.Expected(
            revision=self.release.manifest.revision,
            secure_boot=hardening.SECURE_BOOT in state.profile,
            flash_encryption=state.encrypted,
            flash_bytes=self.release.manifest.flash.size_bytes,
        )
        keys = hardening_keys.read(self.keys.folder)
        job = flasher.Job(target.port, regions, expected, look=True, encryption_keys=keys)
        outcome = flasher.flash(job, lambda mac: None, lambda now, total: None)
        if not outcome.good:
            raise FleetError(outcome.error)
        if outcome.different:
            raise HardeningError(
                f"{target.port}: {', '.join(outcome.different)} of release {self.release.manifest.version} "
                "is not on the board; what is there may not be signed, and would never start again.",
                "Flash the release first: playbooks/flash.yml -e flashing_before_secure_boot=true.",
            )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"secure_boot_keys: {path} cannot be read: {error.strerror}.",
            "Make it with module esp_signed_image, or name the keys that sign.",
        ) from error
