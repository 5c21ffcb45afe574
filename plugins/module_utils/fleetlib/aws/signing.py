"""Signatures by a key that never leaves KMS (ECC_NIST_P256, SIGN_VERIFY)."""

from __future__ import annotations

import hashlib
from typing import Any


def public_key(kms: Any, key: str) -> bytes:
    """kms:GetPublicKey: the public half of a key, DER."""
    return bytes(kms.get_public_key(KeyId=key)["PublicKey"])


class KmsSigner:
    """Signs through kms:Sign."""

    def __init__(self, kms: Any, key: str) -> None:
        """``key`` is an id, an alias or an ARN."""
        self._kms = kms
        self._key = key
        self.key_id: str = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        """The key's ARN."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER. The hash is made here: KMS takes no more than 4,096 bytes."""
        answer = self._kms.sign(
            KeyId=self._key,
            Message=hashlib.sha256(data).digest(),
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        return bytes(answer["Signature"])
