"""The policy evaluator against the local cloud's broker, which enforces the same policies on its own."""

from __future__ import annotations

import json
import urllib.request

import pytest
from fleetlib.core import iot_policy
from fleetlib.core.iot_policy import CONNECT, PUBLISH, SUBSCRIBE, Certificate, Client, Policy
from fleetlib.core.validation.device import Kind
from fleetlib.crypto import keys
from fleetlib.mqtt.session import Identity, Server, Session

pytestmark = pytest.mark.cloud

NAME = "${iot:Connection.Thing.ThingName}"
ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def statement(actions, *resources, effect="Allow", **more):
    arns = [one if one == "*" else f"arn:aws:iot:*:*:{one}" for one in resources]
    return {"Effect": effect, "Action": actions, "Resource": arns, **more}


POLICIES = {
    "nothing": [],
    "own": [
        statement("iot:Connect", f"client/{NAME}", Condition=ATTACHED),
        statement("iot:Subscribe", f"topicfilter/own/{NAME}/*"),
        statement("iot:Publish", f"topic/own/{NAME}/*"),
    ],
    "all but one": [
        statement("iot:*", "*"),
        statement("iot:Publish", "topic/own/*/secret", effect="Deny"),
        statement("iot:Subscribe", "topicfilter/#", effect="Deny"),
    ],
    "mqtt wildcards": [
        statement("iot:Connect", "client/*"),
        statement("iot:Subscribe", "topicfilter/own/+/x", "topicfilter/own/#"),
        statement("iot:Publish", "topic/own/+/x", "topic/own/??????/y"),
    ],
    "wrong kinds": [
        statement("iot:Connect", "client/*"),
        statement("iot:Subscribe", "topic/*"),
        statement("iot:Publish", "topicfilter/*"),
    ],
    "client id": [
        statement("iot:Connect", "client/${iot:ClientId}"),
        statement(["iot:Sub*", "iot:Publish"], "topic*/own/${iot:ClientId}/*"),
    ],
    "common name": [
        statement("iot:Connect", "client/*"),
        statement("iot:Publish", "topic/own/${iot:Certificate.Subject.CommonName}/*"),
    ],
    "conditions": [
        statement("iot:Connect", "*", Condition={"StringLike": {"iot:ClientId": "board*"}}),
        statement(
            "iot:Publish", "*", Condition={"StringEquals": {"iot:Connection.Thing.ThingName": "board1"}}
        ),
        statement("iot:Subscribe", "*", Condition={"StringNotEquals": {"iot:ClientId": "board1"}}),
    ],
}
CLIENTS = ("board1", "board2", "stranger")
TOPICS = ("own/board1/x", "own/board1/secret", "own/board1/y", "own/+/x", "own/board2/x", "other")
FILTERS = ("own/board1/x", "own/+/x", "own/#", "own/board1/#", "#", "own/board2/+")


@pytest.fixture(scope="module")
def broker(cloud, tmp_path_factory):
    """A server, and how to log in there."""
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/iot/ca.pem") as answer:
        return Server("127.0.0.1", cloud.mqtt_port, ca_pem=answer.read().decode())


@pytest.fixture
def board(aws, tmp_path):
    """A certificate that is attached to board1; board2 is a thing, too."""
    iot = aws("iot")
    key = keys.new_key()
    made = iot.create_certificate_from_csr(
        certificateSigningRequest=keys.signing_request(key, "board1"), setAsActive=True
    )
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "certificate").write_text(made["certificatePem"])
    for name in ("board1", "board2"):
        iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName="board1", principal=made["certificateArn"])
    return iot, made, lambda client_id: Identity(client_id, tmp_path / "key", tmp_path / "certificate")


@pytest.mark.parametrize("name", POLICIES)
def test_the_evaluator_and_the_broker_agree(name, board, broker, account, cloud):
    iot, made, identity = board
    document = json.dumps({"Version": "2012-10-17", "Statement": POLICIES[name]})
    iot.create_policy(policyName="p", policyDocument=document)
    iot.attach_policy(policyName="p", target=made["certificateArn"])
    fields = keys.certificate_fields(made["certificatePem"].encode())
    seen = {}
    for client_id in CLIENTS:
        who = Client(
            client_id,
            account,
            cloud.region,
            certificate=Certificate(made["certificateId"], fields),
            attached_things=frozenset({"board1"}),
        )
        for action, what in [
            (CONNECT, client_id),
            *((PUBLISH, topic) for topic in TOPICS),
            *((SUBSCRIBE, one) for one in FILTERS),
        ]:
            expected = iot_policy.evaluate(who, [Policy("p", document)], action, what)
            if (
                action != CONNECT
                and not iot_policy.evaluate(who, [Policy("p", document)], CONNECT, client_id).allowed
            ):
                continue
            if action == PUBLISH and {"+", "#"} & set(what):
                continue  # MQTT itself forbids it
            seen[client_id, action, what] = (
                expected.allowed,
                asked(broker, identity(client_id), action, what),
            )
    assert {key: pair for key, pair in seen.items() if pair[0] is not pair[1]} == {}
    assert seen


def asked(broker, identity, action, what):
    """Whether the broker allows it. A refused message ends the connection, so each asks in one of its own."""
    with Session(broker, identity) as session:
        if action == CONNECT:
            answer = session.connected
        elif action == PUBLISH:
            answer = session.publish(what, b"x")
        else:
            answer = session.subscribe(what)
        assert answer.kind is not Kind.UNCLEAR or "Not authorized" in answer.text, answer
        return answer.allowed
