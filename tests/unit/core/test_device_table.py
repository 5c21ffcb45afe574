"""Attributes of single devices from CSV and JSON."""

from __future__ import annotations

import pytest
from fleetlib.core import device_table
from fleetlib.core.errors import InvalidInputError


def test_a_table_gives_each_device_its_attributes():
    text = "\ufeffdevice_id,site,rack\r\ndevice-001,bern,7\r\n\r\ndevice-002,,8\r\n"
    assert device_table.read("a.csv", text) == {
        "device-001": {"site": "bern", "rack": "7"},
        "device-002": {"rack": "8"},
    }


def test_json_has_devices_with_their_attributes():
    assert device_table.read("a.JSON", '{"d": {"site": "bern"}}') == {"d": {"site": "bern"}}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "one of them device_id; there is nothing"),
        ("a.csv", "id,site\n", "there is id, site"),
        ("a.csv", "device_id,,x\n", "column 2 has no name"),
        ("a.csv", "device_id,x,x\n", "more than one column x"),
        ("a.csv", "device_id,site\na,b,c\n", "a.csv, line 2: 3 cells, but 2 columns"),
        ("a.csv", "device_id,site\n,b\n", "line 2: device_id is empty"),
        ("a.csv", "device_id,site\na,b\na,c\n", "line 3: a was there before"),
        ("a.csv", 'device_id,site\na,"b\n', "line 2: unexpected end of data"),
        ("a.json", "{", "a.json is no JSON"),
        ("a.json", '["a"]', '{"device-001": {"site": "bern"}}'),
        ("a.json", '{"a": 1}', '{"device-001": {"site": "bern"}}'),
        ("a.xlsx", "", "are read from .csv and .json files"),
    ],
)
def test_a_file_that_is_wrong_says_where(name, text, words):
    with pytest.raises(InvalidInputError) as error:
        device_table.read(name, text)
    assert words in str(error.value)
