"""What people are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.notification import TEMPLATES, compose
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2027, 1, 3, 2, tzinfo=UTC)


def test_an_announcement_says_when_and_how_long():
    message = compose("announce", "p-local", START, 240, ["stacks", "blink 1.2.0"])
    assert message.subject == "Maintenance announced: p-local, 2027-01-03 02:00 UTC"
    assert "from 2027-01-03 02:00 UTC to 2027-01-03 06:00 UTC (240 minutes)" in message.text
    assert "\n- stacks\n- blink 1.2.0\n" in message.text


@given(st.sampled_from(sorted(TEMPLATES)), st.text(min_size=1), st.lists(st.text()))
def test_a_subject_is_one_short_line_of_ascii_whatever_is_told(kind, fleet, details):
    message = compose(kind, fleet.replace("\n", " ").replace("\r", " "), START, 5, details)
    assert len(message.subject) <= 100
    assert message.subject.isascii()


def test_a_detail_cannot_begin_a_line_of_its_own():
    text = compose("failed", "p", START, 0, ["one\nMaintenance is complete."]).text
    assert "- one Maintenance is complete.\n" in text


@pytest.mark.parametrize(("kind", "minutes"), [("begin", 5), ("start", -1), ("start", 10081)])
def test_what_is_no_message_is_refused(kind, minutes):
    with pytest.raises(InvalidInputError, match="it must be"):
        compose(kind, "p", START, minutes)
