"""Messages that really arrive: in a queue behind a topic, and at a webhook."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def topic(aws):
    """A topic, and what arrives there."""
    arn = aws("sns").create_topic(Name="stakeholders")["TopicArn"]
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)

    def arrived():
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in answer.get("Messages", [])]

    return arn, arrived


def notify(connection, **options):
    given = {
        "kind": "start",
        "fleet": "p-local",
        "start_time": "2027-01-03T02:00:00Z",
        "duration_minutes": 60,
    }
    return run_module("fleet_notification", **connection, **{**given, **options})


def test_a_message_arrives(connection, topic):
    arn, arrived = topic
    assert notify(connection, topic_arns=[arn], details=["firmware 1.2.0"])["changed"]
    (message,) = arrived()
    assert message["Subject"] == "Maintenance has begun: p-local"
    assert "- firmware 1.2.0" in message["Message"]


def test_check_mode_shows_the_message_and_sends_none(connection, topic):
    arn, arrived = topic
    shown = notify(connection, topic_arns=[arn], check_mode=True)
    assert shown["text"].startswith("Maintenance of p-local has begun")
    assert arrived() == []


def test_what_cannot_be_sent_is_said(connection):
    assert "notification_kind is 'begin'" in notify(connection, kind="begin")["msg"]
    assert "start_time is 'soon'" in notify(connection, start_time="soon")["msg"]
    gone = "arn:aws:sns:us-west-2:000000000000:gone"
    assert "AWS refused Publish" in notify(connection, topic_arns=[gone])["msg"]


@pytest.fixture
def hook():
    """A webhook that answers with ``hook.status``, and what it got."""
    got = SimpleNamespace(bodies=[], status=204)

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            got.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(got.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got.url = f"http://127.0.0.1:{server.server_port}/secret-token"
    yield got
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_it_and_its_address_shows_nowhere(connection, hook):
    told = notify(connection, kind="complete", webhook_url=hook.url)
    assert told["changed"]
    (body,) = hook.bodies
    assert body["kind"] == "complete"
    assert body["text"].startswith("Maintenance complete: p-local")
    assert "secret-token" not in json.dumps(told)


def test_a_webhook_that_does_not_take_it_is_said_without_its_address(connection, hook):
    hook.status = 503
    failed = notify(connection, webhook_url=hook.url)
    assert "The webhook (notification_webhook_url) answered 503" in failed["msg"]
    assert "secret-token" not in json.dumps(failed)


def test_check_mode_tells_no_webhook(connection, hook):
    assert notify(connection, webhook_url=hook.url, check_mode=True)["changed"]
    assert hook.bodies == []


def test_a_webhook_that_others_could_read_is_refused(connection):
    refused = notify(connection, webhook_url="http://chat.example/secret-token")
    assert "notification_webhook_url must begin with https://" in refused["msg"]
