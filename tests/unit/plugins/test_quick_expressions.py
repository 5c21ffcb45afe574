"""Expressions compiled once: only those in which Jinja and Ansible cannot differ."""

from __future__ import annotations

import pytest
from ansible_collections.steel.fleet.plugins.plugin_utils.quick_expressions import OPEN, compiled

VARIABLES = {
    "iot_type": "SteelDevice",
    "iot_attributes": {"firmware_version": "1.0.0", "number": "7"},
    "iot_connected": None,
    "iot_groups": ["a", "b"],
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("iot_type", "SteelDevice"),
        ("true", True),
        ("iot_attributes.firmware_version", "1.0.0"),
        ("iot_attributes['firmware_version']", "1.0.0"),
        ("iot_connected | default(false, true)", False),
        ("iot_connected is none", True),
        ("not (iot_attributes.number | int > 6 and 'a' in iot_groups)", False),
        ("iot_attributes.absent is defined", False),
        ("iot_attributes.absent | default('none') | upper", "NONE"),
    ],
)
def test_a_plain_expression_has_its_value(source, value):
    assert compiled(source, VARIABLES)(VARIABLES) == value


@pytest.mark.parametrize("source", ["iot_attributes.absent", "iot_connected.at", "iot_connected > 3"])
def test_what_is_undefined_or_wrong_is_left_for_ansible_to_tell(source):
    assert compiled(source, VARIABLES)(VARIABLES) is OPEN


@pytest.mark.parametrize(
    "source",
    [
        "lookup('pipe', 'date')",
        "iot_type.upper()",
        "iot_type | regex_replace('a', 'b')",
        "iot_type | random",
        "iot_attributes.items",
        "inventory_hostname == 'x'",
        "iot_type is match('S')",
        "iot_type ~ '-x'",
        "{{ iot_type }}",
        "iot_type ==",
        True,
        None,
    ],
)
def test_everything_else_is_left_to_ansible(source):
    assert compiled(source, VARIABLES) is None


def test_a_value_is_never_evaluated():
    assert compiled("iot_type", {"iot_type"})({"iot_type": "{{ 1 + 1 }}"}) == "{{ 1 + 1 }}"
