"""Attributes of single devices from a file that a spreadsheet or a program wrote."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .errors import InvalidInputError

DEVICE_ID = "device_id"
"""Name of the column that says which device a line is about."""


def read(name: str, text: str) -> dict[str, dict[str, Any]]:
    """Device id → attributes, from CSV or JSON by the file's ``name``.

    Raises `InvalidInputError` naming file, line and what to write instead. An empty cell sets no attribute.
    """
    if name.lower().endswith(".json"):
        return _from_json(name, text)
    if name.lower().endswith(".csv"):
        return _from_csv(name, text)
    raise InvalidInputError(f"{name}: attributes are read from .csv and .json files.")


def _from_json(name: str, text: str) -> dict[str, dict[str, Any]]:
    try:
        table = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} is no JSON: {error}.") from error
    if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
        raise InvalidInputError(
            f"{name}: a JSON file has device ids with their attributes:", '{"device-001": {"site": "bern"}}'
        )
    return table


def _from_csv(name: str, text: str) -> dict[str, dict[str, Any]]:
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    table: dict[str, dict[str, Any]] = {}
    try:
        columns = [column.strip() for column in next(rows, [])]
        _check_columns(name, columns)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                raise InvalidInputError(
                    f"{name}, line {rows.line_num}: {len(row)} cells, but {len(columns)} columns."
                )
            given = {column: cell.strip() for column, cell in zip(columns, row, strict=True) if cell.strip()}
            device_id = given.pop(DEVICE_ID, "")
            if not device_id:
                raise InvalidInputError(f"{name}, line {rows.line_num}: {DEVICE_ID} is empty.")
            if device_id in table:
                raise InvalidInputError(f"{name}, line {rows.line_num}: {device_id} was there before.")
            table[device_id] = given
    except csv.Error as error:
        raise InvalidInputError(f"{name}, line {rows.line_num}: {error}.") from error
    return table


def _check_columns(name: str, columns: list[str]) -> None:
    if DEVICE_ID not in columns:
        found = ", ".join(columns) or "nothing"
        raise InvalidInputError(
            f"{name}: its first line has to name the columns, one of them {DEVICE_ID}; there is {found}."
        )
    if "" in columns:
        raise InvalidInputError(f"{name}: column {columns.index('') + 1} has no name in the first line.")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InvalidInputError(f"{name}: there is more than one column {twice[0]}.")
