# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a role may contribute to the report of a run: a typed schema, checked before anything is drawn.

`docs/reports.md` describes it for authors of roles; this module is what holds them to it.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidInputError

PREFIX = "fleet_report_"
"""Keys of ``set_stats`` that are contributions start with this."""

STATUSES = ("failed", "warned", "not_checked", "passed")
"""Every status there is, worst first."""

DEFAULT_ORDER = 500

Check = Callable[[object, str], Any]
"""``check(value, where)`` gives plain JSON or raises `InvalidInputError` that names ``where``."""


@dataclass(frozen=True)
class Contribution:
    """What one role says in the report, checked and in plain JSON types."""

    id: str
    order: int
    summary: dict[str, Any]
    sections: tuple[dict[str, Any], ...]
    next: tuple[dict[str, Any], ...]
    data: Any = None
    """For machines: kept in the record, not shown."""


def parse_contribution(key: str, value: object) -> Contribution:
    """Check the ``value`` that a role set under ``key``.

    Raises:
        InvalidInputError: the message names the place in the contribution and what is allowed there.
    """
    parsed = _CONTRIBUTION(value, key)
    return Contribution(
        id=key.removeprefix(PREFIX),
        order=parsed.get("order", DEFAULT_ORDER),
        summary=parsed.get("summary", {}),
        sections=tuple(parsed.get("sections", ())),
        next=tuple(parsed.get("next", ())),
        data=parsed.get("data"),
    )


def count_checks(sections: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many checks ended with each status, over all sections of kind ``checks``."""
    found = Counter(check["status"] for section in sections for check in section.get("checks", ()))
    return {status: found[status] for status in STATUSES}


def worst_first(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """``rows`` with the worst status first, otherwise in their own order."""
    return sorted(rows, key=lambda row: STATUSES.index(row["status"]))


def histogram_bins(values: Iterable[float], bins: int | None = None) -> list[tuple[float, float, int]]:
    """Count ``values`` into ``(low, high, count)`` bins whose edges are round numbers.

    Without ``bins`` there are about as many as Sturges' rule gives. A value on an edge counts above it.
    """
    numbers = sorted(values)
    if not numbers:
        return []
    wanted = bins or math.ceil(math.log2(len(numbers)) + 1)
    width = _round_up((numbers[-1] - numbers[0]) / wanted or 1.0)
    first = math.floor(numbers[0] / width)
    counts = Counter(math.floor(number / width) - first for number in numbers)
    digits = max(0, -math.floor(math.log10(width))) + 1
    return [
        (round((first + i) * width, digits), round((first + i + 1) * width, digits), counts[i])
        for i in range(max(counts) + 1)
    ]


def _round_up(width: float) -> float:
    """The next of 1, 2, 5, 10, 20, … (and their decimal fractions) that is not below ``width``."""
    scale = 10.0 ** math.floor(math.log10(width))
    return next(scale * step for step in (1, 2, 5, 10) if scale * step >= width * (1 - 1e-9))


def _refuse(where: str, value: object, allowed: str) -> InvalidInputError:
    shown = repr(value)
    return InvalidInputError(f"{where}: {shown[:60]}{'…' if len(shown) > 60 else ''} is not {allowed}.")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _refuse(where, value, "text")
    return str(value)


def _number(value: object, where: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refuse(where, value, "a finite number")
    return value


def _integer(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refuse(where, value, "an integer")
    return value


def _bin_count(value: object, where: str) -> int:
    count = _integer(value, where)
    if not 1 <= count <= 200:
        raise _refuse(where, value, "between 1 and 200")
    return count


def _scalar(value: object, where: str) -> str | int | float | bool | None:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        return _number(value, where)
    raise _refuse(where, value, "text, a number, true, false or null")


def _json(value: object, where: str) -> Any:
    if isinstance(value, Mapping):
        return {_text(name, where): _json(element, f"{where}.{name}") for name, element in value.items()}
    if isinstance(value, list | tuple):
        return [_json(element, f"{where}[{i}]") for i, element in enumerate(value)]
    return _scalar(value, where)


def _one_of(*allowed: str) -> Check:
    def check(value: object, where: str) -> str:
        if value not in allowed:
            raise _refuse(where, value, f"one of {', '.join(allowed)}")
        return str(value)

    return check


def _list_of(item: Check) -> Check:
    def check(value: object, where: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _refuse(where, value, "a list")
        return [item(element, f"{where}[{i}]") for i, element in enumerate(value)]

    return check


def _mapping_of(item: Check, names: Check = _text) -> Check:
    def check(value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _refuse(where, value, "a mapping")
        return {names(str(name), where): item(element, f"{where}.{name}") for name, element in value.items()}

    return check


def _fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    known = {**required, **(optional or {})}

    def check(value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _refuse(where, value, f"a mapping with the keys {', '.join(known)}")
        for name in value:
            if name not in known:
                raise _refuse(where, name, f"a key here; the keys are {', '.join(known)}")
        for name in required:
            if name not in value:
                raise InvalidInputError(f"{where}: the key {name} is missing.")
        return {str(name): known[name](element, f"{where}.{name}") for name, element in value.items()}

    return check


def _point(size: int) -> Check:
    """A point ``[x, numbers…]`` where x is a number or a UTC time."""

    def check(value: object, where: str) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) != size:
            raise _refuse(where, value, f"a list of {size} values")
        return [_moment(value[0], where), *(_number(number, where) for number in value[1:])]

    return check


def _moment(value: object, where: str) -> str | int | float:
    if isinstance(value, datetime.datetime | str):
        text = value.isoformat() if isinstance(value, datetime.datetime) else str(value)
        try:
            datetime.datetime.fromisoformat(text)
        except ValueError:
            raise _refuse(where, value, "a time such as 2026-03-01T09:30:00Z") from None
        return text
    return _number(value, where)


def _same_moments(section: dict[str, Any], where: str) -> None:
    """Every x of a series section is a number, or every x is a time that can be compared with the others."""
    lines = [*section["series"], *section.get("bands", ())]
    kinds = {_kind_of_moment(point[0]) for line in lines for point in line["points"]}
    if len(kinds) > 1:
        raise InvalidInputError(
            f"{where}: x is {' here and '.join(sorted(kinds))} there; use one of them throughout."
        )


def _kind_of_moment(x: str | int | float) -> str:
    if not isinstance(x, str):
        return "a number"
    return "a time with a zone" if datetime.datetime.fromisoformat(x).tzinfo else "a time without a zone"


def _rectangular(section: dict[str, Any], where: str) -> None:
    for i, row in enumerate(section["rows"]):
        if len(row) != len(section["columns"]):
            raise InvalidInputError(
                f"{where}.rows[{i}]: {len(row)} cells; there are {len(section['columns'])} columns."
            )


def _cell(value: object, where: str) -> Any:
    if not isinstance(value, Mapping):
        return _scalar(value, where)
    for check in _RICH_CELLS:
        if set(value) == set(check):
            return _fields(check)(value, where)
    raise _refuse(where, dict(value), "a scalar, {text, href}, {text, status} or {trend}")


_STATUS = _one_of(*STATUSES)
_LIMITS = {"limits": _list_of(_fields({"name": _text, "value": _number}))}
_RATED = _fields({"name": _text, "status": _STATUS}, {"detail": _text})
_RICH_CELLS: tuple[Mapping[str, Check], ...] = (
    {"text": _text, "href": _text},
    {"text": _text, "status": _STATUS},
    {"trend": _list_of(_number)},
)
_KINDS: dict[str, tuple[Mapping[str, Check], Mapping[str, Check]]] = {
    "checks": ({"checks": _list_of(_RATED)}, {}),
    "facts": ({"facts": _mapping_of(_scalar)}, {}),
    "table": ({"columns": _list_of(_text), "rows": _list_of(_list_of(_cell))}, {}),
    "text": ({"text": _text}, {}),
    "links": ({"links": _list_of(_fields({"text": _text, "href": _text}, {"detail": _text}))}, {}),
    "bars": (
        {"bars": _list_of(_fields({"name": _text, "value": _number}))},
        {"unit": _text, **_LIMITS},
    ),
    "series": (
        {"series": _list_of(_fields({"name": _text, "points": _list_of(_point(2))}))},
        {
            "bands": _list_of(_fields({"name": _text, "points": _list_of(_point(3))})),
            "unit": _text,
            **_LIMITS,
        },
    ),
    "histogram": ({"values": _list_of(_number)}, {"bins": _bin_count, "unit": _text, **_LIMITS}),
    "map": ({"cells": _list_of(_RATED)}, {"legend": _mapping_of(_text, _STATUS)}),
}
_WHOLE: dict[str, Callable[[dict[str, Any], str], None]] = {"table": _rectangular, "series": _same_moments}
"""What can only be checked on a section as a whole."""


def _section(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _refuse(where, value, "a section: a mapping with title and kind")
    if "kind" not in value:
        raise InvalidInputError(f"{where}: the key kind is missing.")
    kind = _one_of(*_KINDS)(value["kind"], f"{where}.kind")
    required, optional = _KINDS[kind]
    section: dict[str, Any] = _fields(
        {"title": _text, "kind": _text, **required}, {"intro": _text, **optional}
    )(value, where)
    if kind in _WHOLE:
        _WHOLE[kind](section, where)
    return section


_CONTRIBUTION = _fields(
    {},
    {
        "order": _integer,
        "summary": _mapping_of(_scalar),
        "sections": _list_of(_section),
        "next": _list_of(_fields({"text": _text}, {"href": _text, "command": _text, "detail": _text})),
        "data": _json,
    },
)
