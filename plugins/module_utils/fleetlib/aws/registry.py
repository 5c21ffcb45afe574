"""Read the registry in pages: never one call for one device."""

from __future__ import annotations

import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..core.provisioning.model import CERTIFICATE_ATTRIBUTE
from ..core.quotas import PAGE_SIZE

SEARCH_PAGE_SIZE = 100
"""Things in a page of SearchIndex, AWS IoT's limit for searches that return attributes and shadows."""

INDEX = "AWS_Things"
"""The one index of things that an account has."""

_HEX_DIGITS = string.digits + "abcdef"


def iter_things(iot: Any, *, attribute: tuple[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """iot:ListThings: every thing, or those with an attribute of that value."""
    chosen = {"attributeName": attribute[0], "attributeValue": attribute[1]} if attribute else {}
    pages = iot.get_paginator("list_things").paginate(**chosen, PaginationConfig={"PageSize": PAGE_SIZE})
    for page in pages:
        yield from page["things"]


def iter_things_in_group(iot: Any, group: str) -> Iterator[str]:
    """iot:ListThingsInThingGroup: names of a group's things."""
    pages = iot.get_paginator("list_things_in_thing_group").paginate(
        thingGroupName=group, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    for page in pages:
        yield from page["things"]


def iter_groups(iot: Any, name_prefix: str) -> Iterator[str]:
    """iot:ListThingGroups: names of the thing groups that begin with ``name_prefix``."""
    pages = iot.get_paginator("list_thing_groups").paginate(
        namePrefixFilter=name_prefix, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    for page in pages:
        yield from (group["groupName"] for group in page["thingGroups"])


def search_things(iot: Any, query: str) -> Iterator[dict[str, Any]]:
    """iot:SearchIndex: things that a fleet indexing query finds, with groups, shadow and connectivity."""
    token = None
    while True:
        things, token = _page(iot, query, token)
        yield from things
        if not token:
            return


def search_devices(iot: Any, query: str) -> dict[str, dict[str, Any]]:
    """iot:SearchIndex: the same by name, faster where they are many: sixteen searches side by side, one for
    each first digit of the certificates' ids.

    A search gives its pages one after the other, so that the time of each answer would count, not the quota.
    Beyond a first page, things are not found whose attribute names no certificate.
    """
    things, more = _page(iot, query)
    found = {one["thingName"]: one for one in things}
    if more:
        parts = [f"attributes.{CERTIFICATE_ATTRIBUTE}:{digit}* AND {query}" for digit in _HEX_DIGITS]
        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            for part in pool.map(lambda one: list(search_things(iot, one)), parts):
                found |= {one["thingName"]: one for one in part}
    return found


def _page(iot: Any, query: str, token: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
    on = {"nextToken": token} if token else {}
    page = iot.search_index(indexName=INDEX, queryString=query, maxResults=SEARCH_PAGE_SIZE, **on)
    return page.get("things", []), page.get("nextToken")


def indexing(iot: Any) -> dict[str, str]:
    """iot:GetIndexingConfiguration: what of things is indexed, as AWS names it."""
    found = iot.get_indexing_configuration().get("thingIndexingConfiguration", {})
    return {
        "registry": found.get("thingIndexingMode", "OFF"),
        "connectivity": found.get("thingConnectivityIndexingMode", "OFF"),
    }


def set_indexing(iot: Any, registry: str, connectivity: str) -> None:
    """iot:UpdateIndexingConfiguration. AWS builds the index in the background."""
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": registry,
            "thingConnectivityIndexingMode": connectivity,
        }
    )
