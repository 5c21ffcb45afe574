"""Two regions for people: lines for a terminal, sections of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..backup.restore import Plan
from ..progress import duration
from ..quotas import Quotas
from .drift import Difference, counts
from .mirror import Passage

MOST_ROWS: Final = 500
"""Differences in a report; the counts are of all."""


def calls(plan: Plan, to_ask: int) -> dict[str, int]:
    """Calls by operation. ``to_ask``: certificates whose text this host lacks and the first region has."""
    asked = {"DescribeCertificate": to_ask} if to_ask else {}
    return dict(sorted((Counter(plan.calls()) + Counter(asked)).items()))


def seconds(needed: Mapping[str, int], quotas: Quotas) -> float:
    """How long the calls take at the quotas: all operations go on side by side."""
    return max((count / quotas.rate(name) for name, count in needed.items()), default=0.0)


def lines(
    passage: Passage, differences: Sequence[Difference], plan: Plan, needed: Mapping[str, int], quotas: Quotas
) -> list[str]:
    """What differs, and what it costs to close that."""
    differing = ", ".join(f"{count:,} x {kind}" for kind, count in counts(differences).items())
    if not differing:
        return [f"{passage.target} holds what {passage.origin} holds; nothing differs."]
    first = f"{passage.target} differs from {passage.origin} in: {differing}."
    if not plan.changed:
        return [
            first,
            "No copying closes that: stacks and their code are deployed, by multi_region.yml there and by "
            "deploy.yml here, and nothing is deleted.",
        ]
    steps = ", ".join(f"{count:,} x {kind}" for kind, count in plan.counts().items())
    time_needed = duration(seconds(needed, quotas))
    total = sum(needed.values())
    return [first, f"To close it: {steps}. {total:,} calls, {time_needed} at the quotas ({quotas.source})."]


def sections(
    passage: Passage,
    differences: Sequence[Difference],
    needed: Mapping[str, int],
    quotas: Quotas,
    *,
    closed: bool = False,
) -> list[dict[str, Any]]:
    """Sections of a report: every difference, and the calls that close them or did."""
    found: list[dict[str, Any]] = [
        {
            "title": "Where the regions differed" if closed else "Where the regions differ",
            "kind": "table",
            "intro": _intro(differences),
            "columns": ["What", "Name", "Field", passage.origin, passage.target],
            "rows": [one.row() for one in differences[:MOST_ROWS]],
        }
    ]
    if needed:
        found.append(
            {
                "title": "Calls that closed it" if closed else "Calls to close it",
                "kind": "table",
                "intro": f"Requests per second: {quotas.source}. Operations go on side by side.",
                "columns": ["Operation", "Calls", "Per second", "Takes"],
                "rows": [
                    [name, count, quotas.rate(name), duration(count / quotas.rate(name))]
                    for name, count in needed.items()
                ],
            }
        )
    return found


def _intro(differences: Sequence[Difference]) -> str:
    if not differences:
        return "Compared field by field; nothing differs."
    many = f" The first {MOST_ROWS:,} are shown." if len(differences) > MOST_ROWS else ""
    return f"Compared field by field: {len(differences):,} differences.{many}"
