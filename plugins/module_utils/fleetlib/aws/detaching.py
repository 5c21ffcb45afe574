"""Wait until AWS has carried out a detachment: DetachThingPrincipal is asynchronous."""

from __future__ import annotations

from collections.abc import Callable

from ..core.clock import Clock

DETACHING_SECONDS = 30.0
"""How long it may take."""

LOOK_SECONDS = 1.0


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
