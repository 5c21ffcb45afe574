"""The device API as JSON and as a document; what it says is stated in `api`.

``python -m fleetlib.core.scheme.catalogue`` prints the JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from .api import FUNCTIONS, INTERNAL_VARIABLES, MOST_SLASHES, Argument, Function


def as_list() -> list[dict[str, Any]]:
    """The catalogue as plain data, in its order."""
    return [function.as_dict() for function in FUNCTIONS]


def render_markdown() -> str:
    """The text of docs/api-reference.md."""
    return "\n".join(_reference()) + "\n"


def _reference() -> Iterator[str]:
    yield "# The device API"
    yield ""
    yield "What a program can call besides Steel's own functions. Made by `make docs` from"
    yield "`plugins/module_utils/fleetlib/core/scheme/api.py`, which the checks, the engine and the virtual"
    yield "boards use too: what is not here is unbound; a call that breaks a limit stated here is refused."
    yield ""
    yield "An association list is read with `(get alist 'key)`. A string's limit counts bytes of UTF-8."
    for category in dict.fromkeys(function.category for function in FUNCTIONS):
        if category != "internal":
            yield ""
            yield f"## {category}"
            for function in FUNCTIONS:
                if function.category == category:
                    yield from _entry(function)
    yield ""
    yield "## Not for programs"
    yield ""
    yield "The runtime's own names. A program that uses one is refused."
    yield ""
    yield "| name | write instead |"
    yield "|---|---|"
    for function in FUNCTIONS:
        if not function.offered:
            yield f"| `{function.name}` | `{function.replacement}` |"
    for name, replacement in INTERNAL_VARIABLES.items():
        yield f"| `{name}` | `{replacement}` |"


def _entry(function: Function) -> Iterator[str]:
    yield ""
    yield f"### `{function.signature}` → {function.returns}"
    yield ""
    yield function.description
    if function.replacement:
        word = "Deprecated" if function.status == "deprecated" else "Kept for old programs"
        yield ""
        yield f"{word}: write `{function.replacement}`. Using it is a warning."
    if function.arguments:
        yield ""
        for argument in function.arguments:
            yield f"- `{argument.name}`: {describe(argument)}"


def describe(argument: Argument) -> str:
    """The type and the limits of an argument in words, such as ``number, from 0 to 3600 s``."""
    parts: list[str] = [argument.type if argument.type != "any" else "anything"]
    parts.extend(_range(argument))
    if argument.choices:
        parts.append("one of " + ", ".join(f'"{choice}"' for choice in argument.choices))
    if argument.format == "mqtt-topic":
        parts.append(f"without + and #, not starting with / or $, with {MOST_SLASHES} / at most")
    if argument.format == "cron":
        parts.append("five fields: minute hour day month weekday")
    if argument.calls_with is not None:
        parts.append(f"called with {argument.calls_with or 'no'} argument{'s' * (argument.calls_with != 1)}")
    return ", ".join(parts)


def _range(argument: Argument) -> Iterator[str]:
    unit = f" {argument.unit}" if argument.unit else ""
    low = f"more than {argument.above:g}" if argument.above is not None else None
    if argument.minimum is not None:
        low = f"from {argument.minimum:g}"
    high = f"to {argument.maximum:g}" if argument.maximum is not None else None
    if argument.above is not None and high:
        high = f"up {high}"
    if low or high:
        yield " ".join(part for part in (low, high) if part) + unit
    if argument.min_bytes is not None:
        yield f"{argument.min_bytes} to {argument.max_bytes} bytes"
    elif argument.max_bytes is not None:
        yield f"up to {argument.max_bytes} bytes"


def main() -> int:
    """Print the catalogue as JSON."""
    sys.stdout.write(json.dumps(as_list(), indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
