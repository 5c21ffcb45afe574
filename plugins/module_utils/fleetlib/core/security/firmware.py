"""Whom boards trust: the authorities in identities and images are Amazon's, and no test authority is left in.

An image is searched for certificates in PEM, which is how identities have them. Encrypted NVS shows none: of
such an image nothing can be said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import InvalidInputError
from .model import Limits, Rule, Severity, Source, Table

AMAZON_ROOTS: Final = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services Root CA - G2",
}
"""SHA-256 of the certificate (DER) of each authority of AWS IoT (amazontrust.com/repository)."""
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Authority:
    """A certificate that signs others."""

    subject: str
    sha256: str
    """Of its DER, in hex."""


@dataclass(frozen=True)
class Trust:
    """The authorities that an identity, or an image, makes a board trust."""

    authorities: Sequence[Authority]
    is_program: bool = False
    """An image that a chip starts. It is never encrypted, and need not have an authority of its own."""


def trusts_amazon(trust: Trust, _: Limits) -> str:
    """Without one of Amazon's the board does not reach AWS IoT."""
    if _needs_none(trust) or any(one.sha256 in AMAZON_ROOTS for one in trust.authorities):
        return ""
    return f"Of Amazon's authorities it has none; it has {_names(trust.authorities)}."


def trusts_nobody_else(trust: Trust, _: Limits) -> str:
    """Who holds the key of another authority can pass for AWS IoT."""
    _needs_none(trust)
    others = [one for one in trust.authorities if one.sha256 not in AMAZON_ROOTS]
    return f"It trusts {_names(others)}." if others else ""


def is_program(image: bytes) -> bool:
    """Whether a chip of the ESP32 family starts it, by its first byte."""
    return image[:1] == b"\xe9"


def certificates_in(image: bytes) -> list[str]:
    """Every certificate in an image, as PEM."""
    return [found.decode() for found in dict.fromkeys(_PEM.findall(image))]


def _needs_none(trust: Trust) -> bool:
    """Whether it is a program without one. Raises `InvalidInputError` where nothing can be said."""
    if not trust.authorities and not trust.is_program:
        raise InvalidInputError("no authority is in it in the clear; encrypted NVS shows none.")
    return not trust.authorities


def _names(authorities: Sequence[Authority]) -> str:
    return ", ".join(f"{one.subject} ({one.sha256[:16]})" for one in authorities)


_AUTHENTICATION: Final = Source(
    "AWS IoT Core, Server authentication",
    "https://docs.aws.amazon.com/iot/latest/developerguide/server-authentication.html",
)
_FLASH: Final = (
    "flashing_root_ca_url: https://www.amazontrust.com/repository/AmazonRootCA1.pem, then playbooks/flash.yml"
)

TABLE: Final[Table[Trust]] = (
    (
        Rule("root-ca-missing", Severity.HIGH, "Boards trust Amazon's authorities", _FLASH, _AUTHENTICATION),
        trusts_amazon,
    ),
    (
        Rule(
            "root-ca-foreign", Severity.CRITICAL, "Boards trust no other authority", _FLASH, _AUTHENTICATION
        ),
        trusts_nobody_else,
    ),
)
