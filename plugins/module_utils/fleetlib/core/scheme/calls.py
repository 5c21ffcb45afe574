"""How procedures are called: number of arguments, and types and limits of arguments that are known before
the run.

Steel itself looks at none of this before a call is made (except where a lambda is called on the spot).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from . import rules
from .api import BY_NAME, Argument, Function
from .datum import Boolean, Character, Datum, Keyword, List, Numeral, String, Symbol, Vector
from .diagnostics import Findings
from .formats import covers, cron_problem, template_problem, topic_problem
from .scope import Binding
from .steel_globals import Global, steel_globals
from .templates import RENAMED
from .tree import Call, Constant, Lambda, Node, Opaque, Reference, walk

_ACCEPTED: Final = {
    "string": ("string",),
    "char": ("char",),
    "symbol": ("symbol",),
    "boolean": ("boolean",),
    "procedure": ("procedure",),
    "bytes": ("bytes",),
    "vector": ("vector",),
    "hash": (),
    "set": (),
    "integer": ("integer",),
    "number": ("integer", "real"),
    "list": ("list", "empty"),
    "pair": ("list", "pair"),
    "alist": ("list", "empty"),
}
"""Which kinds of known values a type takes; a type that is not here takes any."""

_WORDS: Final = {
    "integer": "a whole number",
    "alist": "an association list",
    "empty": "the empty list",
    "real": "a fraction",
    "char": "a character",
    "list": "a list",
    "bytes": "a bytevector",
    "hash": "a hash map",
    "pair": "a list with elements",
}


@dataclass(frozen=True)
class _Callee:
    """What is known of a procedure."""

    name: str
    least: int
    most: int | None
    usage: str = ""


def _uses_rest(procedure: Lambda) -> bool:
    name = procedure.rest.name if procedure.rest else None
    return any(isinstance(node, Reference) and node.symbol.name == name for node in walk(procedure.body))


def check_calls(
    calls: Iterable[Call],
    imported: dict[str, Global],
    findings: Findings,
    topics: Collection[str] | None = None,
) -> None:
    """Report the calls that must fail, and where ``topics`` are declared those that publish to others."""
    checker = _Checker(imported, findings, topics)
    for call in calls:
        checker.check(call)


class _Checker:
    def __init__(
        self, imported: dict[str, Global], findings: Findings, topics: Collection[str] | None
    ) -> None:
        self._imported = imported
        self._findings = findings
        self._topics = topics

    def check(self, call: Call) -> None:
        operator = call.operator
        if isinstance(operator, Constant):
            message = f"{_word(_kind(operator.datum))} cannot be called"
            place = (operator.start, operator.end)
            hint = "A list that is meant as data needs a quote before it."
            self._findings.add(rules.NOT_A_PROCEDURE, *place, message, hint)
            return
        callee = self._callee(operator)
        if callee is None:
            return
        on_the_spot = isinstance(operator, Lambda) and operator.rest is None
        rule = rules.DIRECT_ARITY if on_the_spot else rules.WRONG_ARITY
        if not self._check_count(call, callee, rule):
            return
        if isinstance(operator, Lambda):
            self._check_defaults(call, operator)
        elif isinstance(operator, Reference) and operator.binding:
            self._check_arguments(call, operator.binding)

    def _check_defaults(self, call: Call, procedure: Lambda) -> None:
        """Steel loses its way in a lambda that is called on the spot with some, but not all arguments."""
        wanted = len(procedure.required) + len(procedure.optional)
        missing = procedure.optional and len(call.operands) < wanted
        missing = missing or (_uses_rest(procedure) and len(call.operands) == wanted)
        if missing and call.operands:
            message = "Steel cannot call a lambda on the spot when a default or an empty rest is to be used"
            hint = "Give the lambda a name with define, or give all arguments."
            self._findings.add(rules.DIRECT_DEFAULT, procedure.start, procedure.end, message, hint)

    def _callee(self, operator: Node) -> _Callee | None:
        """What is known of the procedure that an operator names, is, or makes on the spot."""
        if isinstance(operator, Call) and isinstance(operator.operator, Lambda):
            operator = operator.operator.body
            return _of_lambda(operator) if isinstance(operator, Lambda) else None
        if isinstance(operator, Lambda):
            return _of_lambda(operator)
        binding = operator.binding if isinstance(operator, Reference) else None
        if binding is None or binding.assigned:
            return None
        if binding.kind == "device":
            function = BY_NAME.get(binding.name)
            if function is None or not function.offered:
                return None
            return _Callee(function.name, function.minimum, function.maximum, function.signature)
        if isinstance(binding.value, Lambda):
            return _of_lambda(binding.value)
        if isinstance(binding.value, Opaque) and binding.value.accepts is not None:
            return _Callee(binding.name, binding.value.accepts, binding.value.accepts)
        known = self._global(binding)
        return _Callee(known.name, known.least, known.most) if known and known.least is not None else None

    def _global(self, binding: Binding) -> Global | None:
        if binding.kind == "steel":
            return steel_globals().get(binding.name)
        return self._imported.get(binding.name) if binding.kind == "import" else None

    def _check_count(self, call: Call, callee: _Callee, rule: rules.Rule) -> bool:
        count = len(call.operands)
        if count >= callee.least and (callee.most is None or count <= callee.most):
            return True
        place = call.operator
        if callee.most is not None and count > callee.most:
            place = call.operands[callee.most]
        if place.start >= place.end or not (call.start <= place.start <= call.end):
            place = call
        who = callee.name.removeprefix(RENAMED) or "this procedure"
        message = f"{who} takes {_arguments(callee)}, but gets {count}"
        hint = f"Write {callee.usage}." if callee.usage else ""
        self._findings.add(rule, place.start, place.end, message, hint)
        return False

    def _check_arguments(self, call: Call, binding: Binding) -> None:
        function = BY_NAME.get(binding.name) if binding.kind == "device" else None
        if function is not None:
            for index, operand in enumerate(call.operands):
                argument = function.argument(index)
                if argument is not None:
                    self._check_argument(function, argument, operand, call)
            return
        known = self._global(binding)
        if known is not None and known.types and not binding.assigned:
            for index, operand in enumerate(call.operands):
                self._check_type(operand, known.type_of(index), known.name, strict=False)

    def _check_argument(self, function: Function, argument: Argument, operand: Node, call: Call) -> None:
        if not self._check_type(operand, argument.type, function.name, strict=True):
            return
        if argument.calls_with is not None:
            self._check_callback(function, argument, operand, call)
        datum = constant(operand)
        if isinstance(datum, Numeral):
            self._check_number(function, argument, datum, operand)
        elif isinstance(datum, String):
            self._check_string(function, argument, datum.value, operand, call)

    def _check_type(self, operand: Node, type_: str, name: str, strict: bool) -> bool:
        """Whether the operand may be of the type; strictly, 2.0 is no whole number."""
        accepted = _ACCEPTED.get(type_)
        kind = self._operand_kind(operand)
        if accepted is None or kind is None or kind in accepted:
            return True
        datum = constant(operand)
        whole = isinstance(datum, Numeral) and isinstance(datum.value, float) and datum.value.is_integer()
        if whole and not strict:
            return True
        message = f"{name} needs {_word(type_)} here, but gets {_word(kind)}"
        self._findings.add(rules.WRONG_TYPE, operand.start, operand.end, message)
        return False

    def _operand_kind(self, operand: Node) -> str | None:
        """The kind of value that an operand surely has."""
        datum = constant(operand)
        if datum is not None:
            return _kind(datum)
        if self._callee(operand) is not None:
            return "procedure"
        if isinstance(operand, Call) and isinstance(operand.operator, Reference) and operand.operator.binding:
            binding = operand.operator.binding
            function = BY_NAME.get(binding.name) if binding.kind == "device" else None
            returns = function.returns if function and not binding.assigned else ""
            return {"boolean": "boolean", "string": "string", "alist": "list"}.get(returns)
        return None

    def _check_callback(self, function: Function, argument: Argument, operand: Node, call: Call) -> None:
        count = argument.calls_with
        event = constant(call.operands[0])
        if function.name == "register-event-handler" and isinstance(event, String):
            count = 2 if event.value == "mqtt-message" else count
        callee = self._callee(operand)
        if callee is None or count is None:
            return
        if count < callee.least or (callee.most is not None and count > callee.most):
            message = f"{function.name} calls this procedure with {_number(count)}, "
            message += f"but it takes {_arguments(callee)}"
            self._findings.add(rules.WRONG_ARITY, operand.start, operand.end, message)

    def _check_number(self, function: Function, argument: Argument, datum: Numeral, operand: Node) -> None:
        value = datum.value
        if value is None:
            return
        low = argument.above is not None and value <= argument.above
        low = low or (argument.minimum is not None and value < argument.minimum)
        if low or (argument.maximum is not None and value > argument.maximum):
            unit = f" {argument.unit}" if argument.unit else ""
            begin = f"from {argument.minimum:g}" if argument.above is None else f"above {argument.above:g}"
            end = f" to {argument.maximum:g}" if argument.maximum is not None else ""
            message = f"{argument.name} of {function.name} is {datum.text}, but goes {begin}{end}{unit}"
            self._findings.add(rules.OUT_OF_RANGE, operand.start, operand.end, message)

    def _check_string(
        self, function: Function, argument: Argument, text: str, operand: Node, call: Call
    ) -> None:
        place = (operand.start, operand.end)
        size = len(text.encode(errors="surrogatepass"))
        if argument.choices and text not in argument.choices:
            choices = ", ".join(f'"{choice}"' for choice in argument.choices)
            message = f'{argument.name} of {function.name} is one of {choices}, not "{text}"'
            self._findings.add(rules.OUT_OF_RANGE, *place, message)
        if size < (argument.min_bytes or 0):
            message = f"{argument.name} of {function.name} cannot be empty"
            self._findings.add(rules.OUT_OF_RANGE, *place, message)
        if argument.max_bytes is not None and size > argument.max_bytes:
            message = f"{argument.name} of {function.name} has {size} bytes, but {argument.max_bytes} at most"
            self._findings.add(rules.OUT_OF_RANGE, *place, message)
        if argument.format == "mqtt-topic":
            self._check_topic(text, *place)
        elif argument.format == "cron" and (problem := cron_problem(text)):
            hint = 'Every quarter of an hour is "*/15 * * * *".'
            self._findings.add(rules.BAD_CRON, *place, problem, hint)
        elif argument.format == "template" and (problem := template_problem(text, len(call.operands) - 1)):
            self._findings.add(rules.BAD_TEMPLATE, *place, problem)

    def _check_topic(self, topic: str, start: int, end: int) -> None:
        problem = topic_problem(topic)
        if problem:
            hint = "The device publishes it as steel-data/<thing>/<topic>."
            self._findings.add(rules.BAD_TOPIC, start, end, problem, hint)
        elif self._topics is not None and not any(covers(declared, topic) for declared in self._topics):
            message = f"the program's metadata does not name the topic {topic}"
            self._findings.add(rules.UNDECLARED_TOPIC, start, end, message, "Add it to its topics there.")


def constant(node: Node) -> Datum | None:
    """The datum that a node surely has as its value: a literal, or a variable that is one, never set."""
    for _ in range(4):
        if isinstance(node, Constant):
            return node.datum
        binding = node.binding if isinstance(node, Reference) else None
        if binding is None or binding.assigned or binding.value is None:
            return None
        node = binding.value
    return None


def _of_lambda(procedure: Lambda) -> _Callee:
    open_ended = procedure.rest is not None or bool(procedure.keywords)
    least = len(procedure.required) + 2 * len(procedure.keywords)
    names = [symbol.name for symbol in procedure.required]
    usage = f"({' '.join([procedure.name, *names])}{' …' if open_ended or procedure.optional else ''})"
    most = None if open_ended else len(procedure.required) + 2 * len(procedure.optional)
    return _Callee(procedure.name, least, most, usage if procedure.name else "")


def _kind(datum: Datum) -> str | None:
    """The kind of a datum's value."""
    if isinstance(datum, Numeral):
        return _kind_of_number(datum)
    if isinstance(datum, List):
        return "pair" if datum.tail is not None else "list" if datum.items else "empty"
    if isinstance(datum, Vector):
        return "bytes" if datum.is_bytes else "vector"
    kinds = {String: "string", Character: "char", Boolean: "boolean", Keyword: "keyword", Symbol: "symbol"}
    return kinds.get(type(datum))


def _kind_of_number(datum: Numeral) -> str | None:
    if isinstance(datum.value, int):
        return "integer"
    return "real" if isinstance(datum.value, float | Fraction) else None


def _word(kind: str | None) -> str:
    return _WORDS.get(kind or "", f"a {kind}" if kind else "this")


def _number(count: int) -> str:
    return f"{count or 'no'} argument{'s' * (count != 1)}"


def _arguments(callee: _Callee) -> str:
    if callee.most is None:
        return f"at least {_number(callee.least)}"
    if callee.least == callee.most:
        return _number(callee.least)
    return f"{callee.least} to {_number(callee.most)}"
