"""Work on many devices side by side, until one error that concerns them all stops everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from .errors import FleetError

T = TypeVar("T")


class Crew:
    """Threads that share the items of a list. The first error that an action raises halts them all."""

    def __init__(self, size: int) -> None:
        """``size`` items are worked on at the same time."""
        self.size = size
        self.error: Exception | None = None
        """What halted the crew."""
        self._failed_in_a_row = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def halted(self) -> bool:
        """Whether no further item is taken."""
        return self._stop.is_set()

    def halt(self, error: Exception) -> None:
        """Take no further item; the first error is the one that counts."""
        with self._lock:
            self.error = self.error or error
        self._stop.set()

    def succeeded(self) -> None:
        """One device is done."""
        with self._lock:
            self._failed_in_a_row = 0

    def failed(self, name: str, reason: str) -> None:
        """One device is not. Twice as many in a row as are worked on at once halt the crew."""
        with self._lock:
            self._failed_in_a_row += 1
            in_a_row = self._failed_in_a_row
        if in_a_row >= 2 * self.size:
            self.halt(FleetError(f"{in_a_row} devices in a row failed, the last one, {name}: {reason}"))

    def work(self, items: Iterable[T], action: Callable[[T], None]) -> None:
        """Call ``action`` with every item, several at a time, until all are done or the crew is halted."""
        remaining = iter(items)
        taking = threading.Lock()

        def take() -> None:
            while not self._stop.is_set():
                with taking:
                    item = next(remaining, None)
                if item is None:
                    return
                try:
                    action(item)
                except Exception as error:
                    self.halt(error)

        threads = [threading.Thread(target=take) for _ in range(self.size)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:  # an interrupt: let every thread finish the item it is at
            self._stop.set()
            for thread in threads:
                thread.join()
            raise
