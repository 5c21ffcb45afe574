"""Messages to devices, sent as the cloud's own applications send them."""

from __future__ import annotations

import contextlib
from typing import Any

from ..core.errors import FleetError

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import BotoCoreError, ClientError


def publish(iot_data: Any, topic: str, payload: bytes) -> None:
    """iot:Publish with QoS 1. Raises `FleetError` with AWS's words."""
    try:
        iot_data.publish(topic=topic, qos=1, payload=payload)
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"AWS refused iot:Publish on {topic}: {error}") from error


def publish_to_topic(sns: Any, topic_arn: str, subject: str, text: str) -> str:
    """sns:Publish; the message's id."""
    return str(sns.publish(TopicArn=topic_arn, Subject=subject, Message=text)["MessageId"])
