"""Lines about once a second, rarer the longer it takes, and never the same one twice."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.progress import Progress, to_file
from ansible_collections.steel.fleet.plugins.plugin_utils.progress_action import Follower


@pytest.fixture
def follower(tmp_path):
    """A follower with what it has shown, a clock to turn, and a way to make progress."""

    class Watched:
        def __init__(self):
            self.now = 0.0
            self.lines = []
            self.path = tmp_path / "progress.json"
            self.follower = Follower(self.path, self.lines.append, lambda: self.now)

        def progress(self, done):
            to_file(self.path)(Progress("devices", done, 10_000, 0, self.now or 1.0))

    return Watched()


def test_a_run_shorter_than_a_second_shows_nothing(follower):
    follower.progress(1)
    follower.now = 0.9
    follower.follower.look()
    assert follower.lines == []


def test_a_line_comes_about_every_second(follower):
    for step in range(1, 51):
        follower.now = step * 0.2
        follower.progress(step)
        follower.follower.look()
    assert len(follower.lines) == 10


def test_the_same_line_is_not_shown_again(follower):
    follower.progress(1)
    for second in range(1, 10):
        follower.now = float(second)
        follower.follower.look()
    assert len(follower.lines) == 1


def test_a_long_run_shows_fewer_lines(follower):
    for second in range(1, 1200):
        follower.now = float(second)
        follower.progress(second)
        follower.follower.look()
    assert 150 < len(follower.lines) < 260


def test_before_there_is_progress_nothing_is_shown(follower):
    follower.now = 5.0
    follower.follower.look()
    assert follower.lines == []


def test_following_ends_with_the_event(follower):
    ended = threading.Event()
    ended.set()
    follower.follower.follow(ended)
