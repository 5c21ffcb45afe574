"""What is burnt into a virtual board's chip: its own facts, and what espefuse burns over the serial line.

The eFuse controller is espefuse's own virtual chip, on a file: it has the rules (a bit is never cleared, a
protected block is neither written nor read, blocks are coded against errors).
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from espefuse.efuse.esp32c3.emulate_efuse_controller import EmulateEfuseController
from esptool.targets.esp32c3 import ESP32C3ROM as CHIP

SECURE_BOOT_FLAG, SECURE_DOWNLOAD_FLAG = 1 << 0, 1 << 2
"""In the answer to GET_SECURITY_INFO."""
_SECURE_DOWNLOAD_WORD, _SECURE_DOWNLOAD_BIT = 4, 1 << 5
"""Where ENABLE_SECURITY_DOWNLOAD is in block 0."""
_CRYPT_COUNT_SHIFT = 18


@dataclass
class Efuses:
    """What a board is made with; ``board.json`` holds it."""

    mac: str
    chip_id: int = CHIP.IMAGE_CHIP_ID
    revision: str = "0.4"
    secure_boot: bool = False
    flash_encryption: bool = False

    @classmethod
    def read(cls, path: Path) -> Efuses:
        """Those of a ``board.json``; keys of others are left alone."""
        data = json.loads(path.read_text())
        return cls(data["mac"], revision=data["chip_revision"].removeprefix("v"), **data.get("efuses", {}))

    def write(self, path: Path) -> None:
        """Keep them."""
        others = json.loads(path.read_text()) if path.exists() else {}
        burnt = asdict(self)
        mine = {"mac": burnt.pop("mac"), "chip_revision": f"v{burnt.pop('revision')}", "efuses": burnt}
        path.write_text(json.dumps({**others, **mine}, indent=2) + "\n")

    def registers(self) -> dict[int, int]:
        """The eFuses as their registers show them."""
        mac = bytes.fromhex(self.mac.replace(":", ""))
        major, minor = (int(part) for part in self.revision.split("."))
        return {
            CHIP.MAC_EFUSE_REG: int.from_bytes(mac[2:], "big"),
            CHIP.MAC_EFUSE_REG + 4: int.from_bytes(mac[:2], "big"),
            CHIP.EFUSE_BLOCK1_ADDR + 12: (minor & 7) << 18,
            CHIP.EFUSE_BLOCK1_ADDR + 20: (minor >> 3) << 23 | major << 24,
            CHIP.EFUSE_SECURE_BOOT_EN_REG: CHIP.EFUSE_SECURE_BOOT_EN_MASK if self.secure_boot else 0,
            CHIP.EFUSE_SPI_BOOT_CRYPT_CNT_REG: self.flash_encryption << _CRYPT_COUNT_SHIFT,
        }


class Controller:
    """The eFuse controller of a board."""

    def __init__(self, path: Path, made_with: Efuses) -> None:
        """``path`` holds what was burnt; a chip without such a file is as it was made."""
        self._chip_id = made_with.chip_id
        self._chip = EmulateEfuseController(str(path))
        first, size = self._chip.REGS.DR_REG_EFUSE_BASE, self._chip.REGS.EFUSE_MEM_SIZE
        self._registers = range(first, first + size)
        for address, value in made_with.registers().items():
            self._chip.update_reg(address, 0xFFFFFFFF, value)
        self._chip.save_to_file()

    def has(self, address: int) -> bool:
        """Whether a register is of the controller."""
        return address in self._registers

    def read(self, address: int) -> int:
        """A register."""
        return int(self._chip.read_reg(address))

    def write(self, address: int, value: int, mask: int) -> None:
        """Write a register; writing the command register burns."""
        self._chip.write_reg(address, value, mask)

    def security_info(self) -> bytes:
        """The answer to GET_SECURITY_INFO."""
        boot = self.read(CHIP.EFUSE_SECURE_BOOT_EN_REG) & CHIP.EFUSE_SECURE_BOOT_EN_MASK
        locked = self._chip.read_efuse(_SECURE_DOWNLOAD_WORD) & _SECURE_DOWNLOAD_BIT
        flags = (SECURE_BOOT_FLAG if boot else 0) | (SECURE_DOWNLOAD_FLAG if locked else 0)
        count = self.read(CHIP.EFUSE_SPI_BOOT_CRYPT_CNT_REG) >> _CRYPT_COUNT_SHIFT & 7
        return struct.pack("<IB7BII", flags, count, *[0] * 7, self._chip_id, 3)
