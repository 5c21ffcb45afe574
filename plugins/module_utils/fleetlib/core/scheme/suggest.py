"""Names that an author may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_MOST: Final = 25
"""Suggestions for one program; each costs a look at all names."""
FOREIGN: Final = {
    "guard": "with-handler",
    "raise": "error",
    "assert": "assert!",
    "print": "displayln",
    "println": "displayln",
    "printf": "display and format",
    "let-values": "define-values",
    "let*-values": "define-values",
    "receive": "define-values",
    "define-record-type": "struct",
    "make-hash-table": "hash",
    "hash-set!": "hash-insert, which returns a new hash map",
    "hash-table-set!": "hash-insert, which returns a new hash map",
    "nil": "'()",
    "null": "'()",
    "vector-map": "map over vector->list",
    "string-split": "split-many",
    "string-upcase": "string->upper",
    "string-downcase": "string->lower",
    "exit": "return! in a procedure",
    "identity": "id",
    "call/ec": "call/cc",
    "set-led-pwm": "led-on and led-off: there is no dimming",
    "force-garbage-collection": "nothing: Steel collects garbage by itself",
    "queue-message": "mqtt-publish",
    "string-filter": "filter over string->list",
    "assoc-set": "cons of the new pair, or a hash map",
    "cancel-all-timers": "cancel-timer for each name",
    "current-seconds": "current-time",
    "current-second": "current-time",
    "current-milliseconds": "current-time",
    "log-trace": '(log "trace" message)',
    "sort": "a procedure of your own: Steel 0.7 has none",
    "read-line": "events: a device has no console",
}
"""What other Schemes, other releases of Steel or the old guide call something, and what to write here."""


class Suggestions:
    """Finds similar names; for a text full of unknown names it gives up after a while."""

    def __init__(self, names: Iterable[str]) -> None:
        """Among these names it searches."""
        self._names = list(names)
        self._made: dict[str, str] = {}

    def hint(self, name: str) -> str:
        """What to do about an unknown name; empty when nothing comes to mind."""
        if name in FOREIGN:
            return f"Steel 0.7 does not have it: write {FOREIGN[name]}."
        if name[:1].isdigit() or (name[:1] in "+-." and name[1:2].isdigit()):
            return "It looks like a number, but Steel does not read it as one."
        if name not in self._made:
            similar = self._similar(name) if len(self._made) < _MOST else []
            self._made[name] = f"Did you mean {' or '.join(similar)}?" if similar else ""
        return self._made[name]

    def _similar(self, name: str) -> list[str]:
        near = [one for one in self._names if abs(len(one) - len(name)) <= 2]
        return difflib.get_close_matches(name, near, n=2, cutoff=0.75)
