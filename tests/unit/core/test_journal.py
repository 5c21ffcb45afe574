"""A journal keeps what it was told through kills, and one run at a time holds a fleet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fleetlib.core import journal
from fleetlib.core.errors import FleetError
from fleetlib.core.journal import FleetBusyError, Journal, sole_run


class FixedClock:
    def now(self):
        return datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def events(path):
    return [record["event"] for record in journal.read(path)]


def test_records_are_read_back_in_order_with_their_time(path):
    with Journal(path, FixedClock()) as log:
        log.write("csr", thing="a")
        log.note("progress", done=1)
    assert list(journal.read(path)) == [
        {"at": "2026-03-01T09:30:00.000Z", "event": "csr", "thing": "a"},
        {"at": "2026-03-01T09:30:00.000Z", "event": "progress", "done": 1},
    ]


def test_a_second_run_appends(path):
    for event in ("first", "second"):
        with Journal(path, FixedClock()) as log:
            log.write(event)
    assert events(path) == ["first", "second"]


def test_nobody_else_may_read_it(path):
    Journal(path, FixedClock()).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b'{"at":"2026', b"x" * 10_000])
def test_a_torn_last_line_is_dropped(path, torn):
    with Journal(path, FixedClock()) as log:
        log.write("whole")
    path.write_bytes(path.read_bytes() + torn)
    assert events(path) == ["whole"]
    with Journal(path, FixedClock()) as log:
        log.write("next")
    assert events(path) == ["whole", "next"]


def test_a_file_with_nothing_but_a_torn_line_starts_empty(path):
    path.write_bytes(b'{"event":')
    with Journal(path, FixedClock()) as log:
        log.write("first")
    assert events(path) == ["first"]


def test_a_journal_that_does_not_exist_is_empty(path):
    assert events(path) == []


def test_a_damaged_line_in_the_middle_is_named(path):
    path.write_bytes(b'{"event":"a"}\nnoise\n{"event":"b"}\n')
    with pytest.raises(FleetError, match=r"Line 2 of the journal .*run\.jsonl cannot be read.*Move it away"):
        events(path)


def test_a_record_is_on_the_disk_before_write_returns(path, monkeypatch):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), sync(file)))
    with Journal(path, FixedClock()) as log:
        log.write("csr", thing="a")
        assert synced[-1] == path.stat().st_size


def test_threads_share_the_waits_for_the_disk(path, monkeypatch):
    """While the disk is busy, records of other threads gather; one wait then covers them all."""
    sync, waits, busy, release = os.fsync, [], threading.Event(), threading.Event()

    def slow_first_sync(file):
        waits.append(file)
        if len(waits) == 1:
            busy.set()
            release.wait(10)
        sync(file)

    log = Journal(path, FixedClock())
    monkeypatch.setattr(os, "fsync", slow_first_sync)
    first = threading.Thread(target=log.write, args=("first",))
    first.start()
    busy.wait(10)
    size = path.stat().st_size
    others = [threading.Thread(target=log.write, args=("other",)) for _ in range(20)]
    for thread in others:
        thread.start()
    while path.read_bytes().count(b"other") < 20:
        assert path.stat().st_size >= size
    release.set()
    for thread in [first, *others]:
        thread.join(10)
    assert len(waits) == 2
    log.close()


def test_a_full_disk_leaves_no_torn_line_behind(path, monkeypatch):
    log = Journal(path, FixedClock())
    log.write("whole")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    with pytest.raises(OSError, match="No space left"):
        log.write("lost")
    monkeypatch.setattr(os, "write", write)
    log.write("after")
    log.close()
    assert events(path) == ["whole", "after"]


def test_a_second_run_is_refused_with_the_firsts_process_and_start(path):
    with (
        sole_run(path, FixedClock()),
        pytest.raises(FleetBusyError) as refused,
        sole_run(path, FixedClock()),
    ):
        pass
    assert f"process {os.getpid()}, which started at 2026-03-01T09:30:00.000Z" in str(refused.value)
    assert refused.value.details == {"pid": os.getpid(), "since": "2026-03-01T09:30:00.000Z"}


def test_the_lock_is_free_again_after_the_run(path):
    for _ in range(2):
        with sole_run(path, FixedClock()):
            assert json.loads(path.read_text())["pid"] == os.getpid()


def test_a_killed_run_holds_nothing(path):
    program = (
        "import sys, time; from pathlib import Path\n"
        "from fleetlib.core.clock import SystemClock; from fleetlib.core.journal import sole_run\n"
        f"with sole_run(Path({str(path)!r}), SystemClock()):\n print('held', flush=True); time.sleep(60)\n"
    )
    library = Path(journal.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(library)},
    ) as child:
        child.stdout.readline()
        with pytest.raises(FleetBusyError, match=f"process {child.pid}"), sole_run(path, FixedClock()):
            pass
        child.send_signal(signal.SIGKILL)
    with sole_run(path, FixedClock()):
        pass
