"""Where devices connect."""

from __future__ import annotations

from typing import Any


def mqtt_endpoint(iot: Any) -> str:
    """iot:DescribeEndpoint: the account's own MQTT host name; Amazon Trust Services vouches for it."""
    return str(iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"])
