# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the result of a task says about a change or a failure, short enough for a report."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from .redaction import mask

_MAX_DIFF_LINES = 60
_MAX_DIFF_INPUT = 200_000
"""Characters on both sides together above which a diff is only summarised: difflib is quadratic."""
_MAX_TEXT = 4_000
_MAX_NAMES = 6


def failure_message(result: Mapping[str, Any]) -> str:
    """What a failed result says, as text: its message, of every failed item where the task loops."""
    if "censored" in result:
        return "The message is hidden: the task sets no_log."
    failed = [item for item in items_of(result) if item.get("failed") or item.get("unreachable")]
    if failed:
        shown = [
            ": ".join(filter(None, (_item_name(item), failure_message({**item, "results": None}))))
            for item in failed[:_MAX_NAMES]
        ]
        if len(failed) > _MAX_NAMES:
            shown.append(f"… and {len(failed) - _MAX_NAMES} more items")
        return "\n".join(shown)
    for name in ("msg", "reason", "stderr", "stdout"):
        if result.get(name):
            return _shorten(_as_text(result[name]))
    return "The task failed without a message."


def describe_change(result: Mapping[str, Any], with_diff: bool) -> dict[str, Any]:
    """What a changed ``result`` says about its change.

    Returns ``loop`` (``{changed, of, names}`` for a task that loops, else None), ``summary`` (short lines
    that show no text of the diff) and ``diff`` (its text, or None; only where the operator asked for it).
    """
    items = items_of(result)
    changed = [item for item in items if item.get("changed")]
    parts: list[Mapping[str, Any]] = [part for part in (changed or [result]) if "censored" not in part]
    diffs = [diff for part in parts for diff in _diffs(part)]
    shown = "\n".join(filter(None, (diff_text(diff) for diff in diffs))) if with_diff else ""
    message = result.get("msg")
    said = [message] if isinstance(message, str) and 0 < len(message) <= 200 and not items else []
    return {
        "loop": {
            "changed": len(changed),
            "of": len(items),
            "names": [name for name in (_item_name(item) for item in changed[:_MAX_NAMES]) if name],
        }
        if items
        else None,
        "summary": [*said, *(line for diff in diffs[:_MAX_NAMES] if (line := diff_summary(diff)))],
        "diff": _shorten_lines(shown) or None,
    }


def diff_summary(diff: Mapping[str, Any]) -> str:
    """One line about a diff that shows no text of it: the keys that differ, or how many lines."""
    before, after = diff.get("before"), diff.get("after")
    if isinstance(before or {}, Mapping) and isinstance(after or {}, Mapping):
        return _summarise_keys(mask(before or {}), mask(after or {}))
    old, new = _as_text(before or "").splitlines(), _as_text(after or "").splitlines()
    name = diff.get("after_header") or diff.get("before_header") or ""
    if not before:
        lines = f"{_lines(new)}, new"
    elif not after:
        lines = f"{_lines(old)}, removed"
    else:
        lines = f"{_lines(old)} before, {len(new)} after"
    return ": ".join(filter(None, (str(name), lines)))


def _lines(text: list[str]) -> str:
    return f"{len(text)} line{'' if len(text) == 1 else 's'}"


def diff_text(diff: Mapping[str, Any]) -> str:
    """The diff as unified text without secrets; empty where it is too large to compute or says nothing."""
    if "prepared" in diff:
        return str(diff["prepared"])
    before, after = (_as_text(mask(diff.get(side)) or "") for side in ("before", "after"))
    if len(before) + len(after) > _MAX_DIFF_INPUT:
        return ""
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        str(diff.get("before_header") or "before"),
        str(diff.get("after_header") or "after"),
        lineterm="",
        n=2,
    )
    return "\n".join(lines)


def _summarise_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    parts = []
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if _is_number(old) and _is_number(new):
            parts.append(f"{name} {old} → {new}")
        else:
            parts.append(
                f"{name} {'added' if name not in before else 'removed' if name not in after else 'changed'}"
            )
    more = [f"and {len(parts) - _MAX_NAMES} more"] if len(parts) > _MAX_NAMES else []
    return ", ".join(parts[:_MAX_NAMES] + more)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def items_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The results of the items of a task that loops; none for any other task."""
    results = result.get("results")
    return [item for item in results if isinstance(item, Mapping)] if isinstance(results, list) else []


def _item_name(item: Mapping[str, Any]) -> str:
    name = item.get("_ansible_item_label", item.get("item"))
    return name[:80] if isinstance(name, str) and "censored" not in item else ""


def _diffs(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    diff = result.get("diff")
    return [
        part for part in (diff if isinstance(diff, list) else [diff]) if isinstance(part, Mapping) and part
    ]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True, default=str)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}… ({len(text)} characters)"


def _shorten_lines(text: str) -> str:
    lines = text.splitlines()
    if len(lines) > _MAX_DIFF_LINES:
        lines = [*lines[:_MAX_DIFF_LINES], f"… and {len(lines) - _MAX_DIFF_LINES} more lines"]
    return _shorten("\n".join(lines))
