"""Where a board connects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twin.endpoints import at, candidates
from twin.identity import Identity
from twin.memory import Memory
from twin.rotation import fingerprint

FLASHED = Identity("device-001", "thing", "first", 8883, "us-west-2", b"certificate", b"key", b"root")
SECOND = {"endpoint": "second", "mqtt_port": 443, "region": "eu-west-1", "root_ca": "other"}
THIRD = {"endpoint": "third"}


def kept(told):
    return {**told, "flashed": fingerprint(FLASHED)}


def places(memory, flashed=FLASHED):
    return [(one.endpoint, one.port, one.certificate) for one in candidates(flashed, memory)]


def test_a_board_begins_where_it_was_flashed_to():
    assert candidates(FLASHED, Memory()) == [FLASHED]


def test_a_board_goes_where_it_was_sent_and_back_where_that_is_silent():
    memory = Memory(endpoint=kept(SECOND))
    assert places(memory) == [("second", 443, b"certificate"), ("first", 8883, b"certificate")]


def test_a_standby_comes_after_the_endpoint_that_a_board_is_used_to():
    memory = Memory(endpoint=kept(SECOND), standby=kept(THIRD))
    assert [place[0] for place in places(memory)] == ["second", "first", "third"]
    assert [place[0] for place in places(Memory(standby=kept(THIRD)))] == ["first", "third"]


def test_an_endpoint_is_tried_once_however_often_it_was_named():
    memory = Memory(endpoint=kept(SECOND), standby=kept(SECOND))
    assert [place[0] for place in places(memory)] == ["second", "first"]


def test_a_newer_certificate_is_used_at_every_endpoint_before_the_older_one():
    newer = {
        "id": "x",
        "certificate": "newer",
        "private_key": "its key",
        "flashed": fingerprint(FLASHED),
    }
    memory = Memory(standby=kept(THIRD), identities=[newer])
    assert places(memory) == [
        ("first", 8883, b"newer"),
        ("first", 8883, b"certificate"),
        ("third", 8883, b"newer"),
        ("third", 8883, b"certificate"),
    ]


def test_a_board_that_is_flashed_anew_forgets_where_it_was_sent():
    again = replace(FLASHED, certificate=b"another")
    assert places(Memory(endpoint=kept(SECOND), standby=kept(THIRD)), again) == [("first", 8883, b"another")]


def test_what_an_endpoint_does_not_say_stays_as_it_was():
    assert at(FLASHED, THIRD) == replace(FLASHED, endpoint="third")
    assert at(FLASHED, SECOND).root_ca == b"other"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"endpoint": ""},
        {"endpoint": 7},
        {"endpoint": "x", "mqtt_port": 0},
        {"endpoint": "x", "mqtt_port": "1"},
    ],
)
def test_what_is_no_endpoint_is_refused(told):
    with pytest.raises(ValueError, match="is no endpoint"):
        at(FLASHED, told)
