"""What a board writes down of its connections."""

from __future__ import annotations

from twin.diary import SPELLS_KEPT, Diary


def test_a_spell_has_its_end_the_last_report_that_arrived_and_the_first_that_was_found():
    diary = Diary()
    diary.connected("t0", "a:1")
    diary.found("r0")
    diary.arrived("r1")
    diary.arrived("r2")
    diary.found("r2")
    diary.lost("t1")
    diary.lost("t2")
    assert diary.as_list() == [
        {"began": "t0", "endpoint": "a:1", "ended": "t1", "arrived": "r2", "found": "r0"}
    ]


def test_what_comes_before_the_first_connection_is_nobodys():
    diary = Diary()
    diary.lost("t0")
    diary.arrived("r0")
    diary.found("r0")
    assert diary.as_list() == []


def test_only_the_last_spells_are_kept():
    diary = Diary()
    for i in range(SPELLS_KEPT + 3):
        diary.connected(f"t{i}", "a:1")
    assert len(diary.as_list()) == SPELLS_KEPT
    assert diary.as_list()[-1]["began"] == f"t{SPELLS_KEPT + 2}"
