"""Which name means what: resolves every variable of the tree, and says what is unbound, unused or defined
twice.

The rules are those of Steel 0.7 (passes/begin.rs, compiler.rs, analysis.rs). At the top level definitions
are seen from every procedure, but not from what runs before them. In a body they are seen from the
expressions behind them, and from everywhere in the body as soon as one of them is a procedure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from . import rules
from .api import BY_NAME, INTERNAL_VARIABLES
from .datum import Boolean, Symbol
from .diagnostics import Findings
from .forms import Syntax
from .steel_globals import steel_globals
from .suggest import Suggestions
from .templates import RENAMED
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
    Refused,
    walk,
)
from .tree import Sequence as Block

DEEPEST: Final = 200
"""Nodes inside nodes beyond this are not looked at; only expansions of macros reach so far."""

Kind = Literal["global", "local", "parameter", "device", "steel", "import"]
Place = Literal["top", "branch", "inner"]
"""Where an expression stands, for definitions in it: at the top level, in a branch there, in a procedure or
let."""


@dataclass(slots=True, eq=False)
class Binding:
    """What a name means somewhere."""

    name: str
    kind: Kind
    symbol: Symbol | None = None
    """Where the program binds it."""
    value: Node | None = None
    used: bool = False
    assigned: bool = False
    optional: bool = False
    """Nobody has to use it."""


@dataclass
class Scopes:
    """What the analysis found out about a program."""

    calls: list[Call] = field(default_factory=list)
    """Every call in a part that can run."""
    globals: dict[str, Binding] = field(default_factory=dict)
    """What the program defines at its top level."""
    foreign: dict[str, list[Symbol]] = field(default_factory=dict)
    """Where names are used that mean something outside of the program."""


@dataclass(slots=True)
class _Use:
    """A use of a name that is not bound around it, to be resolved once the whole program is known."""

    node: Reference | Assign
    immediate: bool
    """It is evaluated when its statement is reached, not when some procedure is called."""
    dead: bool


def resolve(program: Sequence[Node], syntax: Syntax, findings: Findings) -> Scopes:
    """Resolve the names of a program; the nodes get their bindings."""
    return _Resolver(syntax, findings).run(program)


class _Resolver:
    """Walks one program."""

    def __init__(self, syntax: Syntax, findings: Findings) -> None:
        self._syntax = syntax
        self._findings = findings
        self._scopes = Scopes()
        self._locals: dict[str, list[Binding]] = {}
        self._uses: dict[str, list[_Use]] = {}
        self._assigned: set[str] = set()
        """Names with a set! anywhere: whether it is the same variable matters little."""
        self._place: Place = "top"
        self._procedures = 0
        self._dead = 0
        self._level = 0
        self._visitors: dict[type[Node], Callable[[Any], None]] = {
            Constant: lambda _: None,
            Reference: self._reference,
            Call: self._call,
            Lambda: self._lambda,
            Branch: self._branch,
            Logic: self._logic,
            Block: self._block,
            Define: self._define,
            Assign: self._assign,
            Let: self._let,
            Opaque: self._opaque,
            Refused: self._refused,
        }

    def run(self, program: Sequence[Node]) -> Scopes:
        self._assigned = {
            node.symbol.name for statement in program for node in walk(statement) if isinstance(node, Assign)
        }
        for statement in program:
            for node in self._flatten([statement]):
                if isinstance(node, Define):
                    self._define_global(node, direct=True)
                else:
                    self._visit(node)
        self._resolve_uses()
        return self._scopes

    def _visit(self, node: Node) -> None:
        if self._level >= DEEPEST:
            self._syntax.complete = False
            return
        self._level += 1
        self._visitors[type(node)](node)
        self._level -= 1

    # Expressions

    def _reference(self, node: Reference) -> None:
        name = node.symbol.name
        bound = self._locals.get(name)
        if bound:
            node.binding = bound[-1]
        else:
            node.binding = self._scopes.globals.get(name)
        if node.binding:
            node.binding.used = True
        else:
            use = _Use(node, self._procedures == 0, self._dead > 0)
            self._uses.setdefault(name, []).append(use)

    def _assign(self, node: Assign) -> None:
        self._visit(node.value)
        name = node.symbol.name
        bound = self._locals.get(name)
        node.binding = bound[-1] if bound else self._scopes.globals.get(name)
        if not bound and not self._dead:
            self._refuse_builtin(node.symbol)
        if node.binding:
            node.binding.assigned = True
        else:
            use = _Use(node, self._procedures == 0, self._dead > 0)
            self._uses.setdefault(name, []).append(use)

    def _refuse_builtin(self, symbol: Symbol) -> None:
        """Steel knows what is built in by its name alone, also where the program defines it anew."""
        known = steel_globals().get(symbol.name)
        if known and known.fixed:
            message = f"{symbol.name} is built into Steel and cannot be assigned to"
            hint = "Give the variable another name."
            self._findings.add(rules.SET_OF_BUILTIN, symbol.start, symbol.end, message, hint)

    def _refused(self, node: Refused) -> None:
        if not self._dead:
            self._findings.add(node.rule, node.start, node.end, node.message, node.hint)

    def _call(self, node: Call) -> None:
        for operand in node.operands:
            self._visit(operand)
        self._visit(node.operator)
        if not self._dead:
            self._scopes.calls.append(node)

    def _opaque(self, node: Opaque) -> None:
        for item in node.items:
            self._visit(item)

    def _lambda(self, node: Lambda) -> None:
        place, self._place = self._place, "inner"
        self._procedures += 1
        required = [self._bind(symbol, "parameter") for symbol in node.required]
        for _, default in node.optional:
            self._visit(default)
        others = [symbol for symbol in node.parameters if symbol not in node.required]
        bound = [*required, *(self._bind(symbol, "parameter") for symbol in others)]
        self._visit(node.body)
        self._unbind(bound)
        self._procedures -= 1
        self._place = place

    def _let(self, node: Let) -> None:
        place = self._place
        bound = []
        for symbol, value in node.bindings:
            self._visit(value)
            if node.sequential:
                self._place = "inner"
                bound.append(self._bind(symbol, "local", value))
        if not node.sequential:
            bound = [self._bind(symbol, "local", value) for symbol, value in node.bindings]
        self._place = "inner"
        self._visit(node.body)
        self._unbind(bound)
        self._place = place

    def _branch(self, node: Branch) -> None:
        self._fold_tests(node)
        clauses, otherwise, dead = simplify(node)
        place = self._place
        if clauses and place == "top":
            self._place = "branch"
        for test, body in clauses:
            self._visit(test)
            self._visit(body)
        if otherwise:
            self._visit(otherwise)
        self._visit_dead(dead, quietly=any(_is_variable(test) for test, _ in node.clauses))
        self._place = place

    def _logic(self, node: Logic) -> None:
        place = self._place
        self._folded(node)
        live, dead = simplify_logic(node)
        if len(live) > 1 and node.is_and and place == "top":
            self._place = "branch"
        for index, item in enumerate(live):
            if index == 1 and not node.is_and:
                self._place = "inner"
            self._visit(item)
        self._visit_dead(dead, quietly=any(map(_is_variable, live)))
        self._place = place

    def _fold_tests(self, branch: Branch) -> None:
        branch.clauses = [(self._folded(test), body) for test, body in branch.clauses]

    def _folded(self, node: Node) -> Node:
        """The literal that a node surely is: Steel puts in what variables hold that are never assigned."""
        if isinstance(node, Logic):
            node.items = [self._folded(item) for item in node.items]
        if not isinstance(node, Reference):
            return node
        name = node.symbol.name
        bound = self._locals.get(name)
        binding = bound[-1] if bound else self._scopes.globals.get(name)
        if binding is None or name in self._assigned or not isinstance(binding.value, Constant):
            return node
        binding.used = True
        return Constant(node.start, node.end, binding.value.datum, variable=True)

    def _visit_dead(self, nodes: Sequence[Node], quietly: bool) -> None:
        """What never runs: Steel does not even look at it. A variable that decides is there on purpose."""
        for node in nodes:
            if not (quietly or self._dead or isinstance(node, Opaque)):
                hint = "Remove it, or the constant test."
                self._findings.add(rules.UNREACHABLE, node.start, node.end, "this never runs", hint)
            self._dead += 1
            self._visit(node)
            self._dead -= 1

    # Definitions

    def _define(self, node: Define) -> None:
        """A definition that is no statement and does not stand in a body."""
        if self._place == "top" and not self._dead:
            self._define_global(node, direct=False)
            return
        if not self._dead:
            self._refuse_define(node)
        self._visit(node.value)

    def _refuse_define(self, node: Define) -> None:
        if node.symbol.name == RENAMED + "loop" and node.implicit:
            message = "a while loop cannot stand in a branch at the top level"
            hint = "Put the loop into a procedure."
        elif self._place == "branch":
            message = "a definition cannot stand in a branch"
            hint = "Define it before with some value, and use set! here."
        else:
            message = "a definition cannot stand here: no expression follows it in a body"
            hint = "Add the expression whose value the body has, or use let."
        self._findings.add(rules.MISPLACED_DEFINE, node.start, node.end, message, hint)

    def _block(self, node: Block) -> None:
        items = list(self._flatten(node.items))
        if self._place == "inner":
            self._body(items)
            return
        for item in items:
            self._visit(item)
        self._warn_of_lost_values(items)

    def _body(self, items: Sequence[Node]) -> None:
        """A body with its own definitions."""
        bound = []
        defines = [item for item in items if isinstance(item, Define)]
        together = any(isinstance(define.value, Lambda) for define in defines)
        if together:
            bound = [self._bind_define(define) for define in defines]
        for item in items:
            if not isinstance(item, Define):
                self._visit(item)
            elif together or item is not items[-1]:
                self._visit(item.value)
                bound += [] if together else [self._bind_define(item)]
            else:
                self._define(item)
        self._warn_of_lost_values(items)
        self._unbind(bound)

    def _flatten(self, items: Sequence[Node]) -> Iterator[Node]:
        """The items with blocks in them spread out, and branches with constant tests decided."""
        work = list(reversed(items))
        while work:
            item = work.pop()
            if isinstance(item, Block) and item.items:
                work.extend(reversed(item.items))
                continue
            if isinstance(item, Branch):
                self._fold_tests(item)
                clauses, otherwise, dead = simplify(item)
                if not clauses and otherwise:
                    self._visit_dead(dead, quietly=any(_is_variable(test) for test, _ in item.clauses))
                    work.append(otherwise)
                    continue
            yield item

    def _warn_of_lost_values(self, items: Sequence[Node]) -> None:
        for item in items[:-1]:
            if isinstance(item, Constant | Reference | Lambda) and not self._dead:
                message = "this value is not used"
                self._findings.add(rules.NO_EFFECT, item.start, item.end, message, "Remove it.")

    def _define_global(self, node: Define, direct: bool) -> None:
        """A definition at the top level; Steel minds a second one only among statements."""
        symbol = node.symbol
        self._visit(node.value)
        known = self._scopes.globals.get(symbol.name)
        if known is None:
            value = self._folded(node.value)
            binding = Binding(symbol.name, "global", symbol, value, optional=node.implicit)
            self._scopes.globals[symbol.name] = binding
            self._warn_of_shadowing(symbol)
        else:
            known.assigned = True
            if direct:
                self._refuse_second(node, known)

    def _refuse_second(self, node: Define, first: Binding) -> None:
        symbol = node.symbol
        if symbol.name == RENAMED + "loop" and node.implicit:
            message = "a second while loop at the top level does not load"
            hint = "Put the loops into procedures: in Steel each loop defines the same helper."
        else:
            message = f"{_shown(symbol)} is defined a second time"
            hint = "Use set! to change a variable, or choose another name."
        see = first.symbol.start if first.symbol else None
        self._findings.add(rules.DUPLICATE_DEFINITION, symbol.start, symbol.end, message, hint, see)

    # Names

    def _bind(self, symbol: Symbol, kind: Kind, value: Node | None = None) -> Binding:
        binding = Binding(symbol.name, kind, symbol, self._folded(value) if value else None)
        self._locals.setdefault(symbol.name, []).append(binding)
        return binding

    def _bind_define(self, node: Define) -> Binding:
        binding = self._bind(node.symbol, "local", node.value)
        binding.optional = node.implicit
        self._warn_of_shadowing(node.symbol)
        return binding

    def _unbind(self, bound: Sequence[Binding]) -> None:
        for binding in reversed(bound):
            self._locals[binding.name].pop()
            if binding.kind == "local":
                self._warn_of_unused(binding)

    def _warn_of_shadowing(self, symbol: Symbol) -> None:
        if symbol.name in BY_NAME and BY_NAME[symbol.name].offered:
            message = f"{symbol.name} takes the place of the device's function of that name"
            hint = "Choose another name if that is not meant."
            self._findings.add(rules.SHADOWED_API, symbol.start, symbol.end, message, hint)

    def _warn_of_unused(self, binding: Binding) -> None:
        symbol, name = binding.symbol, binding.name
        if (
            binding.used
            or binding.optional
            or symbol is None
            or symbol.macro
            or name.startswith(("_", RENAMED))
        ):
            return
        if isinstance(binding.value, Opaque) and not binding.value.items and binding.kind == "local":
            return  # a variable of a pattern, which may be there to name a part only
        message = f"{name} is never used" if not binding.assigned else f"{name} is set but never used"
        hint = "Remove it, or begin its name with _ to keep it."
        self._findings.add(rules.UNUSED_DEFINITION, symbol.start, symbol.end, message, hint)

    def _resolve_uses(self) -> None:
        suggestions = Suggestions([*self._scopes.globals, *BY_NAME, *steel_globals()])
        for name, uses in self._uses.items():
            binding = self._scopes.globals.get(name)
            if binding:
                self._resolve_late(binding, uses)
                continue
            kind = self._kind(name)
            if kind is None:
                self._refuse_unbound(uses, suggestions)
                continue
            foreign = Binding(name, kind, used=True)
            for use in uses:
                use.node.binding = foreign
                foreign.assigned = foreign.assigned or isinstance(use.node, Assign)
            self._scopes.foreign[name] = [use.node.symbol for use in uses if not use.dead]
        if self._syntax.complete and not self._findings.has_errors:
            for binding in self._scopes.globals.values():
                self._warn_of_unused(binding)

    def _kind(self, name: str) -> Kind | None:
        """What a name means that the program does not define."""
        if name in self._syntax.imported:
            return "import"
        if name in BY_NAME or name in INTERNAL_VARIABLES:
            return "device"
        return "steel" if name in steel_globals() or name.startswith(("#%", "%")) else None

    def _resolve_late(self, binding: Binding, uses: Sequence[_Use]) -> None:
        """Uses of a name that the program defines further on."""
        for use in uses:
            use.node.binding = binding
            if isinstance(use.node, Assign):
                binding.assigned = True
            else:
                binding.used = True
            if use.immediate and not use.dead:
                symbol = use.node.symbol
                message = f"{_shown(symbol)} is used here before its definition is reached"
                place, see = (symbol.start, symbol.end), binding.symbol.start if binding.symbol else None
                hint = "Move the definition up."
                self._findings.add(rules.USED_BEFORE_DEFINITION, *place, message, hint, see)

    def _refuse_unbound(self, uses: Sequence[_Use], suggestions: Suggestions) -> None:
        for use in uses:
            symbol = use.node.symbol
            rule = rules.UNBOUND_IN_DEAD_CODE if use.dead else rules.UNBOUND
            if self._syntax.is_syntax(symbol.name):
                message, hint = f"{symbol.name} is syntax and has no value", "Call it as a form."
            elif isinstance(use.node, Assign):
                message = f"{_shown(symbol)} is not defined, so it cannot be set"
                hint = suggestions.hint(symbol.name) or "Use define."
            else:
                message = f"{_shown(symbol)} is not defined"
                hint = _SPECIAL_HINTS.get(symbol.name) or suggestions.hint(symbol.name)
            self._findings.add(rule, symbol.start, symbol.end, message, hint)


_SPECIAL_HINTS: Final = {
    "else": "else can only begin the last clause of cond, case or match.",
    "=>": "Steel knows => in the clauses of cond only, and not in a last clause with a test.",
    "_": "_ stands for a value in patterns only.",
}


def _shown(symbol: Symbol) -> str:
    """The name for a message."""
    name = symbol.name.removeprefix(RENAMED)
    return f"{name}, which the macro {symbol.macro} brings in," if symbol.macro else name


def _is_variable(test: Node) -> bool:
    return isinstance(test, Constant) and test.variable


def is_true(node: Node) -> bool | None:
    """Whether a test is known to be true or false; None when that depends on the run."""
    if isinstance(node, Logic):
        live, _ = simplify_logic(node)
        return is_true(live[0]) if len(live) == 1 else (node.is_and if not live else None)
    if not isinstance(node, Constant):
        return None
    return not (isinstance(node.datum, Boolean) and not node.datum.value)


def simplify(branch: Branch) -> tuple[list[tuple[Node, Node]], Node | None, list[Node]]:
    """What is left of a branch once constant tests are decided: clauses, otherwise, and what never runs."""
    clauses: list[tuple[Node, Node]] = []
    dead: list[Node] = []
    for index, (test, body) in enumerate(branch.clauses):
        verdict = is_true(test)
        if verdict is None:
            clauses.append((test, body))
        elif verdict:
            dead += [part for clause in branch.clauses[index + 1 :] for part in clause]
            dead += [branch.otherwise] if branch.otherwise else []
            return clauses, body, dead
        else:
            dead.append(body)
    nothing = Opaque(branch.end, branch.end)
    return clauses, branch.otherwise or (None if clauses else nothing), dead


def simplify_logic(node: Logic) -> tuple[Sequence[Node], Sequence[Node]]:
    """The items of ``and`` or ``or`` that matter, and those behind a constant that decides."""
    live: list[Node] = []
    for index, item in enumerate(node.items):
        verdict = is_true(item)
        if verdict is not None and verdict is not node.is_and:
            return [*live, item], node.items[index + 1 :]
        if verdict is None or index == len(node.items) - 1:
            live.append(item)
    return live, ()
