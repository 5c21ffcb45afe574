"""Puts frames on a terminal, or prints one as plain text where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from fleetlib.core.watch.view import BAD, DIM, ENDLESS, GOOD, PLAIN, TITLE, WARN, Line
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

STYLES: Final = {TITLE: "bold", GOOD: "green", BAD: "bold red", WARN: "yellow", DIM: "dim", PLAIN: ""}
PIPE_WIDTH: Final = 120
"""Of a frame that goes to a pipe."""

Draw = Callable[[int, int], Iterable[Line]]
"""The lines of a screen of that width and height."""


class Screen:
    """What rich draws: at every drawing the lines for the size that the terminal has then."""

    def __init__(self, draw: Draw) -> None:
        """``draw`` is asked each time."""
        self._draw = draw

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Of rich's protocol."""
        width, height = options.max_width, options.height or console.size.height
        yield Text("\n", end="").join(text(line) for line in self._draw(width, height))


def text(line: Line) -> Text:
    """A line as rich has it. Devices' words are never taken for markup."""
    return Text(line.text, style=STYLES[line.style], no_wrap=True, end="")


def is_terminal(console: Console) -> bool:
    """Whether a screen can be drawn there: a terminal that can move its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def print_once(console: Console, draw: Draw) -> None:
    """One frame, as long as it is; without colours where there is no terminal."""
    width = console.width if console.is_terminal else PIPE_WIDTH
    for line in draw(width, ENDLESS):
        console.print(text(line), soft_wrap=True)
