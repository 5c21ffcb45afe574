"""Strings of a device call that have a form of their own: topics, schedules and templates."""

from __future__ import annotations

import re
from typing import Final

from .api import MOST_SLASHES

_CRON_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 7),
)
_CRON_PART: Final = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", re.ASCII)
_DIRECTIVE: Final = re.compile(r"~(.?)", re.DOTALL)


def topic_problem(topic: str) -> str | None:
    """What is wrong with a topic to publish to; None if nothing is."""
    wildcards = sorted(set(topic) & {"+", "#"})
    if wildcards:
        return f"a topic to publish to cannot have the wildcard {wildcards[0]}"
    if topic.startswith(("/", "$")):
        return f"a topic cannot begin with {topic[0]}: the device puts its own prefix before it"
    if any(character < " " or character == "\x7f" for character in topic):
        return "a topic cannot have control characters"
    if "//" in topic or topic.endswith("/"):
        return "a level of this topic is empty"
    slashes = topic.count("/")
    if slashes > MOST_SLASHES:
        return f"a topic has {MOST_SLASHES} slashes at most, this one has {slashes}"
    return None


def covers(declared: str, topic: str) -> bool:
    """Whether a declared topic is this one; a level ``+`` in it stands for any one level."""
    levels, wanted = declared.split("/"), topic.split("/")
    return len(levels) == len(wanted) and all(
        level in ("+", other) for level, other in zip(levels, wanted, strict=True)
    )


def cron_problem(expression: str) -> str | None:
    """What is wrong with a schedule; None if nothing is."""
    fields = expression.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"a schedule has five fields (minute hour day month weekday), this one has {len(fields)}"
    for text, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for part in text.split(","):
            if not _is_cron_part(part, low, high):
                return f"the {name} {part!r} is not *, a number or a range from {low} to {high}"
    return None


def _is_cron_part(part: str, low: int, high: int) -> bool:
    match = _CRON_PART.fullmatch(part)
    if not match:
        return False
    first = low if match[1] is None else int(match[1])
    last = high if match[1] is None else int(match[2] or match[1])
    step = 1 if match[3] is None else int(match[3])
    return low <= first <= last <= high and 1 <= step <= high


def template_problem(template: str, values: int) -> str | None:
    """What is wrong with a template for so many values; None if nothing is."""
    directives = [match[1] for match in _DIRECTIVE.finditer(template)]
    unknown = [one for one in directives if one not in ("a", "s", "%", "~")]
    if unknown:
        shown = f"~{unknown[0]}" if unknown[0] else "~ at the end"
        return f"a template cannot have {shown}; there are ~a, ~s, ~% and ~~"
    places = sum(one in ("a", "s") for one in directives)
    if places == values:
        return None
    return f"the template has {_count(places, 'place')} (~a or ~s) for {_count(values, 'value')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
