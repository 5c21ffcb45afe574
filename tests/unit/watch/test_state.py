"""What answers of AWS say of a fleet."""

from __future__ import annotations

from datetime import timedelta

from fleetlib.core.watch.state import (
    Alarm,
    Event,
    Version,
    count,
    happened,
    is_left_alone,
    worth_showing,
)


def test_devices_are_counted_by_connection_program_version_and_firmware(a_hit):
    fleet = count(
        [
            a_hit(1, programs={"blink_led": {"version": "1.0.0", "status": "Running"}}),
            a_hit(2, programs={"blink_led": {"version": "1.1.0", "status": {"Failed": "out of memory"}}}),
            a_hit(3, connected=False, programs={"blink_led": {"version": "1.0.0"}}, firmware="0.9.0"),
        ]
    )
    assert (fleet.devices, fleet.connected) == (3, 2)
    assert fleet.versions == (
        Version("blink_led", "1.0.0", 2),
        Version("blink_led", "1.1.0", 1, failed=1),
        Version("firmware", "1.0.0", 2),
        Version("firmware", "0.9.0", 1),
    )


def test_a_device_without_a_readable_shadow_counts_as_a_device():
    fleet = count([{"thingName": "a", "shadow": "{"}, {"thingName": "b", "connectivity": None}])
    assert (fleet.devices, fleet.connected, fleet.versions) == (2, 0, ())


def test_a_rollout_is_shown_while_it_is_open_and_for_an_hour_after(a_rollout, now):
    ended = a_rollout(id="a", state="finished", ended_at="2027-01-03T11:10:00.000Z")
    old = a_rollout(id="b", state="finished", ended_at="2027-01-03T10:50:00.000Z")
    running = a_rollout(id="c", created_at="2027-01-01T00:00:00.000Z")
    assert [one.id for one in worth_showing([ended, old, running], now)] == ["c", "a"]


def test_a_rollout_whose_lease_ran_out_is_left_alone(a_rollout, now):
    assert not is_left_alone(a_rollout(), now)
    assert is_left_alone(a_rollout(), now + timedelta(minutes=2))
    assert is_left_alone(a_rollout(lease={}), now)


def test_a_paused_rollout_waits_for_its_operator_and_is_not_left_alone(a_rollout, now):
    assert not is_left_alone(a_rollout(state="paused", lease={}), now)
    assert not is_left_alone(a_rollout(state="finished", lease={}), now)


def test_events_come_from_decisions_alarms_and_devices_the_latest_first(a_rollout, now):
    alarm = Alarm("devices-silent", "ALARM", now - timedelta(minutes=5), "2 of 2 datapoints")
    logged = Event(now - timedelta(minutes=1), "device", "device-001: out of memory")
    events = happened([a_rollout()], [alarm], [logged], now - timedelta(hours=1))
    assert [(one.kind, one.text) for one in events] == [
        ("device", "device-001: out of memory"),
        ("alarm", "devices-silent is ALARM: 2 of 2 datapoints"),
        ("rollout", "blink_led 1.1.0 pass: canary: 5 of 5"),
    ]


def test_what_happened_before_is_no_last_event_and_neither_is_an_alarm_that_waits_for_data(a_rollout, now):
    waits = Alarm("errors-logged", "INSUFFICIENT_DATA", now, "Unchecked: initial state")
    assert happened([a_rollout()], [waits], [], now - timedelta(minutes=10)) == ()
