"""``python -m watch``: see a fleet live in the terminal.

The exit status is 1 where it could not be read, 2 for wrong words.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "plugins/module_utils"))

from fleetlib.aws import clients  # noqa: E402
from fleetlib.core.clock import SystemClock  # noqa: E402
from fleetlib.core.errors import FleetError  # noqa: E402
from fleetlib.core.watch.pace import Pace, SilentCloudError  # noqa: E402
from fleetlib.core.watch.state import State  # noqa: E402
from fleetlib.core.watch.view import Frame, Line, lines  # noqa: E402
from fleetlib.fleet_watch import Reader  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.live import Live  # noqa: E402

from watch import screen, settings  # noqa: E402

ATTEMPTS = 2
"""Of a request. The view looks again anyway; it has to say soon that no answer comes."""
TIMEOUT_SECONDS = 10
CLOCK_SECONDS = 1.0
"""Between two drawings: the clock goes on, and the terminal may have another size."""


class Watch:
    """Looks again and again in a thread of its own, and knows what is to be seen."""

    def __init__(self, fleet: settings.Settings, pace: Pace, reader: Reader, live: bool) -> None:
        """Nothing is read before `look`."""
        self._fleet, self._pace, self._reader, self._live = fleet, pace, reader, live
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._state: State | None = None
        self._trouble = ""
        self._silent_since: datetime | None = None

    def look(self) -> bool:
        """Read the fleet once; whether it could be read."""
        began = self._clock.now()
        try:
            state = self._reader.read()
        except Exception as error:  # the view outlives whatever a fleet, or its cloud, answers
            with self._lock:
                self._pace.went_wrong()
                self._trouble = (
                    str(error) if isinstance(error, FleetError) else f"{type(error).__name__}: {error}"
                )
                silent = isinstance(error, SilentCloudError)
                self._silent_since = (self._silent_since or began) if silent else None
            return False
        with self._lock:
            self._pace.went_well()
            self._state, self._trouble, self._silent_since = state, "", None
        return state.fleet is not None

    def keep_looking(self, until: threading.Event) -> None:
        """Look, wait, look again."""
        while not until.is_set():
            self.look()
            until.wait(self._pace.seconds)

    def draw(self, width: int, height: int) -> Iterable[Line]:
        """What is to be seen now."""
        with self._lock:
            frame = Frame(
                self._fleet.fleet,
                self._fleet.region,
                self._clock.now(),
                self._pace.seconds,
                self._state,
                self._trouble,
                self._silent_since,
                self._live,
            )
        return lines(frame, width, height)


def main(words: Sequence[str] | None = None) -> int:
    """The command line."""
    options = _parser().parse_args(words)
    console = Console(highlight=False)
    live = screen.is_terminal(console) and not options.once
    signal.signal(signal.SIGTERM, _ended)
    try:
        pace = Pace(options.every)
        if live:
            console.print(f"Asking inventory/{options.environment} where the fleet is …")
        fleet = settings.ask(CHECKOUT, options.environment, _for_ansible(options))
        reader = Reader(
            lambda service: clients.client(service, fleet.connection, ATTEMPTS, TIMEOUT_SECONDS),
            fleet.fleet,
            SystemClock(),
        )
        watch = Watch(fleet, pace, reader, live)
        if live:
            return _live(console, watch)
        seen = watch.look()
        screen.print_once(console, watch.draw)
    except FleetError as error:
        print(f"watch: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    return 0 if seen else 1


def _live(console: Console, watch: Watch) -> int:
    end = threading.Event()
    # A wish and no exception: whenever Ctrl-C comes, also while the screen is being taken, it is given back.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: end.set())
    # A daemon: a request that waits for its answer must not hold the terminal.
    threading.Thread(target=watch.keep_looking, args=(end,), daemon=True).start()
    with Live(screen.Screen(watch.draw), console=console, screen=True, auto_refresh=False) as shown:
        while not end.wait(CLOCK_SECONDS):
            shown.refresh()
    return 0


def _ended(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C: the terminal gets back what it had."""
    raise KeyboardInterrupt


def _for_ansible(options: argparse.Namespace) -> list[str]:
    return [word for given in options.extra_vars for word in ("-e", given)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m watch", description="See a fleet live: docs/watch.md")
    parser.add_argument("--environment", default="local", help="a directory below inventory/")
    parser.add_argument("--once", action="store_true", help="print one frame and end, as without a terminal")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    parser.add_argument("-e", "--extra-vars", action="append", default=[], help="variables, as for Ansible")
    return parser


if __name__ == "__main__":
    sys.exit(main())
