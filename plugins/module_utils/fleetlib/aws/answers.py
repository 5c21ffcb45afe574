"""Answers that were cut off on the way.

botocore takes a JSON body that does not parse for a message to people and answers with nothing in it: a page
of `ListThings` without things. Every client here asks again instead, and gives up with an error.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

with contextlib.suppress(ImportError):  # who makes the client names the missing library first
    from botocore.exceptions import HTTPClientError

WAIT_SECONDS = 0.2
"""Before the call is made again; doubled each time."""


def insist_on_whole(client: Any, attempts: int) -> Any:
    """The same client, which from now on makes a call again whose answer was cut off.

    After ``attempts`` of them the call raises `HTTPClientError`, as for any broken connection.
    """

    def check(
        response: tuple[Any, dict[str, Any]] | None, operation: Any, attempts: int, **_: Any
    ) -> float | None:
        if response is None or operation.has_streaming_output or not is_cut_off(response[0]):
            return None
        if attempts >= allowed:
            raise HTTPClientError(error=f"{operation.name}: the answer was cut off, {attempts} times")
        return float(WAIT_SECONDS * 2 ** (attempts - 1))

    allowed = attempts
    if "json" in client.meta.service_model.resolved_protocol:
        client.meta.events.register_first("needs-retry", check)
    return client


def is_cut_off(answer: Any) -> bool:
    """Whether the body of a successful HTTP answer is the beginning of a JSON document only."""
    if answer.status_code >= 300 or not answer.content.strip():
        return False
    try:
        json.loads(answer.content)
    except ValueError:
        return True
    return False
