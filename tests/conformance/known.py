"""Where the validator and the engine differ on purpose, each with its reason."""

from __future__ import annotations

KNOWN = {
    "(let ((y a)) y) (define a 1)": "Steel loads it, and its interpreter crashes when it runs.",
    "(list filter__doc__)": "A text that Steel's own documentation leaves behind; no program means it.",
}
"""By the program's text."""
