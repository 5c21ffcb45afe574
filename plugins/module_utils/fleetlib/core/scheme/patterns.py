"""The patterns of ``match``: which variables they bind, and whether Steel 0.7 takes them.

A pattern is a name, ``_``, ``else``, a literal, a quoted datum, ``(list pattern …)`` with ``...`` behind a
pattern that repeats, ``(cons pattern rest)`` down to ``'()``, or the same written with a quasiquotation.
"""

from __future__ import annotations

from itertools import pairwise

from . import rules
from .datum import Datum, Keyword, List, Literal, Symbol
from .diagnostics import Findings
from .formals import RESERVED
from .templates import is_ellipsis

_FREE = ("_", "else")


def pattern_variables(pattern: Datum, findings: Findings) -> list[Symbol]:
    """The names that the pattern binds, in order; what is no pattern is reported."""
    found: list[Symbol] = []
    work = [pattern]
    while work:
        one = work.pop()
        if isinstance(one, Symbol):
            if one.name in RESERVED and not is_ellipsis(one):
                message = f"{one.name} is a reserved word and cannot be bound by a pattern"
                findings.add(rules.BAD_PATTERN, one.start, one.end, message)
            elif one.name not in _FREE and not is_ellipsis(one):
                found.append(one)
        elif isinstance(one, List):
            work.extend(reversed(_parts(one, findings)))
        elif isinstance(one, Keyword):
            findings.add(rules.BAD_PATTERN, one.start, one.end, "a pattern has to stand before this keyword")
        elif not isinstance(one, Literal):
            findings.add(rules.BAD_PATTERN, one.start, one.end, "match cannot take vectors apart")
    return found


def _parts(pattern: List, findings: Findings) -> list[Datum]:
    """The patterns inside a list."""
    if not pattern.items:
        return []
    head = pattern.items[0].name if isinstance(pattern.items[0], Symbol) else ""
    operands = pattern.items[1:]
    if head == "quote":
        if len(operands) != 1:
            message = "quote takes one datum"
            findings.add(rules.BAD_PATTERN, pattern.start, pattern.end, message, "Write 'datum.")
        return []
    if head == "quasiquote" and len(operands) == 1:
        return _unquoted(operands[0])
    if head == "list" and pattern.tail is None:
        return _elements(operands, findings)
    if head == "cons" and len(operands) == 2 and _continues(operands[1]):
        return [operands[0], *_rest(operands[1], findings)]
    findings.add(
        rules.BAD_PATTERN,
        pattern.start,
        pattern.end,
        f"{head or 'this list'} is no pattern that Steel's match knows",
        "Write (list pattern …) for a list, and a quote before a symbol that is meant itself.",
    )
    return []


def _elements(patterns: list[Datum], findings: Findings) -> list[Datum]:
    """Those of a list's patterns that bind: a last one behind an ellipsis does not, nor a list before one."""
    bound = list(patterns)
    if len(bound) >= 3 and is_ellipsis(bound[-2]):
        bound.pop()
    for one, following in pairwise(patterns):
        if not is_ellipsis(following) or isinstance(one, Symbol):
            continue
        if isinstance(one, List) and not one.prefixed:
            bound.remove(one)
        else:
            message = "Steel's match can repeat a name only"
            findings.add(rules.BAD_PATTERN, one.start, one.end, message, "Write name ... for the rest.")
    return bound


def _is_cons(datum: Datum) -> bool:
    head = datum.items[0] if isinstance(datum, List) and datum.items and datum.tail is None else None
    return isinstance(head, Symbol) and head.name == "cons"


def _is_empty(datum: Datum) -> bool:
    """Whether it is a quoted list, which ends a chain of ``cons``."""
    return isinstance(datum, List) and datum.prefixed and isinstance(datum.items[1], List)


def _continues(datum: Datum) -> bool:
    """Whether it can stand second in ``cons``: match knows further ``cons`` and ``'()`` there."""
    return _is_cons(datum) or _is_empty(datum)


def _rest(datum: Datum, findings: Findings) -> list[Datum]:
    """The patterns in the second operand of ``cons``."""
    assert isinstance(datum, List)  # noqa: S101  # that is how it was found
    if not _is_cons(datum):
        return [datum]
    found = datum.items[1:]
    if len(found) == 2 and _continues(found[1]):
        return [found[0], *_rest(found[1], findings)]
    message = "this chain of cons does not end in '(), and Steel's match finds nothing that fits it"
    findings.add(rules.ODD_FORM, datum.start, datum.end, message, "Write (list a b rest ...) instead.")
    return found


def _unquoted(template: Datum) -> list[Datum]:
    """What stands behind a comma in a quasiquoted pattern."""
    found: list[Datum] = []
    work = [template]
    while work:
        one = work.pop()
        if isinstance(one, List) and one.prefixed and isinstance(one.items[0], Symbol):
            if one.items[0].name in ("unquote", "unquote-splicing"):
                found.append(one.items[1])
        elif isinstance(one, List):
            work.extend(reversed(one.items))
    return found
