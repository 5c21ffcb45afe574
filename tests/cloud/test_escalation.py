"""People are told over real SNS and real HTTP, each once."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cloud.incident_site import Site, reports
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def receiver():
    """An HTTP server that keeps what it got, and answers with ``answer``."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answer = got, 202
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox(aws):
    """A topic, and what was published to it."""
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="oncall")["TopicArn"]
    queue = sqs.create_queue(QueueName="oncall")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read():
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]

    return topic, read


@pytest.fixture
def contacts(mailbox, receiver, tmp_path):
    key = tmp_path / "pagerduty.key"
    key.touch(0o600)
    key.write_text("routing-key-123\n")
    address = f"http://127.0.0.1:{receiver.server_port}"
    return [
        {"level": 1, "name": "DevOps", "channel": "sns", "to": mailbox[0]},
        {"level": 1, "name": "Pager", "channel": "pagerduty", "to": f"{address}/pd", "secret_file": str(key)},
        {"level": 1, "name": "Chat", "channel": "webhook", "to": f"{address}/hook-path"},
        {"level": 2, "name": "Engineering", "channel": "webhook", "to": f"{address}/level2"},
    ]


@pytest.fixture
def escalate(connection, contacts, tmp_path):
    def escalate(check_mode=False, **options):
        given = {
            "incident_id": "i1",
            "severity": "P1",
            "summary": "half of the fleet is away",
            "fleet": "pit-local",
            "contacts": contacts,
            "directory": str(tmp_path / "fleet"),
        }
        return run_module("incident_escalation", check_mode, **connection, **{**given, **options})

    return escalate


def test_level_one_is_told_at_once_on_every_channel_and_nobody_twice(escalate, receiver, mailbox):
    first, again = escalate(), escalate()
    assert first["told"] == ["DevOps", "Pager", "Chat"]
    assert (again["told"], again["changed"]) == ([], False)
    paths = [path for path, _, _ in receiver.got]
    assert paths == ["/pd", "/hook-path"]
    _, _, event = receiver.got[0]
    assert (event["routing_key"], event["dedup_key"]) == ("routing-key-123", "pit-local/i1")
    _, headers, hook = receiver.got[1]
    assert headers["Idempotency-Key"] == "pit-local/i1/1"
    assert hook["summary"] == "half of the fleet is away"
    (mail,) = mailbox[1]()
    assert mail["Subject"] == "[P1] pit-local: half of the fleet is away"
    assert "routing-key-123" not in json.dumps([hook, mail, first, again])


def test_check_mode_tells_nobody(escalate, receiver, mailbox, tmp_path):
    answer = escalate(check_mode=True)
    assert answer["changed"] is True
    assert answer["told"] == ["DevOps", "Pager", "Chat"]
    assert receiver.got == []
    assert not (tmp_path / "fleet").exists()


def test_who_cannot_be_told_is_named_without_the_address_and_told_next_time(escalate, receiver):
    receiver.answer = 500
    answer = escalate()
    assert answer["told"] == ["DevOps"]
    assert len(answer["troubles"]) == 2
    assert "Chat (webhook) answered 500" in answer["troubles"][1]
    assert "hook-path" not in json.dumps(answer["checks"] + answer["troubles"])
    receiver.answer = 200
    assert escalate()["told"] == ["Pager", "Chat"]


def test_once_it_is_taken_nobody_else_is_told(escalate):
    escalate()
    taken = escalate(action="take", by="me")
    assert (taken["state"], taken["changed"], taken["next_deadline"]) == ("taken", True, "")
    assert escalate(action="take", by="other")["changed"] is False
    assert escalate(action="resolve")["state"] == "resolved"
    assert "Escalation i1 is resolved" in escalate()["msg"]


def test_a_key_that_others_may_read_is_not_used(escalate, contacts, receiver, tmp_path):
    (tmp_path / "pagerduty.key").chmod(0o644)
    answer = escalate(contacts=contacts[1:2])
    assert "its mode has to be 0600" in answer["troubles"][0]
    assert receiver.got == []


def test_a_contact_without_a_topic_is_named_and_the_others_are_told(escalate, contacts):
    answer = escalate(contacts=[{**contacts[0], "to": ""}, contacts[2]])
    assert answer["told"] == ["Chat"]
    assert "Contact DevOps needs the ARN of a topic" in answer["troubles"][0]
    assert escalate(action="take", contacts=[{**contacts[0], "to": ""}])["troubles"] == []


def test_nothing_to_look_at_is_said(escalate):
    assert "There is no escalation i1" in escalate(action="status")["msg"]


def test_the_runbook_tells_and_reports(
    aws, connection, account, tmp_path, cloud, contacts, receiver, ansible_playbook
):
    site = Site(aws, connection, account, tmp_path / "site", cloud)
    given = {"incident_id": "i1", "severity": "P2", "summary": "slow", "incident_response_contacts": contacts}
    playbook = ("playbooks/runbooks/escalate.yml", "-i", "inventory/local/control.yml")
    run = ansible_playbook(*playbook, "-e", site.variables(**given))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "told now: DevOps, Pager, Chat" in " ".join(run.stdout.split())
    (report,) = reports(tmp_path / "reports")
    assert report["summary"]["Severity"] == "P2"
    assert report["warnings"] == []
    assert "hook-path" not in json.dumps(report)


# An outage is when people have to be told; a playbook whose first tasks ask AWS would end before it.
def test_people_are_told_where_aws_does_not_answer(
    aws, connection, account, tmp_path, cloud, contacts, receiver, ansible_playbook
):
    site = Site(aws, connection, account, tmp_path / "site", cloud)
    given = {"incident_id": "i2", "severity": "P1", "summary": "gone", "incident_response_contacts": contacts}
    away = {"fleet_aws_connection": {**connection, "endpoint_url": "http://127.0.0.1:9"}}
    playbook = ("playbooks/runbooks/escalate.yml", "-i", "inventory/local/control.yml")
    run = ansible_playbook(*playbook, "-e", site.variables(**given, **away))
    said = " ".join(run.stdout.split())
    assert "Contacts that need AWS cannot be told" in said, run.stdout + run.stderr
    assert "told now: Pager, Chat" in said
    assert run.returncode != 0
    assert "Tell them another way" in said
    assert [path for path, _, _ in receiver.got] == ["/pd", "/hook-path"]
