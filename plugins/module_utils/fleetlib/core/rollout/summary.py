"""A rollout for people: the sections of its report, and the words at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..clock import parse_iso
from .record import Record

_OUTCOMES = {"SUCCEEDED": "passed", "ALREADY": "passed", "PENDING": "not_checked", "QUEUED": "not_checked"}
_LEGEND = {
    "passed": "has it, or is back",
    "failed": "failed",
    "warned": "in progress, or not back yet",
    "not_checked": "not reached",
}
BAD_ENDS = ("aborting", "returning", "return_open", "returned", "stopped")
"""States after which a rollout that was meant to go forward has not."""


def sections(record: Record, devices: Sequence[Mapping[str, str]], forecast: Mapping[str, Any]) -> list[Any]:
    """What the report of a run shows (docs/reports.md)."""
    return [
        {"title": "Rollout", "kind": "facts", "facts": facts(record)},
        {
            "title": "Waves",
            "kind": "table",
            "columns": ["Wave", "State", "Devices", "Had it", "Succeeded", "Failed", "Awaited", "Not back"],
            "rows": [
                [
                    wave.name,
                    wave.state,
                    wave.devices,
                    wave.already,
                    wave.counts.succeeded,
                    wave.counts.bad,
                    wave.counts.waiting,
                    len(wave.not_returned) + len(wave.not_returnable),
                ]
                for wave in record.waves
            ],
        },
        {
            "title": "Progress",
            "kind": "series",
            "intro": "Devices that have finished, by seconds since the start.",
            "unit": "devices",
            "series": series(record, forecast),
        },
        *_judged(record),
        {
            "title": "Decisions",
            "kind": "table",
            "columns": ["Time", "By", "Decision", "Reason"],
            "rows": [[one.at, one.by, one.what, one.why] for one in record.decisions],
        },
        {
            "title": "Devices",
            "kind": "map",
            "cells": [
                {
                    "name": one["thing"],
                    "status": status(one["outcome"]),
                    "detail": f"{one['wave']}: {one['outcome']}; had {one['was'] or 'none'}",
                }
                for one in devices
            ],
            "legend": _LEGEND,
        },
        {
            "title": "Requests to AWS",
            "kind": "bars",
            "unit": "requests",
            "bars": [{"name": name, "value": value} for name, value in record.calls.items()],
        },
    ]


def foreseen(forecast: Mapping[str, Any]) -> list[Any]:
    """What the report of a check mode run shows."""
    return [
        {
            "title": "Forecast",
            "kind": "facts",
            "intro": f"{forecast['runs']} simulated rollouts; nothing was touched.",
            "facts": {
                "Devices": forecast["devices"],
                "Seconds (p50)": forecast["seconds_p50"],
                "Seconds (p95)": forecast["seconds_p95"],
                "Share that stops": forecast["abort_share"],
                "Reached before it stops, if a fifth fails (p95)": forecast["what_if"]["touched_p95"],
                "Requests for a device": forecast["calls_per_device"],
            },
        },
        {
            "title": "Waves",
            "kind": "table",
            "columns": ["Wave", "Devices", "Begins after s", "Ends after s", "Stops because"],
            "rows": [
                [one["name"], one["devices"], one["start_seconds"], one["end_seconds"], one["stopped"]]
                for one in forecast["waves"]
            ],
        },
        *_foreseen_curve(forecast),
        {
            "title": "Requests to AWS",
            "kind": "bars",
            "unit": "requests",
            "bars": [{"name": name, "value": value} for name, value in forecast["calls"].items()],
        },
    ]


def _foreseen_curve(forecast: Mapping[str, Any]) -> list[Any]:
    """A single point is no progress: no device is to be reached."""
    if len(forecast["curve"]) < 2:
        return []
    curve = {"name": "predicted", "points": forecast["curve"]}
    return [{"title": "Progress", "kind": "series", "unit": "devices", "series": [curve]}]


def facts(record: Record) -> dict[str, Any]:
    """The rollout in a few words and numbers."""
    calls = sum(record.calls.values())
    return {
        "Rollout": record.id,
        "Subject": record.subject,
        "Version": record.version,
        "Target": record.target,
        "Plan": record.plan.name,
        "State": record.state,
        "Devices": record.devices,
        "Reached": record.touched,
        "In no wave": record.left_out,
        "Jobs": record.calls.get("CreateJob", 0),
        "Requests for a device": round(calls / max(1, record.devices), 3),
        "Started": f"{record.created_at} by {record.created_by}",
        "Ended": record.ended_at or "not yet",
    }


def series(record: Record, forecast: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Actual and predicted curve, in seconds since the start."""
    began = parse_iso(record.created_at)
    actual = [[round((parse_iso(at) - began).total_seconds(), 1), count] for at, count in record.curve]
    curves = [{"name": "actual", "points": [[0, 0], *actual]}]
    if len(forecast.get("curve", ())) > 1:
        curves.append({"name": "predicted", "points": forecast["curve"]})
    return curves


def status(outcome: str) -> str:
    """How a device's outcome looks on the map."""
    if outcome.endswith("not back"):
        return "warned"
    if outcome.endswith("back"):
        return "passed"
    return _OUTCOMES.get(outcome, "warned" if outcome == "IN_PROGRESS" else "failed")


def ending(record: Record) -> str:
    """Why a rollout did not go on to its end; empty when it did, or still may."""
    if record.state not in BAD_ENDS:
        return ""
    reasons = [one.why for one in record.decisions if one.what == "abort"]
    why = reasons[-1] if reasons else "see its decisions"
    return f"{record.id} was stopped: {why}. It is {record.state} now."


def _judged(record: Record) -> list[Any]:
    """Before the first gate was judged there is nothing to list."""
    checks = list(_gates(record))
    return [{"title": "Gates", "kind": "checks", "checks": checks}] if checks else []


def _gates(record: Record) -> Iterable[dict[str, Any]]:
    for wave in record.waves:
        for check in wave.checks:
            passed = check["passed"]
            yield {
                "name": f"{wave.name}: {check['name']}",
                "status": "not_checked" if passed is None else "passed" if passed else "failed",
                "detail": check["reason"],
            }
