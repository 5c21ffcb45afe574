"""A program's text, and where in it an offset is."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Span:
    """A range of text as an editor shows it: lines and columns start at 1 and count characters.

    The end is the place just behind the last character.
    """

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Source:
    """Finds lines: one pass when the first is asked for, then a binary search for each."""

    text: str
    path: str

    @cached_property
    def _starts(self) -> list[int]:
        """The offset at which each line begins."""
        return [0, *(end.end() for end in re.finditer("\n", self.text))]

    def without(self, ranges: Sequence[tuple[int, int]]) -> Source:
        """The same text with dots in place of what must not be shown; lines stay as they are."""
        text = self.text
        for start, end in ranges:
            text = text[:start] + re.sub(r"[^\n]", "•", text[start:end]) + text[end:]
        return Source(text, self.path) if ranges else self

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The range between two offsets."""
        return Span(*self.place(start), *self.place(end))

    def line_of(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._starts, offset)

    def line(self, number: int) -> str:
        """The text of a line without its end."""
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r")
