"""Syntax: from data to the tree, by the forms of `core_forms` and `prelude_forms` and the program's own
macros.

Steel expands macros by name, wherever a list begins with one, before it looks at what is bound where. That
is why a procedure cannot be called ``reset``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from . import rules
from .datum import Datum, List, Symbol, Vector
from .diagnostics import Findings
from .formals import RESERVED, check_name
from .macros import Macro, MacroError, define_macro
from .steel_globals import Global
from .templates import LAMBDA, Filler, TemplateError
from .tree import Call, Constant, Node, Opaque, Reference, Refused
from .tree import Sequence as Block

DEEPEST: Final = 64
"""Lists inside lists beyond this are not looked at; devices do not follow so far."""


@dataclass(frozen=True)
class Form:
    """A form that Steel knows, with the shape that its operands must have."""

    convert: Callable[[Syntax, List], Node]
    """Makes the tree; the number of operands is right when it is called."""
    least: int
    most: int | None
    usage: str
    is_macro: bool = True
    """Expanded by name wherever it stands first in a list, even where it is bound."""
    top_only: bool = False
    """Allowed at the top level only."""
    ignores_dot: bool = False
    """Steel takes what stands behind a dot for one more operand, as in a call."""

    @property
    def count(self) -> str:
        """How many operands it takes, in words."""
        if self.most == self.least:
            return _operands(self.least)
        return (
            f"at least {_operands(self.least)}"
            if self.most is None
            else f"{self.least} to {self.most} operands"
        )


class Syntax:
    """Makes the tree of one program."""

    def __init__(self, findings: Findings, forms: Mapping[str, Form]) -> None:
        """A program without macros of its own."""
        self.findings = findings
        self.complete = True
        """False when a part of the program could not be looked at."""
        self.imported: dict[str, Global] = {}
        """Names that ``require`` brings in."""
        self._forms = forms
        self._macros: dict[str, Macro | None] = {}
        self._filler = Filler()
        self._depth = 0

    def program(self, data: Sequence[Datum]) -> list[Node]:
        """The tree of every datum at the top level. Macros hold for the whole program, wherever they are."""
        return [self._top_level(datum) for datum in [one for one in data if not self._defines_macro(one)]]

    def _top_level(self, datum: Datum) -> Node:
        match datum:
            case List(items=[Symbol(name=name), *_], tail=None) if self._is_top_form(name):
                return self._special(datum, self._forms[name], at_top=True)
        return self.convert(datum)

    def _is_top_form(self, name: str) -> bool:
        return name not in self._macros and name in self._forms and self._forms[name].top_only

    def convert(self, datum: Datum) -> Node:
        """The tree of an expression or a definition."""
        if isinstance(datum, List):
            if self._depth < DEEPEST:
                self._depth += 1
                node = self._list(datum)
                self._depth -= 1
                return node
            self._check_expansion(datum)
            self.complete = False
            return Opaque(datum.start, datum.end)
        if isinstance(datum, Symbol):
            return self._symbol(datum)
        return Constant(datum.start, datum.end, datum)

    def convert_all(self, data: Sequence[Datum]) -> list[Node]:
        """The trees of several expressions."""
        return [self.convert(datum) for datum in data]

    def body(self, items: Sequence[Datum], form: Datum) -> Node:
        """Several expressions, one after the other, as one."""
        if len(items) == 1:
            return self.convert(items[0])
        return Block(form.start, form.end, self.convert_all(items))

    def name(self, datum: Datum, what: str) -> Symbol | None:
        """The datum if it can be a variable's name; otherwise it is reported."""
        return check_name(datum, self.findings, what)

    def malformed(self, form: List, message: str, place: Datum | None = None) -> Opaque:
        """Report a form that is not as it should be; its inside is not looked at."""
        head = form.items[0]
        where = place or head
        hint = self._usage(head.name) if isinstance(head, Symbol) else ""
        self.findings.add(rules.MALFORMED_FORM, where.start, where.end, message, hint)
        self.complete = False
        return Opaque(form.start, form.end)

    def refuse_macro_name(self, binding: List) -> bool:
        """Report a list that binds a name but that Steel takes for the use of a macro, as in ``(define
        (reset) …)``."""
        head = binding.items[0] if binding.items else None
        if not isinstance(head, Symbol) or not self.is_macro(head.name):
            return False
        self.findings.add(
            rules.SHADOWED_SYNTAX,
            head.start,
            head.end,
            f"{head.name} is a macro, and Steel expands ({head.name} …) also where it is bound",
            "Choose another name.",
        )
        return True

    def is_macro(self, name: str) -> bool:
        """Whether Steel expands lists that begin with the name."""
        return name in self._macros or (name in self._forms and self._forms[name].is_macro)

    def is_syntax(self, name: str) -> bool:
        """Whether the name is a form or a macro, which have no value."""
        return name in self._macros or name in self._forms

    def _symbol(self, symbol: Symbol) -> Node:
        if symbol.name in RESERVED:
            message = f"{symbol.name} is syntax and has no value"
            hint = self._usage(symbol.name)
            return Refused(symbol.start, symbol.end, rules.SYNTAX_AS_VALUE, message, hint)
        return Reference(symbol.start, symbol.end, symbol)

    def _usage(self, name: str) -> str:
        return f"Write {self._forms[name].usage}." if name in self._forms else ""

    def _list(self, form: List) -> Node:
        expanded = self._expand(form)
        if not isinstance(expanded, List):
            return Opaque(form.start, form.end) if expanded is None else self.convert(expanded)
        head = expanded.items[0] if expanded.items else None
        if isinstance(head, Symbol) and head.name in self._forms:
            return self._special(expanded, self._forms[head.name])
        return self._call(expanded)

    def _special(self, form: List, known: Form, at_top: bool = False) -> Node:
        if known.ignores_dot:
            form = self._without_dot(form)
        name, operands = form.items[0], form.items[1:]
        assert isinstance(name, Symbol)  # noqa: S101  # that is how it was found
        if form.tail is not None:
            return self.malformed(form, f"{name.name} cannot have a dot")
        if len(operands) < known.least:
            return self.malformed(form, f"{name.name} needs {known.count}, but has {len(operands)}")
        if known.most is not None and len(operands) > known.most:
            message = f"{name.name} takes {known.count}, but has {len(operands)}"
            return self.malformed(form, message, operands[known.most])
        if known.top_only and not at_top:
            return self.malformed(form, f"{name.name} can stand at the top level only")
        return known.convert(self, form)

    def _call(self, form: List) -> Node:
        if not form.items:
            if form.end - form.start == 1 and self.findings.has_errors:  # never closed, which is reported
                return Opaque(form.start, form.end)
            hint = "Write '() for the empty list."
            return Refused(form.start, form.end, rules.EMPTY_CALL, "() calls nothing", hint)
        operator, *operands = self._without_dot(form).items
        return Call(form.start, form.end, self.convert(operator), self.convert_all(operands))

    def _without_dot(self, form: List) -> List:
        """The form with what stands behind its dot as further operands, which is how Steel takes it."""
        tail = form.tail
        if tail is None:
            return form
        message = "Steel ignores this dot"
        self.findings.add(rules.ODD_FORM, tail.start, tail.end, message, "Remove it, or use apply.")
        spread = isinstance(tail, List) and not (tail.prefixed and same_name(tail.items[0], "quote"))
        more = tail.items if spread and isinstance(tail, List) else [tail]
        return List(form.start, form.end, [*form.items, *more], None, form.prefixed)

    # Macros of the program

    def _defines_macro(self, datum: Datum) -> bool:
        """Take note of ``(define-syntax name (syntax-rules …))``."""
        match datum:
            case List(
                items=[
                    Symbol(name="define-syntax"),
                    name,
                    List(items=[Symbol(name="syntax-rules"), *_]) as form,
                ]
            ):
                symbol = self.name(name, "a macro's name")
            case _:
                return self._defines_procedural_macro(datum)
        if symbol is not None:
            try:
                self._macros[symbol.name] = define_macro(symbol, form)
            except MacroError as error:
                self._macros[symbol.name] = None
                hint = self._usage("define-syntax")
                self.findings.add(rules.BAD_MACRO, error.place.start, error.place.end, str(error), hint)
        return True

    def _defines_procedural_macro(self, datum: Datum) -> bool:
        """Refuse a macro that runs code, and take note of its name, whose uses cannot be expanded."""
        match datum:
            case List(
                items=[Symbol(name="define-syntax" | "defmacro"), List(items=[Symbol(name=name), *_]), *_]
            ):
                pass
            case List(
                items=[Symbol(name="define-syntax"), Symbol(name=name), List(items=[Symbol() as head, *_])]
            ):
                if head.name not in LAMBDA:
                    return False
            case _:
                return False
        self._macros[name] = None
        self.complete = False
        message = "macros that run code are not allowed in programs"
        hint = self._usage("define-syntax")
        self.findings.add(rules.UNSUPPORTED_FORM, datum.start, datum.end, message, hint)
        return True

    def _expand(self, form: List) -> Datum | None:
        """What the form stands for once its head is no macro any more; None if that cannot be said."""
        datum: Datum = form
        while isinstance(datum, List) and datum.items:
            head = datum.items[0]
            if not isinstance(head, Symbol) or head.name not in self._macros:
                break
            macro = self._macros[head.name]
            expanded = self._expand_once(datum, macro) if macro else None
            if expanded is None:
                self.complete = False
                return None
            datum = expanded
        return datum

    def _expand_once(self, use: List, macro: Macro) -> Datum | None:
        place = use.items[0]
        try:
            expanded = macro.expand(use, self._filler)
        except TemplateError as error:
            message = f"the macro {macro.name} cannot be expanded: {error}"
            self.findings.add(rules.BAD_MACRO, place.start, place.end, message)
            return None
        if expanded is None:
            message = f"no rule of the macro {macro.name} fits this use"
            self.findings.add(rules.MACRO_MISMATCH, place.start, place.end, message)
        return expanded

    def _check_expansion(self, form: List) -> None:
        """Expand what is too deep to be looked at, only to see that it ends."""
        work: list[Datum] = [form] if self._macros else []
        while work:
            datum = work.pop()
            expanded = self._expand(datum) if isinstance(datum, List) else None
            if isinstance(expanded, List | Vector):
                work.extend(expanded.items)


def same_name(datum: Datum, name: str) -> bool:
    """Whether the datum is the symbol of that name."""
    return isinstance(datum, Symbol) and datum.name == name


def _operands(count: int) -> str:
    return f"{count} operand{'s' * (count != 1)}"
