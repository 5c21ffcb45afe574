"""Why a device cannot connect: the first thing that AWS IoT would stumble over is the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core import connection_diagnosis as diagnosis
from fleetlib.core.connection_diagnosis import CertificateFacts, Connectivity, DeviceFacts, LogFacts, Place
from fleetlib.core.iot_policy import Policy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = Place("123456789012", "us-west-2", "aws", "q", "deny")


def policy(name, effect="Allow", resource="*", group="", actions="iot:*"):
    statement = {"Effect": effect, "Action": actions, "Resource": resource}
    return Policy(name, json.dumps({"Statement": [statement]}), group)


CERTIFICATE = CertificateFacts(
    "c1", "ACTIVE", NOW - timedelta(days=1), NOW + timedelta(days=1), "k1", (policy("device"),)
)
WELL = DeviceFacts(
    "board",
    exists=True,
    certificates=(CERTIFICATE,),
    local_key_id="k1",
    local_certificate="c1",
    connectivity=Connectivity(True, NOW),
)


def found(facts):
    return diagnosis.diagnose(facts, PLACE, NOW)


def certified(**changes):
    return replace(WELL, certificates=(replace(CERTIFICATE, **changes),))


def row(facts, name):
    return next(one for one in found(facts).rows if one.name == name)


def test_a_device_that_is_well_passes_every_row():
    assert {one.status for one in found(WELL).rows} == {"passed"}
    assert found(WELL).why == "It is connected, and nothing is in its way."


def test_where_nothing_is_wrong_here_the_board_is_to_be_looked_at():
    away = replace(WELL, connectivity=Connectivity(False, NOW, "CONNECTION_LOST"))
    assert "look at the board, its network" in found(away).why
    assert "the network went away" in row(away, diagnosis.SEEN).detail


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (DeviceFacts("board", exists=False), "The device is in the registry: no."),
        (replace(WELL, certificates=()), "A certificate is attached to it: no."),
        (certified(status="INACTIVE"), "The certificate is active: no. c1 is INACTIVE."),
        (certified(status="REVOKED"), "The certificate is active: no. c1 is REVOKED."),
        (certified(valid_until=NOW), "It expired at 2026-03-01T12:00:00.000Z."),
        (
            certified(valid_from=NOW + timedelta(hours=1)),
            "It is valid only from 2026-03-01T13:00:00.000Z on.",
        ),
        (certified(key_id="k2"), "The private key on this host is not the one that c1 certifies."),
        (replace(WELL, local_certificate="c0"), "This host keeps certificate c0, the thing has c1."),
        (replace(WELL, groups={"q": (policy("deny", "Deny", group="q"),)}), "It is (thing group q)."),
        (
            certified(policies=(policy("device"), policy("deny", "Deny"))),
            "It is (policy deny on its certificate).",
        ),
        (certified(policies=()), "No policy has a statement that allows iot:Connect."),
        (
            replace(WELL, groups={"g": (policy("strict", "Deny", group="g", actions="iot:Publish"),)}),
            "Denied by statement 1 of policy strict on thing group g.",
        ),
    ],
)
def test_the_first_obstacle_is_the_answer(facts, why):
    assert why in found(facts).why


def test_the_first_obstacle_wins_over_later_ones():
    broken = replace(certified(status="INACTIVE", policies=()), groups={"q": ()})
    assert found(broken).why.startswith("The certificate is active: no.")


def test_topics_that_are_refused_are_named():
    arn = "arn:aws:iot:us-west-2:123456789012:"
    connect = policy("c", resource=f"{arn}client/board", actions="iot:Connect")
    publish = policy("p", resource=f"{arn}topic/steel-telemetry/*", actions="iot:Publish")
    limited = certified(policies=(connect, publish))
    assert (
        "Refused: steel-programs/board/status/report, steel-data/board/any"
        in row(limited, diagnosis.MAY["iot:Publish"]).detail
    )
    assert row(limited, diagnosis.MAY["iot:Connect"]).status == "passed"


def test_the_certificate_of_this_host_is_looked_at_and_others_are_named():
    other = replace(CERTIFICATE, id="c2", status="INACTIVE")
    two = replace(WELL, certificates=(other, CERTIFICATE))
    assert found(two).certificate == "c1"
    assert "attached as well: c2" in row(two, diagnosis.ATTACHED).detail
    by_attribute = replace(two, local_certificate="", local_key_id="", attributes={"certificate_id": "c2"})
    assert found(by_attribute).certificate == "c2"
    assert found(replace(by_attribute, attributes={})).certificate == "c1", "an active one"


def test_what_cannot_be_looked_at_is_said_and_is_no_pass():
    unreadable = replace(WELL, unreadable=("foreign",))
    assert row(unreadable, diagnosis.MAY["iot:Connect"]).status == "not_checked"
    strange = certified(policies=(Policy("strange", '{"Statement": [{"NotAction": "x"}]}'),))
    assert row(strange, diagnosis.MAY["iot:Connect"]).status == "not_checked"
    elsewhere = replace(WELL, local_key_id="", local_certificate="")
    assert row(elsewhere, diagnosis.MATCHES).status == "not_checked"
    unknown = replace(WELL, connectivity=None)
    assert row(unknown, diagnosis.SEEN).status == "not_checked"


@pytest.mark.parametrize("reason", [*diagnosis.REASONS, "SOMETHING_NEW", ""])
def test_the_reason_of_the_last_disconnect_is_told(reason):
    away = replace(WELL, connectivity=Connectivity(False, NOW, reason))
    assert (reason or "no reason given") in row(away, diagnosis.SEEN).detail


def test_logs_are_warnings_with_the_last_line():
    logs = (LogFacts("broker", ("first", "last")), LogFacts("boards", ()), LogFacts("none", None))
    rows = found(replace(WELL, logs=logs)).rows[-3:]
    assert [one.status for one in rows] == ["warned", "passed", "not_checked"]
    assert rows[0].detail == "2 lines, the last: last"


def test_the_sections_hold_the_answers_the_rows_and_the_lines():
    logged = replace(WELL, logs=(LogFacts("broker", tuple(f"line {one}" for one in range(30))),))
    made = diagnosis.sections([found(logged)], [logged])
    assert [one["title"] for one in made] == ["Why they cannot connect", "board", "Logs of board"]
    assert made[0]["rows"] == [["board", True, "It is connected, and nothing is in its way."]]
    assert len(made[2]["rows"]) == 20
