"""Whether a drill has shown what it should. The rows of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidInputError
from ..progress import duration
from ..validation.checks import Check, Status, failed, not_checked, passed, some
from .measure import Measured
from .scenarios import SCENARIOS, Scenario

RTO_MINUTES, RPO_MINUTES = 240.0, 60.0
"""The guide's objectives: back within four hours, with the data of an hour ago."""
DEFAULT: Final = "default"


@dataclass(frozen=True)
class Objectives:
    """How long a recovery may take, and how much may be lost."""

    rto_minutes: float = RTO_MINUTES
    rpo_minutes: float = RPO_MINUTES


@dataclass(frozen=True)
class Seen:
    """What was looked at besides the boards."""

    differences: Sequence[Mapping[str, str]] | None
    """Fields of the drill's own registry that are not as before; None: it was not compared."""
    outside_before: str
    """SHA-256 of everything that is not the drill's."""
    outside_after: str
    outside_answered: bool
    """Whether there was anything to compare: a drill that has its own cloud does not need the fleet's."""
    touched: Sequence[Mapping[str, str]]
    """Fields of it that changed."""
    left_over: Sequence[str]
    """What was not cleaned up."""
    failure: str
    """What failed in the drill itself; empty when nothing did."""
    not_drilled: Sequence[str]


def objectives(given: Mapping[str, Mapping[str, Any]], name: str) -> Objectives:
    """The objectives of a scenario: its own, else those for all (``default``), else the guide's."""
    unknown = sorted(given.keys() - SCENARIOS.keys() - {DEFAULT})
    if unknown:
        raise InvalidInputError(
            f"disaster_recovery_objectives names {unknown[0]!r}; it can name {DEFAULT}, "
            f"{', '.join(SCENARIOS)}."
        )
    chosen = {**given.get(DEFAULT, {}), **given.get(name, {})}
    wrong = sorted(chosen.keys() - {"rto_minutes", "rpo_minutes"})
    if wrong:
        raise InvalidInputError(
            f"disaster_recovery_objectives has {wrong[0]!r}; it can have rto_minutes and rpo_minutes."
        )
    try:
        made = Objectives(**{key: float(value) for key, value in chosen.items()})
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"disaster_recovery_objectives: {error}; minutes are numbers.") from error
    if min(made.rto_minutes, made.rpo_minutes) <= 0:
        raise InvalidInputError("disaster_recovery_objectives: minutes must be more than 0.")
    return made


def rows(chosen: Scenario, measured: Measured, wanted: Objectives, seen: Seen) -> list[Check]:
    """Every row has to pass for the drill to have passed; what could not be drilled is said."""
    return [
        _done(measured, seen),
        _boards(measured),
        _within("Recovery time", measured.rto_seconds, wanted.rto_minutes),
        _within("Loss of data", measured.rpo_seconds if measured.boards else None, wanted.rpo_minutes),
        _registry(seen),
        _outside(seen),
        _cleaned(seen),
        *(not_checked("Not drilled", one) for one in (chosen.not_drilled, *seen.not_drilled) if one),
    ]


def has_passed(checks: Sequence[Check]) -> bool:
    """Whether no row failed."""
    return all(check.status is not Status.FAILED for check in checks)


def _done(measured: Measured, seen: Seen) -> Check:
    name = "Every step was done"
    if seen.failure:
        return failed(name, seen.failure)
    unfinished = measured.timeline.unfinished
    if unfinished or measured.service_seconds is None:
        return failed(name, f"Not done: {', '.join(unfinished) or 'the recovery'}.")
    return passed(name, f"{len(measured.timeline.steps)} steps")


def _boards(measured: Measured) -> Check:
    name = "Every board is connected again"
    away = [board.name for board in measured.boards if not board.back]
    total = len(measured.boards)
    if not total:
        return failed(name, "There was no board.")
    if away:
        return failed(name, f"{total - len(away)} of {total}; not: {some(away)}.")
    cut = sum(board.away_seconds > 0 for board in measured.boards)
    return passed(name, f"{total} of {total}; {cut} had lost their connection")


def _within(name: str, seconds: float | None, minutes: float) -> Check:
    row = f"{name} within {duration(minutes * 60)}"
    if seconds is None:
        return failed(row, "Not measured: it was not recovered.")
    return (passed if seconds <= minutes * 60 else failed)(row, f"{seconds:.1f} s")


def _registry(seen: Seen) -> Check:
    name = "The registry is as before, field by field"
    if seen.differences is None:
        return failed(name, "It was not compared.")
    if seen.differences:
        named = some([f"{one['kind']} {one['name']} {one['field']}".strip() for one in seen.differences])
        return failed(name, f"{len(seen.differences)} fields differ: {named}.")
    return passed(name)


def _outside(seen: Seen) -> Check:
    name = "Nothing outside of the drill was touched"
    if not seen.outside_before or not seen.outside_after:
        return failed(name, "It was not compared.")
    if seen.outside_before != seen.outside_after:
        named = some([f"{one['kind']} {one['name']} {one['field']}".strip() for one in seen.touched])
        return failed(name, f"Changed meanwhile: {named}.")
    if not seen.outside_answered:
        return passed(name, "The fleet's own cloud did not answer, before and after; the drill had another.")
    return passed(name, f"SHA-256 {seen.outside_before[:12]} before and after")


def _cleaned(seen: Seen) -> Check:
    name = "The drill left nothing behind"
    return failed(name, f"Left: {some(seen.left_over)}.") if seen.left_over else passed(name)
