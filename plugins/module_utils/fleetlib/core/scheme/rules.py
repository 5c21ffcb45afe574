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
    confidential: bool = False
    """What it is found in must not be shown."""


_RULES: dict[str, Rule] = {}


def _rule(
    code: str, severity: Severity, summary: str, engine: str | None = None, *, confidential: bool = False
) -> Rule:
    return _RULES.setdefault(code, Rule(code, severity, summary, engine, confidential))


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

# Syntax
MALFORMED_FORM: Final = _rule(
    "malformed-form", "error", "A special form is not as it should be.", "BadSyntax"
)
BAD_NAME: Final = _rule(
    "bad-name", "error", "Something that is no name stands where one is bound.", "BadSyntax"
)
SYNTAX_AS_VALUE: Final = _rule(
    "syntax-as-value", "error", "A reserved word is used as a value.", "UnexpectedToken"
)
STRAY_UNQUOTE: Final = _rule(
    "stray-unquote", "error", "A comma without a quasiquotation around it.", "FreeIdentifier"
)
EMPTY_CALL: Final = _rule("empty-call", "error", "() is evaluated.", "BadSyntax")
MISPLACED_DEFINE: Final = _rule("misplaced-define", "error", "A definition where none can be.", "BadSyntax")
BAD_MACRO: Final = _rule("bad-macro", "error", "A macro is wrongly defined.", "BadSyntax")
MACRO_MISMATCH: Final = _rule("macro-mismatch", "error", "No rule of a macro fits its use.", "BadSyntax")
BAD_PATTERN: Final = _rule("bad-pattern", "error", "Not a pattern of match.", "Generic")
BAD_REQUIRE: Final = _rule("bad-require", "error", "A module cannot be brought in so.", "Generic")
MISSING_IMPORT: Final = _rule("missing-import", "warning", "A module has no such name to bring in.")
UNSUPPORTED_FORM: Final = _rule("unsupported-form", "error", "A form that programs of this fleet cannot use.")
SHADOWED_SYNTAX: Final = _rule(
    "shadowed-syntax",
    "error",
    "Something is named like a macro, and Steel expands that instead.",
    "BadSyntax",
)
ODD_FORM: Final = _rule("odd-form", "warning", "Steel treats this form differently from how it looks.")
DUPLICATE_PARAMETER: Final = _rule(
    "duplicate-parameter", "warning", "A procedure has two parameters of a name."
)

# Names
UNBOUND: Final = _rule("unbound-identifier", "error", "A name means nothing.", "FreeIdentifier")
UNBOUND_IN_DEAD_CODE: Final = _rule(
    "unbound-in-dead-code", "warning", "A name means nothing, in a part that never runs."
)
USED_BEFORE_DEFINITION: Final = _rule(
    "used-before-definition", "error", "A name is used before its definition is reached.", "FreeIdentifier"
)
DUPLICATE_DEFINITION: Final = _rule("duplicate-definition", "error", "A name is defined twice.", "BadSyntax")
SET_OF_BUILTIN: Final = _rule("set-of-builtin", "error", "A name that is built in is assigned to.", "Generic")
UNUSED_DEFINITION: Final = _rule("unused-definition", "warning", "A definition that nothing uses.")
SHADOWED_API: Final = _rule("shadowed-api", "warning", "A definition takes the place of a device function.")
UNREACHABLE: Final = _rule("unreachable-code", "warning", "A part of the program never runs.")
NO_EFFECT: Final = _rule("no-effect", "warning", "A value is computed and thrown away.")
ENDLESS_LOOP: Final = _rule("endless-loop", "error", "A loop that neither ends nor ever waits.")

# Calls
WRONG_ARITY: Final = _rule(
    "wrong-arity", "error", "A procedure is called with too few or too many arguments."
)
DIRECT_ARITY: Final = _rule(
    "direct-arity",
    "error",
    "A lambda is called on the spot with too few or too many arguments.",
    "ArityMismatch",
)
DIRECT_DEFAULT: Final = _rule(
    "direct-default",
    "error",
    "A lambda with defaults is called on the spot without all of its arguments.",
    "FreeIdentifier",
)
WRONG_TYPE: Final = _rule("wrong-type", "error", "An argument is of a type that the procedure refuses.")
OUT_OF_RANGE: Final = _rule("out-of-range", "error", "An argument is outside of what the device allows.")
NOT_A_PROCEDURE: Final = _rule("not-a-procedure", "error", "Something that is no procedure is called.")
BAD_TOPIC: Final = _rule("bad-topic", "error", "A topic to which the device may not publish.")
UNDECLARED_TOPIC: Final = _rule(
    "undeclared-topic", "error", "A topic that the program's metadata does not name."
)
BAD_CRON: Final = _rule("bad-cron", "error", "Not a schedule of five fields.")
BAD_TEMPLATE: Final = _rule("bad-template", "error", "The places of a template and the values differ.")
DEPRECATED: Final = _rule("deprecated-function", "warning", "A function that is only kept for old programs.")

# The fleet's limits
FORBIDDEN: Final = _rule("forbidden-capability", "error", "Something that programs must not do.")
SECRET: Final = _rule("secret", "error", "A text that is a credential.", confidential=True)
POSSIBLE_SECRET: Final = _rule(
    "possible-secret", "warning", "A text that may be a credential.", confidential=True
)
INTERNAL_NAME: Final = _rule("internal-name", "error", "A name that belongs to the device's runtime.")
EMPTY_PROGRAM: Final = _rule("empty-program", "error", "The program has no expression.")
TOO_LARGE: Final = _rule("too-large", "error", "The program has more bytes than the device takes.")
TOO_DEEP: Final = _rule("too-deep", "error", "Lists are nested deeper than the device can follow.")
UNBALANCED_TEXT: Final = _rule(
    "unbalanced-text", "error", "Parentheses in strings and comments upset the device's count of them."
)

RULES: Final = _RULES
"""All rules by their code."""
