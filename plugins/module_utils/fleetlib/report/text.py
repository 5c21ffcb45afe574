# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values as people read them."""

from __future__ import annotations

import datetime
from urllib.parse import urlsplit

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """``0.4 s``, ``12.3 s``, ``2 min 05 s``, ``3 h 04 min``."""
    if seconds < 0:
        return f"−{duration(-seconds)}"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.2f} s" if seconds < 0.1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def number(value: float) -> str:
    """A number with thousands separated and no digits that say nothing."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    shown = f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"
    return shown.replace("-", "−")


def quantity(value: float, unit: str = "") -> str:
    """A number with its unit; seconds become a `duration`."""
    if unit == "s":
        return duration(value)
    return f"{number(value)} {unit}".rstrip()


def scalar(value: object) -> str:
    """A fact or a table cell. Integers stay as they are: they may be ports or years."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def moment(iso: str) -> str:
    """``2026-03-01T09:30:00Z`` as ``1 March 2026, 09:30:00 UTC``."""
    time = datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC)
    return f"{time.day} {time:%B %Y, %H:%M:%S} UTC"


def minute(iso: str) -> str:
    """A `moment` for tables: ``1 Mar 2026, 09:30``."""
    time = datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC)
    return f"{time.day} {time:%b %Y, %H:%M}"


def plural(count: int, noun: str) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def safe_href(href: str) -> str | None:
    """``href`` where a page may link to it: the web, mail or a relative path; None for anything else."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return None
    if parts.scheme in ("http", "https", "mailto"):
        return href
    return href if not parts.scheme and not parts.netloc and href.strip() else None
