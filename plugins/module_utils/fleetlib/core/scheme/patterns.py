"""The patterns of ``match``: which variables they bind, and whether Steel 0.7 takes them.

A pattern is a name, ``_``, ``else``, a literal, a quoted datum, ``(list pattern …)`` with ``...`` behind a
pattern that repeats, ``(cons pattern rest)`` down to ``'()``, or the same written with a quasiquotation.
"""

from __future__ import annotations

from . import rules
from .datum import Datum, List, Literal, Symbol
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
        return []
    if head == "quasiquote" and len(operands) == 1:
        return _unquoted(operands[0])
    if head == "list" and pattern.tail is None:
        return operands
    if head == "cons" and len(operands) == 2 and _ends(operands[1]):
        return operands
    findings.add(
        rules.BAD_PATTERN,
        pattern.start,
        pattern.end,
        f"{head or 'this list'} is no pattern that Steel's match knows",
        "Write (list pattern …) for a list, and a quote before a symbol that is meant itself.",
    )
    return []


def _ends(datum: Datum) -> bool:
    """Whether a chain of ``cons`` ends in ``'()``: match knows no other."""
    while isinstance(datum, List) and len(datum.items) == 3:
        head = datum.items[0]
        if not (isinstance(head, Symbol) and head.name == "cons"):
            return False
        datum = datum.items[2]
    return isinstance(datum, List) and datum.prefixed and isinstance(datum.items[1], List)


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
