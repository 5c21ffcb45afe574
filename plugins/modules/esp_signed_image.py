#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: esp_signed_image
short_description: Sign an image for secure boot v2
version_added: 0.1.0
description:
  - Fills an image up to whole sectors and appends a signature (RSA-3072, PSS) that the chip itself checks,
    with Espressif's espsecure.
  - The key is made, with mode 0600, where it is not there. Whoever loses it can never change the firmware of
    the boards that were hardened with it.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Says whether anything would be signed; no key is made.
    support: full
  idempotent:
    description: An image that is signed by this key already stays as it is. No two signatures are the same.
    support: full
options:
  src:
    description: The image.
    type: path
    required: true
  dest:
    description: Where the signed one is written.
    type: path
    required: true
  key:
    description: Private key (PEM).
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Sign the bootloader
  steel.fleet.esp_signed_image:
    src: build/bootloader.bin
    dest: build/bootloader.signed.bin
    key: /var/lib/fleet/production/hardening/secure_boot.pem
"""

RETURN = r"""
digest:
  description: What a chip keeps of the key, in hexadecimal. Empty in check mode without a key.
  type: str
  returned: success
  sample: 6ac3b4b4f3a5f2c1a9d0e6d0c1a8f1b3b1c52f0c6f6c7f8b8f6a1d8e3f2c1b0a
"""

import os
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.esp import secure_boot


def is_done(image: bytes, dest: Path, key: Path) -> bool:
    """Whether the signed image is there: of these bytes, by this key."""
    if not (key.exists() and dest.exists()):
        return False
    signed = dest.read_bytes()
    return signed.startswith(image) and secure_boot.is_signed(signed, key.read_bytes(), str(key))


def work(context: Context) -> dict[str, Any]:
    params = context.params
    dest, key = Path(params["dest"]), Path(params["key"])
    try:
        image = Path(params["src"]).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"src: {params['src']} cannot be read: {error.strerror}.") from error
    changed = not is_done(image, dest, key)
    if changed and not context.check_mode:
        secure_boot.make_key(key)
        draft = dest.with_name(f".{dest.name}.new")
        draft.write_bytes(secure_boot.sign(image, key))
        os.replace(draft, dest)
    digest = secure_boot.digest(key.read_bytes(), str(key)).hex() if key.exists() else ""
    return {"changed": changed, "digest": digest}


def main() -> None:
    run_module(
        work,
        argument_spec={
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
        },
    )


if __name__ == "__main__":
    main()
