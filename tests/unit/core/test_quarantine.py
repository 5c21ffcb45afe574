"""What an incident does follows from what was found first and from what is there now."""

from __future__ import annotations

import pytest
from fleetlib.core import quarantine
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.quarantine import CertificateState, Do, Gate, Incident, Scope, State, Step

SCOPE = Scope("i", "q", "deny", ("a", "b"))
FREE = Gate(False, False, frozenset())


def certificate(name="c1", status="ACTIVE", denied=False):
    return CertificateState(f"arn:aws:iot:r:1:cert/{name}", status, denied)


def records(*more):
    scope = {"id": "i", "quarantine_group": "q", "policy": "deny", "things": ["a", "b"], "group": ""}
    return [{"event": "opened", "at": "t1", "scope": scope}, *more]


def found(thing, *certificates):
    return {"event": "found", "thing": thing, "certificates": [vars(one) for one in certificates]}


def test_a_journal_tells_the_first_state_of_everything():
    gate = {"event": "gate", "quarantine_denied": False, "group_denied": False, "members": ["b"]}
    told = quarantine.tell(
        records(
            gate,
            found("a", certificate()),
            {**gate, "quarantine_denied": True, "members": ["a", "b"]},
            found("a", certificate(status="INACTIVE", denied=True), certificate("c2")),
            {"event": "quarantined"},
        )
    )
    assert told.gate == Gate(False, False, frozenset("b"))
    assert told.former == {"a": (certificate(), certificate("c2"))}
    assert (told.state, told.opened, told.scope.things) == (State.QUARANTINED, "t1", ("a", "b"))


def test_an_empty_journal_tells_of_no_incident():
    assert quarantine.tell([]) is None
    assert quarantine.tell([{"event": "quarantined"}]) is None


def test_the_gate_is_one_policy_and_every_device_that_is_not_behind_it():
    behind = Gate(False, False, frozenset("a"))
    assert quarantine.gate_steps(SCOPE, behind) == [Step(Do.DENY_GROUP, "q"), Step(Do.ADD, "b")]
    whole = Scope("i", "q", "deny", ("a", "b"), group="g")
    assert quarantine.gate_steps(whole, FREE) == [Step(Do.DENY_GROUP, "g")]
    assert quarantine.gate_steps(whole, Gate(False, True, frozenset())) == []


def test_a_certificate_is_denied_before_it_is_switched_off_and_the_session_ends_last():
    steps = quarantine.thing_steps("a", [certificate(), certificate("c2", "INACTIVE", True)], cut=True)
    assert [one.do for one in steps] == [Do.DENY, Do.SWITCH_OFF, Do.CUT]


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED", "PENDING_ACTIVATION", "PENDING_TRANSFER"])
def test_a_certificate_that_is_not_active_stays_what_it_is(status):
    assert [one.do for one in quarantine.thing_steps("a", [certificate(status=status)], cut=False)] == [
        Do.DENY
    ]


@pytest.mark.parametrize(
    ("former", "now", "steps", "trouble"),
    [
        (certificate(), certificate(status="INACTIVE", denied=True), [Do.SWITCH_ON, Do.ALLOW], ""),
        (certificate(), certificate(), [], ""),
        (certificate(denied=True), certificate(status="INACTIVE", denied=True), [Do.SWITCH_ON], ""),
        (certificate(status="INACTIVE"), certificate(status="INACTIVE", denied=True), [Do.ALLOW], ""),
        (certificate(status="INACTIVE"), certificate(), [], ""),
        (certificate(), certificate(status="REVOKED", denied=True), [Do.ALLOW], "was ACTIVE and is REVOKED"),
        (certificate("gone"), certificate(), [], "no longer attached"),
    ],
)
def test_a_release_restores_what_was_and_forces_nothing(former, now, steps, trouble):
    planned, troubles = quarantine.thing_release([former], [now])
    assert [one.do for one in planned] == steps
    assert trouble in " ".join(troubles)
    assert bool(troubles) is bool(trouble)


def test_a_release_takes_out_of_the_group_only_whom_the_incident_put_there():
    former, now = Gate(False, False, frozenset("a")), Gate(True, False, frozenset("ab"))
    steps = quarantine.gate_release(SCOPE, former, now, others_in_quarantine=False)
    assert steps == [Step(Do.REMOVE, "b"), Step(Do.ALLOW_GROUP, "q")]


def test_the_policy_stays_on_the_group_while_others_are_in_it_or_where_it_was_before():
    now = Gate(True, False, frozenset())
    assert quarantine.gate_release(SCOPE, FREE, now, others_in_quarantine=True) == []
    assert quarantine.gate_release(SCOPE, Gate(True, False, frozenset()), now, False) == []


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (State.OPEN, set()),
        (State.QUARANTINED, set()),
        (State.RELEASING, {"quarantine", "revoke"}),
        (State.RELEASED, {"quarantine", "revoke"}),
        (State.REVOKING, {"quarantine", "release"}),
        (State.REVOKED, {"quarantine", "release"}),
    ],
)
def test_what_may_follow_what(state, refused):
    incident = Incident(SCOPE, "t", state)
    for action in ("quarantine", "release", "revoke"):
        if action in refused:
            with pytest.raises(FleetError, match=f"Incident i is {state}"):
                quarantine.may(incident, action)
        else:
            quarantine.may(incident, action)


def incident(name, opened, *things, state=State.QUARANTINED, group=""):
    return Incident(Scope(name, "q", "deny", things, group), opened, state)


def test_a_later_open_incident_with_the_same_device_has_to_be_released_first():
    mine = incident("a", "1", "x")
    others = [
        mine,
        incident("later", "2", "x", "y"),
        incident("elsewhere", "2", "y"),
        incident("over", "2", "x", state=State.RELEASED),
        incident("earlier", "0", "x"),
    ]
    assert quarantine.blockers(mine, others) == ["later"]


def test_an_incident_is_found_by_its_devices_or_its_group():
    known = [incident("a", "1", "x"), incident("b", "2", "x", "y", group="g")]
    assert quarantine.same(known, ["x"], "") == "a"
    assert quarantine.same(known, ["z"], "g") == "b"
    assert quarantine.same(known, ["z"], "") == ""


def test_the_only_open_incident_needs_no_name():
    over = incident("over", "1", "x", state=State.REVOKED)
    assert quarantine.only_open([over, incident("a", "2", "x")]) == "a"
    with pytest.raises(InvalidInputError, match="0 incidents are open"):
        quarantine.only_open([over])


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "x" * 65, "a b"])
def test_an_id_that_cannot_be_a_directory_is_refused(name):
    with pytest.raises(InvalidInputError, match="incident_id is"):
        quarantine.check_id(name)


def test_revocation_leaves_out_what_is_revoked():
    steps = quarantine.thing_revocation([certificate(), certificate("c2", "REVOKED")])
    assert steps == [Step(Do.REVOKE, certificate().arn)]
