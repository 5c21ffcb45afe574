# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps secrets out of what is written down about a run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

HIDDEN = "•••"
"""Stands where a secret would."""

_SENSITIVE_NAME = re.compile(r"passw|passphrase|secret|token|private_?key|credential|api_?key", re.IGNORECASE)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_ASSIGNED_SECRET = re.compile(
    r"""([\w-]*(?:passw|passphrase|secret|token|private_?key|api_?key)[\w-]*["']?\s*[=:]\s*["']?)[^\s"',;]{6,}""",
    re.IGNORECASE,
)
_URL_CREDENTIALS = re.compile(r"(//[^/\s:@]+:)[^/\s@]+@")

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Escape sequences of terminals (colours) and what else nobody can read."""

_MIN_SECRET_LENGTH = 8
"""A known secret shorter than this is not searched for: it would hide ordinary words."""

_FLAGS_WITH_VALUE = "ecfiltuMT"
"""Short options of ansible-playbook that take a value."""


def scrub(value: Any, secrets: Iterable[str] = ()) -> Any:
    """``value`` (JSON data) with private keys, credentials in texts and the known ``secrets`` hidden.

    Control characters go, too: they come from terminals and devices.
    """
    known = [secret for secret in secrets if len(secret) >= _MIN_SECRET_LENGTH]
    return _walk(value, lambda text: _scrub_text(text, known))


def mask(value: Any) -> Any:
    """``value`` (JSON data) with everything hidden that sits under a name like a secret's."""
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if _SENSITIVE_NAME.search(str(name)) and part else mask(part)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask(part) for part in value]
    return value


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(name)): _walk(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(part, change) for part in value]
    return value


def _scrub_text(text: str, secrets: Sequence[str]) -> str:
    text = _CONTROL.sub("", text)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = _PRIVATE_KEY.sub(f"{HIDDEN} (a private key)", text)
    text = _ASSIGNED_SECRET.sub(rf"\g<1>{HIDDEN}", text)
    return _URL_CREDENTIALS.sub(rf"\g<1>{HIDDEN}@", text)


def safe_command(argv: Sequence[str]) -> str:
    """The command line ``argv`` as one may show it: extra variables by name, never by value."""
    words = [PurePath(argv[0]).name] if argv else []
    rest = iter(argv[1:])
    for word in rest:
        option, value = _split_extra_vars(word)
        if option is None:
            words.append(shlex.quote(word))
        elif value is None:
            words += [option, _names_only(next(rest, ""))]
        else:
            words.append(option + _names_only(value))
    return _scrub_text(" ".join(words), ())


def _split_extra_vars(word: str) -> tuple[str | None, str | None]:
    """``(option, value)`` where ``word`` gives extra variables; value None: it is the next word."""
    if word == "--extra-vars" or (word.startswith("--extra-vars=")):
        option, _, value = word.partition("=")
        return (f"{option}=", value) if value else (option, None)
    if re.match(r"-[A-Za-z]", word):
        for i, flag in enumerate(word[1:], start=1):
            if flag == "e":
                return word[: i + 1], word[i + 1 :] or None
            if flag in _FLAGS_WITH_VALUE:
                break
    return None, None


def _names_only(value: str) -> str:
    if value.startswith("@"):
        return shlex.quote(value)
    if value.lstrip().startswith(("{", "[")):
        try:
            names = list(json.loads(value))
        except (ValueError, TypeError):
            return "{…}"
        return "{" + ", ".join(f"{name}: …" for name in names) + "}"
    return " ".join(f"{name}=…" for name in re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", value)) or "…"
