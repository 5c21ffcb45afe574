"""What a board remembers."""

from __future__ import annotations

from twin import memory
from twin.memory import Memory, Program


def test_everything_outlives_a_restart(tmp_path):
    program = Program("blink", "Blink", "1.0.0", "(led-on)", "0" * 64, status="Running")
    kept = Memory("thing", 3, {"blink": program}, {"k": "v"}, {"mood": "fine"}, {"led_control": True})
    kept.save(tmp_path)
    assert memory.load(tmp_path, "thing") == kept
    assert (tmp_path / memory.FILE).stat().st_mode & 0o777 == 0o600


def test_a_board_with_another_identity_remembers_nothing(tmp_path):
    Memory("thing", 3).save(tmp_path)
    assert memory.load(tmp_path, "other") == Memory("other")


def test_a_damaged_memory_is_an_empty_one(tmp_path):
    for text in ("", "{", "[]", '{"programs": {"a": {"b": 1}}}', '{"programs": {}, "strange": 1}'):
        (tmp_path / memory.FILE).write_text(text)
        assert memory.load(tmp_path, "thing") == Memory("thing")
