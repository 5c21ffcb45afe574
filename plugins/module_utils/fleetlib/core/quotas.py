"""How often AWS IoT may be asked, and the buckets that keep callers at it.

Rates are requests per second of one account in one region, as AWS publishes them (Service Quotas, code
``iotcore``, "<operation> API TPS"). A caller that knows its account's own values passes them in.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .errors import InvalidInputError

SERVICE_CODE = "iotcore"
"""AWS IoT Core in Service Quotas."""

REQUESTS_PER_SECOND: Mapping[str, float] = MappingProxyType(
    {
        "AddThingToThingGroup": 100,
        "AttachPolicy": 15,
        "AttachThingPrincipal": 100,
        "CreateCertificateFromCsr": 15,
        "CreateKeysAndCertificate": 10,
        "CreateThing": 100,
        "DeleteCertificate": 10,
        "DeleteThing": 100,
        "DeleteThingShadow": 4000,
        "DescribeCertificate": 10,
        "DescribeThing": 350,
        "DescribeThingGroup": 100,
        "DescribeThingType": 100,
        "DetachPolicy": 15,
        "DetachThingPrincipal": 100,
        "GetThingShadow": 4000,
        "ListCertificates": 10,
        "ListTargetsForPolicy": 10,
        "ListThingGroupsForThing": 100,
        "ListThingPrincipals": 20,
        "ListThings": 10,
        "ListThingsInThingGroup": 25,
        "RegisterCertificateWithoutCA": 10,
        "RegisterThing": 10,
        "RemoveThingFromThingGroup": 100,
        "SearchIndex": 15,
        "StartThingRegistrationTask": 10,
        "UpdateCertificate": 10,
        "UpdateThing": 100,
        "UpdateThingShadow": 4000,
    }
)

UNLISTED = 10.0
"""What an operation that the table lacks is held to: the lowest rate that AWS IoT gives any of them."""

PAGE_SIZE = 250
"""The most entries that one page of the registry's lists holds."""


@dataclass(frozen=True)
class Quotas:
    """Requests per second by operation."""

    rates: Mapping[str, float] = field(default_factory=lambda: REQUESTS_PER_SECOND)
    source: str = "AWS defaults"
    """Where the rates come from, for people."""
    unlisted: float = UNLISTED
    """Requests per second of an operation that ``rates`` lacks."""

    def rate(self, operation: str) -> float:
        """Requests per second of an operation."""
        return self.rates.get(operation, self.unlisted)

    def with_rates(self, rates: Mapping[str, float], source: str) -> Quotas:
        """The same quotas with some rates replaced; refuses a rate that would never let a call through."""
        for operation, rate in rates.items():
            if rate <= 0:
                raise InvalidInputError(
                    f"The quota of {operation} is {rate}; it must be more than 0 a second."
                )
        return Quotas({**self.rates, **rates}, source, self.unlisted) if rates else self

    def scaled(self, factor: float) -> Quotas:
        """All rates multiplied: below 1 leaves room for other callers, above 1 where AWS gave more."""
        if factor <= 0:
            raise InvalidInputError(f"The rate factor is {factor}; it must be more than 0.")
        if factor == 1:
            return self
        scaled = {operation: rate * factor for operation, rate in self.rates.items()}
        return Quotas(scaled, f"{self.source} x {factor:g}", self.unlisted * factor)


class Bucket:
    """Hands out the moments at which calls of one operation may leave. Safe to share between threads.

    Callers get evenly spaced moments, first come first served. A caller that was late may catch up by a
    tenth of a second's worth. `throttled` slows the bucket down at once; it recovers by itself.
    """

    SLOWER = 0.7
    """Factor of the rate after a throttled answer."""
    SLOWEST = 0.05
    """The rate never falls below this part of the quota."""
    RECOVERY_PER_SECOND = 0.05
    """Part of the quota that comes back each second."""
    ONE_CUT_SECONDS = 1.0
    """Refusals this close together are one event: the calls had left before the first refusal arrived."""
    CATCH_UP_SECONDS = 0.1

    def __init__(self, rate: float) -> None:
        """A full bucket for ``rate`` calls per second."""
        self.quota = rate
        self._cut_rate = rate
        self._cut_at = float("-inf")
        self._next = float("-inf")
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Take the next moment; how many seconds from ``now`` (monotonic) it is away."""
        with self._lock:
            moment = max(self._next, now - self.CATCH_UP_SECONDS)
            self._next = moment + 1 / self._rate(now)
            return max(0.0, moment - now)

    def throttled(self, now: float) -> None:
        """AWS refused a call: go slower from now on, and recover bit by bit."""
        with self._lock:
            if now - self._cut_at < self.ONE_CUT_SECONDS:
                return
            self._cut_rate = max(self._rate(now) * self.SLOWER, self.quota * self.SLOWEST)
            self._cut_at = now

    def rate(self, now: float) -> float:
        """Calls per second at this moment."""
        with self._lock:
            return self._rate(now)

    def _rate(self, now: float) -> float:
        if self._cut_rate >= self.quota:
            return self.quota
        recovered = (now - self._cut_at) * self.quota * self.RECOVERY_PER_SECOND
        return min(self.quota, self._cut_rate + recovered)
