"""From a plan and the real fleet to a forecast, and to what an operator reads of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from ..errors import InvalidInputError
from ..progress import duration
from .plan import Plan
from .ports import DeviceState
from .simulator import Forecast, Model, simulate
from .waves import Assignment

WHAT_IF = 0.2
"""The share of failing devices for which the blast radius is forecast, too."""


def model(
    given: Mapping[str, Any], states: Iterable[DeviceState], now: datetime, poll_seconds: float
) -> Model:
    """A model from an operator's variables; time of day and share of offline devices are those of now."""
    known = {one.name for one in fields(Model)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidInputError(
            f"rollout_model: {', '.join(unknown)} is not known.", f"Allowed: {', '.join(sorted(known))}."
        )
    values = {"start_minute": now.hour * 60 + now.minute, "poll_seconds": poll_seconds, **given}
    seen = list(states)
    if "offline_share" not in values and seen:
        values["offline_share"] = sum(not state.connected for state in seen) / len(seen)
    try:
        return Model(**values)
    except TypeError as error:
        raise InvalidInputError(f"rollout_model: {error}.") from error


def forecast(plan: Plan, assignment: Assignment, how: Model) -> dict[str, Any]:
    """The forecast as data, with the blast radius of a program that fails on a fifth of the devices."""
    sizes = [len(wave) for wave in assignment.waves]
    expected = simulate(plan, sizes, how)
    bad = simulate(plan, sizes, Model(**{**vars(how), "failure_share": WHAT_IF}), runs=min(50, expected.runs))
    return {
        **expected.as_dict(),
        "what_if": {"failure_share": WHAT_IF, "touched_p50": bad.touched_p50, "touched_p95": bad.touched_p95},
        "lines": lines(plan, assignment, expected, bad),
    }


def lines(plan: Plan, assignment: Assignment, expected: Forecast, bad: Forecast) -> list[str]:
    """For a terminal."""
    calls = sum(expected.calls.values())
    text = [f"plan {plan.name}: {expected.devices:,} devices in {len(plan.waves)} waves"]
    for went in expected.first.waves:
        text.append(
            f"  {went.name:<12} {went.devices:>8,} devices, {duration(went.start)} to {duration(went.end)}"
            + (f", stops: {went.stopped}" if went.stopped else "")
        )
    text.append(
        f"takes {duration(expected.seconds_p50)} (p50), {duration(expected.seconds_p95)} (p95) "
        f"in {expected.runs} simulated rollouts; {expected.abort_share:.0%} of them stop"
    )
    text.append(
        f"should it fail on {WHAT_IF:.0%} of the devices, it reaches {bad.touched_p50:,} (p50), "
        f"{bad.touched_p95:,} (p95) before it stops"
    )
    text.append(
        f"{calls:,} requests to AWS, {calls / max(1, expected.devices):.2f} for a device; "
        f"{expected.calls.get('CreateJob', 0)} jobs"
    )
    if assignment.left_out:
        text.append(f"{len(assignment.left_out):,} devices are in no wave and keep what they have")
    return text
