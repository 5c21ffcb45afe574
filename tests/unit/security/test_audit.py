"""What an audit comes to: order, thresholds, suppressions, history, and the same figures everywhere."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.report_sections import parse_contribution
from fleetlib.core.security.audit import Audit, Suppression
from fleetlib.core.security.model import Finding, Look, Rule, Severity, Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rule(name, severity):
    return Rule(name, severity, f"{name} is kept", "do it", Source("a guide", "https://example.org/"))


OPEN, MILD, FINE, DARK = (
    rule("open", Severity.CRITICAL),
    rule("mild", Severity.LOW),
    rule("fine", Severity.HIGH),
    rule("dark", Severity.HIGH),
)


def audit(*suppressions, fail_on="high", more=()):
    looks = (
        Look(MILD, 3, (Finding(MILD, "z", "so."), Finding(MILD, "a", "so."))),
        Look(FINE, 2),
        Look(OPEN, 2, (Finding(OPEN, "bucket-1", "open."),)),
        Look(DARK, unreadable="No right."),
        *more,
    )
    known = ["open", "mild", "fine", "dark"]
    return Audit(looks, tuple(Suppression.of(one, known) for one in suppressions), fail_on, NOW)


def suppress(**changes):
    return {"rule": "open", "resource": "bucket-*", "reason": "a demo", "expires": "2026-03-01", **changes}


def test_the_worst_come_first():
    assert [(one.rule.id, one.resource) for one in audit().findings] == [
        ("open", "bucket-1"),
        ("mild", "a"),
        ("mild", "z"),
    ]


@pytest.mark.parametrize(
    ("fail_on", "failing"), [("critical", 1), ("high", 1), ("medium", 1), ("low", 3), ("never", 0)]
)
def test_the_threshold_decides_what_fails(fail_on, failing):
    found = audit(fail_on=fail_on)
    assert (len(found.failing), found.as_dict()["well"]) == (failing, not failing)


def test_what_was_not_checked_is_no_pass():
    rows = {row.name: row for row in audit().checks()}
    assert rows["dark is kept (high)"].status == "not_checked"
    assert rows["fine is kept (high)"].status == "passed"
    assert rows["open is kept (critical)"].status == "failed"
    assert rows["mild is kept (low)"].status == "warned"
    partly = audit(more=[Look(rule("partly", Severity.LOW), 5, unreadable="Three were left out.")])
    assert partly.checks()[-1].status == "not_checked"


def test_a_rule_about_nothing_is_not_checked():
    assert audit(more=[Look(rule("none", Severity.LOW))]).checks()[-1].status == "not_checked"


def test_a_suppressed_finding_fails_nothing_and_stays_on_the_page():
    found = audit(suppress())
    assert found.as_dict()["well"]
    assert [(one["rule"], one["reason"]) for one in found.as_dict()["suppressed"]] == [("open", "a demo")]
    rows = {row.name: row for row in found.checks()}
    assert rows["open is kept (critical)"].detail == "2 looked at, 1 of them suppressed"
    assert any(one["title"] == "Suppressed, with a reason" for one in found.sections([]))


def test_a_suppression_counts_to_its_last_day_and_is_named_when_it_ended():
    found = audit(suppress(expires=date(2026, 2, 28)))
    assert not found.as_dict()["well"]
    assert found.as_dict()["ended_suppressions"] == [
        {"rule": "open", "resource": "bucket-*", "expires": "2026-02-28"}
    ]


def test_a_suppression_about_nothing_is_named():
    found = audit(suppress(resource="other"))
    assert [one["resource"] for one in found.as_dict()["unused_suppressions"]] == ["other"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": "opne"}, "names the rule 'opne'; there is none"),
        ({"reason": " "}, "suppression of open gives no reason"),
        ({"expires": "soon"}, "expires 'soon'; that is no date"),
        ({"expires": None}, "expires None"),
        ({"until": "2026"}, "has until; it can have rule"),
    ],
)
def test_a_suppression_that_says_too_little_is_refused(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        audit(suppress(**changes))


def test_a_threshold_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="fail_on is 'bad'; it can be critical, high"):
        audit(fail_on="bad")


def test_an_id_stays_the_same_from_run_to_run():
    assert audit().findings[0].id == audit(fail_on="low").findings[0].id == "open-d33aef9e"


def test_every_figure_of_the_page_comes_from_the_findings():
    found = audit(suppress(rule="mild", resource="z"))
    data, sections = found.as_dict(), {one["title"]: one for one in found.sections([])}
    by_severity = Counter(one["severity"] for one in data["findings"])
    bars = {one["name"]: one["value"] for one in sections["Findings by severity"]["bars"]}
    assert bars == {name: by_severity[name] for name in data["counts"]} == data["counts"]
    assert [[row[0]["text"], *row[1:]] for row in sections["Findings, worst first"]["rows"]] == [
        [one["severity"], one["resource"], one["evidence"], one["rule"]] for one in data["findings"]
    ]
    fixes = {row[0]: (row[1], row[2]["text"], row[2]["href"]) for row in sections["How to fix it"]["rows"]}
    assert fixes == {one["rule"]: (one["fix"], one["source"], one["source_url"]) for one in data["findings"]}
    assert found.figures()["Not checked"] == len(data["not_checked"])
    assert found.figures()["Suppressed"] == len(data["suppressed"])
    statuses = Counter(one["status"] for one in sections["Rules"]["checks"])
    assert sum(statuses.values()) == len(data["rules"])


def test_the_sections_are_what_reports_allow_and_look_back():
    found = audit(suppress())
    run = {"environment": "local", "started": "2026-02-01T12:00:00Z", "summary": {"Critical": 3}}
    value = {"summary": found.figures(), "sections": found.sections([run]), "data": found.as_dict()}
    parsed = parse_contribution("fleet_report_security_audit", value)
    table = next(one for one in parsed.sections if one["title"] == "History")
    assert table["rows"][0] == ["Critical", 0, 3, {"trend": [3, 0]}]


def test_sarif_names_rule_level_and_suppression():
    log = audit(suppress()).sarif()["runs"][0]
    assert [one["id"] for one in log["tool"]["driver"]["rules"]] == ["mild", "fine", "open", "dark"]
    worst = log["results"][0]
    assert (worst["ruleId"], worst["level"], worst["ruleIndex"]) == ("open", "error", 2)
    assert worst["suppressions"] == [{"kind": "external", "justification": "a demo"}]
    assert "suppressions" not in log["results"][1]
