"""Devices are stood in for only when it is known that they are not connected."""

from __future__ import annotations

import pytest
from fleetlib.core.provisioning.model import Certificate
from fleetlib.device_choice import Devices
from fleetlib.device_store import DeviceStore


class IndexNotReadyError(Exception):
    """What AWS IoT answers while it builds the index."""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.time = 0.0

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


class Iot:
    """AWS IoT's index: one answer after the other, the last one again and again."""

    class exceptions:  # noqa: N801  # boto3's name
        IndexNotReadyException = IndexNotReadyError

    def __init__(self, *answers, mode="STATUS"):
        self.answers = list(answers)
        self.mode = mode
        self.searches = 0

    def get_indexing_configuration(self):
        return {"thingIndexingConfiguration": {"thingConnectivityIndexingMode": self.mode}}

    def search_index(self, **query):
        assert query["queryString"] == "thingName:p-local-*"
        self.searches += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"things": answer}


def thing(number, connected=None):
    """A thing as the index returns it; one that has never been connected has no connectivity."""
    found = {"thingName": f"p-local-device-{number:03d}"}
    return found if connected is None else {**found, "connectivity": {"connected": connected}}


@pytest.fixture
def devices(tmp_path):
    store = DeviceStore(tmp_path)
    for number in (1, 2, 3):
        store.keep_key(f"p-local-device-{number:03d}", b"key")
        store.keep_certificate(f"p-local-device-{number:03d}", Certificate("id", "arn", "pem"))
    return Devices.of("p", "local", tmp_path, None, 1, 5)


def names(choice):
    return [name.removeprefix("p-local-device-") for name in choice.things]


def test_connected_devices_are_passed_over(devices):
    choice = devices.choose(Iot([thing(1, True), thing(2, False), thing(3)]), 2, Clock())
    assert (names(choice), choice.remark) == (["002", "003"], "")


def test_devices_without_a_key_here_are_passed_over(devices):
    choice = devices.choose(Iot([thing(4, False), thing(5, False), thing(1, True)]), 2, Clock(), patience=0)
    assert names(choice) == []
    assert choice.remark == (
        "Of 3 devices whose keys are here 1 are connected and stay undisturbed, and fleet indexing does "
        "not know 2 yet."
    )


def test_the_index_gets_time_to_learn_of_new_devices(devices):
    iot, clock = Iot(IndexNotReadyError(), [], [thing(1)], [thing(1), thing(2)]), Clock()
    assert names(devices.choose(iot, 2, clock, patience=30)) == ["001", "002"]
    assert (iot.searches, clock.time) == (4, 6.0)


def test_waiting_ends(devices):
    clock = Clock()
    choice = devices.choose(Iot([thing(1)]), 3, clock, patience=5)
    assert names(choice) == ["001"]
    assert "does not know 2 yet" in choice.remark
    assert clock.time == 6.0


def test_nobody_waits_for_devices_that_are_connected(devices):
    clock = Clock()
    choice = devices.choose(Iot([thing(1, True), thing(2, True), thing(3, True)]), 1, clock)
    assert names(choice) == []
    assert clock.time == 0


def test_one_device_can_be_named(devices):
    iot = Iot([thing(1), thing(2), thing(3)])
    assert names(devices.choose(iot, 1, Clock(), only="p-local-device-002")) == ["002"]
    choice = devices.choose(iot, 1, Clock(), only="p-local-device-005")
    assert "The key and certificate of p-local-device-005 are not on this host" in choice.remark


def test_without_an_index_nobody_is_chosen_unless_it_is_allowed(devices):
    iot = Iot([], mode="OFF")
    choice = devices.choose(iot, 1, Clock())
    assert names(choice) == []
    assert "validation_interrupt_devices" in choice.remark
    assert names(devices.choose(iot, 2, Clock(), interrupt=True)) == ["001", "002"]
    assert iot.searches == 0
