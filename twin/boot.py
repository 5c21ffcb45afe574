"""What a board does between power and its program: check everything, choose the application's slot, go back.

The choice is ESP-IDF's with rollback enabled: of two sectors of OTA data the one with the higher sequence
number counts; an image that is new gets one start, and one that was not confirmed in it is given up.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from esp_idf_defs.otadata import OtaDataSelectEntry, OtaImageState

from . import identity, image, partition
from .flash import SECTOR_BYTES, DamagedError, Flash
from .identity import Config, Identity
from .image import Image
from .partition import Partition, Table

NEW, PENDING, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4
"""States of an image in the OTA data."""
_UNDEFINED = 0xFFFFFFFF
_STATES = {NEW, PENDING, VALID, INVALID, ABORTED, _UNDEFINED}
_ENTRY = struct.Struct("<I20xII")


@dataclass(frozen=True)
class Select:
    """One sector of the OTA data."""

    sequence: int
    state: int

    def slot(self, slots: int) -> int:
        """The slot that it names."""
        return (self.sequence - 1) % slots

    @property
    def usable(self) -> bool:
        """Whether a board may start what it names."""
        return self.state not in (INVALID, ABORTED)


Selects = tuple[Select | None, Select | None]


@dataclass(frozen=True)
class Choice:
    """Which slot to start, and how the OTA data are before it starts."""

    slot: int
    active: int | None
    """The sector that named it; none where both are blank."""
    selects: Selects
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Booted:
    """A board that has started."""

    identity: Identity
    config: Config
    image: Image
    slot: int
    confirmed: bool
    """Whether the image may stay; an unconfirmed one is given up at the next start."""
    notes: tuple[str, ...] = ()
    """What went otherwise than straight on."""

    @property
    def slot_name(self) -> str:
        """As in the partition table."""
        return f"ota_{self.slot}"


def parse_select(data: bytes) -> Select | None:
    """A sector of the OTA data; none where it is blank or damaged."""
    sequence, state, checksum = _ENTRY.unpack(data[: _ENTRY.size])
    if sequence in (0, 0xFFFFFFFF) or state not in _STATES:
        return None
    if zlib.crc32(struct.pack("<I", sequence), 0xFFFFFFFF) != checksum:
        return None
    return Select(sequence, state)


def choose(selects: Selects, slots: int) -> Choice:
    """Which slot these OTA data name; an image that was started and not confirmed is given up first."""
    notes: list[str] = []
    current = list(selects)
    for at, one in enumerate(current):
        if one is not None and one.state == PENDING:
            current[at] = replace(one, state=ABORTED)
            notes.append(f"ota_{one.slot(slots)} was started and not confirmed; it is given up")
    usable = [at for at, one in enumerate(current) if one is not None and one.usable]
    if not usable:
        return Choice(_without_select(current, slots), None, _pair(current), tuple(notes))
    active = max(usable, key=lambda at: _sequence(current[at]))
    chosen = current[active]
    assert chosen is not None  # noqa: S101  # usable sectors are there
    if chosen.state == NEW:
        current[active] = replace(chosen, state=PENDING)
    return Choice(chosen.slot(slots), active, _pair(current), tuple(notes))


def _without_select(current: Sequence[Select | None], slots: int) -> int:
    """``ota_0``, unless that is what was given up."""
    given_up = {one.slot(slots) for one in current if one is not None}
    return next((slot for slot in range(slots) if slot not in given_up), 0)


def _sequence(select: Select | None) -> int:
    return select.sequence if select else 0


def _pair(current: Sequence[Select | None]) -> Selects:
    return current[0], current[1]


def boot(flash: Flash, chip_revision: int | None = None) -> Booted:
    """Start a board; `DamagedError` says what it stopped at. Writes OTA data only, where they change."""
    image.check(flash, 0, partition.TABLE_OFFSET, "chip image", chip_revision)
    table = partition.read(flash)
    slots = table.app_slots
    selects = read_selects(flash, table)
    choice = choose(selects, len(slots))
    found, slot, notes = _first_whole(flash, slots, choice.slot, chip_revision)
    who, config = identity.read(flash, table)
    active = choice.selects[choice.active] if choice.active is not None else None
    if slot != choice.slot:
        active = None
    for at, one in enumerate(choice.selects):
        if one is not None and one != selects[at]:
            _write_select(flash, table, at, one)
    confirmed = active is None or active.state != PENDING
    return Booted(who, config, found, slot, confirmed, choice.notes + notes)


def _first_whole(
    flash: Flash, slots: Sequence[Partition], wanted: int, chip_revision: int | None
) -> tuple[Image, int, tuple[str, ...]]:
    """The image of the wanted slot, or of the first other one that is whole."""
    problems: list[DamagedError] = []
    for slot in [wanted, *(one for one in range(len(slots)) if one != wanted)]:
        where = slots[slot]
        try:
            found = image.check(flash, where.offset, where.size, "app image", chip_revision)
        except DamagedError as damaged:
            problems.append(DamagedError(damaged.what, f"{where.name}: {damaged.why}"))
        else:
            return found, slot, tuple(str(one) for one in problems)
    raise DamagedError("app image", "; ".join(one.why for one in problems))


def read_selects(flash: Flash, table: Table) -> Selects:
    """Both sectors of the OTA data."""
    where = _ota_data(table)
    first, second = (flash.read(where.offset + at * SECTOR_BYTES, _ENTRY.size) for at in (0, 1))
    return parse_select(first), parse_select(second)


def select_slot(flash: Flash, slot: int) -> None:
    """Have the board start a slot next, once; it then stays if it is confirmed."""
    table = partition.read(flash)
    slots = len(table.app_slots)
    selects = read_selects(flash, table)
    newest = max((0, 1), key=lambda at: _sequence(selects[at]))
    last = _sequence(selects[newest])
    sequence = last + 1
    while (sequence - 1) % slots != slot:
        sequence += 1
    _write_select(flash, table, 1 - newest if last else 0, Select(sequence, NEW))


def confirm(flash: Flash) -> None:
    """The image that runs may stay."""
    _settle(flash, VALID)


def give_up(flash: Flash) -> None:
    """The image that runs is not well: the next start takes the other one."""
    _settle(flash, INVALID)


def _settle(flash: Flash, state: int) -> None:
    table = partition.read(flash)
    for at, one in enumerate(read_selects(flash, table)):
        if one is not None and one.state == PENDING:
            _write_select(flash, table, at, replace(one, state=state))


def _write_select(flash: Flash, table: Table, at: int, select: Select) -> None:
    entry = OtaDataSelectEntry(select.sequence, OtaImageState(select.state))
    flash.write(_ota_data(table).offset + at * SECTOR_BYTES, entry.to_bytes())


def _ota_data(table: Table) -> Partition:
    found = table.of_kind(partition.DATA, partition.OTA_DATA)
    if found is None or found.size < 2 * SECTOR_BYTES:
        raise DamagedError("partition table", "it has no OTA data of two sectors")
    return found
