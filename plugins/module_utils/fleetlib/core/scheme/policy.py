"""What the fleet allows beyond what Steel does: limits of the device, capabilities, old names, secrets."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from . import rules
from .api import BY_NAME, INTERNAL_VARIABLES
from .datum import Datum, List, String, Symbol, walk
from .diagnostics import Findings
from .profiles import Profile
from .reader import Reading
from .scope import Scopes
from .steel_globals import forbidden

_OUTSIDE_CODE: Final = re.compile(
    r"""  "[^"\\]*+(?:\\.[^"\\]*+)*+"  |  \|[^|\\]*+(?:\\.[^|\\]*+)*+\|
    |  ;[^\n]*+  |  \#\|.*?\|\#  |  \#\\.  """,
    re.VERBOSE | re.DOTALL,
)
_TAKE_OUT: Final = "Take it out, and replace the secret itself: it is in the file's history."
_SECRETS: Final = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a token", re.compile(r"\bgh[pousr]_\w{30,}|\bxox[baprs]-[\w-]{20,}")),
)
_SECRET_NAME: Final = re.compile(
    r"pass(?:word|wd|phrase)|secret|api-?key|private-?key|credential|(?:^|-)token$"
)
_SHORTEST_SECRET: Final = 6
"""A shorter text under such a name is a placeholder."""
_RANDOM: Final = (
    (re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}"), 3.0),
    (re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_-]{20,}={0,2}"), 3.7),
)
"""What keys are written with, and from how many bits of entropy a character on a text may be one."""
_WORDS: Final = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}|[/_-]")
_FEWEST_BESIDE_WORDS: Final = 12
"""Characters: a topic or a name has fewer that belong to no word."""


def check_text(text: str, reading: Reading, profile: Profile, findings: Findings) -> None:
    """Size, nesting, and what the device's loader makes of the bare text."""
    if not reading.data and not findings.has_errors:
        message = "the program is empty"
        findings.add(rules.EMPTY_PROGRAM, 0, 0, message, "A device refuses it. Write an expression.")
    size = len(text.encode(errors="surrogatepass"))
    if size > profile.max_bytes:
        findings.add(
            rules.TOO_LARGE,
            *_first_beyond(text, profile.max_bytes),
            f"the program has {size} bytes; {profile.description} take {profile.max_bytes}",
            "Comments and blank lines count too. Shorten it or split it into two programs.",
        )
    depth = len(reading.levels)
    if depth > profile.max_depth:
        start = reading.levels[profile.max_depth]
        message = f"lists are nested {depth} deep; {profile.description} follow {profile.max_depth} levels"
        findings.add(rules.TOO_DEEP, start, start + 1, message, "Give the inner part a name with define.")
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
        if token[0].count("(") != token[0].count(")"):
            message = "the parentheses in here do not balance"
            hint = "The device counts parentheses in strings, characters and comments as well. "
            hint += "Add the missing one in a comment."
            findings.add(rules.UNBALANCED_TEXT, *token.span(), message, hint)
            return


def check_names(scopes: Scopes, findings: Findings) -> None:
    """What programs must not use, and what they should not use any more."""
    for name, symbols in scopes.foreign.items():
        function = BY_NAME.get(name)
        if name in INTERNAL_VARIABLES or (function and not function.offered):
            better = INTERNAL_VARIABLES.get(name) or (function.replacement if function else "")
            message = f"{name} belongs to the device's runtime"
            _report(rules.INTERNAL_NAME, symbols, message, f"Write {better}.", findings)
        elif function and function.replacement:
            word = "deprecated" if function.status == "deprecated" else "kept for old programs only"
            message = f"{name} is {word}"
            _report(rules.DEPRECATED, symbols, message, f"Write {function.replacement}.", findings)
        elif not function and (reason := forbidden(name)):
            message = f"{name} {reason}"
            _report(rules.FORBIDDEN, symbols, message, "Programs must not do that on a device.", findings)


def _report(rule: rules.Rule, symbols: Iterable[Symbol], message: str, hint: str, findings: Findings) -> None:
    for symbol in symbols:
        findings.add(rule, symbol.start, symbol.end, message, hint)


def check_secrets(data: Iterable[Datum], findings: Findings) -> None:
    """Texts that look like credentials: everybody who may read the program has them."""
    for datum in data:
        for one in walk(datum):
            if isinstance(one, String):
                _check_secret(one, findings)
            elif isinstance(one, List):
                _check_named_secret(one, findings)


def _check_secret(string: String, findings: Findings) -> None:
    for what, pattern in _SECRETS:
        if pattern.search(string.value):
            findings.add(rules.SECRET, string.start, string.end, f"this looks like {what}", _TAKE_OUT)
            return
    if is_random(string.value):
        message = "this text is as random as a key"
        findings.add(rules.POSSIBLE_SECRET, string.start, string.end, message, _TAKE_OUT)


def check_secrets_outside(text: str, findings: Findings) -> None:
    """Credentials that are known by their form, wherever they stand: in a comment, too."""
    for what, pattern in _SECRETS:
        for found in pattern.finditer(text):
            findings.add(rules.SECRET, *found.span(), f"this looks like {what}", _TAKE_OUT)


def is_random(text: str) -> bool:
    """Whether a text has the length, the characters and the entropy of a key, and does not consist of words.

    Of random texts of 32 characters it finds 99 in 100, of 20 characters 4 in 5 (tests/unit/security).
    """
    if len(_WORDS.sub("", text)) < _FEWEST_BESIDE_WORDS:
        return False
    return any(form.fullmatch(text) and _entropy(text) >= least for form, least in _RANDOM)


def _entropy(text: str) -> float:
    """Bits a character (Shannon), by how often each comes."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _check_named_secret(form: List, findings: Findings) -> None:
    """``(define wifi-password "…")``"""
    match form.items:
        case [Symbol(name="define" | "define*" | "set!"), Symbol(name=name), String() as string]:
            pass
        case [Symbol(name=name), String() as string]:
            pass
        case _:
            return
    if _SECRET_NAME.search(name.lower()) and len(string.value) >= _SHORTEST_SECRET:
        hint = "Let the device keep it, and read it with load."
        findings.add(rules.POSSIBLE_SECRET, string.start, string.end, f"is {name} a secret?", hint)
