"""The whole check of one program."""

from __future__ import annotations

from collections.abc import Collection

from . import policy, reader, scope
from .calls import check_calls
from .core_forms import CORE_FORMS
from .diagnostics import Findings, Report
from .forms import Syntax
from .loops import check_loops
from .prelude_forms import PRELUDE_FORMS
from .profiles import Profile, find_profile
from .source import Source


def check(
    source: str,
    *,
    path: str = "<program>",
    profile: str | Profile = "esp32-c3",
    topics: Collection[str] | None = None,
) -> Report:
    """Check a program as a device of a profile would, and more strictly where that helps its author.

    ``path`` is only shown. ``topics``, if given, are the only ones that it may publish to. No text makes it
    raise; an unknown profile does (`InvalidInputError`).
    """
    limits = find_profile(profile)
    findings = Findings()
    reading = reader.read(source, findings)
    syntax = Syntax(findings, {**CORE_FORMS, **PRELUDE_FORMS})
    tree = syntax.program(reading.data)
    scopes = scope.resolve(tree, syntax, findings)
    check_calls(scopes.calls, syntax.imported, findings, topics)
    check_loops(scopes.calls, findings)
    policy.check_names(scopes, findings)
    policy.check_secrets(reading.data, findings)
    policy.check_text(source, reading, limits, findings)
    return findings.report(Source(source, path), limits.name)
