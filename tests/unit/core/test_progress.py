"""Progress says count, rate and time left, and crosses from one process to another whole."""

from __future__ import annotations

from fleetlib.core.progress import Meter, Progress, duration, from_file, to_file


def test_a_line_has_count_rate_and_time_left():
    assert Progress("devices", 240, 1000, 0, 16.0).line() == "240/1,000 devices (24 %), 15.0/s, 0:51 left"


def test_nothing_done_yet_promises_no_time():
    assert Progress("devices", 0, 1000, 0, 3.0).line() == "0/1,000 devices (0 %), 0.0/s"


def test_the_first_moments_promise_nothing():
    assert Progress("devices", 1, 1000, 0, 1.0).line() == "1/1,000 devices (0 %), 1.0/s"


def test_failures_are_counted_apart():
    assert Progress("devices", 8, 10, 2, 5.0).line() == "8/10 devices (80 %), 2.0/s, 0:00 left, 2 failed"


def test_a_phase_speaks_for_itself():
    assert Progress("devices", 0, 0, 0, 1.0, "reading the registry").line() == "reading the registry"


def test_durations_are_read_at_a_glance():
    assert [duration(s) for s in (0, 0.2, 49.6, 725, 6667)] == [
        "0:00",
        "0:01",
        "0:50",
        "12:05",
        "1:51:07",
    ]


def test_a_meter_passes_on_few_of_many_moments_and_always_the_last():
    now = [0.0]
    shown = []
    meter = Meter(shown.append, lambda: now[0], "devices")
    meter.start(1000)
    for _ in range(1000):
        now[0] += 0.01
        meter.count()
    assert 15 <= len(shown) <= 25
    assert (shown[0].done, shown[-1].done) == (0, 1000)
    assert round(shown[-1].rate) == 100


def test_a_moment_crosses_a_file_whole(tmp_path):
    path = tmp_path / "progress.json"
    assert from_file(path) is None
    moment = Progress("devices", 1, 2, 0, 0.5)
    to_file(path)(moment)
    assert from_file(path) == moment


def test_a_file_of_something_else_is_no_progress(tmp_path):
    path = tmp_path / "progress.json"
    path.write_text('{"other": 1}')
    assert from_file(path) is None


def test_progress_that_cannot_be_written_does_not_stop_the_work(tmp_path):
    to_file(tmp_path / "gone" / "progress.json")(Progress("devices", 1, 2, 0, 0.5))
