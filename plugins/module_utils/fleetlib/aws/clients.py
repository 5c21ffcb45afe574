"""Clients from the connection variables that modules and the inventory plugin share."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

with contextlib.suppress(ImportError):  # who calls this names the missing library first
    import boto3
    from botocore.config import Config

from .answers import insist_on_whole


def client(
    service: str,
    connection: Mapping[str, Any],
    attempts: int = 8,
    timeout: int = 60,
    max_connections: int = 10,
) -> Any:
    """A boto3 client from options with amazon.aws's names: region, endpoint_url, profile, access_key, ….

    Empty values count as not given. ``attempts`` is botocore's standard retry mode, the only retry layer.
    ``timeout``: seconds that an attempt may wait for the connection, and then for each part of the answer.
    """
    given = {name: str(value) for name, value in connection.items() if value}
    session = boto3.Session(profile_name=given.get("profile"))
    made = session.client(
        service,
        region_name=given.get("region"),
        endpoint_url=given.get("endpoint_url"),
        aws_access_key_id=given.get("access_key"),
        aws_secret_access_key=given.get("secret_key"),
        aws_session_token=given.get("session_token"),
        config=Config(
            retries={"mode": "standard", "max_attempts": attempts},
            connect_timeout=timeout,
            read_timeout=timeout,
            max_pool_connections=max_connections,
        ),
    )
    return insist_on_whole(made, attempts)
