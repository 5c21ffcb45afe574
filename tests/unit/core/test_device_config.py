"""Configuration files are TOML that says what was meant, and never hold a key."""

from __future__ import annotations

import tomllib

import pytest
from fleetlib.core import device_config
from fleetlib.core.errors import InvalidInputError


def parsed(sections):
    return tomllib.loads(device_config.render(sections, "device-001", "p-local-device-001"))


def test_values_are_read_back_as_they_were_given():
    section = {"text": "a", "number": 4096, "share": 0.5, "yes": True, "no": False, "many": ["a", 1]}
    assert parsed({"steel": section}) == {"steel": section}


def test_placeholders_stand_for_the_device():
    assert parsed({"aws": {"path": "/c/{device_id}.pem", "topic": "x/{thing_name}/y"}})["aws"] == {
        "path": "/c/device-001.pem",
        "topic": "x/p-local-device-001/y",
    }


@pytest.mark.parametrize(
    "text", ['a"b', "a\\b", "a\nb", "a\tb", "ä ∆ 木", "\x00\x1f\x7f", "# no comment", ""]
)
def test_any_text_survives(text):
    assert parsed({"device": {"text": text}}) == {"device": {"text": text}}


def test_sections_come_in_their_order_and_an_absent_one_is_left_out():
    text = device_config.render({"monitoring": {"a": 1}, "device": {"b": 2}}, "d", "t")
    assert text == "[device]\nb = 2\n\n[monitoring]\na = 1\n"


def test_key_material_is_refused_without_repeating_it():
    key = "-----BEGIN PRIVATE KEY-----\nMIGH\n"
    with pytest.raises(InvalidInputError, match=r"security\.key holds a private key") as refused:
        parsed({"security": {"key": key}})
    assert "MIGH" not in str(refused.value)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"stel": {}}, "Section 'stel' is unknown; there are device, aws, steel"),
        ({"steel": {"a b": 1}}, "steel: 'a b' cannot be a key"),
        ({"steel": {"a": None}}, "steel.a is None; allowed are text, numbers"),
        ({"steel": {"a": {"b": 1}}}, "steel.a is"),
    ],
)
def test_what_a_file_cannot_hold_is_named(sections, message):
    with pytest.raises(InvalidInputError, match=message):
        parsed(sections)


def test_only_files_that_differ_are_planned():
    plan = device_config.plan({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "old"})
    assert (plan.before, plan.after) == ({"b": "old"}, {"b": "2", "c": "3"})
    assert not device_config.plan({"a": "1"}, {"a": "1"}).changed
