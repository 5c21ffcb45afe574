"""Tell people about a run of a playbook, over SNS and a webhook."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from . import webhook
from .aws.clients import client
from .aws.messages import publish_to_topic
from .core import run_notice as core
from .core.errors import FleetError
from .core.escalation import is_private
from .core.notification import Message

with contextlib.suppress(ImportError):  # without boto3 nothing is published, and the failure says so
    from botocore.exceptions import BotoCoreError, ClientError

ATTEMPTS = 2
TIMEOUT_SECONDS = 10
"""A run waits for its message no longer than it has to."""


def tell(
    record: Mapping[str, Any], report: str, audience: core.Audience, connection: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Send the message of a run, if somebody wants it: who was told, and why others were not.

    ``connection``: options of `aws.clients.client`. Never raises for what goes wrong on the way.
    """
    try:
        if not audience.wants_to_hear_of(record):
            return [], []
    except FleetError as error:
        return [], [f"Nobody was told about this run: {error}"]
    message = core.compose(record, report)
    ways: list[tuple[str, Callable[[], object]]] = [
        (f"topic {arn.rpartition(':')[2]}", _topic(arn, message, connection)) for arn in audience.topic_arns
    ]
    if audience.webhook_url:
        data = core.payload(record, message, report)
        ways.append(("the webhook", lambda: _webhook(audience.webhook_url, data)))
    told, problems = [], []
    for who, send in ways:
        try:
            send()
        except FleetError as error:
            problems.append(f"{who[:1].upper()}{who[1:]} was not told about this run: {error}")
        else:
            told.append(who)
    return told, problems


def _topic(arn: str, message: Message, connection: Mapping[str, Any]) -> Callable[[], object]:
    def send() -> None:
        try:
            sns = client("sns", connection, ATTEMPTS, TIMEOUT_SECONDS)
            publish_to_topic(sns, arn, message.subject, message.text)
        except (BotoCoreError, ClientError) as error:
            raise FleetError(f"AWS refused sns:Publish: {error}") from None

    return send


def _webhook(address: str, data: Mapping[str, Any]) -> None:
    if not is_private(address):
        raise FleetError("fleet_notify_webhook_url has to begin with https://.")
    webhook.post(address, data, {}, "it")
