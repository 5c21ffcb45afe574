"""The core forms of Steel: ``if``, ``define``, ``lambda``, ``let``, ``set!``, ``begin``, quotations,
``require``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from . import modules, rules
from .datum import Datum, List, Symbol, Vector, walk
from .formals import RESERVED, FormalsParser
from .forms import Form, Syntax, same_name
from .templates import LAMBDA
from .tree import Assign, Branch, Call, Constant, Define, Lambda, Let, Node, Opaque, Reference, Refused
from .tree import Sequence as Block


def make_lambda(syntax: Syntax, formals: Datum, body: Sequence[Datum], form: List, name: str = "") -> Lambda:
    """The tree of a procedure."""
    parsed = FormalsParser(syntax.findings, syntax.convert).parse(formals)
    return Lambda(
        form.start,
        form.end,
        parsed.required,
        parsed.optional,
        parsed.keywords,
        parsed.rest,
        syntax.body(body, form),
        name,
    )


def thunk(body: Node) -> Lambda:
    """A procedure without parameters around an expression."""
    return Lambda(body.start, body.end, [], [], [], None, body)


def _if(syntax: Syntax, form: List) -> Node:
    test, then, *otherwise = syntax.convert_all(form.items[1:])
    return Branch(form.start, form.end, [(test, then)], otherwise[0] if otherwise else None)


def _define(syntax: Syntax, form: List) -> Node:
    target, *body = form.items[1:]
    if isinstance(target, List) and same_name(target.items[0] if target.items else target, "unquote"):
        message = "with this comma Steel defines a procedure of the name unquote"
        syntax.findings.add(rules.ODD_FORM, target.start, target.end, message, "Remove the comma.")
        return make_lambda(syntax, List(target.start, target.end, target.items[1:]), body, form)
    if isinstance(target, List) and not target.prefixed:
        return _define_procedure(syntax, form, target, body)
    symbol = syntax.name(target, "what is defined")
    if not body:
        return syntax.malformed(form, "this definition has no value")
    if len(body) > 1:
        return syntax.malformed(form, "a variable has one value only", body[1])
    value = syntax.convert(body[0])
    if symbol is None:
        return Opaque(form.start, form.end, [value])
    if isinstance(value, Lambda):
        value.name = value.name or symbol.name
    return Define(form.start, form.end, symbol, value)


def _define_procedure(syntax: Syntax, form: List, target: List, body: Sequence[Datum]) -> Node:
    if not target.items:
        return syntax.malformed(form, "this definition names nothing", target)
    if syntax.refuse_macro_name(target):
        return Opaque(form.start, form.end)
    if not body:
        return syntax.malformed(form, "this procedure has no body")
    head, *parameters = target.items
    symbol = syntax.name(head, "a procedure's name")
    formals = List(target.start, target.end, parameters, target.tail)
    value = make_lambda(syntax, formals, body, form, symbol.name if symbol else "")
    return Define(form.start, form.end, symbol, value) if symbol else Opaque(form.start, form.end, [value])


def _lambda(syntax: Syntax, form: List) -> Node:
    formals, *body = form.items[1:]
    if isinstance(formals, Vector):
        return syntax.malformed(form, "the parameters have to be a list", formals)
    return make_lambda(syntax, formals, body, form)


def _set(syntax: Syntax, form: List) -> Node:
    target, value = form.items[1:]
    symbol = syntax.name(target, "what is assigned to")
    node = syntax.convert(value)
    return Assign(form.start, form.end, symbol, node) if symbol else Opaque(form.start, form.end, [node])


def _let(syntax: Syntax, form: List) -> Node:
    target, *rest = form.items[1:]
    if isinstance(target, List) and not target.prefixed:
        return _plain_let(syntax, form)
    if not rest or not isinstance(rest[0], List) or rest[0].prefixed:
        return syntax.malformed(form, "a named let needs a list of bindings behind its name", *rest[:1])
    name = syntax.name(target, "the name of a let")
    if name and syntax.is_macro(name.name):
        message = f"{name.name} is a macro, and Steel expands ({name.name} …) where the loop goes on"
        syntax.findings.add(rules.SHADOWED_SYNTAX, name.start, name.end, message, "Choose another name.")
    bindings = let_bindings(syntax, form, rest[0])
    if len(rest) < 2:
        return syntax.malformed(form, "this let has no body")
    body = syntax.body(rest[1:], form)
    if name is None or bindings is None:
        return Opaque(form.start, form.end)
    return loop(form, name, bindings, body)


def loop(form: Datum, name: Symbol, bindings: list[tuple[Symbol, Node]], body: Node) -> Node:
    """A procedure of a name, which its body sees, called at once."""
    place = (form.start, form.end)
    procedure = Lambda(*place, [symbol for symbol, _ in bindings], [], [], None, body, name.name)
    call = Call(*place, Reference(name.start, name.end, name), [value for _, value in bindings])
    block = Block(*place, [Define(*place, name, procedure, implicit=True), call])
    return Call(*place, thunk(block), [])


def _plain_let(syntax: Syntax, form: List) -> Node:
    target, *body = form.items[1:]
    if not isinstance(target, List) or target.prefixed:
        return syntax.malformed(form, "let needs a list of bindings", target)
    bindings = let_bindings(syntax, form, target)
    if not body:
        return syntax.malformed(form, "this let has no body")
    node = syntax.body(body, form)
    return Opaque(form.start, form.end) if bindings is None else Let(form.start, form.end, bindings, node)


def let_bindings(syntax: Syntax, form: List, target: List) -> list[tuple[Symbol, Node]] | None:
    """Names and values of ``((name value) …)``; None if something is wrong, which is then reported."""
    bindings = []
    sound = True
    for pair in [*target.items, *([target.tail] if target.tail is not None else [])]:
        if not isinstance(pair, List) or pair.prefixed:
            syntax.malformed(form, "a binding is a list of a name and a value", pair)
            sound = False
            continue
        parts = [*pair.items, *([pair.tail] if pair.tail is not None else [])]
        if syntax.refuse_macro_name(pair):
            sound = False
        elif len(parts) != 2:
            syntax.malformed(form, "a binding is a list of a name and one value", pair)
            sound = False
        else:
            symbol, value = syntax.name(parts[0], "what is bound"), syntax.convert(parts[1])
            sound = sound and symbol is not None
            if symbol is not None:
                bindings.append((symbol, value))
    _warn_of_duplicates(syntax, [symbol for symbol, _ in bindings])
    return bindings if sound else None


def _warn_of_duplicates(syntax: Syntax, names: Sequence[Symbol]) -> None:
    seen: set[str] = set()
    for symbol in names:
        if symbol.name in seen and symbol.name != "_":
            message = f"{symbol.name} is bound twice"
            hint = "Steel lets the last one win. Rename one of them, or use let*."
            syntax.findings.add(rules.DUPLICATE_PARAMETER, symbol.start, symbol.end, message, hint)
        seen.add(symbol.name)


def _begin(syntax: Syntax, form: List) -> Node:
    return Block(form.start, form.end, syntax.convert_all(form.items[1:]))


def _quote(syntax: Syntax, form: List) -> Node:
    if not form.prefixed:
        _warn_of_expansion(syntax, form.items[1])
    match form.items[1]:
        case List(items=[Symbol(name=name), *parts], tail=tail) if name in LAMBDA:
            if len(parts) + (tail is not None) == 1:
                message = "Steel reads even a quoted lambda, and this one has no body"
                return syntax.malformed(form, message, form.items[1])
    return Constant(form.start, form.end, form.items[1])


def _warn_of_expansion(syntax: Syntax, quoted: Datum) -> None:
    """Steel expands macros in ``(quote …)``, but not behind the short quote."""
    for one in walk(quoted):
        head = one.items[0] if isinstance(one, List) and one.items else None
        if isinstance(head, Symbol) and syntax.is_macro(head.name):
            message = f"Steel expands the macro {head.name} even here"
            hint = "Write the quote as ' in front of the datum."
            syntax.findings.add(rules.ODD_FORM, head.start, head.end, message, hint)


def _return(syntax: Syntax, form: List) -> Node:
    return Opaque(form.start, form.end, [syntax.convert(form.items[1])])


def _quasiquote(syntax: Syntax, form: List) -> Node:
    return Opaque(form.start, form.end, _unquoted(syntax, form.items[1]))


def _unquoted(syntax: Syntax, template: Datum) -> list[Node]:
    """The expressions in a quasiquotation, which stand behind as many commas as it has backquotes around
    them."""
    found: list[Node] = []
    work: list[tuple[Datum, int]] = [(template, 1)]
    while work:
        datum, level = work.pop()
        if _splices_nowhere(datum, template) or (isinstance(datum, List) and datum.tail is not None):
            continue  # Steel takes it for data
        items = datum.items if isinstance(datum, List | Vector) else []
        if isinstance(datum, List) and len(items) == 2 and isinstance(items[0], Symbol):
            level += {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}.get(items[0].name, 0)
            if level == 0:
                found.append(syntax.convert(items[1]))
                continue
        work.extend((item, level) for item in reversed(items))
    return found


def _splices_nowhere(datum: Datum, template: Datum) -> bool:
    """Whether it is a ``,@`` with no list around it."""
    head = datum.items[0] if datum is template and isinstance(datum, List) and datum.items else None
    return isinstance(head, Symbol) and head.name == "unquote-splicing"


def _unquote(syntax: Syntax, form: List) -> Node:
    del syntax
    message = "there is no quasiquotation around this comma"
    hint = "Remove it, or write ` before the list."
    return Refused(form.start, form.end, rules.STRAY_UNQUOTE, message, hint)


def _define_syntax(syntax: Syntax, form: List) -> Node:
    """Definitions of macros at the top level do not come here, unless something is wrong with them."""
    match form.items[1:]:
        case [_, List(items=[Symbol(name="syntax-rules"), *_])]:
            message = "a macro can be defined at the top level only"
        case _:
            message = "a macro needs a name and syntax-rules"
    hint = f"Write {CORE_FORMS['define-syntax'].usage} at the top level."
    syntax.findings.add(rules.BAD_MACRO, form.start, form.items[0].end, message, hint)
    syntax.complete = False
    return Opaque(form.start, form.end)


def _unsupported(syntax: Syntax, form: List) -> Node:
    head = form.items[0]
    assert isinstance(head, Symbol)  # noqa: S101  # that is how it was found
    message = f"{head.name} is not allowed in programs"
    hint = "Macros are defined with define-syntax and syntax-rules."
    syntax.findings.add(rules.UNSUPPORTED_FORM, head.start, head.end, message, hint)
    syntax.complete = False
    return Opaque(form.start, form.end)


def _syntax_rules(syntax: Syntax, form: List) -> Node:
    return syntax.malformed(form, "syntax-rules can stand in define-syntax only")


def _require(syntax: Syntax, form: List) -> Node:
    for spec in form.items[1:]:
        syntax.imported.update(modules.require(spec, syntax.findings))
    return Opaque(form.start, form.end)


def _require_builtin(syntax: Syntax, form: List) -> Node:
    syntax.imported.update(modules.require_builtin(form, syntax.findings))
    return Opaque(form.start, form.end)


def _provide(syntax: Syntax, form: List) -> Node:
    """A program is no module, and nobody asks for what it provides; Steel looks at the shape all the same."""
    for spec in form.items[1:]:
        if not isinstance(spec, List):
            continue
        head = spec.items[0] if spec.items else None
        if not isinstance(head, Symbol) or head.name in RESERVED:
            syntax.malformed(form, "what is provided is a name, or a list that begins with a word", spec)
        elif head.name == "for-syntax" and len(spec.items) != 2:
            syntax.malformed(form, "for-syntax takes one name", spec)
    return Opaque(form.start, form.end)


_DEFINE: Final = Form(
    _define, 1, None, "(define name value) or (define (name parameter …) expression …)", False
)
_LAMBDA: Final = Form(_lambda, 2, None, "(lambda (parameter …) expression …)", False, ignores_dot=True)
UNSUPPORTED: Final = Form(
    _unsupported, 0, None, "(define-syntax name (syntax-rules () (pattern template) …))"
)

CORE_FORMS: Final[Mapping[str, Form]] = {
    "if": Form(_if, 2, 3, "(if test then else)", False),
    "define": _DEFINE,
    "defn": _DEFINE,
    "#%define": _DEFINE,
    "lambda": _LAMBDA,
    "fn": _LAMBDA,
    "λ": _LAMBDA,
    "#%plain-lambda": _LAMBDA,
    "let": Form(_let, 1, None, "(let ((name value) …) expression …)", False),
    "%plain-let": Form(_plain_let, 1, None, "(%plain-let ((name value) …) expression …)", False),
    "set!": Form(_set, 2, 2, "(set! name value)", False),
    "begin": Form(_begin, 0, None, "(begin expression …)", False),
    "quote": Form(_quote, 1, 1, "(quote datum) or 'datum", False, ignores_dot=True),
    "return!": Form(_return, 1, 1, "(return! value)", False),
    "quasiquote": Form(_quasiquote, 1, 1, "`template"),
    "unquote": Form(_unquote, 0, None, ",expression inside of a quasiquotation", False),
    "unquote-splicing": Form(_unquote, 0, None, ",@expression inside of a quasiquotation", False),
    "define-syntax": Form(
        _define_syntax, 0, None, "(define-syntax name (syntax-rules (literal …) (pattern template) …))", False
    ),
    "syntax-rules": Form(
        _syntax_rules, 0, None, "(define-syntax name (syntax-rules (literal …) (pattern template) …))", False
    ),
    "defmacro": UNSUPPORTED,
    "begin-for-syntax": UNSUPPORTED,
    "syntax": UNSUPPORTED,
    "quasisyntax": UNSUPPORTED,
    "#%require-dylib": UNSUPPORTED,
    "require": Form(_require, 1, None, '(require "steel/option")', False, top_only=True),
    "require-builtin": Form(
        _require_builtin, 1, 3, "(require-builtin steel/random)", False, ignores_dot=True
    ),
    "provide": Form(_provide, 1, None, "(provide name …)", False, top_only=True, ignores_dot=True),
}
"""The core forms by name."""
