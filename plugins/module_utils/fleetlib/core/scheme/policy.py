"""What the fleet allows beyond what Steel does."""

from __future__ import annotations

import re
from typing import Final

from . import rules
from .diagnostics import Findings
from .profiles import Profile
from .reader import Reading

_OUTSIDE_CODE: Final = re.compile(
    r"""  "[^"\\]*+(?:\\.[^"\\]*+)*+"  |  \|[^|\\]*+(?:\\.[^|\\]*+)*+\|  |  ;[^\n]*+  |  \#\|.*?\|\#  |  \#\\.
    """,
    re.VERBOSE | re.DOTALL,
)


def check_text(text: str, reading: Reading, profile: Profile, findings: Findings) -> None:
    """Size, nesting, and what the device's loader makes of the bare text."""
    if not reading.data and not findings.has_errors:
        findings.add(
            rules.EMPTY_PROGRAM, 0, 0, "the program is empty", "A device refuses it. Write an expression."
        )
    size = len(text.encode(errors="surrogatepass"))
    if size > profile.max_bytes:
        findings.add(
            rules.TOO_LARGE,
            *_first_beyond(text, profile.max_bytes),
            f"the program has {size} bytes; {profile.description} take {profile.max_bytes}",
            "Comments and blank lines count too. Shorten it or split it into two programs.",
        )
    if len(reading.levels) > profile.max_depth:
        start = reading.levels[profile.max_depth]
        findings.add(
            rules.TOO_DEEP,
            start,
            start + 1,
            f"lists are nested {len(reading.levels)} deep; {profile.description} follow {profile.max_depth}",
            "Give the inner part a name with define.",
        )
    _check_count(text, findings)


def _first_beyond(text: str, max_bytes: int) -> tuple[int, int]:
    """The place of the first character that is too much."""
    kept = len(text.encode(errors="surrogatepass")[:max_bytes].decode(errors="ignore"))
    return kept, min(kept + 1, len(text))


def _check_count(text: str, findings: Findings) -> None:
    """The device counts all round parentheses before it reads; those in strings and comments count too."""
    if text.count("(") == text.count(")") or findings.has_errors:
        return
    for token in _OUTSIDE_CODE.finditer(text):
        inside = token[0]
        if inside.count("(") != inside.count(")"):
            findings.add(
                rules.UNBALANCED_TEXT,
                *token.span(),
                "the parentheses in here do not balance",
                "The device's loader counts parentheses in strings, characters and comments as well. "
                "Add the missing one in a comment.",
            )
            return
