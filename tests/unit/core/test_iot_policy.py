"""AWS IoT policies: who may do what, and which statement decided."""

from __future__ import annotations

import json

import pytest
from fleetlib.core import iot_policy
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.iot_policy import CONNECT, PUBLISH, RECEIVE, SUBSCRIBE, Certificate, Client, Policy

ARN = "arn:aws:iot:us-west-2:123456789012:"
NAME = "${iot:Connection.Thing.ThingName}"


def client(client_id="board", **more):
    given = {"attached_things": frozenset({"board"}), **more}
    return Client(client_id, "123456789012", "us-west-2", **given)


def allow(actions, *resources, effect="Allow", **condition):
    arns = [one if one == "*" else ARN + one for one in resources]
    made = {"Effect": effect, "Action": actions, "Resource": arns}
    return {**made, "Condition": condition} if condition else made


def policy(*statements, name="device", group=""):
    return Policy(name, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), group)


def may(action, what, *policies, who=None):
    return iot_policy.evaluate(who or client(), policies, action, what)


def test_nothing_is_allowed_without_a_policy():
    decision = may(CONNECT, "board")
    assert not decision.allowed
    assert decision.why() == "No policy has a statement that allows iot:Connect."


def test_the_statement_that_allows_is_named():
    decision = may(PUBLISH, "a/b", policy(allow("iot:Connect", "*"), allow("iot:Publish", "topic/a/*")))
    assert decision.allowed
    assert decision.why() == "Allowed by statement 2 of policy device on the certificate."


def test_a_deny_wins_wherever_it_stands():
    yes, no = policy(allow("iot:*", "*")), policy(allow("iot:*", "*", effect="Deny"), name="no", group="q")
    for policies in ([yes, no], [no, yes]):
        decision = may(CONNECT, "board", *policies)
        assert not decision.allowed
        assert decision.why() == "Denied by statement 1 of policy no on thing group q."


def test_policies_of_a_group_count_only_under_the_things_own_client_id():
    group = policy(allow("iot:*", "*"), group="fleet")
    assert may(CONNECT, "board", group).allowed
    assert not may(CONNECT, "other", group, who=client("other")).allowed
    other_certificate = client(attached_things=frozenset({"else"}))
    assert not may(CONNECT, "board", group, who=other_certificate).allowed


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("a/*", "a/b/c", True),
        ("a/*", "a/", True),
        ("a/*", "a", False),
        ("a/?", "a/b", True),
        ("a/?", "a/bc", False),
        ("a/+", "a/+", True),
        ("a/+", "a/b", False),
        ("a/#", "a/b", False),
        ("a/*/c", "a/b/b/c", True),
        ("A/b", "a/b", False),
        ("a.b", "axb", False),
        ("a/${*}", "a/*", True),
        ("a/${*}", "a/b", False),
        ("a/${?}${$}", "a/?$", True),
    ],
)
def test_only_star_and_question_mark_are_wildcards(pattern, topic, matches):
    assert may(PUBLISH, topic, policy(allow("iot:Publish", f"topic/{pattern}"))).allowed is matches


@pytest.mark.parametrize(
    ("pattern", "topic_filter", "matches"),
    [
        ("a/+/c", "a/+/c", True),
        ("a/+/c", "a/b/c", False),
        ("a/b/c", "a/+/c", False),
        ("a/*", "a/#", True),
        ("a/*", "#", False),
        ("a/#", "a/#", True),
        ("a/#", "a/b", False),
    ],
)
def test_the_wildcards_of_mqtt_are_plain_characters_in_a_policy(pattern, topic_filter, matches):
    found = may(SUBSCRIBE, topic_filter, policy(allow("iot:Subscribe", f"topicfilter/{pattern}")))
    assert found.allowed is matches


def test_a_subscription_needs_a_topic_filter_and_a_message_a_topic():
    wrong = policy(allow("iot:Subscribe", "topic/a"), allow("iot:Receive", "topicfilter/a"))
    assert "it is about topic, not about topicfilter" in may(SUBSCRIBE, "a", wrong).why()
    assert "it is about topicfilter, not about topic" in may(RECEIVE, "a", wrong).why()


@pytest.mark.parametrize("actions", ["iot:Publish", "IOT:publish", "iot:*", "*", ["iot:Connect", "iot:Pub*"]])
def test_an_action_matches_in_any_case_and_by_wildcards(actions):
    assert may(PUBLISH, "a", policy(allow(actions, "*"))).allowed


def test_the_thing_name_has_a_value_only_where_certificate_and_client_id_belong_to_it():
    own = policy(allow("iot:Connect", f"client/{NAME}"))
    assert may(CONNECT, "board", own).allowed
    decision = may(CONNECT, "board", own, who=client(attached_things=frozenset()))
    assert decision.why().endswith("on the certificate: iot:Connection.Thing.ThingName has no value.")
    assert not may(CONNECT, "other", own, who=client("other")).allowed


def test_a_thing_that_is_attached_exclusively_needs_no_client_id():
    who = client("other", attached_things=frozenset({"board"}), exclusive_thing="board")
    assert may(PUBLISH, "a/board", policy(allow("iot:Publish", f"topic/a/{NAME}")), who=who).allowed


def test_whether_the_certificate_is_attached_is_a_condition():
    attached = allow("iot:Connect", "*", Bool={"iot:Connection.Thing.IsAttached": ["true"]})
    assert may(CONNECT, "board", policy(attached)).allowed
    decision = may(CONNECT, "x", policy(attached), who=client("x"))
    assert "Bool on iot:Connection.Thing.IsAttached does not hold, it is false" in decision.why()


def test_type_attributes_client_id_and_certificate_are_variables():
    who = client(
        thing_type="esp32",
        attributes={"site": "north", "Stars": "*"},
        certificate=Certificate("c1", {"Subject.CommonName": ["cn"], "Subject.Country": ["CH", "DE"]}),
    )
    for name, value in {
        "iot:ClientId": "board",
        "iot:Connection.Thing.ThingTypeName": "esp32",
        "iot:Connection.Thing.Attributes[site]": "north",
        "iot:CertificateId": "c1",
        "iot:Certificate.Subject.CommonName": "cn",
        "iot:Certificate.Subject.Country": "CH",
        "iot:Certificate.Subject.Country.1": "DE",
    }.items():
        assert may(
            PUBLISH, f"a/{value}", policy(allow("iot:Publish", f"topic/a/${{{name}}}")), who=who
        ).allowed
    star = policy(allow("iot:Publish", "topic/a/${iot:Connection.Thing.Attributes[Stars]}"))
    assert not may(PUBLISH, "a/b", star, who=who).allowed, "a value is no wildcard"


@pytest.mark.parametrize("value", ["a*", "a+b", "#", "a$", "?", "x" * 1025])
def test_a_certificate_attribute_with_special_characters_or_too_long_is_never_put_in(value):
    who = client(certificate=Certificate("c", {"Subject.CommonName": [value]}))
    assert "iot:certificate.subject.commonname" not in who.variables()


def test_of_many_values_of_a_certificate_attribute_five_count():
    who = client(certificate=Certificate("c", {"Subject.Country": list("abcdef")}))
    assert sum(name.startswith("iot:certificate.subject.country.") for name in who.variables()) == 5


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "holds"),
    [
        ("StringEquals", "iot:ClientId", "board", True),
        ("StringEquals", "iot:ClientId", ["x", "board"], True),
        ("StringEquals", "iot:ClientId", "b*", False),
        ("StringEquals", "iot:ClientId", NAME, True),
        ("StringLike", "iot:ClientId", "b*", True),
        ("StringNotLike", "iot:ClientId", "b*", False),
        ("StringNotEquals", "iot:ClientId", "board", False),
        ("StringNotEquals", "iot:Connection.Thing.ThingTypeName", "x", True),
        ("StringEquals", "iot:Connection.Thing.ThingTypeName", "x", False),
        ("StringEqualsIfExists", "iot:Connection.Thing.ThingTypeName", "x", True),
        ("StringEqualsIgnoreCase", "iot:clientid", "BOARD", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "192.168.0.0/16"], False),
        ("ForAllValues:StringEquals", "iot:ConnectAttributes", ["LastWill"], True),
        ("ForAnyValue:StringEquals", "iot:ConnectAttributes", ["LastWill"], True),
        ("ForAllValues:StringEquals", "iot:ConnectAttributes", ["PersistentConnect"], False),
        ("ForAllValues:StringEquals", "iot:Connection.Thing.ThingTypeName", ["x"], True),
        ("ForAnyValue:StringEquals", "iot:Connection.Thing.ThingTypeName", ["x"], False),
    ],
)
def test_conditions_follow_iam(operator, key, wanted, holds):
    who = client(source_ip="10.1.2.3", connect_attributes=("LastWill",))
    found = may(CONNECT, "board", policy(allow("iot:Connect", "*", **{operator: {key: wanted}})), who=who)
    assert found.allowed is holds


def test_a_deny_whose_condition_does_not_hold_denies_nothing():
    no = allow("iot:Connect", "*", effect="Deny", StringEquals={"iot:ClientId": "other"})
    assert may(CONNECT, "board", policy(no, allow("iot:Connect", "*"))).allowed


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "has no list of statements"),
        ('{"Statement": [{"Effect": "Allow", "Action": "*"}]}', "lacks Effect, Action or Resource"),
        ('{"Statement": ["x"]}', "lacks Effect, Action or Resource"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "NotAction": "*"}}', "NotAction"),
        ('{"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}', "Allow or Deny"),
        ('{"Statement": {"Effect": "Allow", "Action": {}, "Resource": "*"}}', "where texts have to be"),
        (
            '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Null": {}}}}',
            "has the condition Null; known are",
        ),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": "x"}}}',
            "no operator with keys",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name_and_never_guessed(document, words):
    with pytest.raises(InvalidInputError, match="device") as refused:
        may(CONNECT, "board", Policy("device", document))
    assert words in str(refused.value)


def test_an_action_without_a_known_kind_of_resource_is_refused():
    with pytest.raises(InvalidInputError, match="iot:UpdateThing is none of"):
        may("iot:UpdateThing", "board")
