"""A whole fleet as the registry holds it, read in pages, and a call per device only for a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE
from ..core.validation.registry import Fleet
from . import certificates, registry


def read_fleet(iot: Any, environment: str, policy: str, group: str) -> Fleet:
    """Things of an environment, their certificates, who has the policy and who is in the group.

    An empty ``policy`` or ``group`` counts as one that does not exist.
    """
    with ThreadPoolExecutor(max_workers=4) as pool:
        things = pool.submit(lambda: dict(_iter_things(iot, environment)))
        listed = pool.submit(lambda: list(certificates.iter_certificates(iot)))
        targets = pool.submit(_names, iot, certificates.iter_policy_targets, policy)
        members = pool.submit(_names, iot, registry.iter_things_in_group, group)
        return Fleet(
            things.result(),
            {one.id: one.status for one in listed.result()},
            {one.id: one.created for one in listed.result()},
            targets.result(),
            members.result(),
        )


def principals(iot: Any, things: Iterable[str]) -> dict[str, frozenset[str]]:
    """iot:ListThingPrincipals: thing → ids of the certificates tied to it. One call per thing."""
    return {thing: frozenset(_iter_principals(iot, thing)) for thing in things}


def _iter_principals(iot: Any, thing: str) -> Iterator[str]:
    for page in iot.get_paginator("list_thing_principals").paginate(thingName=thing):
        yield from (arn.rpartition("/")[2] for arn in page["principals"])


def _iter_things(iot: Any, environment: str) -> Iterator[tuple[str, str]]:
    for one in registry.iter_things(iot, attribute=("environment", environment)):
        yield one["thingName"], one.get("attributes", {}).get(CERTIFICATE_ATTRIBUTE, "")


def _names(iot: Any, iterate: Callable[[Any, str], Iterator[str]], of: str) -> frozenset[str] | None:
    """Names, or the ids within ARNs; nothing where ``of`` does not exist."""
    if not of:
        return None
    try:
        return frozenset(name.rpartition("/")[2] for name in iterate(iot, of))
    except iot.exceptions.ResourceNotFoundException:
        return None
