"""The validator's word on a program beside that of the real engine: what counts as a disagreement.

Steel stops at the first error and names some faults of form one way, some another. A rule without an engine's
kind is the fleet's own: what it refuses, Steel may load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from .rules import RULES

_SYNTAX: Final = frozenset(
    {"Parse", "BadSyntax", "UnexpectedToken", "Generic", "TypeMismatch", "ArityMismatch", "Io"}
)

Disagreement = Literal["false accept", "false reject", "other kind"]


def verdict(answer: Mapping[str, Any]) -> str:
    """An answer of the engine to a check: ``loads``, ``crashed``, or ``refused`` and the kind of error."""
    if answer["outcome"] == "refused":
        return f"refused {answer['diagnostic']['kind']}"
    return str(answer["outcome"])


def disagreement(errors: Iterable[str], engine: str) -> Disagreement | None:
    """How the validator, which found ``errors`` (codes of rules), and the engine differ, if they do."""
    codes = list(errors)
    kinds = {RULES[code].engine for code in codes} - {None}
    if engine == "loads":
        return "false reject" if kinds else None
    if not codes:
        return "false accept"
    kind = engine.split()[-1]
    alike = _SYNTAX if kind in _SYNTAX else {kind}
    # A rule without a kind may come before all that Steel would find.
    return "other kind" if kinds and kind != "crashed" and not kinds & alike else None
