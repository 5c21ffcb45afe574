"""What a fleet costs a month at list prices: by what was measured, or assumed where nothing was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from .. import prices
from ..errors import InvalidInputError
from ..prices import Price

HOURS: Final = 730
"""Of a month."""
MEASURED, ASSUMED, COUNTED = "measured", "assumed", "counted"


@dataclass(frozen=True)
class Habits:
    """What a device does where nobody measured it."""

    connected_share: float = 1.0
    """Of the time."""
    messages_per_hour: float = 62
    """From the device: a metrics message a minute, and two reports of programs (docs/twin.md)."""
    messages_to_device_per_hour: float = 1
    rules_per_message: float = 1
    """Each with one action."""
    shadow_operations_per_hour: float = 1
    """Each is an update of the fleet index, too."""
    log_bytes_per_hour: float = 1_500

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, value in vars(self).items():
            if value < 0:
                raise InvalidInputError(f"habits.{name} is {value:g}; it must be 0 or more.")
        if self.connected_share > 1:
            raise InvalidInputError(f"habits.connected_share is {self.connected_share:g}; it must be 0 to 1.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Habits:
        """From the inventory; what it does not name keeps its default."""
        known = [one.name for one in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise InvalidInputError(f"habits has no {name!r}; it knows {', '.join(known)}.")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidInputError(f"habits.{name} is {value!r}; it must be a number.")
        return cls(**{name: float(value) for name, value in given.items()})


@dataclass(frozen=True)
class Line:
    """A part of the bill."""

    name: str
    quantity: float
    """A month."""
    price: Price
    basis: str
    """``measured``, ``counted``, or ``assumed``."""

    @property
    def dollars(self) -> float:
        """A month."""
        return self.price.of(self.quantity)

    def as_dict(self, devices: int) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "quantity": self.quantity,
            "unit": self.price.unit,
            "price": self.price.dollars,
            "per": self.price.per,
            "basis": self.basis,
            "dollars": self.dollars,
            "dollars_per_1000": self.dollars * 1000 / devices,
            "source": self.price.source,
        }


def bill(
    devices: int, habits: Habits, measured: Mapping[str, float], kept: Mapping[str, float]
) -> list[Line]:
    """The parts of a month's bill of ``devices``.

    ``measured`` has messages, shadow operations and rules a month by the limits' ids where CloudWatch has
    them; ``kept`` the ``gigabytes`` in buckets and the ``keys``, each where it is known.
    """
    hours = devices * HOURS

    def often(limit: str, assumed: float) -> tuple[float, str]:
        return (measured[limit], MEASURED) if limit in measured else (assumed, ASSUMED)

    into, into_basis = often("publish-in", hours * habits.messages_per_hour)
    out, out_basis = often("publish-out", hours * habits.messages_to_device_per_hour)
    shadows, shadows_basis = often("shadows", hours * habits.shadow_operations_per_hour)
    rules, rules_basis = often("rule-evaluations", into * habits.rules_per_message)
    minutes = hours * 60 * habits.connected_share
    gigabytes = hours * habits.log_bytes_per_hour / 1e9
    return [
        Line("Connections", minutes, prices.IOT_MINUTE, ASSUMED),
        Line("Messages from devices", into, prices.IOT_MESSAGE, into_basis),
        Line("Messages to devices", out, prices.IOT_MESSAGE, out_basis),
        Line("Rules", rules, prices.IOT_RULE, rules_basis),
        Line("Actions of rules", rules, prices.IOT_ACTION, rules_basis),
        Line("Shadows", shadows, prices.IOT_SHADOW, shadows_basis),
        Line("Fleet index", shadows, prices.INDEX_UPDATE, shadows_basis),
        Line("Logs taken in", gigabytes, prices.LOG_GIGABYTE, ASSUMED),
        *(Line(name, kept[what], price, COUNTED) for name, what, price in _KEPT if what in kept),
    ]


_KEPT: Final = (
    ("Objects kept", "gigabytes", prices.S3_GIGABYTE),
    ("Keys", "keys", prices.KMS_KEY),
)
