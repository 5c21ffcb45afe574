"""Steel's reader: text to data, as release 0.7 does it, but on past errors so that all of them are reported.

The rules are those of `steel-parser` 0.7.0 (lexer.rs, parser.rs), its quirks included, because what counts is
what a device makes of the text. The reader uses no recursion: any nesting is read, in time linear in the
text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from . import rules
from .datum import Boolean, Character, Datum, Keyword, List, Numeral, Real, String, Symbol, Vector
from .diagnostics import Findings

# What Rust calls white space, which is not quite what Python does.
WHITE: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_INSIDE: Final = rf"[^{WHITE}()\[\]{{}}'\"`;,\\]"
_WORD: Final = rf"(?:{_INSIDE}|\\.?)*+"
_TOKEN: Final = re.compile(
    rf"""[{WHITE}]*+(?:
      (?P<word>(?![|\#0-9+.-]){_INSIDE}++(?!\\))
    | (?P<open>[(\[{{])
    | (?P<close>[)\]}}])
    | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<number>[0-9+.-]{_WORD})
    | (?P<comment>;[^\n]*+)
    | (?P<prefix>'|`|,@?)
    | (?P<hash>\#)
    | (?P<bars>\|[^|\\]*+(?:\\.[^|\\]*+)*+\|)
    | (?P<escaped>(?!\|)(?:{_INSIDE}|\\.?){_WORD})
    | (?P<endless>["|])
    )""",
    re.VERBOSE | re.DOTALL,
)
_HASH: Final = re.compile(rf"\#(?:[^{WHITE}()\[\]'`,\\]|\\.?)*+(?:['`]|,@?)?", re.DOTALL)
_REST_OF_WORD: Final = re.compile(_WORD, re.DOTALL)
_COMMENT_EDGE: Final = re.compile(r"\|\#|\#\|")
_NUMERIC: Final = re.compile(r"[0-9+\-./@a-dA-DeEfFin]*+")
_ESCAPE: Final = re.compile(
    r"""\\(?: (?P<plain>["ab\\|tnr0]) | (?:x|u)(?P<hex>[0-9a-fA-F]+); | u\{(?P<braced>[0-9a-fA-F]+)\}
    | (?P<join>[ \t]*\n[ \t]*) | .? )""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_ESCAPES: Final = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "r": "\r", "0": "\0"}
_CHARACTERS: Final = {
    "alarm": "\a",
    "backspace": "\b",
    "delete": "\x7f",
    "escape": "\x1b",
    "newline": "\n",
    "null": "\0",
    "return": "\r",
    "space": " ",
    "tab": "\t",
}
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_PREFIXES: Final = {
    "'": "quote",
    "`": "quasiquote",
    ",": "unquote",
    ",@": "unquote-splicing",
    "#'": "syntax",
    "#`": "quasisyntax",
    "#,": "unsyntax",
    "#,@": "unsyntax-splicing",
}
_COMMENTED: Final = "#;"
_BOOLEANS: Final = {"#t": True, "#true": True, "#f": False, "#false": False}
_OPENERS: Final = {closer: opener for opener, closer in _CLOSERS.items()}
_GLUED: Final = frozenset("{}'\"`;,")
"""What ends a word but not a number: Steel takes the 1 of ``1;`` for a name."""


@dataclass(frozen=True)
class Reading:
    """What a text holds."""

    data: list[Datum]
    """The data at the top level."""
    levels: list[int]
    """For each depth of nesting, the offset of the first bracket that opens it."""


def read(text: str, findings: Findings) -> Reading:
    """Read everything. Errors go to the findings; what could be read between them is returned.

    When lists are open at the end, the place where a closing bracket was forgotten is guessed: no list goes
    on past a line that begins with an opening bracket. Only lists that really stay open are cut so.
    """
    attempt = Findings()
    reader = _Reader(text, attempt, len(text))
    reading = reader.run()
    if reader.left_open is not None:
        attempt = Findings()
        reading = _Reader(text, attempt, reader.left_open).run()
    findings.extend(attempt)
    return reading


class _Frame:
    """A list whose end has not been read yet; the top level is one as well."""

    __slots__ = ("closer", "dot", "is_bytes", "is_vector", "items", "pending", "start")

    def __init__(self, start: int, closer: str, is_vector: bool = False, is_bytes: bool = False) -> None:
        self.start = start
        self.closer = closer
        self.is_vector = is_vector
        self.is_bytes = is_bytes
        self.items: list[Datum] = []
        self.dot = -1
        """How many data stood before the dot; -1 when there was none."""
        self.pending: list[tuple[str, int, int]] = []
        """Prefixes that wait for their datum, with their places; ``#;`` is one of them."""


class _Reader:
    """Reads one text once."""

    def __init__(self, text: str, findings: Findings, cut_after: int) -> None:
        self._text = text
        self._findings = findings
        self._cut_after = cut_after
        """From this offset on, an opening bracket at the margin ends all open lists."""
        self._frame = _Frame(0, "")
        self._stack: list[_Frame] = []
        self._open = {")": 0, "]": 0, "}": 0}
        """Open lists by the bracket that closes them."""
        self._levels: list[int] = []
        self._last_margin = -1
        self.left_open: int | None = None
        """Offset of a list that stays open, if a list after it begins at the margin."""

    def run(self) -> Reading:
        """Read to the end of the text."""
        text = self._text
        handlers: dict[str | None, Callable[[re.Match[str]], int]] = {
            "word": self._word,
            "open": self._open_list,
            "close": self._close_list,
            "string": self._string,
            "number": self._number,
            "comment": re.Match.end,
            "prefix": self._prefix,
            "hash": self._hash,
            "bars": self._bars,
            "escaped": self._word,
            "endless": self._endless,
        }
        match = _TOKEN.match
        position = self._after_shebang()
        while token := match(text, position):
            position = handlers[token.lastgroup](token)
        self._finish()
        return Reading(self._frame.items, self._levels)

    def _after_shebang(self) -> int:
        if not self._text.startswith("#!"):
            return 0
        end = self._text.find("\n")
        return len(self._text) if end < 0 else end

    # One method for each kind of token; it returns where to go on.

    def _word(self, token: re.Match[str]) -> int:
        start, end = token.span(token.lastindex or 0)
        self._add(Symbol(start, end, self._text[start:end]))
        return end

    def _open_list(self, token: re.Match[str]) -> int:
        start, end = token.span("open")
        self._push(_Frame(start, _CLOSERS[self._text[start]]))
        return end

    def _close_list(self, token: re.Match[str]) -> int:
        start, end = token.span("close")
        closer = self._text[start]
        if not self._stack:
            self._findings.add(
                rules.STRAY_CLOSER,
                start,
                end,
                f"{closer} closes nothing: no list is open here",
                f"Remove it, or add the opening {_OPENERS[closer]} where it belongs.",
            )
        elif closer == self._frame.closer:
            self._pop(end)
        else:
            self._close_wrong(closer, start, end)
        return end

    def _string(self, token: re.Match[str]) -> int:
        start, end = token.span("string")
        text = self._text[start:end]
        value = self._unescape(text[1:-1], start + 1) if "\\" in text else text[1:-1]
        self._add(String(start, end, text, value))
        return end

    def _number(self, token: re.Match[str]) -> int:
        start, end = token.span("number")
        text = self._text[start:end]
        if text.isdecimal() and text.isascii():
            value: Real | None = int(text) if len(text) < 19 else _whole(text, 10)
            known = True
        elif text == ".":
            self._dot(start, end)
            return end
        else:
            known, value = parse_number(text)
        if known and self._text[end : end + 1] not in _GLUED:
            self._add_number(text, value, start, end)
        else:
            self._numeric_word(text, start, end, known)
        return end

    def _add_number(self, text: str, value: Real | None, start: int, end: int) -> None:
        if isinstance(value, float) and math.isnan(value) and "/" in text:
            message = f"{text} divides by zero"
            self._findings.add(rules.BAD_TOKEN, start, end, message, "Write another number.")
        self._add(Numeral(start, end, text, value))

    def _numeric_word(self, text: str, start: int, end: int, glued: bool) -> None:
        """A word that begins like a number, which Steel takes for one name, for two, or for none."""
        plain = _NUMERIC.match(text)
        if plain and text[plain.end() : plain.end() + 1] == "|":
            message = "a bar cannot stand behind characters of a number"
            self._findings.add(rules.BAD_TOKEN, start, end, message, "Put white space before the bar.")
        if glued:
            self._findings.add(
                rules.ODD_TOKEN,
                start,
                end,
                f"Steel reads this {text} as a name, because {self._text[end]} follows it",
                "Put white space behind the number.",
            )
        if len(text) > 1 and text[0] == "+":
            self._add(Symbol(start, start + 1, "+"))
            self._add(Symbol(start + 1, end, text[1:]))
            if not glued:
                message = f"Steel reads {text} as two names, + and {text[1:]}"
                hint = "A name cannot begin with +."
                self._findings.add(rules.ODD_TOKEN, start, end, message, hint)
        else:
            self._add(Symbol(start, end, text))

    def _prefix(self, token: re.Match[str]) -> int:
        start, end = token.span("prefix")
        self._frame.pending.append((self._text[start:end], start, end))
        return end

    def _bars(self, token: re.Match[str]) -> int:
        start, end = token.span("bars")
        name = self._text[start + 1 : end - 1]
        if "\\" in name:
            name = self._unescape(name, start + 1)
        self._add(Symbol(start, end, name))
        return end

    def _endless(self, token: re.Match[str]) -> int:
        start, end = token.span("endless")
        if self._text[start] == '"':
            rule, what = rules.UNCLOSED_STRING, "this string"
            hint = 'Add the closing ". If it is there, a " before it is missing or needs a backslash.'
        else:
            rule, what = rules.UNCLOSED_SYMBOL, "this symbol"
            hint = "Add the closing |."
        return self._end_early(rule, start, end, f"{what} never ends", hint)

    def _end_early(self, rule: rules.Rule, start: int, end: int, message: str, hint: str) -> int:
        """Give up on the rest of the text; lists that are open there are no errors of their own."""
        self._findings.add(rule, start, end, message, hint)
        size = len(self._text)
        self._frame.pending.clear()
        while self._stack:
            self._frame.pending.clear()
            self._pop(size)
        return size

    def _hash(self, token: re.Match[str]) -> int:
        start = token.start("hash")
        following = self._text[start + 1 : start + 2]
        if following and following in "xXdDoObB":
            return self._radix(start)
        if following == "|":
            return self._block_comment(start)
        if following == ";":
            self._frame.pending.append((_COMMENTED, start, start + 2))
            return start + 2
        if following == "#":
            self._findings.add(rules.BAD_TOKEN, start, start + 2, "## begins nothing that Steel knows")
            return start + 2
        return self._hash_value(start)

    def _radix(self, start: int) -> int:
        rest = _REST_OF_WORD.match(self._text, start + 2)
        end = rest.end() if rest else start + 2
        text = self._text[start:end]
        known, value = parse_number(text)
        if known and self._text[end : end + 1] not in _GLUED:
            self._add_number(text, value, start, end)
            return end
        plain = _NUMERIC.match(text, 2)
        if plain and text[plain.end() : plain.end() + 1] == "|":
            message = "a bar cannot stand behind characters of a number"
            self._findings.add(rules.BAD_TOKEN, start, end, message, "Put white space before the bar.")
        self._add(Symbol(start, end, text))
        return end

    def _block_comment(self, start: int) -> int:
        depth = 1
        for edge in _COMMENT_EDGE.finditer(self._text, start + 2):
            depth += 1 if edge[0] == "#|" else -1
            if not depth:
                return edge.end()
        hint = "Add the closing |#. Comments can be nested, so each #| needs one."
        return self._end_early(rules.UNCLOSED_COMMENT, start, start + 2, "this comment never ends", hint)

    def _hash_value(self, start: int) -> int:
        """What begins with ``#`` and is neither number nor comment."""
        value = _HASH.match(self._text, start)
        end = value.end() if value else start + 1
        text = self._text[start:end]
        if text in _BOOLEANS:
            self._add(Boolean(start, end, text, _BOOLEANS[text]))
        elif text in _PREFIXES:
            self._frame.pending.append((text, start, end))
        elif text.startswith("#:"):
            self._add(Keyword(start, end, text, text[2:]))
        elif text.startswith("#\\"):
            self._character(text, start, end)
        elif text in ("#", "#u8") and self._text[end : end + 1] == "(":
            self._push(_Frame(start, ")", is_vector=True, is_bytes=text == "#u8"))
            end += 1
        else:
            rest = _REST_OF_WORD.match(self._text, end)
            end = rest.end() if rest else end
            self._add(Symbol(start, end, self._text[start:end]))
        return end

    def _character(self, text: str, start: int, end: int) -> None:
        value = parse_character(text[2:])
        if value is None:
            self._findings.add(
                rules.BAD_CHARACTER,
                start,
                end,
                f"{text} is no character",
                f"Write #\\x and the number of the character, or one of {', '.join(_CHARACTERS)}. "
                "A character ends only at white space and at ( ) [ ].",
            )
        self._add(Character(start, end, text, value or "\ufffd"))

    # Lists

    def _push(self, frame: _Frame) -> None:
        start = frame.start
        if self._stack and (start == 0 or self._text[start - 1] == "\n"):
            if start > self._cut_after:
                self._cut(start)
            else:
                self._last_margin = start
        self._stack.append(self._frame)
        self._frame = frame
        self._open[frame.closer] += 1
        if len(self._stack) > len(self._levels):
            self._levels.append(start)

    def _pop(self, end: int) -> None:
        """Close the innermost list."""
        frame = self._frame
        self._refuse_pending(frame)
        self._frame = self._stack.pop()
        self._open[frame.closer] -= 1
        if frame.is_vector:
            self._add(Vector(frame.start, end, frame.items, frame.is_bytes))
        elif frame.dot < 0:
            self._add(List(frame.start, end, frame.items))
        else:
            self._add(self._dotted(frame, end))

    def _dotted(self, frame: _Frame, end: int) -> List:
        """A list with a dot; ``(a . (b c))`` is the list ``(a b c)``."""
        if frame.dot == len(frame.items):
            message = "no datum follows the dot"
            self._findings.add(rules.BAD_DOT, end - 1, end, message, "Add one, or remove the dot.")
            return List(frame.start, end, frame.items)
        tail = frame.items.pop()
        if isinstance(tail, List) and not tail.prefixed:
            return List(frame.start, end, frame.items + tail.items, tail.tail)
        return List(frame.start, end, frame.items, tail)

    def _close_wrong(self, closer: str, start: int, end: int) -> None:
        """A bracket of another kind: it closes up to its own list if there is one, else the innermost."""
        frame = self._frame
        self._findings.add(
            rules.WRONG_CLOSER,
            start,
            end,
            f"{closer} does not close the {_OPENERS[frame.closer]} that is open",
            f"Close that first, with {frame.closer}.",
        )
        while self._open[closer] and self._frame.closer != closer:
            self._pop(start)
        self._pop(end)

    def _cut(self, margin: int) -> None:
        """End all open lists before a list that begins at the margin."""
        end = len(self._text[:margin].rstrip()) if margin - self._frame.start < 4096 else margin
        self._report_open(end, "It seems to end before the list that begins at the margin.")

    def _finish(self) -> None:
        """The end of the text."""
        if self._stack:
            outermost = self._stack[1] if len(self._stack) > 1 else self._frame
            if self._last_margin > outermost.start:
                self.left_open = outermost.start
            self._report_open(len(self._text.rstrip()), "")
        self._refuse_pending(self._frame)

    def _report_open(self, end: int, hint: str) -> None:
        """Report the open lists at the innermost of them, and close them."""
        frame, missing = self._frame, ""
        while self._stack:
            missing += self._frame.closer
            self._pop(end)
        count = f"; {len(missing)} closing brackets are missing" if len(missing) > 1 else ""
        shown = missing if len(missing) <= 20 else f"{len(missing)} closing brackets"
        self._findings.add(
            rules.UNCLOSED_LIST,
            frame.start,
            frame.start + 1,
            f"this list is never closed{count}",
            f"Add {shown}. {hint}".rstrip(),
        )

    # Data

    def _add(self, datum: Datum) -> None:
        """Put a datum where it belongs: behind its prefixes, into the innermost list."""
        frame = self._frame
        if frame.pending or frame.dot >= 0 or frame.is_bytes:
            self._add_with_care(frame, datum)
        else:
            frame.items.append(datum)

    def _add_with_care(self, frame: _Frame, datum: Datum) -> None:
        pending = frame.pending
        while pending and pending[-1][0] != _COMMENTED:
            prefix, start, end = pending.pop()
            datum = List(start, datum.end, [Symbol(start, end, _PREFIXES[prefix]), datum], None, True)
        if frame.dot >= 0 and frame.dot != len(frame.items):
            hint = "Behind the dot stands one datum."
            self._findings.add(rules.BAD_DOT, datum.start, datum.end, "this is too much behind the dot", hint)
            pending.clear()
        elif frame.is_bytes and not _is_byte(datum):
            message = "the elements of a bytevector are whole numbers from 0 to 255"
            self._findings.add(rules.BAD_BYTE, datum.start, datum.end, message)
        if pending:
            pending.pop()
        elif frame.dot < 0 or frame.dot == len(frame.items):
            frame.items.append(datum)

    def _dot(self, start: int, end: int) -> None:
        frame = self._frame
        problem = ""
        if not self._stack:
            problem = "a dot outside of a list means nothing"
        elif frame.pending:
            problem = "a dot cannot be quoted or commented out"
        elif frame.is_vector:
            problem = "a vector cannot have a dot"
        elif frame.dot >= 0:
            problem = "a list can have one dot only"
        elif not frame.items:
            problem = "a datum has to stand before the dot"
        if problem:
            self._findings.add(rules.BAD_DOT, start, end, problem, "Remove the dot.")
        else:
            frame.dot = len(frame.items)

    def _refuse_pending(self, frame: _Frame) -> None:
        for prefix, start, end in frame.pending:
            if prefix == _COMMENTED:
                message = "#; has nothing to comment out"
                self._findings.add(rules.NOTHING_COMMENTED, start, end, message, "Remove it.")
            else:
                message = f"{prefix} has nothing to quote"
                self._findings.add(rules.NOTHING_QUOTED, start, end, message, "Remove it, or add a datum.")
        frame.pending.clear()

    def _unescape(self, text: str, offset: int) -> str:
        """The value of the inside of a string or of a symbol in bars."""

        def value(escape: re.Match[str]) -> str:
            if plain := escape["plain"]:
                return _PLAIN_ESCAPES.get(plain, plain)
            code = int(escape["hex"] or escape["braced"] or "d800", 16)
            if escape["join"] is not None:
                return ""
            if code < 0x110000 and not 0xD800 <= code < 0xE000:
                return chr(code)
            start = offset + escape.start()
            self._findings.add(
                rules.BAD_ESCAPE,
                start,
                start + len(escape[0]),
                f"Steel has no escape {escape[0]}".replace("\r", "CR").rstrip(),
                r"The escapes are \" \\ \| \a \b \t \n \r \0, \x41; and, at the end of a line, a single \.",
            )
            return ""

        return _ESCAPE.sub(value, text)


def _is_byte(datum: Datum) -> bool:
    return isinstance(datum, Numeral) and type(datum.value) is int and 0 <= datum.value <= 255


def parse_character(name: str) -> str | None:
    r"""The character of ``#\name``; None when there is no such character."""
    if name.lower() in _CHARACTERS:
        return _CHARACTERS[name.lower()]
    if len(name) == 1:
        return name
    code = re.fullmatch(r"[xu]\+?([0-9a-fA-F]+)|u\{\+?([0-9a-fA-F]+)\}", name)
    number = int(code[1] or code[2], 16) if code else 0xD800
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else None


_RADIX: Final = {"#x": 16, "#d": 10, "#o": 8, "#b": 2}
_DIGITS: Final = {16: "0-9a-fA-F", 10: "0-9", 8: "0-7", 2: "01"}
_WHOLE: Final = {radix: re.compile(rf"[+-]?[{digits}]+") for radix, digits in _DIGITS.items()}
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL: Final = {
    "+inf.0": float("inf"),
    "-inf.0": float("-inf"),
    "+nan.0": float("nan"),
    "-nan.0": float("nan"),
}
_SIGNS: Final = re.compile(r"[eE].?|([+-])", re.DOTALL)


def parse_number(text: str) -> tuple[bool, Real | None]:
    """Whether Steel reads a word as a number, and its value if that is real."""
    radix = _RADIX.get(text[:2].lower(), 10)
    if text[:1] == "#":
        text = text[2:]
    if "@" in text:
        length, angle = text.split("@", 1)
        return _real(length, radix) is not None and _real(angle, radix) is not None, None
    signs = [sign.start() for sign in _SIGNS.finditer(text) if sign[1]]
    middle = [place for place in signs if place]
    if len(signs) > 2 or len(middle) > 1:
        return False, None
    if not text.endswith("i"):
        value = _real(text, radix) if not middle else None
        return value is not None, value
    if middle:
        real = _real(text[: middle[0]], radix)
        return real is not None and _real(text[middle[0] : -1], radix) is not None, None
    return text[0] in "+-" and _real(text[:-1], radix) is not None, None


def _real(text: str, radix: int) -> Real | None:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if "." in text or (radix < 15 and ("e" in text or "E" in text)):
        return float(text) if radix == 10 and _FLOAT.fullmatch(text) else None
    if "/" not in text:
        return _whole(text, radix)
    upper, lower = text.split("/", 1)
    numerator, denominator = _whole(upper, radix), _whole(lower, radix)
    if numerator is None or denominator is None:
        return None
    return Fraction(numerator, denominator) if denominator else float("nan")


_MOST_DIGITS: Final = 4000


def _whole(text: str, radix: int) -> int | None:
    """A whole number; of one with absurdly many digits the first ones, because exact values take time."""
    return int(text[:_MOST_DIGITS], radix) if _WHOLE[radix].fullmatch(text) else None
