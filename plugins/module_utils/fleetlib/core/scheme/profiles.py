"""What a kind of device allows. The numbers are those of its runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ..errors import InvalidInputError


@dataclass(frozen=True)
class Profile:
    """The limits of a kind of device."""

    name: str
    max_bytes: int
    """Bytes of UTF-8 in a program."""
    max_depth: int
    """How deep brackets may be nested."""
    max_seconds: float
    """After so long a run is stopped; timers and events run beyond it."""
    description: str

    def with_limits(self, **limits: float) -> Profile:
        """The same profile with other limits, under a name that says so."""
        changed = ",".join(f"{name}={value:g}" for name, value in sorted(limits.items()))
        return replace(self, name=f"{self.name}:{changed}", **limits) if limits else self  # type: ignore[arg-type]


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "esp32-c3": Profile("esp32-c3", 4096, 32, 10, "ESP32-C3 boards"),
        "linux": Profile("linux", 65536, 32, 60, "devices with Linux, and virtual boards of that kind"),
    }
)
"""The profiles by name."""

DEFAULT_PROFILE: Final = "esp32-c3"


def find_profile(profile: str | Profile) -> Profile:
    """The profile of a name; a profile is returned as it is."""
    if isinstance(profile, Profile):
        return profile
    try:
        return PROFILES[profile]
    except KeyError:
        names = ", ".join(PROFILES)
        raise InvalidInputError(f"There is no profile {profile!r}.", f"The profiles are {names}.") from None
