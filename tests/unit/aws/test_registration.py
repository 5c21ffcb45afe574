"""Registration tasks as AWS speaks of them: botocore's model for calls, a real web server for reports."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from fleetlib.aws.registration import RegistrationTasks
from fleetlib.core.errors import FleetError
from fleetlib.core.provisioning.bulk import Task
from fleetlib.core.provisioning.ports import AnswerLostError

ROLE = "arn:aws:iam::123456789012:role/steel-fleet/p-local-registration"


@pytest.fixture
def iot():
    client = boto3.client("iot", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def reports():
    """A web server: ``reports["/path"] = bytes``; its address is ``reports["address"]``."""
    bodies = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = bodies.get(self.path.partition("?")[0])
            self.send_response(403 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"") + (self.path.endswith("cut"))))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bodies["address"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield bodies
    server.shutdown()
    server.server_close()


def test_a_task_is_started_with_template_input_and_role(iot):
    client, stubber = iot
    stubber.add_response(
        "start_thing_registration_task",
        {"taskId": "t1"},
        {"templateBody": "{}", "inputFileBucket": "deploy", "inputFileKey": "k", "roleArn": ROLE},
    )
    assert RegistrationTasks(client, None, "deploy", ROLE).start("{}", "k") == "t1"


def test_every_task_is_described(iot):
    client, stubber = iot
    stubber.add_response("list_thing_registration_tasks", {"taskIds": ["t1"], "nextToken": "n"}, {})
    stubber.add_response("list_thing_registration_tasks", {"taskIds": ["t2"]}, {"nextToken": "n"})
    for name, status, message in (("t1", "Completed", ""), ("t2", "Failed", "No such role")):
        stubber.add_response(
            "describe_thing_registration_task",
            {
                "taskId": name,
                "status": status,
                "inputFileBucket": "deploy",
                "inputFileKey": "k",
                "successCount": 3,
                "failureCount": 1,
                "message": message,
            },
            {"taskId": name},
        )
    assert list(RegistrationTasks(client, None, "deploy", ROLE).every()) == [
        Task("t1", "Completed", "deploy", "k", 3, 1, ""),
        Task("t2", "Failed", "deploy", "k", 3, 1, "No such role"),
    ]


def test_the_reports_are_read_line_by_line_from_every_link(iot, reports):
    client, stubber = iot
    reports["/1"], reports["/2"] = b'{"a": 1}\n\n{"a": 2}\n', '{"ä": 3}'.encode()
    links = [f"{reports['address']}/1?signature=s", f"{reports['address']}/2?signature=s"]
    stubber.add_response(
        "list_thing_registration_task_reports",
        {"resourceLinks": links[:1], "reportType": "RESULTS", "nextToken": "n"},
        {"taskId": "t1", "reportType": "RESULTS"},
    )
    stubber.add_response(
        "list_thing_registration_task_reports",
        {"resourceLinks": links[1:], "reportType": "RESULTS"},
        {"taskId": "t1", "reportType": "RESULTS", "nextToken": "n"},
    )
    lines = list(RegistrationTasks(client, None, "deploy", ROLE).results("t1"))
    assert lines == ['{"a": 1}\n', '{"a": 2}\n', '{"ä": 3}']


@pytest.mark.parametrize("path", ["/gone?signature=secret", "/whole?signature=secret&cut"])
def test_a_report_that_cannot_be_read_stops_the_run_and_its_signature_is_not_told(iot, reports, path):
    client, stubber = iot
    reports["/whole"] = b"x"
    stubber.add_response(
        "list_thing_registration_task_reports", {"resourceLinks": [f"{reports['address']}{path}"]}
    )
    with pytest.raises(FleetError, match=r"cannot be read from http://127.0.0.1.* run again") as told:
        list(RegistrationTasks(client, None, "deploy", ROLE).errors("t1"))
    assert "secret" not in str(told.value)


def test_a_link_that_is_no_web_address_is_refused(iot):
    client, stubber = iot
    stubber.add_response("list_thing_registration_task_reports", {"resourceLinks": ["file:///etc/passwd"]})
    with pytest.raises(FleetError, match="no web address"):
        list(RegistrationTasks(client, None, "deploy", ROLE).results("t1"))


def test_a_refusal_says_what_was_refused(iot):
    client, stubber = iot
    stubber.add_client_error("start_thing_registration_task", "UnauthorizedException", "No")
    with pytest.raises(FleetError, match="AWS refused StartThingRegistrationTask: No"):
        RegistrationTasks(client, None, "deploy", ROLE).start("{}", "k")


def test_a_start_whose_answer_is_lost_is_not_sent_again():
    client = boto3.client("iot", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b")
    sent = []

    def lose(request, **_):
        sent.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    client.meta.events.register("before-send.iot.StartThingRegistrationTask", lose)
    with pytest.raises(AnswerLostError):
        RegistrationTasks(client, None, "deploy", ROLE).start("{}", "k")
    assert len(sent) == 1
