"""A secret that only KMS can open: it is kept here wrapped, and every opening is in CloudTrail."""

from __future__ import annotations

from typing import Any

_CONTEXT = {"steel.fleet": "device-keys"}
"""What the wrapped secret is for; KMS opens it for nothing else."""


def new_data_key(kms: Any, key_id: str) -> tuple[bytes, bytes]:
    """kms:GenerateDataKey: 256 random bits, and the same wrapped."""
    answer = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=_CONTEXT)
    return answer["Plaintext"], answer["CiphertextBlob"]


def open_data_key(kms: Any, wrapped: bytes, key_id: str) -> bytes:
    """kms:Decrypt: the bits that were wrapped with this key."""
    plain: bytes = kms.decrypt(KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=_CONTEXT)["Plaintext"]
    return plain
