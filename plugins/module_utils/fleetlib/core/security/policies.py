"""Policies of AWS IoT: what they let one device do to others.

Two ways lead to a finding: what a statement says (`core.iot_policy.parse`), and what comes of all statements
together when a made-up device asks for the topics of another one (`core.iot_policy.evaluate`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..iot_policy import CONNECT, PUBLISH, RECEIVE, SUBSCRIBE, Client, Policy, Statement, evaluate, parse
from .model import Limits, Rule, Severity, Source, Table

_OWN, _OTHER = "audited-device", "another-device"
_WILDCARD: Final = re.compile(r"[*?]")
_DATA_ACTIONS: Final = (PUBLISH, RECEIVE, SUBSCRIBE, "iot:RetainPublish")
_SHADOWS_AND_JOBS: Final = "$aws/things/"
_TOPICS: Final = (
    (PUBLISH, "steel-programs/{thing}/status/report"),
    (PUBLISH, "steel-telemetry/{thing}/metrics"),
    (PUBLISH, "steel-data/{thing}/values"),
    (PUBLISH, "$aws/things/{thing}/shadow/update"),
    (PUBLISH, "$aws/things/{thing}/jobs/start-next"),
    (RECEIVE, "steel-programs/{thing}/load"),
    (RECEIVE, "$aws/things/{thing}/shadow/update/accepted"),
    (SUBSCRIBE, "steel-programs/{thing}/load"),
    (SUBSCRIBE, "$aws/things/{thing}/jobs/notify-next"),
)
"""What a device of the fleet does on its own topics (facts of the device's protocol), asked for another's."""


@dataclass(frozen=True)
class IotPolicy:
    """The default version of a policy, and where it counts."""

    name: str
    document: str
    """JSON."""
    account: str = "123456789012"
    region: str = "us-west-2"
    partition: str = "aws"

    @property
    def policy(self) -> Policy:
        """As `core.iot_policy` takes it."""
        return Policy(self.name, self.document)


def own_client_id_only(one: IotPolicy, _: Limits) -> str:
    """A device that may connect as any client throws others off, and speaks in their names."""
    for statement, resource in _allowed(one, CONNECT):
        client = _name(resource, "client")
        if _WILDCARD.search(client) or "${iot:clientid}" in client.lower():
            return f"{_named(statement)} lets it connect as {client}."
    return ""


def no_wildcard_for_all(one: IotPolicy, _: Limits) -> str:
    """A wildcard where the name of a device should be: every topic, or shadows and jobs of every device."""
    for action in _DATA_ACTIONS:
        for statement, resource in _allowed(one, action):
            topic = _name(resource, "topicfilter" if action == SUBSCRIBE else "topic")
            if _reaches_all(topic):
                return f"{_named(statement)} allows {action} on {topic}."
    return ""


def names_its_actions(one: IotPolicy, _: Limits) -> str:
    """``iot:*`` lets a device change the registry and other devices' certificates."""
    for statement in parse(one.policy):
        broad = [action for action in statement.actions if action.lower() in ("*", "iot:*")]
        if statement.effect == "Allow" and broad:
            return f"{_named(statement)} allows {', '.join(broad)}."
    return ""


def keeps_to_its_own_topics(one: IotPolicy, _: Limits) -> str:
    """Missing thing policy variables: what a device may do on the topics of another."""
    client = Client(_OWN, one.account, one.region, one.partition, attached_things=frozenset({_OWN}))
    asked = ((action, topic.format(thing=_OTHER)) for action, topic in _TOPICS)
    found = [f"{action} {topic}" for action, topic in asked if _may(client, one, action, topic)]
    if not found:
        return ""
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return f"A device may do on the topics of {_OTHER}: {', '.join(found[:3])}{more}."


def denies_without_mqtt_wildcards(one: IotPolicy, _: Limits) -> str:
    """``+`` and ``#`` are ordinary characters in a policy: such a denial denies nearly nothing."""
    for statement in parse(one.policy):
        topics = [each for each in statement.resources if re.search(r"topic(filter)?/.*[+#]", each)]
        if statement.effect == "Deny" and topics:
            return f"{_named(statement)} denies {topics[0]}: + and # mean themselves there."
    return ""


def denials_hold_for_wider_filters(one: IotPolicy, _: Limits) -> str:
    """A filter above a denied one (``a/#`` above ``a/b/*``) brings its messages, if they may be received."""
    client = Client(_OWN, one.account, one.region, one.partition, attached_things=frozenset({_OWN}))
    for statement in parse(one.policy):
        if statement.effect != "Deny" or not _about(statement, SUBSCRIBE):
            continue
        for denied in filter(None, map(_prefix, statement.resources)):
            wider = next((each for each in _above(denied) if _may(client, one, SUBSCRIBE, each)), "")
            if wider and _may(client, one, RECEIVE, f"{denied}/x"):
                return f"{_named(statement)} denies {denied}/*, and {wider} brings it."
    return ""


def _named(statement: Statement) -> str:
    return f"Statement {statement.number}" + (f" ({statement.sid})" if statement.sid else "")


def _allowed(one: IotPolicy, action: str) -> Iterator[tuple[Statement, str]]:
    """Every resource that a statement allows an action on."""
    for statement in parse(one.policy):
        if statement.effect == "Allow" and _about(statement, action):
            yield from ((statement, resource) for resource in statement.resources)


def _about(statement: Statement, action: str) -> bool:
    patterns = (re.escape(each.lower()).replace(r"\*", ".*") for each in statement.actions)
    return any(re.fullmatch(pattern, action.lower()) for pattern in patterns)


def _name(resource: str, kind: str) -> str:
    """The client id, topic or filter of an ARN; ``*`` for one that stands for all, empty for another kind."""
    if resource == "*":
        return "*"
    parts = resource.split(":", 5)
    found, _, name = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
    if _WILDCARD.search(found):
        return "*" if re.fullmatch(re.escape(found).replace(r"\*", ".*"), kind) else ""
    return name if found == kind else ""


def _reaches_all(topic: str) -> bool:
    if _WILDCARD.match(topic) or topic == "#":
        return True
    if not topic.startswith(_SHADOWS_AND_JOBS):
        return False
    return bool(_WILDCARD.search(topic.removeprefix(_SHADOWS_AND_JOBS).partition("/")[0]))


def _may(client: Client, one: IotPolicy, action: str, name: str) -> bool:
    return evaluate(client, [one.policy], action, name).allowed


def _prefix(resource: str) -> str:
    """``a/b`` of a denied filter ``a/b/*``; empty for others."""
    name = _name(resource, "topicfilter")
    return name.removesuffix("/*") if name.endswith("/*") and not _WILDCARD.search(name[:-2]) else ""


def _above(prefix: str) -> Iterator[str]:
    """``a/b/#`` and ``a/#`` for ``a/b/c``: filters that match what is below it."""
    levels = prefix.split("/")
    for depth in range(len(levels) - 1, 0, -1):
        yield "/".join([*levels[:depth], "#"])


def _defender(check: str, page: str) -> Source:
    guide = "https://docs.aws.amazon.com/iot-device-defender/latest/devguide"
    return Source(f"AWS IoT Device Defender {check}", f"{guide}/{page}.html")


_PERMISSIVE: Final = _defender("IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "audit-chk-iot-policy-permissive")
_MISCONFIGURED: Final = _defender(
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK", "audit-chk-iot-misconfigured-policies"
)
_NEW_VERSION: Final = (
    "aws iot create-policy-version --policy-name POLICY --policy-document FILE --set-as-default; the core "
    "stack has a policy to copy from, and deploy.yml restores the fleet's own"
)

TABLE: Final[Table[IotPolicy]] = (
    (
        Rule(
            "iot-policy-client-id",
            Severity.CRITICAL,
            "A policy lets a device connect under its own name only",
            f"client/${{iot:Connection.Thing.ThingName}} as the resource of iot:Connect: {_NEW_VERSION}",
            _PERMISSIVE,
        ),
        own_client_id_only,
    ),
    (
        Rule(
            "iot-policy-wildcard",
            Severity.CRITICAL,
            "No policy has a wildcard for all topics, shadows or jobs",
            f"Put ${{iot:Connection.Thing.ThingName}} before the wildcard: {_NEW_VERSION}",
            _PERMISSIVE,
        ),
        no_wildcard_for_all,
    ),
    (
        Rule(
            "iot-policy-actions",
            Severity.CRITICAL,
            "No policy allows every action",
            f"Name iot:Connect, iot:Publish, iot:Receive, iot:Subscribe: {_NEW_VERSION}",
            _PERMISSIVE,
        ),
        names_its_actions,
    ),
    (
        Rule(
            "iot-policy-other-devices",
            Severity.CRITICAL,
            "A policy keeps a device to its own topics",
            f"Put ${{iot:Connection.Thing.ThingName}} into the topics: {_NEW_VERSION}",
            _PERMISSIVE,
        ),
        keeps_to_its_own_topics,
    ),
    (
        Rule(
            "iot-policy-mqtt-wildcard",
            Severity.MEDIUM,
            "No denial has a wildcard of MQTT",
            f"Use * in place of # and +: {_NEW_VERSION}",
            _MISCONFIGURED,
        ),
        denies_without_mqtt_wildcards,
    ),
    (
        Rule(
            "iot-policy-denial",
            Severity.MEDIUM,
            "What may not be subscribed to does not come with a wider filter",
            f"Deny iot:Receive on the topics as well: {_NEW_VERSION}",
            _MISCONFIGURED,
        ),
        denials_hold_for_wider_filters,
    ),
)
