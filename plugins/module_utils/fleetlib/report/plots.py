# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plots of the reports. Each takes plain data and gives a `Drawing`, or None where there is no data."""

from __future__ import annotations

import datetime
import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import text
from .canvas import COLOURS, SERIES, Caption, Drawing, clean, matplotlib, paint, place

MAX_BARS = 40
"""Bars in one plot; the table behind it has the rest."""

_DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 3, 2, 3), (4, 4), (10, 4))
"""One pattern per colour, so that lines can be told apart without seeing colours."""
_LETTER = 7.2
"""Width in pixels that a letter of a label takes, on average."""

_ROOM = 0.05
"""Of the axis, beside its only value."""

Limits = Sequence[Mapping[str, Any]]
"""Reference lines, ``{name, value}``."""


def bars(
    items: Sequence[Mapping[str, Any]], caption: Caption, unit: str = "", limits: Limits = ()
) -> Drawing | None:
    """Horizontal bars for ``{name, value}``, in the order given."""
    if not items:
        return None
    shown = items[:MAX_BARS]
    names = [clean(item["name"]) for item in shown]
    values = [item["value"] for item in shown]
    labels = [text.quantity(value, unit) for value in values]
    longest, widest = (max(map(len, words)) * _LETTER for words in (names, labels))

    def draw(axes: Any, width: int) -> None:
        left = min(width * 0.42, longest + 14)
        place(axes, left=left, right=max(80, widest + 14), top=26 if limits else 4, bottom=4)
        axes.barh(range(len(values)), values, height=0.62, color=COLOURS["series-1"])
        for row, (value, label) in enumerate(zip(values, labels, strict=True)):
            _label(axes, label, (max(value, 0), row), (6, 0), "ink", va="center")
        letters = int((left - 14) / _LETTER + 0.01)  # of what was just a product, a quotient may lack a hair
        axes.set_yticks(range(len(names)), [_fit(name, letters) for name in names])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(*_range_with_zero([*values, *(limit["value"] for limit in limits)]))
        axes.set_xticks([])
        axes.axvline(0, color=COLOURS["line"], linewidth=1)
        _limits_on_x(axes, limits, unit)

    most = max(items, key=lambda item: item["value"])
    return paint(
        draw,
        len(shown) * 28 + (34 if limits else 12),
        caption,
        f"{text.plural(len(items), 'bar')}. Largest: {most['name']}, {text.quantity(most['value'], unit)}.",
        note=f"The first {len(shown)} of {len(items)} are drawn." if len(shown) < len(items) else "",
    )


def series(
    lines: Sequence[Mapping[str, Any]],
    caption: Caption,
    unit: str = "",
    bands: Sequence[Mapping[str, Any]] = (),
    limits: Limits = (),
) -> Drawing | None:
    """Lines ``{name, points: [[x, y]]}`` over bands ``{name, points: [[x, low, high]]}``."""
    lines = [{"name": line["name"], "points": in_order(line["points"])} for line in lines if line["points"]]
    if not lines:
        return None
    heights = [y for line in lines for _, y in line["points"]]

    def draw(axes: Any, width: int) -> None:
        place(axes, left=58, right=14, top=26, bottom=28)
        for i, band in enumerate(bands):
            moments, low, high = zip(*in_order(band["points"]), strict=True)
            axes.fill_between(moments, low, high, color=_series_colour(i), alpha=0.18, linewidth=0)
        for i, line in enumerate(lines):
            style = {"dashes": _DASHES[i % SERIES]} if _DASHES[i % SERIES] else {}
            moments, values = zip(*line["points"], strict=True)
            marker = "o" if len(values) == 1 else None
            axes.plot(moments, values, color=_series_colour(i), linewidth=1.8, marker=marker, **style)
        _grid_on_y(axes)
        _label(axes, clean(unit), (0, 1), (-50, 12), "muted", xycoords="axes fraction")
        if isinstance(lines[0]["points"][0][0], datetime.datetime):
            _times_on_x(axes, width)
        else:
            axes.xaxis.set_major_locator(matplotlib("ticker").MaxNLocator(width // 90))
            _open_up(axes.set_xlim, [x for line in lines for x, _ in line["points"]])
        if not bands and not limits:
            _open_up(axes.set_ylim, heights)
        if all(float(height).is_integer() for height in heights):
            axes.yaxis.set_major_locator(matplotlib("ticker").MaxNLocator(5, integer=True))
        _limits_on_y(axes, limits, unit)

    keys = [(_sample_of_line(i), line["name"]) for i, line in enumerate(lines)]
    keys += [(_sample_of_band(i), band["name"]) for i, band in enumerate(bands)]
    return paint(
        draw,
        260,
        caption,
        " ".join(
            f"{line['name']}: {text.plural(len(line['points']), 'point')}, "
            f"last {text.quantity(line['points'][-1][1], unit)}."
            for line in lines
        ),
        legend=tuple(keys) if len(keys) > 1 else (),
    )


def histogram(
    bins: Sequence[tuple[float, float, int]], caption: Caption, unit: str = "", limits: Limits = ()
) -> Drawing | None:
    """Bars that touch, for bins ``(low, high, count)``."""
    if not bins:
        return None
    lows, highs, counts = zip(*bins, strict=True)

    def draw(axes: Any, width: int) -> None:
        place(axes, left=58, right=14, top=26, bottom=44 if unit else 28)
        widths = [high - low for low, high, _ in bins]
        axes.bar(lows, counts, widths, align="edge", color=COLOURS["series-1"], linewidth=0)
        ticks = matplotlib("ticker")
        axes.xaxis.set_major_locator(ticks.MaxNLocator(width // 80))
        axes.set_xlabel(clean(unit), color=COLOURS["muted"])
        axes.set_ylim(0, max(counts) * 1.08)
        _grid_on_y(axes)
        axes.yaxis.set_major_locator(ticks.MaxNLocator(5, integer=True))
        _limits_on_x(axes, limits, unit)

    low, high, most = max(bins, key=lambda part: part[2])
    return paint(
        draw,
        240,
        caption,
        f"{text.plural(sum(counts), 'value')} from {text.quantity(lows[0], unit)} to "
        f"{text.quantity(highs[-1], unit)}. Most, {text.number(most)}, lie between "
        f"{text.quantity(low, unit)} and {text.quantity(high, unit)}.",
    )


def sparkline(values: Sequence[float]) -> str:
    """A line without axes, small enough for a table cell. Drawn by hand: a table may hold hundreds."""
    if not values:
        return ""
    low, high = min(values), max(values)
    step = 92 / max(1, len(values) - 1)
    spots = [
        (2 + i * step, 20 - 16 * ((value - low) / (high - low) if high > low else 0.5))
        for i, value in enumerate(values)
    ]
    said = html.escape(
        f"{text.plural(len(values), 'value')}: first {text.number(values[0])}, "
        f"last {text.number(values[-1])}, lowest {text.number(low)}, highest {text.number(high)}"
    )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    x, y = spots[-1]
    return (
        f'<svg class="spark" viewBox="0 0 96 24" role="img" aria-label="{said}"><title>{said}</title>'
        f'<polyline points="{path}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/></svg>'
    )


def in_order(points: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Points sorted by x, with times as datetimes in UTC (a time without a zone is UTC already)."""
    return sorted(((_moment(x), *values) for x, *values in points), key=lambda row: row[0])


def _moment(x: str | float) -> datetime.datetime | float:
    if not isinstance(x, str):
        return x
    time = datetime.datetime.fromisoformat(x)
    return time.astimezone(datetime.UTC) if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _label(
    axes: Any, words: str, at: tuple[float, float], shift: tuple[int, int], colour: str, **how: Any
) -> None:
    """Write ``words`` next to a place in the data (or where ``xycoords`` says), ``shift`` pixels away."""
    axes.annotate(words, at, xytext=shift, textcoords="offset points", color=COLOURS[colour], **how)


def _fit(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: max(1, length - 1)]}…"


def _range_with_zero(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(0, *values), max(0, *values)
    return (low, high) if high > low else (0, 1)


def _series_colour(i: int) -> str:
    return COLOURS[f"series-{i % SERIES + 1}"]


def _sample_of_line(i: int) -> str:
    dashes = " ".join(map(str, _DASHES[i % SERIES]))
    return _sample(
        f'<line x2="26" y1="5" y2="5" stroke-width="2" stroke-dasharray="{dashes}" '
        f'stroke="var(--series-{i % SERIES + 1})"/>'
    )


def _sample_of_band(i: int) -> str:
    return _sample(
        f'<rect width="26" height="10" fill="var(--series-{i % SERIES + 1})" fill-opacity="0.25"/>'
    )


def _sample(shape: str) -> str:
    return f'<svg class="key" viewBox="0 0 26 10" aria-hidden="true">{shape}</svg>'


def _open_up(set_limits: Callable[[float, float], object], values: Sequence[float]) -> None:
    """Let an axis with one value only begin at 0; left alone it would be stretched to parts of a unit."""
    if min(values) == max(values):
        low, high = _range_with_zero(values)
        room = (high - low) * _ROOM
        set_limits(low - room, high + room)


def _grid_on_y(axes: Any) -> None:
    axes.yaxis.set_major_locator(matplotlib("ticker").MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: text.number(value))
    axes.grid(axis="y", color=COLOURS["line"], linewidth=1)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)


def _times_on_x(axes: Any, width: int) -> None:
    dates = matplotlib("dates")
    locator = dates.AutoDateLocator(minticks=2, maxticks=width // 90, tz=datetime.UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=datetime.UTC, show_offset=False))


def _limits_on_x(axes: Any, limits: Limits, unit: str) -> None:
    for limit in limits:
        axes.axvline(limit["value"], color=COLOURS["failed"], linewidth=1.2, dashes=(4, 3))
        low, high = axes.get_xlim()
        side = "right" if limit["value"] > low + 0.8 * (high - low) else "center"
        where = {"xycoords": ("data", "axes fraction"), "ha": side}
        _label(axes, _limit_name(limit, unit), (limit["value"], 1), (0, 6), "failed", **where)


def _limits_on_y(axes: Any, limits: Limits, unit: str) -> None:
    for limit in limits:
        axes.axhline(limit["value"], color=COLOURS["failed"], linewidth=1.2, dashes=(4, 3))
        where = {"xycoords": ("axes fraction", "data"), "ha": "right"}
        _label(axes, _limit_name(limit, unit), (1, limit["value"]), (0, 4), "failed", **where)


def _limit_name(limit: Mapping[str, Any], unit: str) -> str:
    return f"{clean(limit['name'])} {text.quantity(limit['value'], unit)}"
