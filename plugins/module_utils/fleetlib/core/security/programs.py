"""Secrets in programs: in the checkout, and in what was published. The rules are those of the validator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..scheme import policy, rules
from ..scheme.diagnostics import Findings
from ..scheme.reader import read
from ..scheme.source import Source as Text
from .model import Limits, Rule, Severity, Source, Table


@dataclass(frozen=True)
class Program:
    """The text of a program."""

    text: str


def no_secret(program: Program, _: Limits) -> str:
    """A key or a token that is known by its form."""
    return _said(program, rules.SECRET)


def no_possible_secret(program: Program, _: Limits) -> str:
    """A literal under a name like a secret's, or one as random as a key."""
    return _said(program, rules.POSSIBLE_SECRET)


def _said(program: Program, rule: rules.Rule) -> str:
    """Lines and what is there, never the text itself; where there is a secret no possible one is said."""
    text, findings = Text(program.text, ""), Findings()
    policy.check_secrets(read(program.text, Findings()).data, findings)
    policy.check_secrets_outside(program.text, findings)
    every = findings.report(text, "").diagnostics
    known = {one.span.line for one in every if one.code == rules.SECRET.code}
    found = [
        one for one in every if one.code == rule.code and (rule is rules.SECRET or one.span.line not in known)
    ]
    # One in a text is found twice: as a text, and in the bare program.
    said = dict.fromkeys(f"Line {one.span.line}: {one.message}." for one in found)
    return " ".join(said)


_CWE: Final = Source(
    "CWE-798: use of hard-coded credentials", "https://cwe.mitre.org/data/definitions/798.html"
)
_REPLACE: Final = (
    "Take it out, let the device keep it (store, load), publish a new version, and replace the secret itself"
)

TABLE: Final[Table[Program]] = (
    (
        Rule("program-secret", Severity.CRITICAL, "No program holds a key or a token", _REPLACE, _CWE),
        no_secret,
    ),
    (
        Rule(
            "program-possible-secret",
            Severity.MEDIUM,
            "No program holds what looks like a secret",
            _REPLACE,
            _CWE,
        ),
        no_possible_secret,
    ),
)
