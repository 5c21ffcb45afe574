"""The macros of Steel's prelude: ``cond``, ``case``, ``do``, ``match``, ``struct`` and the like.

What they expand to decides where definitions may stand and what a mistake leads to; the trees here have the
scopes of those expansions (stdlib.scm, kernel.scm, match.scm of steel-core 0.7.0), not their letters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from . import rules
from .core_forms import UNSUPPORTED, loop, make_lambda, thunk
from .datum import Datum, Keyword, List, Numeral, Symbol
from .formals import RESERVED
from .forms import Form, Syntax, same_name
from .patterns import pattern_variables
from .steel_globals import modules
from .templates import RENAMED
from .tree import Assign, Branch, Call, Define, Lambda, Let, Logic, Node, Opaque, Reference
from .tree import Sequence as Block

WHILE: Final = "while"
"""Name of the procedure that a while loop becomes."""


def _hidden(name: str, place: Datum) -> Symbol:
    """A variable that programs cannot name."""
    return Symbol(place.start, place.start, RENAMED + name)


def _global(name: str, place: Datum) -> Reference:
    """A procedure of Steel that a macro uses."""
    return Reference(place.start, place.end, Symbol(place.start, place.end, name))


def _and(syntax: Syntax, form: List) -> Node:
    return Logic(form.start, form.end, syntax.convert_all(form.items[1:]), is_and=True)


def _or(syntax: Syntax, form: List) -> Node:
    return Logic(form.start, form.end, syntax.convert_all(form.items[1:]), is_and=False)


def _when(syntax: Syntax, form: List) -> Node:
    test, *body = form.items[1:]
    clause = (syntax.convert(test), syntax.body(body, form))
    return Branch(form.start, form.end, [clause], None)


def _unless(syntax: Syntax, form: List) -> Node:
    test, *body = form.items[1:]
    nothing = Opaque(test.end, test.end)
    return Branch(form.start, form.end, [(syntax.convert(test), nothing)], syntax.body(body, form))


def _clauses(syntax: Syntax, form: List, clauses: Sequence[Datum], least: int) -> list[List] | None:
    """The clauses of a form, which have to be proper lists; None if one is not, which is then reported."""
    sound = []
    for clause in clauses:
        if not isinstance(clause, List) or clause.tail is not None or not clause.items:
            syntax.malformed(form, "a clause has to be a list that is not empty", clause)
        elif len(clause.items) < least:
            syntax.malformed(form, "this clause has no result", clause)
        else:
            sound.append(clause)
    return sound if len(sound) == len(clauses) else None


def _cond(syntax: Syntax, form: List) -> Node:
    clauses = _clauses(syntax, form, form.items[1:], 1)
    if clauses is None:
        return Opaque(form.start, form.end)
    otherwise = None
    if same_name(clauses[-1].items[0], "else"):
        last = clauses.pop()
        otherwise = syntax.body(_results(syntax, last, arrow=True), last)
    branches = []
    for clause in clauses:
        body = _results(syntax, clause, arrow=clause is not clauses[-1] or otherwise is not None)
        branches.append((syntax.convert(clause.items[0]), syntax.body(body, clause)))
    return Branch(form.start, form.end, branches, otherwise)


def _results(syntax: Syntax, clause: List, arrow: bool) -> list[Datum]:
    """What a clause evaluates behind its test. Steel drops ``=>``, but not in a last clause with a test."""
    body = clause.items[1:]
    if not (arrow and body and same_name(body[0], "=>")):
        return body
    place = body[0]
    message = "Steel does not call what stands behind =>; it is the value of the clause"
    syntax.findings.add(rules.ODD_FORM, place.start, place.end, message, "Use let and if.")
    return body[1:]


def _case(syntax: Syntax, form: List) -> Node:
    key, *rest = form.items[1:]
    clauses = _clauses(syntax, form, rest, 2)
    if clauses is None:
        return Opaque(form.start, form.end)
    otherwise = None
    if same_name(clauses[-1].items[0], "else"):
        last = clauses.pop()
        otherwise = syntax.body(last.items[1:], last)
    tested = [syntax.convert(key)]
    branches: list[tuple[Node, Node]] = []
    for clause in clauses:
        data = clause.items[0]
        if not isinstance(data, List) or data.prefixed or data.tail is not None:
            message = "the data of a case clause have to be a list"
            if isinstance(data, List) and data.prefixed:
                message += " without a quote"
            return syntax.malformed(form, message, data)
        # The key is evaluated once, before all clauses.
        test = Opaque(data.start, data.end, tested if not branches else [])
        branches.append((test, syntax.body(clause.items[1:], clause)))
    if not branches and otherwise:
        return otherwise  # Steel drops the key then
    return Branch(form.start, form.end, branches, otherwise)


def _while(syntax: Syntax, form: List) -> Node:
    """A procedure that calls itself, as in Steel: two loops in a row at the top level define it twice."""
    test, *body = form.items[1:]
    if body and same_name(body[0], "do"):
        body = body[1:]
    name = _hidden("loop", form)
    again = Call(form.start, form.end, _reference(name), [])
    going_on = Block(form.start, form.end, [*syntax.convert_all(body), again])
    branch = Branch(form.start, form.end, [(syntax.convert(test), going_on)], None)
    procedure = Lambda(form.start, form.end, [], [], [], None, branch, WHILE)
    define = Define(form.start, form.items[0].end, name, procedure, implicit=True)
    return Block(form.start, form.end, [define, Call(form.start, form.end, _reference(name), [])])


def _do(syntax: Syntax, form: List) -> Node:
    variables, ending, *commands = form.items[1:]
    if not isinstance(variables, List) or variables.prefixed or variables.tail is not None:
        return syntax.malformed(form, "do needs a list of variables", variables)
    if not isinstance(ending, List) or ending.prefixed or ending.tail is not None or not ending.items:
        return syntax.malformed(form, "do needs a list of its end's test and results", ending)
    bindings: list[tuple[Symbol, Node]] = []
    steps: list[Node] = []
    for variable in variables.items:
        parts = variable.items if isinstance(variable, List) and not variable.prefixed else []
        if len(parts) not in (2, 3) or not isinstance(variable, List) or variable.tail is not None:
            return syntax.malformed(
                form, "a variable of do is a list of name, first value and step", variable
            )
        symbol = syntax.name(parts[0], "a variable of do")
        first, step = syntax.convert(parts[1]), syntax.convert(parts[-1] if len(parts) == 3 else parts[0])
        if symbol is None:
            return Opaque(form.start, form.end)
        bindings.append((symbol, first))
        steps.append(step)
    name = _hidden("loop", form)
    again = Call(form.start, form.end, _reference(name), steps)
    going_on = Block(form.start, form.end, [*syntax.convert_all(commands), again])
    clause = (syntax.convert(ending.items[0]), syntax.body(ending.items[1:], ending))
    return loop(form, name, bindings, Branch(form.start, form.end, [clause], going_on))


def _pairs(syntax: Syntax, form: List, target: Datum) -> list[tuple[Datum, Datum]] | None:
    """The parts of ``((name value) …)``; None if it has another shape, which is then reported."""
    if not isinstance(target, List) or target.prefixed or target.tail is not None:
        syntax.malformed(form, "the bindings have to be a list", target)
        return None
    pairs = []
    for pair in target.items:
        if not isinstance(pair, List) or pair.prefixed or pair.tail is not None or len(pair.items) != 2:
            syntax.malformed(form, "a binding is a list of a name and one value", pair)
            return None
        pairs.append((pair.items[0], pair.items[1]))
    return pairs


def _bindings(syntax: Syntax, form: List) -> list[tuple[Symbol, Node]] | None:
    pairs = _pairs(syntax, form, form.items[1])
    found = [(syntax.name(name, "what is bound"), syntax.convert(value)) for name, value in pairs or ()]
    sound = [(symbol, value) for symbol, value in found if symbol is not None]
    return sound if pairs is not None and len(sound) == len(found) else None


def _let_star(syntax: Syntax, form: List) -> Node:
    bindings = _bindings(syntax, form)
    body = form.items[2:]
    if not body:
        return syntax.malformed(form, "this let* has no body")
    if bindings is None:
        return Opaque(form.start, form.end)
    return Let(form.start, form.end, bindings, syntax.body(body, form), sequential=True)


def _letrec(syntax: Syntax, form: List) -> Node:
    bindings = _bindings(syntax, form)
    if bindings is None:
        return Opaque(form.start, form.end)
    if bindings and not form.items[2:]:
        return syntax.malformed(form, "this form has no body")
    defines: list[Node] = [Define(symbol.start, value.end, symbol, value) for symbol, value in bindings]
    for define in defines:
        if isinstance(define, Define) and isinstance(define.value, Lambda):
            define.value.name = define.symbol.name
    block = Block(form.start, form.end, [*defines, *syntax.convert_all(form.items[2:])])
    return Call(form.start, form.end, thunk(block), [])


def _case_lambda(syntax: Syntax, form: List) -> Node:
    clauses = _clauses(syntax, form, form.items[1:], 1)
    if clauses is None:
        return Opaque(form.start, form.end)
    procedures: list[Node] = []
    for clause in clauses:
        if len(clause.items) < 2:
            return syntax.malformed(form, "this clause has no body", clause)
        procedures.append(make_lambda(syntax, clause.items[0], clause.items[1:], clause))
    return Opaque(form.start, form.end, procedures)


def _delay(syntax: Syntax, form: List) -> Node:
    return thunk(syntax.convert(form.items[1]))


def _reset(syntax: Syntax, form: List) -> Node:
    body = syntax.convert(form.items[1])
    return Call(form.start, form.end, _global("*reset", form.items[0]), [thunk(body)])


def _shift(syntax: Syntax, form: List) -> Node:
    symbol = syntax.name(form.items[1], "the continuation's name")
    body = syntax.convert(form.items[2])
    if symbol is None:
        return Opaque(form.start, form.end)
    receiver = Lambda(form.start, form.end, [symbol], [], [], None, body)
    return Call(form.start, form.end, _global("*shift", form.items[0]), [receiver])


def _with_handler(syntax: Syntax, form: List) -> Node:
    handler, *body = form.items[1:]
    problem = _hidden("err", form)
    call = Call(handler.start, handler.end, syntax.convert(handler), [_reference(problem)])
    receiver = Lambda(handler.start, handler.end, [problem], [], [], None, call)
    guarded = thunk(syntax.body(body, form))
    operator = _global("call-with-exception-handler", form.items[0])
    return Call(form.start, form.end, operator, [receiver, guarded])


def _reference(symbol: Symbol) -> Reference:
    return Reference(symbol.start, symbol.end, symbol)


def _parameterize(syntax: Syntax, form: List) -> Node:
    pairs = _pairs(syntax, form, form.items[1])
    if pairs is None:
        return Opaque(form.start, form.end)
    values = [node for pair in pairs for node in syntax.convert_all(pair)]
    return Opaque(form.start, form.end, [*values, thunk(syntax.body(form.items[2:], form))])


def _define_values(syntax: Syntax, form: List) -> Node:
    names, value = form.items[1:3]
    if not isinstance(names, List) or names.prefixed or names.tail is not None:
        return syntax.malformed(form, "define-values needs a list of names", names)
    nodes: list[Node] = [syntax.convert(value)]
    for name in names.items:
        symbol = syntax.name(name, "what is defined")
        if symbol is not None:
            nodes.append(Define(name.start, name.end, symbol, Opaque(name.start, name.end)))
    return Block(form.start, form.end, [*nodes, Opaque(form.end, form.end)])


def _struct(syntax: Syntax, form: List) -> Node:
    name, fields, *options = form.items[1:]
    if not isinstance(name, Symbol):
        return syntax.malformed(form, "a struct needs a name", name)
    if not isinstance(fields, List) or fields.prefixed or fields.tail is not None:
        return syntax.malformed(form, "a struct needs a list of fields", fields)
    if syntax.refuse_macro_name(fields):
        return Opaque(form.start, form.end)
    names: list[str] = []
    for field in fields.items:
        if isinstance(field, Keyword):
            message = f"{field.text} stands among the fields, where Steel takes it for one of them"
            hint = "Options stand behind the list of fields."
            syntax.findings.add(rules.ODD_FORM, field.start, field.end, message, hint)
        elif not isinstance(field, Symbol):
            return syntax.malformed(form, "a field of a struct is a name", field)
        names.append(field.name if isinstance(field, Symbol) else field.text)
    if names and names[0] in RESERVED:
        syntax.convert(fields)  # Steel reads it as the special form that it looks like
    valued = [one for one in options if not (isinstance(one, Keyword) and one.text in _STRUCT_FLAGS)]
    if problem := _struct_options(syntax, form, valued, len(names)):
        return problem
    mutable = any(isinstance(one, Keyword) and one.text == "#:mutable" for one in options)
    evaluated = [
        one
        for index, one in enumerate(valued)
        if not isinstance(one, Keyword) and (index % 2 or not isinstance(one, Symbol))
    ]
    nodes = syntax.convert_all(evaluated)
    for defined, accepts in _struct_names(name.name, names, mutable):
        symbol = Symbol(name.start, name.end, defined, name.macro)
        value = Opaque(name.start, name.end, [], accepts)
        nodes.append(Define(form.start, form.end, symbol, value, implicit=defined != name.name))
    return Block(form.start, form.end, [*nodes, Opaque(form.end, form.end)])


def _struct_options(syntax: Syntax, form: List, options: Sequence[Datum], fields: int) -> Opaque | None:
    """What is wrong with the options that have a value, which is then reported; None if nothing is."""
    if len(options) % 2:
        return syntax.malformed(form, "an option of a struct has no value", options[-1])
    for option, value in zip(options[::2], options[1::2], strict=True):
        procedural = isinstance(option, Keyword) and option.text == "#:prop:procedure"
        if procedural and not _is_field(value, fields):
            message = "#:prop:procedure takes the number of the field that holds the procedure"
            return syntax.malformed(form, message, value)
    return None


def _is_field(value: Datum, fields: int) -> bool:
    """Whether Steel takes it for a field's number; it does not mind one too many."""
    return isinstance(value, Numeral) and (value.value is None or value.value <= fields)


_STRUCT_FLAGS: Final = ("#:mutable", "#:transparent")


def _struct_names(name: str, fields: Sequence[str], mutable: bool) -> list[tuple[str, int | None]]:
    """What a struct defines, with the arguments that procedures take."""
    names: list[tuple[str, int | None]] = [
        (f"___{name}-options___", None),
        (name, len(fields)),
        (f"struct:{name}", None),
        (f"{name}?", 1),
    ]
    names += [(f"{name}-{field}", 1) for field in fields]
    return names + ([(f"set-{name}-{field}!", 2) for field in fields] if mutable else [])


def _match(syntax: Syntax, form: List) -> Node:
    clauses = _clauses(syntax, form, form.items[2:], 1)
    subject = syntax.convert(form.items[1])
    if clauses is None:
        return Opaque(form.start, form.end, [subject])
    branches: list[tuple[Node, Node]] = []
    for clause in clauses:
        pattern, *body = clause.items
        variables = pattern_variables(pattern, syntax.findings)
        if body and isinstance(body[0], Keyword) and body[0].text == "#:when":
            body = body[1:]
        values: list[tuple[Symbol, Node]] = [(one, Opaque(one.start, one.end)) for one in variables]
        guarded = Let(clause.start, clause.end, values, syntax.body(body, clause))
        branches.append((Opaque(pattern.start, pattern.end), guarded))
    value = (_hidden("match", form), subject)
    return Let(form.start, form.end, [value], Branch(form.start, form.end, branches, None))


def _match_define(syntax: Syntax, form: List) -> Node:
    return syntax.malformed(form, "match-define does not work in Steel 0.7; use match")


def _define_contract(syntax: Syntax, form: List) -> Node:
    target, contract, *body = form.items[1:]
    if not isinstance(target, List):
        symbol = syntax.name(target, "what is defined")
        values = syntax.convert_all([contract, *body])
        if symbol is None or len(body) != 1:
            return syntax.malformed(form, "define/contract needs a contract and one value")
        return Define(form.start, form.end, symbol, Opaque(form.start, form.end, values))
    if not target.items or not body:
        return syntax.malformed(form, "define/contract needs a contract and a body")
    symbol = syntax.name(target.items[0], "a procedure's name")
    formals = List(target.start, target.end, target.items[1:], target.tail)
    procedure = make_lambda(syntax, formals, body, form)
    value = Opaque(form.start, form.end, [syntax.convert(contract), procedure])
    return value if symbol is None else Define(form.start, form.end, symbol, value)


def _operands(syntax: Syntax, form: List) -> Node:
    return Opaque(form.start, form.end, syntax.convert_all(form.items[1:]))


def _help(syntax: Syntax, form: List) -> Node:
    if len(form.items) < 3:
        return Opaque(form.start, form.end, syntax.convert_all(form.items[1:]))
    module = form.items[1]
    if not (isinstance(module, Symbol) and module.name in modules()):
        return syntax.malformed(form, "help with two operands begins with a module's name", module)
    return Opaque(form.start, form.end)


def _swap(syntax: Syntax, form: List) -> Node:
    nodes = []
    for target, value in (form.items[1:], form.items[:0:-1]):
        symbol = syntax.name(target, "what is assigned to")
        if symbol is None:
            return Opaque(form.start, form.end)
        nodes.append(Assign(form.start, form.end, symbol, syntax.convert(value)))
    return Block(form.start, form.end, list(nodes))


def _doc(syntax: Syntax, form: List) -> Node:
    return syntax.convert(form.items[2])


def _thread_first(syntax: Syntax, form: List) -> Node:
    return _thread(syntax, form, last=False)


def _thread_last(syntax: Syntax, form: List) -> Node:
    return _thread(syntax, form, last=True)


def _thread(syntax: Syntax, form: List, last: bool) -> Node:
    """``(-> x (f a) g)`` is ``(g (f x a))``."""
    datum: Datum = form.items[1]
    for step in form.items[2:]:
        operator, *others = step.items if isinstance(step, List) and step.items else [step]
        items = [operator, *others, datum] if last else [operator, datum, *others]
        datum = List(form.start, form.end, items)
    return syntax.convert(datum)


def _module(syntax: Syntax, form: List) -> Node:
    message = "a program cannot contain modules"
    syntax.findings.add(rules.UNSUPPORTED_FORM, form.start, form.items[0].end, message, "Use define.")
    syntax.complete = False
    return Opaque(form.start, form.end)


_BINDINGS: Final = "((name value) …) expression …"
_LETREC: Final = Form(_letrec, 1, None, f"(letrec {_BINDINGS})")
_FIRST: Final = Form(_thread_first, 1, None, "(-> value (procedure argument …) …)")
_LAST: Final = Form(_thread_last, 1, None, "(->> value (procedure argument …) …)")
_PARTIAL: Final = Form(_operands, 1, None, "(f> procedure argument …)")

PRELUDE_FORMS: Final[Mapping[str, Form]] = {
    "and": Form(_and, 0, None, "(and expression …)"),
    "or": Form(_or, 0, None, "(or expression …)"),
    "when": Form(_when, 1, None, "(when test expression …)"),
    "unless": Form(_unless, 1, None, "(unless test expression …)"),
    "cond": Form(_cond, 1, None, "(cond (test expression …) … (else expression …))"),
    "case": Form(_case, 2, None, "(case key ((datum …) expression …) … (else expression …))"),
    "while": Form(_while, 1, None, "(while test expression …)"),
    "do": Form(_do, 2, None, "(do ((name first step) …) (test result …) expression …)"),
    "let*": Form(_let_star, 1, None, f"(let* {_BINDINGS})"),
    "letrec": _LETREC,
    "letrec*": _LETREC,
    "case-lambda": Form(_case_lambda, 0, None, "(case-lambda ((parameter …) expression …) …)"),
    "delay": Form(_delay, 1, 1, "(delay expression)"),
    "reset": Form(_reset, 1, 1, "(reset expression)"),
    "shift": Form(_shift, 2, 2, "(shift name expression)"),
    "with-handler": Form(_with_handler, 2, None, "(with-handler (lambda (problem) …) expression …)"),
    "parameterize": Form(_parameterize, 1, None, f"(parameterize {_BINDINGS})"),
    "define-values": Form(_define_values, 2, None, "(define-values (name …) expression)", is_macro=True),
    "struct": Form(_struct, 2, None, "(struct Name (field …) option …)"),
    "match": Form(_match, 2, None, "(match value (pattern expression …) …)"),
    "match-define": Form(_match_define, 0, None, "(match value (pattern expression …) …)"),
    "match-syntax": UNSUPPORTED,
    "define/contract": Form(
        _define_contract, 2, None, "(define/contract (name parameter …) contract body …)"
    ),
    "->/c": Form(_operands, 0, None, "(->/c argument … result)"),
    "swap": Form(_swap, 2, 2, "(swap name name)"),
    "dbg!": Form(_operands, 1, 1, "(dbg! expression)"),
    "help": Form(_help, 0, 2, "(help name)"),
    "@doc": Form(_doc, 2, 2, '(@doc "text" definition)'),
    "->": _FIRST,
    "~>": _FIRST,
    "->>": _LAST,
    "~>>": _LAST,
    "f>": _PARTIAL,
    "l>": _PARTIAL,
    "module": Form(_module, 0, None, "(define name value)"),
}
"""The prelude's macros by name."""
