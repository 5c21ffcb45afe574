"""What a device's answers mean."""

from __future__ import annotations

import json

import pytest
from fleetlib.core import delivery

THING = "fleet-device-001"


def said(*reports, program="blink"):
    topic = f"steel-programs/{THING}/status/report"
    return delivery.heard(
        [(topic, json.dumps({"program_id": program, **report}).encode()) for report in reports], "blink"
    )


@pytest.mark.parametrize(
    ("action", "status", "answered", "good"),
    [
        ("load", "Loading", False, False),
        ("load", "Running", True, True),
        ("load", "Completed", True, True),
        ("load", "Failed", True, False),
        ("execute", "Running", True, True),
        ("stop", "Stopped", True, True),
        ("stop", "Running", False, False),
        ("remove", "Stopped", True, True),
    ],
)
def test_a_status_answers_an_action_or_not(action, status, answered, good):
    heard = said({"status": status})
    assert delivery.is_answered(action, heard, auto_start=True) is answered
    assert delivery.is_good(action, heard, auto_start=True) is good


def test_a_program_that_shall_not_start_is_loaded_when_it_is_pending():
    assert delivery.is_good("load", said({"status": "Pending"}), auto_start=False)


def test_the_other_spelling_of_a_failure_is_understood():
    heard = said({"status": {"Failed": "no memory"}})
    assert (heard.status, heard.message) == ("Failed", "no memory")


def test_other_programs_and_what_cannot_be_read_are_left_out():
    assert said({"status": "Running"}, program="other").status == ""
    assert delivery.heard([(f"steel-programs/{THING}/status/report", b"\xff")], "blink") == delivery.Heard()


def test_the_log_of_the_program_is_collected():
    log = {"timestamp": "T", "level": "info", "program_id": "blink", "message": "on"}
    heard = delivery.heard([(f"steel-telemetry/{THING}/logs", json.dumps(log).encode())], "blink")
    assert heard.logs == ("T info: on",)


def test_a_full_report_answers_a_question_for_the_status():
    heard = delivery.heard([(f"steel-programs/{THING}/status/full-report", b'{"programs": []}')], "")
    assert delivery.is_good("status", heard, auto_start=True)
