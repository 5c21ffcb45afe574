"""Partition tables, by Espressif's own code: CSV to binary."""

from __future__ import annotations

from ..core.errors import InvalidInputError, MissingDependencyError
from ..core.firmware.layout import TABLE_OFFSET, Partition

try:
    from esp_idf_defs import partitions

    _MISSING: ImportError | None = None
except ImportError as error:
    _MISSING = error


def parse(csv: str) -> list[Partition]:
    """The rows of a table; refuses overlaps, bad alignment and the like, in Espressif's words."""
    return [
        Partition(
            one.name,
            _type(one.type),
            _subtype(one.type, one.subtype),
            one.offset,
            one.size,
            bool(one.encrypted),
        )
        for one in _table(csv)
    ]


def binary(csv: str) -> bytes:
    """The table as it is in flash."""
    try:
        return bytes(_table(csv).to_binary())
    except partitions.InputError as error:
        raise InvalidInputError(f"The partition table cannot be built: {error}.") from error


def _table(csv: str) -> partitions.PartitionTable:
    if _MISSING is not None:
        raise MissingDependencyError("esp-idf-defs", "partition tables", "Run: make setup") from _MISSING
    try:
        table = partitions.PartitionTable.from_csv(csv)
        table.verify(TABLE_OFFSET)
    except partitions.InputError as error:
        raise InvalidInputError(f"The partition table is wrong: {error}.") from error
    return table


def _type(number: int) -> str:
    names = {value: name for name, value in partitions.TYPES.items()}
    return str(names.get(number, number))


def _subtype(type_number: int, number: int) -> str:
    first = partitions.MIN_PARTITION_SUBTYPE_APP_OTA
    if type_number == partitions.APP_TYPE and 0 <= number - first < partitions.NUM_PARTITION_SUBTYPE_APP_OTA:
        return f"ota_{number - first}"
    names = {value: name for name, value in partitions.SUBTYPES.get(type_number, {}).items()}
    return str(names.get(number, number))
