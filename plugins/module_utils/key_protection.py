# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules have in common that read or write device keys (doc fragment `key_protection`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fleet_module import Context
from .fleetlib import key_protection
from .fleetlib.device_store import Protection

ARGUMENT_SPEC: Mapping[str, Any] = {
    "key_protection": {
        "type": "str",
        "choices": [kind.value for kind in key_protection.Kind],
        "default": key_protection.Kind.NONE.value,
        "no_log": False,
    },
    "key_passphrase": {"type": "str", "no_log": True},
    "key_kms_key": {"type": "str", "default": "", "no_log": False},
}


def protection(context: Context, directory: Path) -> Protection | None:
    """How the keys in ``directory`` are encrypted."""
    params = context.params
    return key_protection.protection(
        key_protection.Kind(params["key_protection"]),
        directory,
        params["key_passphrase"] or "",
        params["key_kms_key"],
        lambda: context.client("kms"),
    )
