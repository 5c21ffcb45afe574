"""What the screen says, in terminals of any size."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fleetlib.core.watch.state import Alarm, Event, Fleet, State, Version
from fleetlib.core.watch.view import BAD, Frame, lines


@pytest.fixture
def state(a_rollout, now):
    return State(
        now,
        Fleet(
            100,
            97,
            (
                Version("blink_led", "1.0.0", 67),
                Version("blink_led", "1.1.0", 33, 2),
                Version("firmware", "1.0.0", 100),
            ),
        ),
        (a_rollout(),),
        (
            Alarm("aws-iot-steel-local-devices-silent", "ALARM", now - timedelta(minutes=3), "3 devices"),
            Alarm("aws-iot-steel-local-errors-logged", "OK", now, silent=True),
        ),
        tuple(
            Event(now - timedelta(seconds=i), "device", f"device-{i:03}: out of memory") for i in range(30)
        ),
        requests=7,
    )


@pytest.fixture
def frame(state, now):
    return Frame("aws-iot-steel-local", "us-west-2", now, 10.0, state)


def text(frame, width=80, height=24):
    return [line.text for line in lines(frame, width, height)]


def test_a_usual_terminal_shows_every_part(frame):
    assert text(frame)[:15] == [
        "aws-iot-steel-local in us-west-2                                    12:00:00 UTC",
        "Read at 2027-01-03 12:00:00 with 7 requests, every 10 s",
        "100 devices",
        "  [###################.] 97 connected, 3 offline",
        "Alarms: 1 of 2 in state ALARM, 1 silent",
        "  devices-silent since 11:57:00: 3 devices",
        "Rollouts: 1 in progress",
        "  blink_led 1.1.0: running, 35 of 100 devices done",
        "    canary         passed            5:       5 ok     0 failed       0 awaited",
        "    all            deploying        95:      28 ok     2 failed      65 awaited",
        "Programs and firmware",
        "  blink_led                    1.0.0                67 devices",
        "  blink_led                    1.1.0                33 devices, 2 failed",
        "  firmware                     1.0.0               100 devices",
        "Last events",
    ]
    assert text(frame)[-2:] == ["  … 23 more", "Ctrl-C ends."]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 3, 8, 12, 24, 60])
def test_no_line_is_too_long_and_none_is_too_many(frame, width, height):
    shown = text(frame, width, height)
    assert len(shown) <= height
    assert max(map(len, shown)) <= width


def test_a_tall_terminal_shows_everything(frame):
    shown = text(frame, height=60)
    assert not [line for line in shown if "more" in line]
    assert len([line for line in shown if "out of memory" in line]) == 30


def test_a_low_terminal_says_how_much_it_leaves_out(frame):
    assert "Last events (30 more lines)" in text(frame, height=15)


def test_words_of_devices_cannot_move_the_cursor(frame, state, now):
    evil = replace(state, events=(Event(now, "device", "a\x1b[2Jb\nc\u202ed"),))
    assert "  12:00:00 device   a [2Jb c d" in text(replace(frame, state=evil))


def test_a_silent_cloud_is_told_with_its_time_above_what_was_known(frame, now):
    silent = replace(
        frame, trouble="Could not connect.", silent_since=now - timedelta(minutes=2), every=40.0, now=now
    )
    assert text(silent)[1:4] == [
        "The cloud does not answer since 11:58:00: Could not connect.",
        "Asked again every 40 s. What is below was read at 12:00:00.",
        "100 devices",
    ]


def test_a_cloud_that_never_answered_leaves_the_rest_empty(frame, now):
    silent = replace(frame, state=None, trouble="Could not connect.", silent_since=now)
    assert text(silent)[1:] == [
        "The cloud does not answer since 12:00:00: Could not connect.",
        "Asked again every 10 s.",
        "Ctrl-C ends.",
    ]


def test_a_part_that_may_not_be_read_says_why_and_the_others_stay(frame, state):
    denied = replace(state, alarms=None, troubles={"alarms": "DescribeAlarms: AccessDenied"})
    shown = text(replace(frame, state=denied))
    assert "  not known: DescribeAlarms: AccessDenied" in shown
    assert "100 devices" in shown


@pytest.mark.parametrize(
    ("connected", "bar"),
    [
        (0, "...................."),
        (1, "#..................."),
        (999, "###################."),
        (1000, "#" * 20),
    ],
)
def test_the_bar_never_shows_some_as_none_or_all(frame, state, connected, bar):
    shown = text(replace(frame, state=replace(state, fleet=Fleet(1000, connected))))
    assert any(f"[{bar}] {connected:,} connected" in line for line in shown)


def test_a_rollout_that_nobody_works_on_says_so(frame, state, a_rollout):
    alone = replace(state, rollouts=(a_rollout(lease={}),))
    assert "  blink_led 1.1.0: running, nobody works on it, 35 of 100 devices done" in text(
        replace(frame, state=alone)
    )


def test_what_rings_is_said_in_words_and_in_the_style_of_trouble(frame):
    assert [line.style for line in lines(frame, 80, 24) if "ALARM" in line.text] == [BAD]


def test_a_frame_for_a_pipe_is_whole_and_does_not_speak_of_keys(frame):
    shown = text(replace(frame, live=False), 120, 10_000)
    assert shown[-1].endswith("device-029: out of memory")
    assert "every" not in shown[1]
