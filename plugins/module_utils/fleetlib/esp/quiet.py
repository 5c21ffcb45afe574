"""Espressif's tools speak through one logger; a module's stdout is Ansible's, so here they keep silent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

try:
    from esp_pylib.logger import EspLog, EspLogBase

    _MISSING: ImportError | None = None
except ImportError as error:  # whoever needs the tools names the missing library
    EspLogBase = object
    _MISSING = error

Advance = Callable[[int, int], None]
"""Called with how much is done, and of how much."""


class QuietLog(EspLogBase):  # type: ignore[misc]
    """Says nothing, and passes on how far a write is."""

    def __init__(self, advance: Advance | None = None) -> None:
        """``advance`` gets the bytes sent and the bytes to send."""
        self._advance = advance

    def progress_bar(self, cur_iter: int, total_iters: int, *text: Any, **options: Any) -> None:
        """Pass it on."""
        if self._advance is not None:
            self._advance(cur_iter, total_iters)

    def _nothing(self, *text: Any, **options: Any) -> None:
        """Say nothing."""

    print = err = warn = note = hint = debug = stage = set_verbosity = counter_line = _nothing
    error = warning = _nothing


@contextlib.contextmanager
def quiet(advance: Advance | None = None) -> Iterator[None]:
    """Silence the tools of this process; ``advance`` hears how far writes are."""
    before = EspLog.instance
    EspLog.instance = QuietLog(advance)
    try:
        yield
    finally:
        EspLog.instance = before
