"""How figures came to be what they are: the summaries of earlier runs of a playbook, for its page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from .rollout.devices import number

MOST_RUNS: Final = 30
"""Earlier runs that the history looks back on."""


def worth_looking_back_on(
    runs: Iterable[Mapping[str, Any]], environment: str, figure: str
) -> list[Mapping[str, Any]]:
    """Of the summaries of earlier runs those of this environment that tell a ``figure``, the oldest first."""
    told = [
        run
        for run in runs
        if run.get("environment") == environment
        and not run.get("check_mode")
        and isinstance(run.get("started"), str)
        and isinstance(run.get("summary"), Mapping)
        and number(run["summary"].get(figure)) is not None
    ]
    return sorted(told, key=lambda run: str(run["started"]))[-MOST_RUNS:]


def sections(
    runs: Sequence[Mapping[str, Any]],
    figures: Mapping[str, int],
    at: datetime,
    curves: Collection[str],
    unit: str,
) -> list[dict[str, Any]]:
    """A trend for each figure, and the curve of those that matter; nothing where there is no earlier run.

    ``runs`` are earlier ones, the oldest first; ``unit`` is what is counted, in the plural.
    """
    if not runs:
        return []
    rows, series = [], []
    for name, value in figures.items():
        known = [
            (run["started"], run["summary"][name])
            for run in runs
            if number(run["summary"].get(name)) is not None
        ]
        values = [*(before for _, before in known), value]
        rows.append([name, value, values[-2] if known else None, {"trend": values}])
        if name in curves and known:
            points = [*map(list, known), [at.isoformat(timespec="seconds"), value]]
            series.append({"name": name, "points": points})
    table = {
        "title": "History",
        "kind": "table",
        "intro": f"Against the last {len(runs)} runs of this environment.",
        "columns": ["Figure", "Now", "Run before", "Trend"],
        "rows": rows,
    }
    title = f"{unit.capitalize()} over time"
    return [table, {"title": title, "kind": "series", "series": series, "unit": unit}]
