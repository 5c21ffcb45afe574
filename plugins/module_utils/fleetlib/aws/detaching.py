"""Taking things apart: what is gone already, and what AWS takes a while for (DetachThingPrincipal)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ..core.clock import Clock

DETACHING_SECONDS = 30.0
"""How long it may take."""

LOOK_SECONDS = 1.0


def gone(iot: Any) -> contextlib.suppress:
    """What an earlier run removed already is as it should be."""
    return contextlib.suppress(iot.exceptions.ResourceNotFoundException)


def when_detached(delete: Callable[[], None], still_attached: type[Exception], clock: Clock) -> None:
    """Call ``delete`` until it no longer raises ``still_attached``, or raise that after a while."""
    deadline = clock.monotonic() + DETACHING_SECONDS
    while True:
        try:
            return delete()
        except still_attached:
            if clock.monotonic() >= deadline:
                raise
        clock.sleep(LOOK_SECONDS)
