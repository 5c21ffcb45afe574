"""The macros of a program: ``syntax-rules`` with its patterns, as Steel 0.7 matches them (expander.rs)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from .datum import Datum, List, Literal, Symbol, Vector, symbols
from .formals import RESERVED
from .templates import ELLIPSIS, Bindings, Filler, is_ellipsis, rename

_FIXED: Final = frozenset({"define", "defn", "#%define", "begin", "if"})
"""Reserved words that may stand in a pattern, where they stand for themselves."""
_UNMATCHED: Final = frozenset({"lambda", "fn", "λ", "#%plain-lambda"})
"""Reserved words that may stand in a pattern, where nothing matches them, not even themselves."""
_FORBIDDEN: Final = RESERVED - _FIXED - _UNMATCHED - {ELLIPSIS}
_WILDCARD: Final = "_"


class MacroError(Exception):
    """A macro is wrongly defined; ``place`` is where."""

    def __init__(self, place: Datum, message: str) -> None:
        """The message says what is wrong."""
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Macro:
    """A macro of the program."""

    name: str
    literals: frozenset[str]
    cases: tuple[tuple[List, Datum], ...]
    """Operands and template."""

    def expand(self, use: List, filler: Filler) -> Datum | None:
        """What a use of the macro stands for, None if no pattern fits. Raises TemplateError."""
        operands = List(use.start, use.end, use.items[1:], use.tail)
        for pattern, template in self.cases:
            bindings: Bindings = {}
            if self._matches_list(pattern, operands, bindings):
                return filler.fill(template, bindings, self.name, use.items[0])
        return None

    def _matches(self, pattern: Datum, datum: Datum, bindings: Bindings) -> bool:
        """Whether the pattern fits; the bindings are added."""
        if isinstance(pattern, Symbol):
            if pattern.name in _UNMATCHED:
                return False
            if self._is_fixed(pattern.name):
                return isinstance(datum, Symbol) and datum.name == pattern.name
            if pattern.name != _WILDCARD:
                bindings[pattern.name] = datum
            return True
        if isinstance(pattern, List) and not pattern.prefixed:
            # Steel takes 'x for something other than the list (quote x) here.
            is_list = isinstance(datum, List) and not datum.prefixed
            return is_list and self._matches_list(pattern, datum, bindings)  # type: ignore[arg-type]
        if isinstance(pattern, Vector) and isinstance(datum, Vector) and not pattern.is_bytes:
            return not datum.is_bytes and self._matches_list(_as_list(pattern), _as_list(datum), bindings)
        return same(pattern, datum)

    def _matches_list(self, pattern: List, datum: List, bindings: Bindings) -> bool:
        before, repeated, after = _split(pattern.items)
        items = datum.items
        spare = len(items) - len(before) - len(after)
        open_ended = repeated is not None or pattern.tail is not None
        if spare < 0 or (spare and not open_ended) or (pattern.tail is None and datum.tail is not None):
            return False
        middle = len(before) + (spare if repeated is not None else 0)
        end = middle + len(after)
        if repeated is not None and not self._matches_all(repeated, items[len(before) : middle], bindings):
            return False
        fixed = [*items[: len(before)], *items[middle:end]]
        if not all(
            self._matches(one, item, bindings) for one, item in zip([*before, *after], fixed, strict=True)
        ):
            return False
        return pattern.tail is None or self._matches(pattern.tail, _rest(datum, end), bindings)

    def _matches_all(self, pattern: Datum, items: Sequence[Datum], bindings: Bindings) -> bool:
        """Whether every item fits the pattern before an ellipsis."""
        repetitions: list[Bindings] = [{} for _ in items]
        bindings.update(dict.fromkeys(self._variables(pattern), repetitions))
        return all(self._matches(pattern, item, one) for item, one in zip(items, repetitions, strict=True))

    def _is_fixed(self, name: str) -> bool:
        return name in self.literals or name == self.name or name in _FIXED

    def _variables(self, pattern: Datum) -> Iterator[str]:
        for symbol in symbols(pattern):
            if symbol.name not in (_WILDCARD, ELLIPSIS) and not self._is_fixed(symbol.name):
                yield symbol.name


def define_macro(name: Symbol, form: List) -> Macro:
    """The macro of ``(syntax-rules (literal …) (pattern template) …)``. Raises MacroError."""
    if len(form.items) < 3 or form.tail is not None:
        raise MacroError(form, "syntax-rules needs a list of literals and at least one rule")
    literals = form.items[1]
    if not isinstance(literals, List) or literals.tail is not None:
        raise MacroError(literals, "the literals of syntax-rules have to be a list")
    for literal in literals.items:
        if not isinstance(literal, Symbol) or literal.name in RESERVED:
            raise MacroError(literal, "a literal of syntax-rules has to be a name that is no reserved word")
    names = frozenset(one.name for one in symbols(literals))
    cases = [_case(Macro(name.name, names, ()), rule) for rule in form.items[2:]]
    return Macro(name.name, names, tuple(cases))


def _case(macro: Macro, rule: Datum) -> tuple[List, Datum]:
    """Operands and template of a rule, once they are known to be right."""
    if not isinstance(rule, List) or len(rule.items) != 2 or rule.tail is not None:
        raise MacroError(rule, "a rule is a list of one pattern and one template")
    pattern, template = rule.items
    if not isinstance(pattern, List) or not pattern.items:
        raise MacroError(pattern, "the pattern of a rule has to be a list that begins with the macro's name")
    if len(pattern.items) > 1 and is_ellipsis(pattern.items[1]):
        raise MacroError(pattern.items[1], "the macro's name cannot repeat")
    operands = List(pattern.start, pattern.end, pattern.items[1:], pattern.tail)
    head = pattern.items[0]
    if is_ellipsis(head) or (isinstance(head, Symbol) and head.name in _FORBIDDEN):
        raise MacroError(head, "a pattern begins with the macro's name or _")
    seen = {head.name} - {_WILDCARD, macro.name} if isinstance(head, Symbol) else set()
    _check_pattern(macro, operands, seen)
    return operands, rename(template, frozenset(seen | macro.literals))


def _check_pattern(macro: Macro, pattern: List | Vector, seen: set[str]) -> None:
    """Raise MacroError for a pattern that Steel does not take; note its variables."""
    items = pattern.items
    dots = [one for one in items if is_ellipsis(one)]
    if len(dots) > 1:
        raise MacroError(dots[1], "a list in a pattern can have one ... only")
    if items and is_ellipsis(items[0]):
        raise MacroError(items[0], "... repeats what stands before it, and nothing does")
    for item, following in pairwise(items):
        if is_ellipsis(following) and isinstance(item, Symbol) and item.name in RESERVED:
            raise MacroError(item, f"the reserved word {item.name} cannot repeat")
    tail = pattern.tail if isinstance(pattern, List) else None
    if tail is not None and is_ellipsis(tail):
        raise MacroError(tail, "... cannot stand behind the dot")
    for item in [*items, *([tail] if tail is not None else [])]:
        if isinstance(item, Symbol):
            _check_variable(macro, item, seen)
        elif isinstance(item, List | Vector) and not (isinstance(item, List) and item.prefixed):
            _check_pattern(macro, item, seen)


def _check_variable(macro: Macro, symbol: Symbol, seen: set[str]) -> None:
    name = symbol.name
    if name in (_WILDCARD, ELLIPSIS) or name == macro.name or name in macro.literals | _FIXED | _UNMATCHED:
        return
    if name in _FORBIDDEN:
        raise MacroError(symbol, f"the reserved word {name} cannot stand in a pattern")
    if name in seen:
        raise MacroError(symbol, f"the pattern has {name} twice")
    seen.add(name)


def _split(patterns: Sequence[Datum]) -> tuple[Sequence[Datum], Datum | None, Sequence[Datum]]:
    """What stands before the repeated pattern, the repeated pattern, and what stands behind its ellipsis."""
    for index, pattern in enumerate(patterns):
        if is_ellipsis(pattern):
            return patterns[: index - 1], patterns[index - 1], patterns[index + 1 :]
    return patterns, None, ()


def _rest(datum: List, begin: int) -> Datum:
    """What a dotted pattern takes of a list."""
    if begin == len(datum.items) and datum.tail is not None:
        return datum.tail
    return List(datum.start, datum.end, datum.items[begin:], datum.tail)


def _as_list(vector: Vector) -> List:
    return List(vector.start, vector.end, vector.items)


def same(one: Datum, other: Datum) -> bool:
    """Whether two data are equal."""
    work: list[tuple[Datum | None, Datum | None]] = [(one, other)]
    while work:
        left, right = work.pop()
        if left is None or right is None or type(left) is not type(right):
            if left is not right:
                return False
        elif _shape(left) != _shape(right):
            return False
        elif isinstance(left, List) and isinstance(right, List):
            work += [(left.tail, right.tail), *zip(left.items, right.items, strict=True)]
        elif isinstance(left, Vector) and isinstance(right, Vector):
            work += zip(left.items, right.items, strict=True)
    return True


def _shape(datum: Datum) -> object:
    """What has to be equal besides the parts."""
    if isinstance(datum, List | Vector):
        return len(datum.items), datum.is_bytes if isinstance(datum, Vector) else datum.prefixed
    if isinstance(datum, Literal):
        return datum.text if datum.value is None else datum.value
    return datum.name if isinstance(datum, Symbol) else None
