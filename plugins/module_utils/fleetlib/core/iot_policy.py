"""What a device may do: AWS IoT Core policies with their variables, and which statement decided.

The rules are those of the AWS IoT Core developer guide: "AWS IoT Core policies" (a deny anywhere wins over
every allow; the policies of a thing group count only under the thing's own client id), "Publish/Subscribe
policy examples" (``*`` and ``?`` are wildcards; MQTT's ``+`` and ``#`` are those characters and nothing
more), "Thing policy variables" (without a value the resource matches nothing) and "X.509 certificate policy
variables". Conditions follow IAM. What is not known here raises `InvalidInputError`, so that nobody takes a
guess for an answer.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from .errors import InvalidInputError

CONNECT: Final = "iot:Connect"
PUBLISH: Final = "iot:Publish"
SUBSCRIBE: Final = "iot:Subscribe"
RECEIVE: Final = "iot:Receive"
RESOURCES: Final[Mapping[str, str]] = {
    CONNECT: "client",
    PUBLISH: "topic",
    RECEIVE: "topic",
    SUBSCRIBE: "topicfilter",
    "iot:RetainPublish": "topic",
}
"""Action → kind of its resource. A subscription needs a topic filter, not a topic."""

MOST_VALUES: Final = 5
"""Values of one certificate attribute that AWS IoT looks at."""
LONGEST_VALUE: Final = 1024
"""Characters; AWS IoT leaves a variable alone whose certificate attribute is longer."""

_NEVER_REPLACED: Final = frozenset("*$+?#")
"""With one of these in a certificate attribute AWS IoT does not put it in place of its variable."""
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_FIXED: Final[Mapping[str, str]] = {"*": "*", "?": "?", "$": "$"}


@dataclass(frozen=True)
class Certificate:
    """What variables say of an X.509 certificate."""

    id: str = ""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name after ``iot:Certificate.``, such as ``Subject.CommonName`` → its values."""

    def variables(self) -> dict[str, str]:
        """Name of a variable in lower case → value; the first one plain, each with its number from 0."""
        found = {"iot:certificateid": self.id} if self.id else {}
        for name, values in self.fields.items():
            for number, value in enumerate(values[:MOST_VALUES]):
                if len(value) > LONGEST_VALUE or _NEVER_REPLACED & set(value):
                    continue
                found[f"iot:certificate.{name}.{number}".lower()] = value
                if number == 0:
                    found[f"iot:certificate.{name}".lower()] = value
        return found


@dataclass(frozen=True)
class Client:
    """Who asks, and where."""

    client_id: str
    account: str
    region: str
    partition: str = "aws"
    certificate: Certificate = Certificate()
    attached_things: frozenset[str] = frozenset()
    """Things of the registry that the certificate is attached to."""
    exclusive_thing: str = ""
    """The thing that the certificate is attached to exclusively; its variables then need no client id."""
    thing_type: str = ""
    """Of the thing that is meant by the client id."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Likewise."""
    source_ip: str = ""
    """Empty where it is not known."""
    connect_attributes: tuple[str, ...] = ()
    """``LastWill``, ``PersistentConnect`` where the CONNECT asks for them."""

    @property
    def thing(self) -> str:
        """The thing that the connection is of; empty for none."""
        return self.exclusive_thing or (self.client_id if self.client_id in self.attached_things else "")

    def variables(self) -> dict[str, str]:
        """Name of a variable in lower case → value; what has no value is left out."""
        found = {"iot:clientid": self.client_id, **self.certificate.variables()}
        found["iot:connection.thing.isattached"] = "true" if self.thing else "false"
        if self.thing:
            found["iot:connection.thing.thingname"] = self.thing
            if self.thing_type:
                found["iot:connection.thing.thingtypename"] = self.thing_type
            for name, value in self.attributes.items():
                found[f"iot:connection.thing.attributes[{name}]".lower()] = value
        if self.source_ip:
            found["aws:sourceip"] = self.source_ip
        return found

    def resource(self, action: str, name: str) -> str:
        """The ARN that a request for ``action`` is about: a client id, a topic or a topic filter."""
        if action not in RESOURCES:
            raise InvalidInputError(f"{action} is none of {', '.join(RESOURCES)}.")
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:{RESOURCES[action]}/{name}"


@dataclass(frozen=True)
class Policy:
    """A policy's default version, and what it is attached to."""

    name: str
    document: str
    """JSON."""
    group: str = ""
    """The thing group that it is attached to; empty: the certificate."""

    @property
    def where(self) -> str:
        """What it is attached to, for people."""
        return f"thing group {self.group}" if self.group else "the certificate"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    policy: Policy
    number: int
    """From 1."""
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]
    sid: str = ""

    @property
    def name(self) -> str:
        """What it is called, for people."""
        sid = f" ({self.sid})" if self.sid else ""
        return f"statement {self.number}{sid} of policy {self.policy.name} on {self.policy.where}"


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed, and why."""

    action: str
    name: str
    """Client id, topic or topic filter."""
    allowed: bool
    statement: Statement | None
    """The one that decided; None where no statement allows it."""
    nearly: tuple[str, ...] = ()
    """Where nothing allows it: why statements that allow the action did not."""

    def why(self) -> str:
        """One sentence for people."""
        if self.statement is not None:
            verb = "Allowed" if self.allowed else "Denied"
            return f"{verb} by {self.statement.name}."
        if self.nearly:
            return f"No statement allows it: {'; '.join(self.nearly)}."
        return f"No policy has a statement that allows {self.action}."


def evaluate(client: Client, policies: Iterable[Policy], action: str, name: str) -> Decision:
    """Decide whether ``client`` may do ``action`` on a client id, topic or topic filter.

    Raises `InvalidInputError` for a policy that cannot be read, or has what is not known here.
    """
    resource, variables = client.resource(action, name), client.variables()
    lists = {"iot:connectattributes": client.connect_attributes}
    statements = [one for policy in effective(client, policies) for one in parse(policy)]
    named = [one for one in statements if any(_action_matches(each, action) for each in one.actions)]
    failed = {id(one): _mismatch(one, resource, variables, lists) for one in named}
    for effect in ("Deny", "Allow"):
        for one in named:
            if one.effect == effect and not failed[id(one)]:
                return Decision(action, name, effect == "Allow", one)
    nearly = tuple(f"{one.name}: {failed[id(one)]}" for one in named if one.effect == "Allow")
    return Decision(action, name, False, None, nearly)


def effective(client: Client, policies: Iterable[Policy]) -> list[Policy]:
    """Those that count: the certificate's, and a group's where the client id is the thing's name."""
    own = client.client_id == client.thing
    return [policy for policy in policies if not policy.group or own]


@lru_cache(maxsize=256)
def parse(policy: Policy) -> tuple[Statement, ...]:
    """The statements of a policy. Raises `InvalidInputError` for anything that is not known here."""
    try:
        document = json.loads(policy.document)
    except ValueError as error:
        raise InvalidInputError(f"Policy {policy.name} is no JSON: {error}.") from error
    found = document.get("Statement") if isinstance(document, dict) else None
    listed = [found] if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise InvalidInputError(f"Policy {policy.name} has no list of statements.")
    return tuple(_statement(policy, number, one) for number, one in enumerate(listed, 1))


_KEYS: Final = {"Sid", "Effect", "Action", "Resource", "Condition"}


def _statement(policy: Policy, number: int, raw: Any) -> Statement:
    where = f"Statement {number} of policy {policy.name}"
    if not isinstance(raw, dict) or not {"Effect", "Action", "Resource"} <= raw.keys():
        raise InvalidInputError(f"{where} lacks Effect, Action or Resource.")
    if raw.keys() - _KEYS:
        raise InvalidInputError(
            f"{where} has {', '.join(sorted(raw.keys() - _KEYS))}; that is not evaluated."
        )
    if raw["Effect"] not in ("Allow", "Deny"):
        raise InvalidInputError(f"{where} has the effect {raw['Effect']!r}; it can be Allow or Deny.")
    conditions = raw.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(one, dict) for one in conditions.values()):
        raise InvalidInputError(f"{where} has a condition that is no operator with keys and values.")
    for operator in conditions:
        _operator(operator, where)
    return Statement(
        policy,
        number,
        raw["Effect"],
        _texts(raw["Action"], where),
        _texts(raw["Resource"], where),
        {
            operator: {key: _texts(value, where) for key, value in keys.items()}
            for operator, keys in conditions.items()
        },
        str(raw.get("Sid", "")),
    )


def _texts(raw: Any, where: str) -> tuple[str, ...]:
    values = raw if isinstance(raw, list) else [raw]
    if not values or not all(isinstance(value, str | bool | int) for value in values):
        raise InvalidInputError(f"{where} has {json.dumps(raw)} where texts have to be.")
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def _action_matches(pattern: str, action: str) -> bool:
    return re.fullmatch(_wildcards(pattern.lower()), action.lower()) is not None


def _mismatch(
    one: Statement, resource: str, variables: Mapping[str, str], lists: Mapping[str, Sequence[str]]
) -> str:
    """Why a statement is not about a request; empty when it is."""
    for operator, keys in one.conditions.items():
        for key, wanted in keys.items():
            trouble = _condition(operator, key, wanted, variables, lists)
            if trouble:
                return trouble
    if any(_matches(pattern, resource, variables) for pattern in one.resources):
        return ""
    unknown = sorted({name for pattern in one.resources for name in _unknown(pattern, variables)})
    if unknown:
        return f"{', '.join(unknown)} has no value"
    kind = resource.split(":", 5)[5].partition("/")[0]
    others = {_kind(pattern) for pattern in one.resources}
    if kind not in others and "" not in others:
        return f"it is about {' and '.join(sorted(others))}, not about {kind}"
    return "its resources do not match"


def _kind(pattern: str) -> str:
    """``client``, ``topic`` or ``topicfilter``; empty where a wildcard covers that, too."""
    parts = pattern.split(":", 5)
    kind = parts[5].partition("/")[0] if len(parts) == 6 else ""
    return "" if set(kind) & {"*", "?"} else kind


def _unknown(pattern: str, variables: Mapping[str, str]) -> list[str]:
    names = _VARIABLE.findall(pattern)
    return [name for name in names if name not in _FIXED and name.lower() not in variables]


def _matches(pattern: str, text: str, variables: Mapping[str, str]) -> bool:
    """Whether a resource or a value with variables and wildcards is about ``text``."""
    if _unknown(pattern, variables):
        return False
    parts = _VARIABLE.split(pattern)
    wanted = "".join(
        re.escape(_value(part, variables)) if number % 2 else _wildcards(part)
        for number, part in enumerate(parts)
    )
    return re.fullmatch(wanted, text, re.DOTALL) is not None


def _value(name: str, variables: Mapping[str, str]) -> str:
    return _FIXED[name] if name in _FIXED else variables[name.lower()]


def _wildcards(text: str) -> str:
    """A regular expression in which only ``*`` and ``?`` are wildcards."""
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def _filled(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with values in place of variables; None where one has no value."""
    if _unknown(text, variables):
        return None
    return _VARIABLE.sub(lambda found: _value(found[1], variables), text)


Test = Callable[[str, str, Mapping[str, str]], bool]
"""``test(actual, wanted, variables)``."""


def _equal(actual: str, wanted: str, variables: Mapping[str, str]) -> bool:
    return actual == _filled(wanted, variables)


def _equal_but_for_case(actual: str, wanted: str, variables: Mapping[str, str]) -> bool:
    filled = _filled(wanted, variables)
    return filled is not None and actual.lower() == filled.lower()


def _like(actual: str, wanted: str, variables: Mapping[str, str]) -> bool:
    return _matches(wanted, actual, variables)


def _within(actual: str, wanted: str, variables: Mapping[str, str]) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError as error:
        raise InvalidInputError(f"A policy's condition on addresses cannot be read: {error}.") from error


_TESTS: Final[Mapping[str, tuple[Test, bool]]] = {
    "ArnEquals": (_like, True),
    "ArnLike": (_like, True),
    "ArnNotEquals": (_like, False),
    "ArnNotLike": (_like, False),
    "Bool": (_equal_but_for_case, True),
    "IpAddress": (_within, True),
    "NotIpAddress": (_within, False),
    "StringEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_but_for_case, True),
    "StringLike": (_like, True),
    "StringNotEquals": (_equal, False),
    "StringNotEqualsIgnoreCase": (_equal_but_for_case, False),
    "StringNotLike": (_like, False),
}
"""Operator → its test, and whether the condition holds when it succeeds (IAM: condition operators)."""


@dataclass(frozen=True)
class _Operator:
    test: Test
    positive: bool
    quantifier: str
    if_exists: bool


def _operator(text: str, where: str) -> _Operator:
    quantifier, colon, rest = text.partition(":")
    name = rest if colon else quantifier
    if_exists = name.endswith("IfExists")
    base = name.removesuffix("IfExists")
    if base not in _TESTS or (colon and quantifier not in ("ForAllValues", "ForAnyValue")):
        known = f"{', '.join(_TESTS)}, with ForAllValues:, ForAnyValue: and IfExists"
        raise InvalidInputError(f"{where} has the condition {text}; known are {known}.")
    return _Operator(*_TESTS[base], quantifier if colon else "", if_exists)


def _condition(
    text: str,
    key: str,
    wanted: Sequence[str],
    variables: Mapping[str, str],
    lists: Mapping[str, Sequence[str]],
) -> str:
    """Why a condition does not hold; empty when it does."""
    operator = _operator(text, "A policy")
    name = key.lower()
    actual = list(lists[name]) if name in lists else [variables[name]] if name in variables else []

    def holds(value: str) -> bool:
        return any(operator.test(value, one, variables) for one in wanted) is operator.positive

    if not actual:
        if operator.if_exists or operator.quantifier == "ForAllValues":
            return ""
        missing_counts = not operator.positive and not operator.quantifier
        return "" if missing_counts else f"{key} has no value"
    good = [holds(value) for value in actual]
    if all(good) if operator.quantifier != "ForAnyValue" else any(good):
        return ""
    return f"the condition {text} on {key} does not hold, it is {', '.join(actual)}"
