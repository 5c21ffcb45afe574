"""Every kind of finding, under the code that authors, reports and SARIF know it by.

``engine`` is the kind of error with which Steel itself refuses such a program when it loads it; a rule
without one concerns what Steel would only notice while the program runs, or what this fleet does not allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


@dataclass(frozen=True)
class Rule:
    """One kind of finding."""

    code: str
    severity: Severity
    summary: str
    engine: str | None = None


_RULES: dict[str, Rule] = {}


def _rule(code: str, severity: Severity, summary: str, engine: str | None = None) -> Rule:
    return _RULES.setdefault(code, Rule(code, severity, summary, engine))


# Reading
NOT_UTF8: Final = _rule("not-utf-8", "error", "The program is not UTF-8 text.", "Parse")
UNCLOSED_LIST: Final = _rule("unclosed-list", "error", "A list is never closed.", "Parse")
STRAY_CLOSER: Final = _rule("stray-closer", "error", "A bracket closes nothing.", "Parse")
WRONG_CLOSER: Final = _rule("wrong-closer", "error", "A list is closed by another kind of bracket.", "Parse")
UNCLOSED_STRING: Final = _rule("unclosed-string", "error", "A string has no end.", "Parse")
UNCLOSED_COMMENT: Final = _rule("unclosed-comment", "error", "A block comment has no end.", "Parse")
UNCLOSED_SYMBOL: Final = _rule("unclosed-symbol", "error", "A symbol in bars has no end.", "Parse")
BAD_ESCAPE: Final = _rule(
    "bad-escape", "error", "A backslash is followed by what Steel does not know.", "Parse"
)
BAD_CHARACTER: Final = _rule("bad-character", "error", "A character literal names no character.", "Parse")
BAD_TOKEN: Final = _rule("bad-token", "error", "Text that is no datum.", "Parse")
BAD_DOT: Final = _rule("bad-dot", "error", "A dot where none can be.", "Parse")
BAD_BYTE: Final = _rule("bad-byte", "error", "An element of a bytevector is no byte.", "Parse")
NOTHING_QUOTED: Final = _rule("nothing-quoted", "error", "A quotation prefix stands before nothing.", "Parse")
NOTHING_COMMENTED: Final = _rule("nothing-commented", "error", "#; stands before nothing.", "Parse")
ODD_TOKEN: Final = _rule("odd-token", "warning", "Steel reads this differently from how it looks.")

# The fleet's limits
EMPTY_PROGRAM: Final = _rule("empty-program", "error", "The program has no expression.")
TOO_LARGE: Final = _rule("too-large", "error", "The program has more bytes than the device takes.")
TOO_DEEP: Final = _rule("too-deep", "error", "Lists are nested deeper than the device can follow.")
UNBALANCED_TEXT: Final = _rule(
    "unbalanced-text", "error", "Parentheses in strings and comments upset the device's count of them."
)

RULES: Final = _RULES
"""All rules by their code."""
