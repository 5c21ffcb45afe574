"""What the reader makes of text: data that know their place, and how to write them back.

A place is a pair of offsets into the text, counted in characters; `source.Source` turns offsets into lines
and columns when a diagnostic is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

Real = int | float | Fraction


@dataclass(slots=True, eq=False)
class Datum:
    """Anything that can be read."""

    start: int
    end: int


@dataclass(slots=True, eq=False)
class Symbol(Datum):
    """An identifier or a reserved word."""

    name: str
    macro: str = ""
    """The macro whose template brought the symbol in; empty for what the program wrote."""


@dataclass(slots=True, eq=False)
class Literal(Datum):
    """A datum that stands for itself."""

    text: str
    """How the program spells it."""
    value: object


class String(Literal):
    """``"text"``"""

    __slots__ = ()
    value: str


class Numeral(Literal):
    """``12``, ``1/2``, ``1.5``, ``#xff``; complex numbers have no value here because nothing needs it."""

    __slots__ = ()
    value: Real | None


class Character(Literal):
    r"""``#\a``"""

    __slots__ = ()
    value: str


class Boolean(Literal):
    """``#t``, ``#false``"""

    __slots__ = ()
    value: bool


class Keyword(Literal):
    """``#:name``"""

    __slots__ = ()
    value: str


@dataclass(slots=True, eq=False)
class List(Datum):
    """``(a b)``, in any brackets; ``'x`` is the list ``(quote x)``."""

    items: list[Datum]
    tail: Datum | None = None
    """What stands behind the dot in ``(a b . tail)``."""
    prefixed: bool = False
    """Written with a prefix, as ``'x`` for ``(quote x)``."""


@dataclass(slots=True, eq=False)
class Vector(Datum):
    """``#(a b)`` or ``#u8(1 2)``"""

    items: list[Datum]
    is_bytes: bool


def walk(datum: Datum) -> Iterator[Datum]:
    """The datum and everything in it, in order; no recursion, so of any depth."""
    work = [datum]
    while work:
        one = work.pop()
        yield one
        if isinstance(one, List):
            work += [one.tail] if one.tail is not None else []
            work.extend(reversed(one.items))
        elif isinstance(one, Vector):
            work.extend(reversed(one.items))


def symbols(datum: Datum) -> Iterator[Symbol]:
    """Every symbol in a datum, in order."""
    return (one for one in walk(datum) if isinstance(one, Symbol))


def write(datum: Datum) -> str:
    """The datum as text that reads as the same datum; no recursion, so of any depth."""
    parts: list[str] = []
    work: list[Datum | str] = [datum]
    while work:
        item = work.pop()
        if isinstance(item, str):
            parts.append(item)
        elif isinstance(item, List):
            work.extend(_list_parts(item))
        elif isinstance(item, Vector):
            work.append(")")
            work.extend(_spaced(item.items))
            work.append("#u8(" if item.is_bytes else "#(")
        else:
            parts.append(_write_atom(item))
    return "".join(parts)


def _list_parts(datum: List) -> list[Datum | str]:
    """What to write for a list, last part first."""
    parts: list[Datum | str] = [")"]
    if datum.tail is not None:
        parts += [datum.tail, " . "]
    return [*parts, *_spaced(datum.items), "("]


def _spaced(items: list[Datum]) -> list[Datum | str]:
    parts: list[Datum | str] = []
    for item in reversed(items):
        parts += [item, " "]
    return parts[:-1]


_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b", "\0": "\\0"}
)
_PLAIN_SYMBOL: Final = re.compile(r"(?![0-9+.#|]|-[0-9.])[^\s()\[\]{}'\"`;,\\]+|[+]|\.\.\.")


def _write_atom(datum: Datum) -> str:
    if isinstance(datum, String):
        return '"' + datum.value.translate(_ESCAPES).replace('"', '\\"') + '"'
    if isinstance(datum, Symbol):
        if _PLAIN_SYMBOL.fullmatch(datum.name):
            return datum.name
        return "|" + datum.name.translate(_ESCAPES).replace("|", "\\|") + "|"
    assert isinstance(datum, Literal)  # noqa: S101  # the only class left
    return datum.text
