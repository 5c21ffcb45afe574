"""The small language that `forms` turns a program into: what is left when all syntax is expanded.

Every node knows its place in the program. Where a form repeats (the clauses of ``cond``, the bindings of
``let*``) the tree is wide and not deep, so that walking it by recursion is safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .datum import Datum, Symbol

if TYPE_CHECKING:
    from .rules import Rule
    from .scope import Binding


@dataclass(slots=True, eq=False)
class Node:
    """An expression or a definition."""

    start: int
    end: int


@dataclass(slots=True, eq=False)
class Constant(Node):
    """A literal or quoted datum."""

    datum: Datum
    variable: bool = False
    """It stands for a variable that is never anything else."""


@dataclass(slots=True, eq=False)
class Reference(Node):
    """The value of a variable."""

    symbol: Symbol
    binding: Binding | None = None
    """What the name means; `scope` finds it."""


@dataclass(slots=True, eq=False)
class Call(Node):
    """A procedure applied to operands."""

    operator: Node
    operands: list[Node]


@dataclass(slots=True, eq=False)
class Lambda(Node):
    """A procedure of the program."""

    required: list[Symbol]
    optional: list[tuple[Symbol, Node]]
    """Parameters with defaults; these do not see each other."""
    keywords: list[Symbol]
    """Parameters given by keyword without a default."""
    rest: Symbol | None
    body: Node
    name: str = ""

    @property
    def parameters(self) -> list[Symbol]:
        """All names that are bound in the body."""
        rest = [self.rest] if self.rest else []
        return [*self.required, *(symbol for symbol, _ in self.optional), *self.keywords, *rest]


@dataclass(slots=True, eq=False)
class Branch(Node):
    """Clauses with their tests, tried in order; a missing ``otherwise`` is void."""

    clauses: list[tuple[Node, Node]]
    otherwise: Node | None


@dataclass(slots=True, eq=False)
class Logic(Node):
    """``and`` or ``or``"""

    items: list[Node]
    is_and: bool


@dataclass(slots=True, eq=False)
class Sequence(Node):
    """``begin``: one after the other; definitions may be among them."""

    items: list[Node]


@dataclass(slots=True, eq=False)
class Define(Node):
    """A definition, of a global or, in a body, of a local variable."""

    symbol: Symbol
    value: Node
    implicit: bool = False
    """Made by a form such as struct: nobody has to use it."""


@dataclass(slots=True, eq=False)
class Assign(Node):
    """``set!``"""

    symbol: Symbol
    value: Node
    binding: Binding | None = None


@dataclass(slots=True, eq=False)
class Let(Node):
    """Local variables; with ``sequential`` each value sees the variables before it."""

    bindings: list[tuple[Symbol, Node]]
    body: Node
    sequential: bool = False


@dataclass(slots=True, eq=False)
class Opaque(Node):
    """Something whose value is not known here; its items are evaluated.

    ``accepts`` is set for procedures that come without a body, such as those of a struct: how many
    arguments they take.
    """

    items: list[Node] = field(default_factory=list)
    accepts: int | None = None


@dataclass(slots=True, eq=False)
class Refused(Node):
    """What Steel refuses to evaluate, but only where it can be reached."""

    rule: Rule
    message: str
    hint: str = ""


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside a node, in the order in which Steel evaluates them."""
    match node:
        case Call():
            yield from node.operands
            yield node.operator
        case Lambda():
            yield from (default for _, default in node.optional)
            yield node.body
        case Branch():
            for test, body in node.clauses:
                yield test
                yield body
            if node.otherwise:
                yield node.otherwise
        case Logic() | Sequence() | Opaque():
            yield from node.items
        case Define() | Assign():
            yield node.value
        case Let():
            yield from (value for _, value in node.bindings)
            yield node.body


def walk(node: Node, into_lambdas: bool = True) -> Iterator[Node]:
    """The node and everything inside it, by itself or without the bodies of procedures."""
    work = [node]
    while work:
        node = work.pop()
        yield node
        if into_lambdas or not isinstance(node, Lambda):
            work.extend(children(node))
