"""A teardown for people: facts for a playbook, sections for a page."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .names import WORDS
from .plan import Plan

SHOWN = 500
"""Rows of a table; the counts are of all."""


def facts(plan: Plan) -> dict[str, Any]:
    """What a playbook decides by."""
    told = plan.history
    return {
        "confirmation": plan.confirmation,
        "is_complete": not plan.changed and not told.is_open,
        "is_open": told.is_open,
        "refusals": plan.refusals,
        "lines": plan.lines(),
        "counts": {
            "devices": len(plan.devices),
            "jobs": len(plan.jobs),
            "stacks": len(plan.world.stacks),
            "retained": len(plan.to_remove),
        },
        "left": plan.left[:SHOWN],
        "removed": removed(plan),
        "snapshot": {k: v for k, v in (told.snapshot or {}).items() if k in ("id", "things", "directory")},
        "stays": [list(one) for one in plan.stays()],
    }


def removed(plan: Plan) -> dict[str, int]:
    """What the last teardown removed, by kind."""
    by_kind = Counter(WORDS.get(one.kind, one.kind) for one in plan.history.removed)
    gone = max(0, plan.history.devices - len(plan.devices))
    return {**({"device": gone} if gone else {}), **dict(sorted(by_kind.items()))}


def sections(plan: Plan) -> list[dict[str, Any]]:
    """The page: what would go or went, what is left, what stays."""
    told = plan.history
    made: list[dict[str, Any]] = []
    if plan.changed:
        left = [[one.kind, one.name] for one in plan.to_remove]
        stacks = [["AWS::CloudFormation::Stack", one.name] for one in reversed(plan.world.stacks)]
        made += [
            {
                "title": "What there is of the fleet",
                "kind": "facts",
                "facts": {
                    "Devices": len(plan.devices),
                    "Jobs": len(plan.jobs),
                    "Stacks": len(stacks),
                    "Left behind by stacks": len(left),
                    "At the quotas": plan.estimate.headline if plan.estimate.calls else "no call to AWS IoT",
                },
            },
            {
                "title": "In this order",
                "kind": "table",
                "columns": ["Kind", "Name"],
                "rows": [*stacks, *left][:SHOWN],
            },
        ]
    if told.removed:
        rows = [[WORDS.get(one.kind, one.kind), one.name] for one in told.removed]
        made.append(
            {
                "title": "What was removed",
                "kind": "table",
                "intro": f"By the teardown that began at {told.started}.",
                "columns": ["What", "Name"],
                "rows": rows[:SHOWN],
            }
        )
    made.append(
        {
            "title": "What stays, and why",
            "kind": "table",
            "columns": ["What", "Why"],
            "rows": [list(one) for one in plan.stays()],
        }
    )
    return made
