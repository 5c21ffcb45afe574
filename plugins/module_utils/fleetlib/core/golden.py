"""Whether a run of a program was as its test expects; the run itself is the engine's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .program_folder import Expectation


def shortcomings(test: Expectation, answer: Mapping[str, Any]) -> list[str]:
    """What was not as expected, each in a sentence; nothing if all was.

    ``answer`` is the engine's record of the run: ``outcome``, ``message``, ``events``, ``board``, ``clock``.
    """
    if not answer["ok"]:
        told = (
            answer.get("message") or (answer.get("diagnostic") or {}).get("message") or "no reason was given"
        )
        return [f"the program {answer['outcome']}: {told}"]
    events = answer["events"]
    return [
        *_ending(test, answer),
        *_in_order(test.expect, events),
        *(f"there was {_shown(one)}" for one in test.never if any(matches(one, event) for event in events)),
        *_once(test.once, events),
    ]


def matches(expected: Any, found: Any) -> bool:
    """Whether everything expected is there; a table may have more, and may lie in a text as JSON."""
    if isinstance(expected, Mapping):
        if isinstance(found, str):
            found = _decoded(found)
        return isinstance(found, Mapping) and all(
            key in found and matches(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(matches, expected, found))
    return bool(expected == found and isinstance(expected, bool) == isinstance(found, bool))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ending(test: Expectation, answer: Mapping[str, Any]) -> list[str]:
    wrong = []
    for name, expected in (("outcome", test.outcome), ("clock", test.clock)):
        if expected is not None and answer[name] != expected:
            wrong.append(f"{name} is {answer[name]}, not {expected}")
    for name, expected in test.board.items():
        if not matches(expected, answer["board"].get(name)):
            wrong.append(f"at the end {name} is {_shown(answer['board'].get(name))}, not {_shown(expected)}")
    return wrong


def _in_order(expected: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> list[str]:
    at = 0
    for number, one in enumerate(expected):
        while at < len(events) and not matches(one, events[at]):
            at += 1
        if at == len(events):
            behind = f" after {_shown(expected[number - 1])}" if number else ""
            return [f"there was no {_shown(one)}{behind}"]
        at += 1
    return []


def _once(expected: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> list[str]:
    counts = [(one, sum(matches(one, event) for event in events)) for one in expected]
    return [f"{_shown(one)} was there {count} times, not once" for one, count in counts if count != 1]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
