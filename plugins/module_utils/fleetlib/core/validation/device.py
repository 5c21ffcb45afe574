"""What a device was allowed and refused. A refusal counts only where it may do the like for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .checks import Check, failed, not_checked, passed


class Kind(StrEnum):
    """What became of something a device tried."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    """The server said that this device is not authorized."""
    UNCLEAR = "unclear"
    """Anything else: no answer, a closed connection, another reason. It proves nothing."""


@dataclass(frozen=True)
class Answer:
    """How the server answered."""

    kind: Kind
    text: str
    seconds: float = 0.0

    @property
    def allowed(self) -> bool:
        """Whether the device may."""
        return self.kind is Kind.ALLOWED


CONNECTS = "A device connects over mutual TLS"
RECEIVES = "A device gets a message published to its own topic"
PUBLISHES = "A device may publish on its own topic"
FOREIGN_SUBSCRIBE = "A device is refused a subscription to another device's topic"
FOREIGN_PUBLISH = "A device is refused publishing on another device's topic"
FOREIGN_CLIENT = "A device is refused another device's client id"
ROWS = (CONNECTS, RECEIVES, PUBLISHES, FOREIGN_SUBSCRIBE, FOREIGN_PUBLISH, FOREIGN_CLIENT)


@dataclass(frozen=True)
class Facts:
    """What one device tried, and the answers. Nothing stands for what was not tried."""

    thing: str
    connect: Answer
    transport: str = ""
    """TLS version and cipher."""
    receive: Answer | None = None
    publish: Answer | None = None
    foreign_subscribe: Mapping[str, Answer] | None = None
    """Topic filter → answer."""
    foreign_publish: Mapping[str, Answer] | None = None
    """Topic → answer."""
    foreign_client: Mapping[str, Answer] | None = None
    """Client id → answer."""


def rows(facts: Facts) -> list[Check]:
    """The rows about a device."""
    return [
        _connects(facts),
        _may(RECEIVES, facts.receive),
        _may(PUBLISHES, facts.publish),
        _must_not(
            FOREIGN_SUBSCRIBE, facts.foreign_subscribe, facts.receive, "it gets none of its own either"
        ),
        _must_not(FOREIGN_PUBLISH, facts.foreign_publish, facts.publish, "it may not publish at all"),
        _must_not(FOREIGN_CLIENT, facts.foreign_client, facts.connect, "it cannot connect as itself either"),
    ]


def none_of(why: str) -> list[Check]:
    """All rows, not checked for one reason."""
    return [not_checked(name, why) for name in ROWS]


def load_topic(thing: str) -> str:
    """Where a device is told to load a program (`docs/device-protocol`: the program topics)."""
    return f"steel-programs/{thing}/load"


def shadow_get_topic(thing: str) -> str:
    """Where a device asks for its shadow: the one thing it may publish that changes nothing."""
    return f"$aws/things/{thing}/shadow/get"


def stranger(thing: str) -> str:
    """A name that no device has."""
    return f"{thing}-stranger"


def foreign_filters(other: str) -> list[str]:
    """Subscriptions by which a device would hear what is meant for others."""
    return [load_topic(other), load_topic("+"), "#"]


def _connects(facts: Facts) -> Check:
    if not facts.connect.allowed:
        return failed(CONNECTS, f"{facts.thing}: {facts.connect.text}")
    return passed(CONNECTS, f"{facts.thing}, {facts.transport}, {facts.connect.seconds * 1000:.0f} ms")


def _may(name: str, answer: Answer | None) -> Check:
    if answer is None:
        return not_checked(name, "The device did not get that far.")
    if not answer.allowed:
        return failed(name, answer.text)
    return passed(name, f"{answer.text}, {answer.seconds * 1000:.0f} ms")


def _must_not(name: str, answers: Mapping[str, Answer] | None, own: Answer | None, vacuous: str) -> Check:
    """Passed when all was refused although the device may do the like for itself (``own``)."""
    if own is None or answers is None:
        return not_checked(name, "The device did not get that far.")
    if not own.allowed:
        return not_checked(name, f"A refusal would prove nothing: {vacuous}.")
    granted = [what for what, answer in answers.items() if answer.allowed]
    if granted:
        return failed(name, f"It was allowed {', '.join(granted)}.")
    unclear = [f"{what}: {answer.text}" for what, answer in answers.items() if answer.kind is Kind.UNCLEAR]
    if unclear:
        return failed(name, f"Neither allowed nor refused: {'; '.join(unclear)}.")
    return passed(name, f"refused {', '.join(answers)}")
