# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose signature on firmware counts: what modules that verify a release have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .fleet_module import Context
from .fleetlib.aws import signing
from .fleetlib.core.errors import InvalidInputError
from .fleetlib.crypto import signatures

TRUST_SPEC: Mapping[str, Any] = {
    "public_key_file": {"type": "path"},
    "kms_key": {"type": "str", "no_log": False},
}


def public_pem(context: Context) -> str:
    """The public key that releases are verified with: a file of this host, or a key in KMS."""
    params = context.params
    if params["kms_key"] and context.client is not None:
        return signatures.pem_of(signing.public_key(context.client("kms"), params["kms_key"]))
    try:
        return Path(params["public_key_file"]).read_text()
    except OSError as error:
        raise InvalidInputError(
            f"public_key_file: {params['public_key_file']} cannot be read: {error.strerror}.",
            "It is made beside the private key that signs (public.pem); copy it from that host.",
        ) from error
