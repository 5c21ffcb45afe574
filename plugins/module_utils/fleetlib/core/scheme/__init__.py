"""Checks Steel programs as a compiler would, before a device sees them.

::

    report = check(text, path="blink.scm", profile="esp32-c3")
    if not report.ok:
        print(report.render("text"))

Works with the standard library alone. The stages, one module each: `reader` (text to data), `forms` (data to
a small tree, macros expanded), `scope` (which name means what), `calls` (how known functions are called),
`policy` (what the fleet allows), `diagnostics` and `render` (what an author sees). `api` states what the
device offers.
"""

from __future__ import annotations

from .checker import check
from .diagnostics import Diagnostic, Report
from .profiles import PROFILES, Profile
from .source import Span

__all__ = ["PROFILES", "Diagnostic", "Profile", "Report", "Span", "check"]
