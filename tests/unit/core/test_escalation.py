"""Who is told when, by the deadlines of the guide, and what the messages hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core import escalation
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.escalation import Call, Contact, Escalation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = Contact(1, "one", "sns", "arn:aws:sns:r:1:t")
TWO = Contact(2, "two", "webhook", "https://host/secret-path")
THREE = Contact(3, "three", "pagerduty", secret_file="/k", severities=("P1",))
ALL = [ONE, TWO, THREE]


def call(severity="P1", **more):
    return Call("i", severity, "it burns", "pit-local", **more)


def told(severity, minutes, **state):
    one = Escalation(call(severity), START, **state)
    return [contact.name for contact in escalation.to_tell(one, ALL, START + timedelta(minutes=minutes))]


@pytest.mark.parametrize(
    ("severity", "minutes", "names"),
    [
        ("P1", 0, ["one"]),
        ("P1", 14, ["one"]),
        ("P1", 15, ["one", "two"]),
        ("P1", 30, ["one", "two", "three"]),
        ("P1", 9999, ["one", "two", "three"]),
        ("P2", 119, ["one"]),
        ("P2", 120, ["one", "two"]),
        ("P2", 240, ["one", "two"]),
        ("P3", 479, ["one"]),
        ("P3", 480, ["one", "two"]),
        ("P4", 1439, ["one"]),
        ("P4", 1440, ["one", "two"]),
        ("P1", -5, ["one"]),
    ],
)
def test_each_deadline_of_the_guide_tells_the_next_level(severity, minutes, names):
    assert told(severity, minutes) == names


def test_nobody_is_told_twice_and_nobody_once_it_is_taken_or_over():
    assert told("P1", 20, told={ONE.id}) == ["two"]
    assert told("P1", 20, taken_by="me") == []
    assert told("P1", 20, resolved="t") == []


def test_the_next_deadline_is_named():
    one = Escalation(call("P2"), START)
    assert one.due(START) == START + timedelta(hours=2)
    assert one.due(START + timedelta(hours=3)) == START + timedelta(hours=4)


def records(*more):
    opened = {"event": "opened", "at": "2026-03-01T12:00:00.000Z", "call": vars(call("P3"))}
    return [opened, *({"at": "2026-03-01T13:00:00.000Z", **one} for one in more)]


def test_a_journal_tells_who_was_told_and_who_took_it():
    found = escalation.tell(
        records(
            {"event": "told", "contact": "x"},
            {"event": "severity", "severity": "P1"},
            {"event": "taken", "by": "me"},
        )
    )
    assert (found.opened, found.told, found.taken_by, found.state) == (START, {"x"}, "me", "taken")
    assert found.call.severity == "P1"
    assert escalation.tell(records({"event": "resolved"})).state == "resolved"
    assert escalation.tell([]) is None


def test_calling_again_only_raises_the_severity_and_never_reopens():
    known = Escalation(call("P2"), START)
    assert escalation.merged(known, call("P1")) == "P1"
    assert escalation.merged(known, call("P4")) == "P2"
    known.resolved = "t"
    with pytest.raises(FleetError, match="Escalation i is resolved"):
        escalation.merged(known, call())


def test_no_channel_gets_a_secret():
    secret = "password=hunter2secret"
    key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    one = Escalation(
        Call("i", "P1", f"see {secret}", "f", {"api_key": "abcdef", "note": key, "device": "d"}), START
    )
    facts = escalation.facts(one, ONE)
    for text in (
        escalation.body(facts),
        escalation.subject(facts),
        json.dumps(escalation.pagerduty(facts, "routing")),
    ):
        assert "hunter2secret" not in text
        assert "abcdef" not in text
        assert "BEGIN PRIVATE" not in text
    assert facts["details"]["device"] == "d"


def test_a_webhooks_path_is_in_no_record_and_on_no_page():
    one = Escalation(call(), START, told={TWO.id})
    rows = escalation.checks(one, ALL, {}, START)
    assert "secret-path" not in TWO.id + json.dumps([row.as_dict() for row in rows])


def test_pagerduty_knows_a_repetition_by_its_key():
    facts = escalation.facts(Escalation(call("P2"), START), THREE)
    event = escalation.pagerduty(facts, "r")
    assert event["dedup_key"] == "pit-local/i"
    assert event["payload"]["severity"] == "error"
    assert event == escalation.pagerduty(facts, "r")


def test_a_subject_is_one_short_line_of_ascii():
    text = escalation.subject({"severity": "P1", "fleet": "f", "summary": "ä\n" + "x" * 200})
    assert text.isascii()
    assert "\n" not in text
    assert len(text) == 100


def test_a_level_without_a_contact_is_a_failed_row_once_its_turn_has_come():
    one = Escalation(call(), START)
    late = START + timedelta(minutes=20)
    names = {row.name: row.status for row in escalation.checks(one, [ONE], {}, late)}
    assert names["Somebody of level 2 can be told"] == "failed"
    assert "Somebody of level 2 can be told" not in {
        row.name for row in escalation.checks(one, [ONE], {}, START)
    }


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"level": 4, "channel": "sns", "to": "arn:x"}, "has the level 4"),
        ({"level": "x", "channel": "sns"}, "has the level 'x'"),
        ({"channel": "sns"}, "has the level None"),
        ({"level": 1, "channel": "mail"}, "has the channel 'mail'"),
        ({"level": 1, "channel": "sns", "to": "x"}, "needs the ARN of a topic"),
        ({"level": 1, "channel": "webhook", "to": "http://host/x"}, "begins with https://"),
        ({"level": 1, "channel": "webhook", "to": "file:///etc/passwd"}, "begins with https://"),
        ({"level": 1, "channel": "pagerduty"}, "needs secret_file"),
        ({"level": 1, "channel": "pagerduty", "secret_file": "k", "to": "ftp://x"}, "begins with https://"),
        ({"level": 1, "channel": "sns", "to": "arn:x", "severities": ["P9"]}, "has the severities P9"),
        ({"level": 1, "channel": "sns", "to": "arn:x", "mail": "x"}, "has mail, which means nothing"),
    ],
)
def test_a_contact_that_cannot_be_reached_is_refused_by_name(raw, words):
    with pytest.raises(InvalidInputError, match="Contact somebody") as refused:
        escalation.contact({"name": "somebody", **raw})
    assert words in str(refused.value)


def test_a_contact_that_cannot_be_reached_keeps_nobody_else_waiting():
    good = {"name": "chat", "level": 1, "channel": "webhook", "to": "https://chat.example/x"}
    usable, wrong = escalation.contacts([{"name": "mute", "level": 1, "channel": "sns", "to": ""}, good])
    assert [one.name for one in usable] == ["chat"]
    assert "Contact mute needs the ARN of a topic" in wrong[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"severity": "P5"}, "severity is 'P5'; it can be P1, P2, P3, P4"),
        ({"summary": " "}, "summary is empty"),
        ({"id": ""}, "incident_id is ''"),
    ],
)
def test_what_nobody_could_be_told_is_refused(changes, words):
    with pytest.raises(InvalidInputError) as refused:
        Call(**{**vars(call()), **changes}).check()
    assert words in str(refused.value)
