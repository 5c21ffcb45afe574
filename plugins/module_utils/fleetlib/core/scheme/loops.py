"""Loops that neither end nor wait: they keep a board from everything else until the run's time is over.

All loops are procedures that call themselves by now, ``while`` and ``do`` too. Only what surely goes on for
ever is reported: every way through the procedure calls it again, and nothing on the way could wait, raise or
jump out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from . import rules
from .api import BY_NAME
from .diagnostics import Findings
from .scope import Binding, simplify, simplify_logic
from .steel_globals import steel_globals
from .tree import (
    Assign,
    Branch,
    Call,
    Constant,
    Define,
    Lambda,
    Let,
    Logic,
    Node,
    Opaque,
    Reference,
    Sequence,
    walk,
)

_WAYS_OUT: Final = {
    "sleep",
    "blink-led",
    *("error", "error!", "error-with-span", "raise-error", "raise-error-with-span"),
    *("call/cc", "call-with-current-continuation", "call-with-exception-handler", "dynamic-wind"),
    *("*reset", "*shift"),
}
"""What waits, raises or jumps."""

_FOREIGN: Final = ("steel", "device")


def check_loops(calls: Iterable[Call], findings: Findings) -> None:
    """Report the procedures that never return and never wait, once they are called."""
    procedures = {
        binding: binding.value.body
        for binding in _called(calls)
        if isinstance(binding.value, Lambda) and not binding.assigned
    }
    endless = _endless(procedures)
    for binding in endless:
        call = _again(procedures[binding], endless)
        if call is not None and not _has_way_out(binding, procedures):
            message = "this loop never ends and never waits"
            hint = "Give it an end, or let it (sleep …) in between, or use schedule-interval."
            findings.add(rules.ENDLESS_LOOP, *_place(binding, call), message, hint)


def _called(calls: Iterable[Call]) -> Iterator[Binding]:
    for call in calls:
        if isinstance(call.operator, Reference) and call.operator.binding:
            yield call.operator.binding


def _endless(procedures: dict[Binding, Node]) -> set[Binding]:
    """The procedures that surely call one of these again, whatever they are called with."""
    endless = set(procedures)
    while True:
        kept = {binding for binding in endless if _again(procedures[binding], endless) is not None}
        if kept == endless:
            return endless
        endless = kept


def _again(node: Node | None, endless: set[Binding]) -> Call | None:
    """A call of an endless procedure that evaluating the node cannot get around."""
    match node:
        case Call(operator=Reference(binding=binding)) if binding in endless:
            return node
        case Call(operator=operator, operands=operands):
            inside = operator.body if isinstance(operator, Lambda) else operator
            return _first([*operands, inside], endless)
        case Branch():
            return _again_in_branch(node, endless)
        case Logic():
            live, _ = simplify_logic(node)
            return _again(live[0], endless) if live else None
        case Sequence(items=items) | Opaque(items=items):
            return _first(items, endless)
        case Define(value=value) | Assign(value=value):
            return _again(value, endless)
        case Let(bindings=bindings, body=body):
            return _first([*(value for _, value in bindings), body], endless)
    return None


def _first(nodes: Iterable[Node], endless: set[Binding]) -> Call | None:
    return next((call for node in nodes if (call := _again(node, endless))), None)


def _again_in_branch(branch: Branch, endless: set[Binding]) -> Call | None:
    clauses, otherwise, _ = simplify(branch)
    always = _again(clauses[0][0], endless) if clauses else None
    if always:
        return always
    ways = [_again(body, endless) for _, body in clauses] + [_again(otherwise, endless)]
    return ways[-1] if all(ways) else None


def _has_way_out(start: Binding, procedures: dict[Binding, Node]) -> bool:
    """Whether anything that may run in the procedure could wait, raise or jump."""
    seen, work = {start}, [start]
    while work:
        for node in walk(procedures[work.pop()]):
            if _may_be_way_out(node, procedures):
                return True
            if isinstance(node, Reference) and node.binding in procedures and node.binding not in seen:
                seen.add(node.binding)
                work.append(node.binding)
    return False


def _may_be_way_out(node: Node, procedures: dict[Binding, Node]) -> bool:
    match node:
        case Reference(binding=Binding(kind=kind, name=name)):
            return kind == "import" or (kind in _FOREIGN and name in _WAYS_OUT)
        case Call(operator=Reference(binding=Binding(kind=kind, name=name)), operands=operands) if (
            kind in _FOREIGN
        ):
            # It may call what it is given.
            return _takes_procedures(kind, name) and not all(_is_known(one, procedures) for one in operands)
        case Call(operator=operator):
            return not _is_known(operator, procedures)
        case Opaque(items=items, accepts=accepts):
            return bool(items) or accepts is not None
    return False


def _is_known(node: Node, procedures: dict[Binding, Node]) -> bool:
    """Whether all that calling the node's value could run lies open: `walk` comes by it."""
    if not isinstance(node, Reference):
        return isinstance(node, Constant | Lambda)
    return node.binding in procedures or (node.binding is not None and node.binding.kind in _FOREIGN)


def _takes_procedures(kind: str, name: str) -> bool:
    function = BY_NAME.get(name) if kind == "device" else None
    if function:
        return any(argument.calls_with is not None for argument in function.arguments)
    known = steel_globals().get(name)
    return known is None or not known.types or "procedure" in known.types


def _place(binding: Binding, call: Call) -> tuple[int, int]:
    """Where the author sees the loop: its name, or for a form such as while its first word."""
    symbol = binding.symbol
    if symbol is not None and symbol.start < symbol.end:
        return symbol.start, symbol.end
    return call.start, min(call.end, call.start + 1)
