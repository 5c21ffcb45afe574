"""Parameter lists: ``(a b [c default] #:key d . rest)``, or one name for all arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from . import rules
from .datum import Datum, Keyword, List, Symbol
from .diagnostics import Findings
from .tree import Node

RESERVED: Final = frozenset(
    """if let define defn #%define %plain-let return! begin lambda fn #%plain-lambda λ quote syntax-rules
    define-syntax ... set! require .""".split()  # noqa: SIM905  # a list to read, not to look through quotes
)
"""Words that Steel's reader knows: they can never be names of variables."""


@dataclass
class Formals:
    """What a parameter list says."""

    required: list[Symbol] = field(default_factory=list)
    optional: list[tuple[Symbol, Node]] = field(default_factory=list)
    keywords: list[Symbol] = field(default_factory=list)
    rest: Symbol | None = None

    @property
    def symbols(self) -> list[Symbol]:
        """All names in the order of their kinds."""
        rest = [self.rest] if self.rest else []
        return [*self.required, *(symbol for symbol, _ in self.optional), *self.keywords, *rest]


def check_name(datum: Datum, findings: Findings, what: str) -> Symbol | None:
    """The datum if it can be a variable's name; otherwise it is reported."""
    if isinstance(datum, Symbol) and datum.name not in RESERVED:
        return datum
    if isinstance(datum, Symbol):
        message = f"{datum.name} is a reserved word and cannot be {what}"
        findings.add(rules.BAD_NAME, datum.start, datum.end, message, "Choose another name.")
    else:
        findings.add(rules.BAD_NAME, datum.start, datum.end, f"{what} has to be a name")
    return None


class FormalsParser:
    """Reads one parameter list."""

    def __init__(self, findings: Findings, convert: Callable[[Datum], Node]) -> None:
        """``convert`` makes expressions of the defaults."""
        self._findings = findings
        self._convert = convert
        self._formals = Formals()
        self._defaults_began = False

    def parse(self, datum: Datum) -> Formals:
        """What the list says; what is wrong in it is reported and left out."""
        if isinstance(datum, List) and not datum.prefixed:
            self._items(datum.items)
            tail = datum.tail
        else:
            tail = datum
        if tail is not None:
            self._formals.rest = check_name(tail, self._findings, "a parameter")
        self._refuse_duplicates()
        return self._formals

    def _items(self, items: list[Datum]) -> None:
        pending: Keyword | None = None
        for item in items:
            if isinstance(item, Keyword) and pending is None:
                pending = item
            elif isinstance(item, List) and not item.prefixed:
                self._default(item, positional=pending is None)
                pending = None
            else:
                self._name(item, keyword=pending is not None)
                pending = None
        if pending is not None:
            message = f"no name follows the keyword {pending.text}"
            hint = f"Write {pending.text} and the parameter's name, or [name default]."
            self._findings.add(rules.MALFORMED_FORM, pending.start, pending.end, message, hint)

    def _name(self, item: Datum, keyword: bool) -> None:
        symbol = check_name(item, self._findings, "a parameter")
        if symbol is None:
            return
        if keyword:
            self._formals.keywords.append(symbol)
            return
        if self._defaults_began:
            message = f"{symbol.name} has no default, but a parameter before it has one"
            hint = "Put the parameters with defaults last."
            self._findings.add(rules.MALFORMED_FORM, symbol.start, symbol.end, message, hint)
        self._formals.required.append(symbol)

    def _default(self, item: List, positional: bool) -> None:
        self._defaults_began = self._defaults_began or positional
        if len(item.items) != 2 or item.tail is not None:
            message = "a parameter with a default is a list of its name and the default"
            self._findings.add(rules.MALFORMED_FORM, item.start, item.end, message, "Write [name default].")
            return
        symbol = check_name(item.items[0], self._findings, "a parameter")
        if symbol is not None:
            self._formals.optional.append((symbol, self._convert(item.items[1])))

    def _refuse_duplicates(self) -> None:
        seen: set[str] = set()
        for symbol in self._formals.symbols:
            if symbol.name in seen and symbol.name != "_":
                message = f"the parameter {symbol.name} is there twice"
                hint = "Steel lets the last one win. Rename one of them."
                self._findings.add(rules.DUPLICATE_PARAMETER, symbol.start, symbol.end, message, hint)
            seen.add(symbol.name)
