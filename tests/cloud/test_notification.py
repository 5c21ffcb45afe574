"""Messages that really arrive: in a queue behind a topic, and at a webhook."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

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


def test_a_webhook_gets_it_and_its_address_shows_nowhere(ansible_playbook, connection, tmp_path):
    bodies = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/steel.fleet.fleet": connection},
        "roles": ["steel.fleet.notification"],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    variables = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "fleet_name_prefix": "p",
        "fleet_environment": "local",
        "fleet_stacks": {"core": {}},
        "notification_kind": "complete",
        "notification_webhook_url": f"http://127.0.0.1:{server.server_port}/secret-token",
    }
    words = [
        str(tmp_path / "play.yml"),
        "-i",
        "localhost,",
        "-c",
        "local",
        "-vvv",
        "-e",
        json.dumps(variables),
    ]
    try:
        run = ansible_playbook(*words)
    finally:
        server.shutdown()
        server.server_close()
    assert run.returncode == 0, run.stdout
    (body,) = bodies
    assert body["kind"] == "complete"
    assert body["text"].startswith("Maintenance complete: p-local")
    assert "secret-token" not in run.stdout.replace(json.dumps(variables), "")
