"""Is a snapshot whole, complete and young enough? The rows of the report."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..objects import digest
from ..progress import duration
from ..validation.checks import Check, all_of, failed, not_checked, passed, some, warned
from . import State
from .manifest import Manifest

SIGNED = "The manifest is signed by the trusted key"
WHOLE = "Every blob is there and unchanged"
COUNTED = "Every section has the entries it had"
CERTIFIED = "Every certificate is the one of its name"
COMPLETE = "Every device that there was is in it"
YOUNG = "It is younger than the recovery point objective"


@dataclass(frozen=True)
class Registry:
    """What the registry has now, for comparison."""

    things: Mapping[str, str]
    """Thing → its certificate's id."""
    created: Mapping[str, datetime]
    """Certificate id → when it was made."""


def contents(manifest: Manifest, state: State) -> list[Check]:
    """Rows about what is in an intact snapshot."""
    wrong = [name for name, count in manifest.counts.items() if len(state.get(name, ())) != count]
    pems = state.get("pems", {})
    false = [one for one, pem in pems.items() if fingerprint(pem) != one]
    return [
        all_of(COUNTED, len(manifest.counts), "sections", wrong, "have not"),
        all_of(CERTIFIED, len(pems), "certificates", false, "are not"),
    ]


def complete(manifest: Manifest, state: State, registry: Registry | None) -> Check:
    """Whether devices of today that existed when the snapshot was taken are in it.

    Of a thing AWS does not say when it was made; its certificate tells.
    """
    if registry is None:
        return not_checked(COMPLETE, "The registry was not looked at.")
    absent = sorted(set(registry.things) - state["things"].keys())
    new = [one for one in absent if _is_newer(registry.created.get(registry.things[one]), manifest)]
    lost = sorted(set(absent) - set(new))
    if lost:
        return failed(
            COMPLETE, f"{len(lost):,} of {len(registry.things):,} devices are missing: {some(lost)}."
        )
    if new:
        return warned(COMPLETE, f"{len(new):,} devices came after it: {some(new)}.")
    return passed(COMPLETE, f"all {len(registry.things):,} devices of today")


def young(manifest: Manifest, now: datetime, rpo_minutes: int) -> Check:
    """Whether the age is within the objective."""
    age = (now - manifest.taken).total_seconds()
    detail = f"It is {duration(age)} old; the objective is {duration(rpo_minutes * 60)}."
    return passed(YOUNG, detail) if age <= rpo_minutes * 60 else failed(YOUNG, detail)


def fingerprint(pem: Any) -> str:
    """SHA-256 of a certificate's DER, which is its id in AWS IoT; empty for what is no certificate."""
    body = "".join(line for line in str(pem).splitlines() if not line.startswith("-----"))
    try:
        return digest(base64.b64decode(body, validate=True))
    except binascii.Error:
        return ""


def _is_newer(created: datetime | None, manifest: Manifest) -> bool:
    return created is not None and created >= manifest.taken
