"""A drill for people: sections of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..clock import iso
from ..progress import duration
from .measure import Measured, connected_over_time
from .scenarios import STEPS, Scenario
from .verdict import Objectives

Boards = Sequence[Mapping[str, Any]]


def plan_sections(
    chosen: Scenario, rows: Sequence[Mapping[str, Any]], wanted: Objectives, due: Sequence[Sequence[Any]]
) -> list[dict[str, Any]]:
    """The tabletop and when each scenario was drilled last."""
    return [
        {
            "title": f"Tabletop: {chosen.name}",
            "kind": "table",
            "intro": f"{chosen.title}. {chosen.failure} "
            f"Objectives: back in {duration(wanted.rto_minutes * 60)}, "
            f"with data not older than {duration(wanted.rpo_minutes * 60)}.",
            "columns": ["Phase", "Step", "Owner", "Command", "Minutes", "Done after"],
            "rows": [
                [
                    row["phase"],
                    row["title"],
                    row["owner"],
                    row["command"] or "—",
                    row["minutes"],
                    row["done_after_minutes"],
                ]
                for row in rows
            ],
        },
        history_section(due),
    ]


def history_section(due: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """When each scenario was drilled last, and when it is due."""
    return {
        "title": "Last drills",
        "kind": "table",
        "columns": ["Scenario", "Last drill", "Outcome", "Recovery, s", "Loss, s", "Boards", "Next due"],
        "rows": [list(row) for row in due],
    }


def result_sections(
    measured: Measured, boards: Boards, began: datetime, now: datetime
) -> list[dict[str, Any]]:
    """What happened: steps, boards over time, how long each was away, what was lost."""
    diaries = [board["spells"] for board in boards]
    away = [round(board.away_seconds, 1) for board in measured.boards if board.away_seconds > 0]
    found: list[dict[str, Any]] = [_steps(measured), _durations(measured)]
    if boards:
        found.append(
            {
                "title": "Boards that were connected",
                "kind": "series",
                "unit": "boards",
                "series": [
                    {
                        "name": "connected",
                        "points": [list(one) for one in connected_over_time(diaries, began, now)],
                    }
                ],
            }
        )
    if away:
        found.append({"title": "How long a board was away", "kind": "histogram", "values": away, "unit": "s"})
    return [*found, _losses(measured)]


def _steps(measured: Measured) -> dict[str, Any]:
    failed_at = measured.timeline.failed_at
    return {
        "title": "Timeline",
        "kind": "table",
        "intro": _moments(measured),
        "columns": ["Phase", "Step", "Began, UTC", "Seconds", "After the failure, s"],
        "rows": [
            [
                step.phase.value,
                STEPS[step.name].title,
                iso(step.began)[11:19],
                round(step.seconds, 1)
                if step.seconds is not None
                else {"text": "not done", "status": "failed"},
                round((step.began - failed_at).total_seconds(), 1)
                if failed_at and step.began >= failed_at
                else None,
            ]
            for step in measured.timeline.steps
        ],
    }


def _durations(measured: Measured) -> dict[str, Any]:
    return {
        "title": "How long each step took",
        "kind": "bars",
        "unit": "s",
        "bars": [
            {"name": f"{step.phase.value}: {step.name}", "value": round(step.seconds, 1)}
            for step in measured.timeline.steps
            if step.seconds is not None
        ],
    }


def _moments(measured: Measured) -> str:
    failed_at, recovered_at = measured.timeline.failed_at, measured.timeline.recovered_at
    first = f"The failure began at {iso(failed_at)}" if failed_at else "There was no failure"
    return f"{first}; {f'recovered at {iso(recovered_at)}' if recovered_at else 'not recovered'}."


def _losses(measured: Measured) -> dict[str, Any]:
    rows: list[list[Any]] = [
        ["report", board.name, round(board.lost_seconds, 1)]
        for board in measured.boards
        if board.lost_seconds > 0
    ]
    rows += [[one.kind, one.name, round(one.seconds, 1)] for one in measured.lost]
    return {
        "title": "What was lost",
        "kind": "table",
        "intro": "Reports that the cloud had acknowledged and did not have when the board came back, as the "
        "boards saw it, and objects. Seconds: how old the loss was. What boards would have told while they "
        "were away is not in it."
        if rows
        else "Nothing: every board found its last report again, and every object is there.",
        "columns": ["What", "Name", "Seconds"],
        "rows": sorted(rows, key=lambda row: -row[2]),
    }
