"""What a control host keeps of a rotation: a journal for each wave."""

from __future__ import annotations

import pytest
from fleetlib.core.clock import SystemClock
from fleetlib.core.errors import FleetError
from fleetlib.core.rotation.model import Member, Phase, Step, Wave
from fleetlib.device_store import DeviceStore
from fleetlib.rotation import CURRENT, RotationFiles


@pytest.fixture
def wave():
    members = {name: Member(name, f"old-{name}") for name in ("a", "b")}
    return Wave("20261128T093000-1", 1, "2026-11-28T09:30:00.000Z", members)


@pytest.fixture
def files(tmp_path):
    """``files()`` is what another run sees."""
    return lambda: RotationFiles(tmp_path, DeviceStore(tmp_path / "devices"), SystemClock())


def test_the_next_run_finds_the_wave_as_it_was_saved_last(files, wave):
    files().save(wave)
    wave.phase = Phase.SWITCHING
    files().save(wave)
    assert files().current() == wave


def test_a_step_of_a_device_writes_that_device_only(files, wave, tmp_path):
    kept = files()
    kept.save(wave)
    before = (tmp_path / CURRENT).stat().st_size
    wave.members["a"].step = Step.ISSUED
    kept.note(wave.members["a"])
    added = (tmp_path / CURRENT).read_bytes()[before:]
    assert b"old-a" in added
    assert b"old-b" not in added
    assert files().current() == wave


def test_a_line_that_was_torn_by_a_kill_is_as_if_it_had_not_been_written(files, wave, tmp_path):
    files().save(wave)
    with (tmp_path / CURRENT).open("ab") as journal:
        journal.write(b'{"event": "member", "mem')
    assert files().current() == wave
    files().note(Member("a", "old-a", Step.FAILED, reason="why"))
    assert files().current().members["a"].reason == "why"


def test_a_wave_that_has_ended_is_put_away(files, wave, tmp_path):
    kept = files()
    kept.save(wave)
    wave.phase = Phase.ENDED
    kept.close(wave)
    assert files().current() is None
    assert files().number() == 2
    assert [path.name for path in tmp_path.iterdir()] == [f"{wave.id}.jsonl"]


def test_a_wave_that_was_killed_before_it_was_put_away_has_ended_all_the_same(files, wave):
    wave.phase = Phase.ENDED
    files().save(wave)
    assert files().current() is None


def test_a_damaged_journal_is_an_error_that_names_it(files, wave, tmp_path):
    (tmp_path / CURRENT).write_text('{"event": "wave", "wave": {"id": 1}}\n')
    with pytest.raises(FleetError, match=r"wave\.jsonl is damaged"):
        files().current()
