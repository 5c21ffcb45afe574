# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option ``calendar`` of every module that asks when work is allowed."""

from __future__ import annotations

from typing import Any

CALENDAR: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {
        "windows": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "rule": {"type": "str", "required": True},
                "start": {"type": "raw", "required": True},
                "minutes": {"type": "int", "required": True},
                "replaces": {"type": "list", "elements": "str"},
                "starts": {"type": "str"},
            },
        },
        "freezes": {
            "type": "list",
            "elements": "dict",
            "options": {
                "from": {"type": "str", "required": True},
                "until": {"type": "str", "required": True},
                "reason": {"type": "str"},
            },
        },
        "exceptions": {
            "type": "list",
            "elements": "dict",
            "options": {
                "window": {"type": "str", "required": True},
                "day": {"type": "str", "required": True},
                "to": {"type": "str"},
                "minutes": {"type": "int"},
                "reason": {"type": "str"},
            },
        },
    },
}
"""``start`` is raw, because YAML makes a number of a time without quotes and the library says so."""
