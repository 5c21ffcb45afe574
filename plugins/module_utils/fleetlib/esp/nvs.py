"""NVS images, by Espressif's own code, in memory; encrypted ones with keys of the board's own."""

from __future__ import annotations

import io
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..core.errors import InvalidInputError, MissingDependencyError
from ..core.firmware.identity import Entry
from . import quiet

try:
    from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error

KEY_BYTES = 64
"""Both halves of the XTS-AES key that encrypts NVS."""
_RESERVED_BYTES = 0x1000
"""The page that NVS needs free to reorganise itself; the generator counts it extra."""


def build(entries: Sequence[Entry], size: int, whose: str, keys: bytes | None = None) -> bytes:
    """The image of an NVS partition of ``size`` bytes. The same entries make the same bytes."""
    _require()
    out = io.BytesIO()
    with quiet.quiet():
        try:
            image = generator.nvs_open(
                out,
                size - _RESERVED_BYTES,
                generator.Page.VERSION2,
                is_encrypt=keys is not None,
                key=keys[:KEY_BYTES] if keys is not None else None,
            )
            namespace = ""
            for entry in entries:
                if entry.namespace != namespace:
                    namespace = entry.namespace
                    generator.write_entry(image, namespace, "namespace", "", "")
                encoding = "binary" if entry.type == "blob" else entry.type
                generator.write_entry(image, entry.key, "data", encoding, _text(entry))
            generator.nvs_close(image)
        except (generator.InsufficientSizeError, generator.PageFullError) as error:
            raise InvalidInputError(
                f"The identity of {whose} does not fit its partition of {size:,} bytes.",
                "Shorten it, or make the partition larger.",
            ) from error
        except generator.InputError as error:
            raise InvalidInputError(f"The identity of {whose} cannot be built: {error}") from error
    return out.getvalue()


def make_keys() -> bytes:
    """The image of an ``nvs_keys`` partition with new keys.

    They are derived from 32 random bytes of this host's system (ESP-IDF's HMAC scheme): the generator's own
    choice of keys comes from a random number generator that can be predicted.
    """
    _require()
    with tempfile.TemporaryDirectory(prefix="nvs-keys-") as private, quiet.quiet():  # mode 0700
        seed = Path(private, "hmac.bin")
        seed.touch(mode=0o600)
        seed.write_bytes(secrets.token_bytes(32))
        generator.generate_key(
            SimpleNamespace(
                keyfile="keys.bin",
                outdir=private,
                key_protect_hmac=True,
                kp_hmac_keygen=False,
                kp_hmac_keyfile=None,
                kp_hmac_inputkey=str(seed),
            )
        )
        return Path(private, "keys", "keys.bin").read_bytes()


def _text(entry: Entry) -> Any:
    return entry.value if isinstance(entry.value, bytes) else str(entry.value)


def _require() -> None:
    if _MISSING is not None:
        raise MissingDependencyError(
            "esp-idf-nvs-partition-gen", "NVS images", "Run: make setup"
        ) from _MISSING
