"""Certificates that were issued although the answer never arrived: which ones to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from .model import CERTIFICATE_ATTRIBUTE, ListedCertificate, Registry

CLOCK_DIFFERENCE = timedelta(minutes=15)
"""How far this host's clock may be from AWS's; a larger difference breaks request signatures anyway."""


def taken(registry: Registry) -> set[str]:
    """Ids of certificates that something refers to: their answers were not lost."""
    named = {thing.attributes.get(CERTIFICATE_ATTRIBUTE, "") for thing in registry.things.values()}
    return named | registry.policy_targets


def suspects(
    listed: Iterable[ListedCertificate], taken_ids: Collection[str], since: datetime, named: Collection[str]
) -> list[ListedCertificate]:
    """The certificates that may be missing here: made since then and referred to by nothing, or ``named``."""
    earliest = since - CLOCK_DIFFERENCE
    return [one for one in listed if one.id in named or (one.created >= earliest and one.id not in taken_ids)]


def since_when(
    names: Iterable[str], requests: Mapping[str, datetime], keys: Mapping[str, datetime], now: datetime
) -> datetime:
    """When the first missing certificate can have been made: after its request left, or its key was made."""
    return min((requests.get(name) or keys.get(name) or now for name in names), default=now)
