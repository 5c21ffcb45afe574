"""What a device was allowed and refused: a refusal proves something only where the like is allowed."""

from __future__ import annotations

from fleetlib.core.validation import device
from fleetlib.core.validation.device import Answer, Facts, Kind

YES = Answer(Kind.ALLOWED, "Success", 0.012)
NO = Answer(Kind.REFUSED, "The server answered: Not authorized (0x87).")
LOST = Answer(Kind.UNCLEAR, "The connection was lost.")


def statuses(**changes):
    good = {
        "thing": "f-1",
        "connect": YES,
        "transport": "TLSv1.3",
        "receive": YES,
        "publish": YES,
        "foreign_subscribe": {"steel-programs/f-2/load": NO, "#": NO},
        "foreign_publish": {"steel-programs/f-2/load": NO},
        "foreign_client": {"f-2": NO},
    }
    return {row.name: row for row in device.rows(Facts(**{**good, **changes}))}


def test_a_device_that_keeps_to_itself_passes_every_row():
    rows = statuses()
    assert list(rows) == list(device.ROWS)
    assert {str(row.status) for row in rows.values()} == {"passed"}
    assert rows[device.CONNECTS].detail == "f-1, TLSv1.3, 12 ms"


def test_what_was_allowed_and_must_not_be_is_named():
    rows = statuses(foreign_subscribe={"steel-programs/f-2/load": NO, "#": YES})
    assert (rows[device.FOREIGN_SUBSCRIBE].status, rows[device.FOREIGN_SUBSCRIBE].detail) == (
        "failed",
        "It was allowed #.",
    )


def test_a_lost_connection_is_no_refusal():
    row = statuses(foreign_publish={"steel-programs/f-2/load": LOST})[device.FOREIGN_PUBLISH]
    assert row.status == "failed"
    assert "Neither allowed nor refused" in row.detail


def test_a_device_that_cannot_connect_proves_nothing_about_others():
    rows = device.rows(Facts("f-1", LOST))
    assert [str(row.status) for row in rows] == ["failed", *["not_checked"] * 5]


def test_a_refusal_does_not_count_where_the_device_is_refused_its_own():
    rows = statuses(receive=NO, publish=NO)
    assert rows[device.RECEIVES].status == rows[device.PUBLISHES].status == "failed"
    assert rows[device.FOREIGN_SUBSCRIBE].status == "not_checked"
    assert rows[device.FOREIGN_PUBLISH].status == "not_checked"
    assert rows[device.FOREIGN_CLIENT].status == "passed"


def test_all_rows_can_be_left_unchecked_for_one_reason():
    assert {row.detail for row in device.none_of("because")} == {"because"}


def test_wildcards_that_would_hear_others_are_tried():
    assert device.foreign_filters("f-2") == ["steel-programs/f-2/load", "steel-programs/+/load", "#"]
