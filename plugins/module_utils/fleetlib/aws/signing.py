"""Signatures by a key that never leaves KMS (ECC_NIST_P256, SIGN_VERIFY)."""

from __future__ import annotations

from typing import Any


class KmsSigner:
    """Signs through kms:Sign."""

    def __init__(self, kms: Any, key: str) -> None:
        """``key`` is an id, an alias or an ARN."""
        self._kms = kms
        self._key = key
        self.key_id: str = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        """The key's ARN."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER. KMS takes messages of up to 4,096 bytes as they are."""
        answer = self._kms.sign(
            KeyId=self._key, Message=data, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )
        return bytes(answer["Signature"])
