"""Messages about runs, sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.stub import ANY, Stubber
from fleetlib import run_notice
from fleetlib.core.run_notice import Audience

from tests.unit.core.test_run_notice import record

TOPIC = "arn:aws:sns:us-west-2:000000000000:operators"
SECRET_PATH = "/hooks/T0KEN-abcdefgh"


class Chat(HTTPServer):
    """Takes what is posted to it; answers with ``status``."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.got = 200, []
        self.url = f"http://127.0.0.1:{self.server_port}{SECRET_PATH}"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def chat():
    server = Chat()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sns(monkeypatch):
    client = boto3.client("sns", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(run_notice, "client", lambda *_: client)
    with Stubber(client) as stub:
        yield stub


def test_everybody_is_told(chat, sns):
    sns.add_response(
        "publish",
        {"MessageId": "1"},
        {"TopicArn": TOPIC, "Subject": "deploy in production ended well", "Message": ANY},
    )
    told = run_notice.tell(record(), "/r/index.html", Audience((TOPIC,), chat.url), {})
    assert told == (["topic operators", "the webhook"], [])
    [(path, data)] = chat.got
    assert path == SECRET_PATH
    assert data["report"] == "/r/index.html"


def test_one_who_cannot_be_told_is_a_problem_and_the_others_are_told(chat, sns):
    sns.add_client_error("publish", "AuthorizationError", "not yours")
    told, (problem,) = run_notice.tell(record(), "x", Audience((TOPIC,), chat.url), {})
    assert told == ["the webhook"]
    assert problem.startswith("Topic operators was not told about this run: AWS refused sns:Publish")


def test_a_webhook_that_refuses_is_told_by_its_status_and_never_by_its_address(chat):
    chat.status = 403
    assert run_notice.tell(record(), "x", Audience((), chat.url), {}) == (
        [],
        ["The webhook was not told about this run: it answered 403 Forbidden."],
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:1/hooks/abcdefgh", "it cannot be reached"),
        ("http://chat.example.com/hooks/abcdefgh", "has to begin with https://"),
        ("https://[/hooks/abcdefgh", "has to begin with https://"),
        ("http://127.0.0.1:1/hooks/abcd efgh", "it cannot be reached: InvalidURL"),
    ],
)
def test_a_bad_address_is_a_problem_that_does_not_show_it(address, why):
    told, (problem,) = run_notice.tell(record(), "x", Audience((), address), {})
    assert told == []
    assert why in problem
    assert "hooks" not in problem


def test_a_wrong_when_is_a_problem_and_nothing_is_sent(chat):
    told, (problem,) = run_notice.tell(record(), "x", Audience((), chat.url, "never"), {})
    assert (told, chat.got) == ([], [])
    assert "fleet_notify_when is 'never'" in problem


def test_a_run_that_nobody_wants_to_hear_of_sends_nothing(chat):
    assert run_notice.tell(record(), "x", Audience((), chat.url, "failed"), {}) == ([], [])
    assert chat.got == []
