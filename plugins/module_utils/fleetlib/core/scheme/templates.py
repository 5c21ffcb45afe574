"""The templates of ``syntax-rules``: what they bind gets names of its own, and they are filled.

As in Steel 0.7 (rename_idents.rs, replace_idents.rs) macros are hygienic in one way only: names that a
template visibly binds with ``define``, ``lambda`` or ``let`` are renamed, by ``##`` in front of them, and
so cannot meet names of the program. All other names of a template mean what they mean where the macro is
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .datum import Datum, List, Literal, Symbol, Vector, symbols
from .formals import RESERVED

ELLIPSIS: Final = "..."
RENAMED: Final = "##"
DEFINE: Final = frozenset({"define", "defn", "#%define"})
LAMBDA: Final = frozenset({"lambda", "fn", "λ", "#%plain-lambda"})
LET: Final = frozenset({"let", "%plain-let"})
_CONCATENATE: Final = "datum->syntax"
MOST_PRODUCED: Final = 100_000
"""Data that all expansions of a program together may make."""

Bindings = dict[str, "Datum | list[Bindings]"]
"""What the variables of a pattern stand for; under an ellipsis, the bindings of each repetition."""


class TemplateError(Exception):
    """A template cannot be filled; the text says why."""


def is_ellipsis(datum: Datum) -> bool:
    """Whether it is ``...``."""
    return isinstance(datum, Symbol) and datum.name == ELLIPSIS


def rename(template: Datum, keep: frozenset[str]) -> Datum:
    """The template with the names that it binds renamed, except those to keep: variables and literals."""
    return _Renamer(keep).rename(template)


class _Renamer:
    """Goes through a template in the order of the text, as Steel does: a name is renamed from where it is
    bound."""

    def __init__(self, keep: frozenset[str]) -> None:
        self._keep = keep
        self._bound: set[str] = set()

    def rename(self, datum: Datum) -> Datum:
        if isinstance(datum, Symbol):
            renamed = datum.name in self._bound and datum.name not in self._keep
            return Symbol(datum.start, datum.end, RENAMED + datum.name) if renamed else datum
        if not isinstance(datum, List) or not datum.items:
            return datum
        self._bind(datum.items)
        items = [self.rename(item) for item in datum.items]
        tail = None if datum.tail is None else self.rename(datum.tail)
        return List(datum.start, datum.end, items, tail, datum.prefixed)

    def _bind(self, items: Sequence[Datum]) -> None:
        """Take note of the names that a form binds."""
        head = items[0].name if isinstance(items[0], Symbol) else ""
        target = items[1] if len(items) > 1 else None
        if head in DEFINE or head in LAMBDA:
            self._bind_names(target)
        elif head in LET:
            if isinstance(target, Symbol) and len(items) > 2:
                self._bind_names(target)
                target = items[2]
            for pair in target.items if isinstance(target, List) else ():
                if isinstance(pair, List) and pair.items and isinstance(pair.items[0], Symbol):
                    self._bind_names(pair.items[0])

    def _bind_names(self, target: Datum | None) -> None:
        """A name, or a list of names."""
        names = [*target.items, target.tail] if isinstance(target, List) else [target]
        self._bound.update(name.name for name in names if isinstance(name, Symbol) and not is_ellipsis(name))


class Filler:
    """Fills templates; one for all macros of a program, so that it can tell when they get out of hand."""

    def __init__(self) -> None:
        """Nothing has been made yet."""
        self._produced = 0

    def fill(self, template: Datum, bindings: Bindings, macro: str, place: Datum) -> Datum:
        """The template with its variables replaced; what it brings in lies where the macro is used.

        Raises TemplateError.
        """
        self._produced += 1
        if self._produced > MOST_PRODUCED:
            raise TemplateError("the macros of this program expand without end")
        start, end = place.start, place.end
        if isinstance(template, Symbol):
            bound = bindings.get(template.name)
            if isinstance(bound, list):
                return _together(template.name, bound, place)
            return bound or Symbol(start, end, template.name, macro)
        if isinstance(template, Literal):
            return type(template)(start, end, template.text, template.value)
        if isinstance(template, Vector):
            items = self._fill_items(template.items, bindings, macro, place)
            return Vector(start, end, items, template.is_bytes)
        assert isinstance(template, List)  # noqa: S101  # the only class left
        head = template.items[0] if template.items else None
        if isinstance(head, Symbol) and head.name == _CONCATENATE:
            return Symbol(start, end, _concatenate(template.items[1:], bindings), macro)
        items = self._fill_items(template.items, bindings, macro, place)
        tail = None if template.tail is None else self.fill(template.tail, bindings, macro, place)
        if isinstance(tail, List):
            return List(start, end, items + tail.items, tail.tail)
        return List(start, end, items, tail, template.prefixed)

    def _fill_items(
        self, templates: Sequence[Datum], bindings: Bindings, macro: str, place: Datum
    ) -> list[Datum]:
        items: list[Datum] = []
        at = 0
        while at < len(templates):
            repeats = at + 1 < len(templates) and is_ellipsis(templates[at + 1])
            repetitions = _repetitions(templates[at], bindings) if repeats else None
            if repeats and repetitions is None and (spread := _spread(templates[at], bindings)) is not None:
                items += spread
                at += 2
            elif repetitions is None:
                items.append(self.fill(templates[at], bindings, macro, place))
                at += 1
            else:
                items += [self.fill(templates[at], one, macro, place) for one in repetitions]
                at += 2
        return items


def _spread(template: Datum, bindings: Bindings) -> Sequence[Datum] | None:
    """What stands for a template that has an ellipsis but does not repeat: the elements of the list that it
    is bound to. None if Steel lets the ellipsis stand. Raises TemplateError."""
    if not isinstance(template, Symbol) or template.name in RESERVED - {ELLIPSIS}:
        raise TemplateError("nothing repeats before ... in the template")
    bound = bindings.get(template.name)
    return bound.items if isinstance(bound, List) else None


def _together(name: str, repetitions: list[Bindings], place: Datum) -> List:
    """What Steel makes of a repeated variable that has no ellipsis: the list of all it stands for."""
    if not repetitions:
        raise TemplateError(f"{name} stands for nothing here and needs ... behind it")
    parts = [one[name] for one in repetitions]
    items = [_together(name, part, place) if isinstance(part, list) else part for part in parts]
    return List(place.start, place.end, items)


def _repetitions(template: Datum, bindings: Bindings) -> list[Bindings] | None:
    """The bindings for each repetition of a template before an ellipsis; None if nothing in it repeats, and
    Steel lets the ellipsis stand."""
    repeated = [bound for one in symbols(template) if isinstance(bound := bindings.get(one.name), list)]
    if not repeated:
        return None
    if len({len(one) for one in repeated}) > 1:
        raise TemplateError("the parts before ... in the template repeat differently often")
    merged: list[Bindings] = []
    for parts in zip(*repeated, strict=True):
        merged.append(dict(bindings))
        for part in parts:
            merged[-1].update(part)
    return merged


def _concatenate(parts: Sequence[Datum], bindings: Bindings) -> str:
    names = []
    for part in parts:
        bound = bindings.get(part.name, part) if isinstance(part, Symbol) else None
        if not isinstance(bound, Symbol):
            raise TemplateError(f"{_CONCATENATE} joins names only")
        names.append(bound.name.removeprefix(RENAMED))
    return "".join(names)
