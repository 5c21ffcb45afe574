"""Who hears of a run, and what."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.run_notice import MOST_LINES, Audience, compose, payload


def record(**fields):
    usual = {
        "playbook": "deploy",
        "environment": "production",
        "check_mode": False,
        "result": "passed",
        "started": "2027-01-03T12:00:00Z",
        "seconds": 75.4,
        "started_by": {"user": "ann", "host": "control-1"},
        "counts": {"changed": 2},
        "changes": [
            {"role": "infrastructure", "task": "Deploy stack core", "host": "control_host"},
            {"role": None, "task": "Write a file", "host": "control_host"},
        ],
        "failures": [],
        "stopped_in": None,
        "summary": {"Devices": 100},
        "next": ["Look at the report"],
    }
    return {**usual, **fields}


BROKEN = {
    "kind": "failures",
    "role": "core",
    "task": "Deploy",
    "host": "control_host",
    "message": "No stack.\n  Deploy first.",
}


def test_a_message_says_what_changed_the_figures_and_where_the_report_is():
    message = compose(record(), "/reports/deploy/1/index.html")
    assert message.subject == "deploy in production ended well"
    assert message.text == (
        "deploy in production ended well after 75 s, with 2 changes.\n\n"
        "What changed:\n- infrastructure: Deploy stack core\n- Write a file\n\n"
        "Figures:\n- Devices: 100\n\n"
        "Next:\n- Look at the report\n\n"
        "Report: /reports/deploy/1/index.html on control-1, started by ann at 2027-01-03T12:00:00Z.\n"
    )


def test_a_message_about_a_failed_run_begins_with_what_failed_and_why():
    message = compose(record(result="failed", failures=[BROKEN]), "x")
    assert message.subject == "deploy in production FAILED"
    assert message.text.split("\n\n")[1] == (
        "What failed, and why:\n- core: Deploy on control_host: No stack. Deploy first."
    )


def test_a_failure_that_was_dealt_with_is_none():
    failures = [{**BROKEN, "kind": "rescued"}, {**BROKEN, "kind": "ignored"}]
    assert "failed" not in compose(record(failures=failures), "x").text


def test_a_stopped_run_says_where():
    stopped = record(result="unfinished", stopped_in={"role": "rollout", "task": "Work on it"})
    message = compose(stopped, "x")
    assert message.subject == "deploy in production was STOPPED"
    assert "It stopped in:\n- rollout: Work on it" in message.text


def test_a_task_that_changed_many_hosts_is_one_line_and_long_lists_are_cut():
    changes = [{"role": None, "task": f"Task {i // 2}", "host": f"h{i}"} for i in range(60)]
    text = compose(record(changes=changes), "x").text
    assert text.count("- Task") == MOST_LINES
    assert "- and 20 more" in text


def test_a_long_reason_is_cut_to_one_short_line():
    text = compose(record(result="failed", failures=[{**BROKEN, "message": "word " * 1000}]), "x").text
    assert max(map(len, text.splitlines())) == 402


def test_a_webhook_gets_the_text_and_what_a_machine_wants_to_know():
    data = payload(record(), compose(record(), "x"), "x")
    assert data["text"].startswith("deploy in production ended well\n\n")
    assert {name: data[name] for name in ("playbook", "environment", "result", "changed", "report")} == {
        "playbook": "deploy",
        "environment": "production",
        "result": "passed",
        "changed": 2,
        "report": "x",
    }


@pytest.mark.parametrize(
    ("when", "told"),
    [("failed", [True, True, False, False]), ("changed", [True, True, True, False]), ("always", [True] * 4)],
)
def test_when_says_which_runs_are_told_about(when, told):
    runs = [
        record(result="failed"),
        record(result="unfinished", counts={"changed": 0}),
        record(),
        record(counts={"changed": 0}),
    ]
    assert [Audience(when=when).wants_to_hear_of(run) for run in runs] == told


def test_nobody_is_told_about_check_mode():
    assert not Audience(when="always").wants_to_hear_of(record(check_mode=True, result="failed"))


def test_an_unknown_when_is_named():
    with pytest.raises(InvalidInputError, match="fleet_notify_when is 'never'"):
        Audience(when="never").wants_to_hear_of(record())


@pytest.mark.parametrize("nothing", [None, "", []])
def test_there_is_nobody_to_tell_by_default(nothing):
    audience = Audience.of(nothing, nothing, nothing)
    assert not audience.is_somebody
    assert audience.when == "changed"


def test_one_topic_may_be_written_without_a_list():
    assert Audience.of("arn:a, arn:b", None, None).topic_arns == ("arn:a", "arn:b")


def test_the_address_of_a_webhook_and_what_opens_it_are_secrets_and_not_shown():
    audience = Audience.of([], "https://chat.example.com/hooks/abcdefgh?key=12345678", None)
    assert audience.secrets == (
        "https://chat.example.com/hooks/abcdefgh?key=12345678",
        "hooks/abcdefgh",
        "key=12345678",
    )
    assert "hooks" not in repr(audience)
