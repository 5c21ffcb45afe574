"""Do the stacks, and what they made, stand as they should?"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..security.account import LogGroup
from .checks import Check, absent, failed, not_checked, passed, some, warned

HEALTHY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
NOT_CREATED = "REVIEW_IN_PROGRESS"
"""There is a change set to look at, and nothing more."""
ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
"""Works, but as it was before the last update."""


def stack(purpose: str, status: str, *, supported: bool, may_be_absent: bool) -> Check:
    """A stack by its CloudFormation status; an empty one says that it does not exist."""
    name = f"Stack {purpose} is healthy"
    if status in ("", NOT_CREATED):
        if not supported:
            return not_checked(name, "This environment's cloud cannot create it, as its inventory states.")
        return absent(name, "It does not exist", may_be_absent)
    if status == ROLLED_BACK:
        return warned(name, f"{status}: its last update failed and was taken back.")
    return passed(name, status) if status in HEALTHY else failed(name, status)


def log_group(group: str, found: LogGroup | None, wanted_days: int, *, may_be_absent: bool) -> Check:
    """A log group and how long it keeps what it gets; one without a name was never made."""
    name = f"Log group {group or '(not deployed)'} keeps {wanted_days} days"
    if found is None:
        return absent(name, "It does not exist", may_be_absent)
    if found.retention_days != wanted_days:
        kept = "for ever" if found.retention_days is None else f"for {found.retention_days} days"
        return failed(name, f"It keeps them {kept}.")
    return passed(name)


def topic(subscriptions: int | None, *, may_be_absent: bool) -> Check:
    """The alarm topic by the number of its confirmed subscriptions; nothing: there is no such topic."""
    name = "The alarm topic reaches somebody"
    if subscriptions is None:
        return absent(name, "The topic does not exist", may_be_absent)
    if not subscriptions:
        return warned(name, "It exists, but nobody has subscribed to it (and confirmed).")
    return passed(name, f"{subscriptions:,} subscriptions")


@dataclass(frozen=True)
class Alarm:
    """An alarm as it is."""

    name: str
    state: str
    actions: Collection[str]
    """ARNs of what it notifies; none when its actions are switched off."""


def alarms(found: Sequence[Alarm], topic_arn: str, *, may_be_absent: bool) -> Check:
    """The fleet's alarms: there are some, each notifies the topic, and which ring now."""
    name = "The alarms notify the alarm topic"
    if not found:
        return absent(name, "There is no alarm", may_be_absent)
    silent = [alarm.name for alarm in found if topic_arn not in alarm.actions]
    if silent:
        return failed(name, f"{len(silent):,} of {len(found):,} do not: {some(silent)}.")
    ringing = [alarm.name for alarm in found if alarm.state == "ALARM"]
    if ringing:
        return warned(name, f"{len(found):,} alarms, {len(ringing):,} in state ALARM now: {some(ringing)}.")
    return passed(name, f"{len(found):,} alarms, none in state ALARM")


def dashboard(dashboard_name: str, body: str | None, *, may_be_absent: bool) -> Check:
    """A dashboard by its body (JSON)."""
    name = f"Dashboard {dashboard_name or '(not deployed)'} has widgets"
    if body is None:
        return absent(name, "It does not exist", may_be_absent)
    try:
        widgets = json.loads(body)["widgets"]
    except (ValueError, KeyError, TypeError):
        return failed(name, "Its body is no dashboard.")
    return passed(name, f"{len(widgets):,} widgets") if widgets else failed(name, "It is empty.")


def validator(
    program: str, answer: Mapping[str, object] | str | None, *, right: bool, may_be_absent: bool
) -> Check:
    """What the program validator said about a program of which it is known whether it is right.

    ``answer`` is the function's, or the text of why there was none; nothing: there is no function.
    """
    name = f"The validator {'accepts' if right else 'refuses'} {program}"
    if answer is None:
        return absent(name, "The function does not exist", may_be_absent)
    if isinstance(answer, str):
        return failed(name, answer)
    verdict = answer.get("validation")
    seen = f"{verdict}, errors: {answer.get('errors')}"
    return passed(name, seen) if verdict == ("passed" if right else "failed") else failed(name, seen)
