"""The whole check of one program."""

from __future__ import annotations

from . import policy, reader
from .diagnostics import Findings, Report
from .profiles import Profile, find_profile
from .source import Source


def check(source: str, *, path: str = "<program>", profile: str | Profile = "esp32-c3") -> Report:
    """Check a program as a device of a profile would, and more strictly where that helps its author.

    ``path`` is only shown. No text makes it raise; an unknown profile does (`InvalidInput`).
    """
    limits = find_profile(profile)
    findings = Findings()
    reading = reader.read(source, findings)
    policy.check_text(source, reading, limits, findings)
    return findings.report(Source(source, path), limits.name)
