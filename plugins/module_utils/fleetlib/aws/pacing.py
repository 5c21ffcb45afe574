"""Hold a client's calls to quotas, attempt by attempt: what botocore repeats is paced, too."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from ..core.clock import Clock
from ..core.quotas import Bucket, Quotas

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}


class Pacer:
    """One bucket for each operation. Clients share a pacer where they share an account's quotas."""

    def __init__(self, quotas: Quotas, clock: Clock) -> None:
        """No client is paced before `attach`."""
        self.quotas = quotas
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()
        self.attempts: Counter[str] = Counter()
        """Requests sent, by operation, repetitions included."""
        self.throttled: Counter[str] = Counter()
        """Requests that AWS refused for being too many."""

    def attach(self, client: Any) -> None:
        """Pace every request of a boto3 client from now on."""
        # botocore makes the classes of `exceptions` at their first use: two threads that come at the same
        # time would get different ones, and miss what they want to catch.
        client.exceptions  # noqa: B018
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{service}", self._wait)
        client.meta.events.register(f"response-received.{service}", self._listen)

    def _wait(self, event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        with self._lock:
            bucket = self._buckets.get(operation)
            if bucket is None:
                bucket = self._buckets[operation] = Bucket(self.quotas.rate(operation))
            self.attempts[operation] += 1
        seconds = bucket.reserve(self._clock.monotonic())
        if seconds > 0:
            self._clock.sleep(seconds)

    def _listen(self, event_name: str, parsed_response: dict[str, Any] | None = None, **_: Any) -> None:
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if code not in _THROTTLED:
            return
        operation = event_name.rpartition(".")[2]
        with self._lock:
            self.throttled[operation] += 1
        self._buckets[operation].throttled(self._clock.monotonic())
