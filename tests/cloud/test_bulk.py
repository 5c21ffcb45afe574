"""Strategy bulk, whole: the module against the local cloud, which lacks registration tasks.

A proxy in front of it answers the four calls of the API as AWS documents them, and does a task's work with
the local cloud's own registry. What is shown is our side: requests, resumption, results, and the end.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fleetlib.crypto import keys
from fleetlib.device_store import DeviceStore

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud

ROLE = "arn:aws:iam::123456789012:role/steel-fleet/p-local-registration"
TASKS = "/thing-registration-tasks"


class TaskService:
    """Registration tasks of one account."""

    def __init__(self, iot, s3):
        self.iot = iot
        self.s3 = s3
        self.tasks = {}
        self.refuse = {}
        self.gate = threading.Event()
        """A task stays at work until this is set."""
        self.gate.set()
        self.started = threading.Event()

    def start(self, request):
        task_id = f"task-{len(self.tasks) + 1}"
        found = self.s3.get_object(Bucket=request["inputFileBucket"], Key=request["inputFileKey"])
        task = {**request, "taskId": task_id, "results": [], "errors": []}
        for line in found["Body"].iter_lines():
            self.register(json.loads(line), json.loads(request["templateBody"]), task)
        self.tasks[task_id] = task
        self.started.set()
        return {"taskId": task_id}

    def register(self, given, template, task):
        name = given["ThingName"]
        if name in self.refuse:
            task["errors"].append({"thingName": name, "errorMessage": self.refuse[name]})
            return
        resources = template["Resources"]
        made = self.iot.create_certificate_from_csr(
            certificateSigningRequest=given["CSR"],
            setAsActive=resources["certificate"]["Properties"]["Status"] == "ACTIVE",
        )
        attributes = {
            key: given[value["Ref"]] if isinstance(value, dict) else value
            for key, value in resources["thing"]["Properties"]["AttributePayload"].items()
        }
        thing = self.iot.create_thing(
            thingName=name,
            thingTypeName=resources["thing"]["Properties"]["ThingTypeName"],
            attributePayload={"attributes": attributes},
        )
        policy = resources["policy"]["Properties"]["PolicyName"]
        self.iot.attach_policy(policyName=policy, target=made["certificateArn"])
        self.iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        arns = {"thing": thing["thingArn"], "certificate": made["certificateArn"]}
        response = {"CertificatePem": made["certificatePem"], "ResourceArns": arns}
        task["results"].append({"response": response})

    def describe(self, task_id):
        task = self.tasks[task_id]
        ended = self.gate.is_set()
        return {
            "taskId": task_id,
            "inputFileBucket": task["inputFileBucket"],
            "inputFileKey": task["inputFileKey"],
            "status": "Completed" if ended else "InProgress",
            "successCount": len(task["results"]) if ended else 0,
            "failureCount": len(task["errors"]) if ended else 0,
        }

    def answer(self, method, url, body, address):
        """The API, by path."""
        where = urlsplit(url)
        parts = where.path.removeprefix(TASKS).strip("/").split("/")
        if method == "POST":
            return self.start(json.loads(body))
        if parts == [""]:
            return {"taskIds": list(self.tasks)}
        if len(parts) == 1:
            return self.describe(parts[0])
        kind = parse_qs(where.query)["reportType"][0]
        return {"reportType": kind, "resourceLinks": [f"{address}/report/{parts[0]}/{kind.lower()}"]}


@pytest.fixture
def service(aws):
    return TaskService(aws("iot"), aws("s3"))


@pytest.fixture
def proxy(cloud, service):
    """The address of a proxy that answers for the tasks and passes everything else on."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith("/report/"):
                _, _, task_id, kind = self.path.split("/")
                lines = service.tasks[task_id][kind]
                self.reply(200, "".join(f"{json.dumps(line)}\n" for line in lines).encode(), {})
            elif self.path.startswith(TASKS):
                answer = service.answer(self.command, self.path, body, address)
                self.reply(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})
            else:
                onward = http.client.HTTPConnection("127.0.0.1", cloud.port)
                onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    onward.putheader(name, value)
                onward.endheaders(body)
                got = onward.getresponse()
                self.reply(got.status, got.read(), dict(got.headers))
                onward.close()

        def reply(self, status, body, headers):
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def iot(aws):
    client = aws("iot")
    client.create_thing_type(thingTypeName="board")
    client.create_policy(
        policyName="device", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    client.create_thing_group(thingGroupName="p-local")
    return client


@pytest.fixture
def bucket(aws, account):
    """A bucket of the test's own: names are shared by all accounts."""
    name = f"deploy-{account}"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


@pytest.fixture
def provision(connection, proxy, bucket, iot, tmp_path):
    def provision(**options):
        given = {
            **connection,
            "endpoint_url": proxy,
            "name_prefix": "p",
            "environment_name": "local",
            "thing_type": "board",
            "policy": "device",
            "group": "p-local",
            "attributes": {"site": "b2"},
            "state_directory": str(tmp_path / "state"),
            "rate_factor": 1000,
            "settle_seconds": 0,
            "strategy": "bulk",
            "task_bucket": bucket,
            "task_role_arn": ROLE,
            "task_poll_seconds": 0.1,
            "count": 3,
        }
        return run_module("iot_thing_batch", **{**given, **options})

    return provision


def assert_complete(iot, directory, names):
    """As the direct strategy leaves them: own key, one certificate, policy, attributes, group."""
    store = DeviceStore(directory / "devices")
    assert len(iot.list_certificates()["certificates"]) == len(names)
    assert sorted(iot.list_things_in_thing_group(thingGroupName="p-local")["things"]) == sorted(names)
    for name in names:
        held = store.certificate(name)
        thing = iot.describe_thing(thingName=name)
        assert thing["thingTypeName"] == "board"
        assert thing["attributes"] == {
            "certificate_id": held.id,
            "device_id": name.removeprefix("p-local-"),
            "environment": "local",
            "site": "b2",
        }
        assert iot.list_thing_principals(thingName=name)["principals"] == [held.arn]
        (policy,) = iot.list_attached_policies(target=held.arn)["policies"]
        assert policy["policyName"] == "device"
        text = iot.describe_certificate(certificateId=held.id)["certificateDescription"]["certificatePem"]
        assert keys.certificate_key_id(text) == keys.public_key_id(store.key(name))


def test_a_fleet_is_registered_by_a_task_and_completed(provision, service, iot, tmp_path):
    result = provision()
    assert not result["failed"], result
    assert (result["changed"], result["done"]) == (True, 3)
    assert result["task"] == {
        "id": "task-1",
        "status": "Completed",
        "registered": 3,
        "failed": 0,
        "message": "",
    }
    assert "CreateCertificateFromCsr" not in result["requests"]
    assert_complete(iot, tmp_path / "state", [f"p-local-device-00{n}" for n in (1, 2, 3)])
    second = provision()
    assert (second["changed"], second["failed"], len(service.tasks)) == (False, False, 1)


def test_a_refused_device_fails_with_its_reason_and_the_next_run_gets_it(provision, service, iot, tmp_path):
    service.refuse = {"p-local-device-002": "Something about it is wrong"}
    result = provision()
    assert result["failed"]
    assert result["failed_devices"] == {
        "p-local-device-002": "the registration task could not register it: Something about it is wrong"
    }
    assert_complete(iot, tmp_path / "state", ["p-local-device-001", "p-local-device-003"])
    service.refuse = {}
    assert not provision()["failed"]
    assert_complete(iot, tmp_path / "state", [f"p-local-device-00{n}" for n in (1, 2, 3)])


def test_check_mode_says_what_a_task_takes_and_starts_none(provision, service, tmp_path):
    result = provision(check_mode=True, count=36_000, rate_factor=1, task_bucket="", task_role_arn="")
    assert result["changed"]
    assert result["estimate"]["strategy"] == "bulk"
    assert result["estimate"]["slowest"] == "RegisterThing"
    assert any(line.startswith("With strategy claim:") for line in result["lines"])
    assert (service.tasks, (tmp_path / "state").exists()) == ({}, False)


def test_without_a_bucket_it_says_which_stack_makes_one(provision):
    assert "task_bucket is empty; strategy bulk needs it." in provision(task_bucket="")["msg"]


RUN = """
import sys
from pathlib import Path
import boto3
from fleetlib.aws.registration import RegistrationTasks
from fleetlib.bulk_registrar import BulkSettings
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.provisioning.engine import Settings
from fleetlib.core.provisioning.model import Fleet
from fleetlib.core.quotas import Quotas
from fleetlib.provisioner import Provisioner

_, endpoint, account, directory, bucket = sys.argv
keys = {"region_name": "us-west-2", "aws_access_key_id": account, "aws_secret_access_key": "x"}
iot, s3 = (boto3.client(one, endpoint_url=endpoint, **keys) for one in ("iot", "s3"))
fleet = Fleet("p", "local", numbered_device_ids(1, 3), "board", "device", "p-local", {"site": "b2"})
tasks = BulkSettings(RegistrationTasks(iot, s3, bucket, "%s"), bucket, 0.1, 0)
Provisioner(
    fleet, Path(directory), iot, Quotas().scaled(1000), settings=Settings(4, 0), bulk_settings=tasks
).provision()
"""


def test_a_run_killed_while_the_task_works_is_ended_by_the_next_without_a_second_task(
    provision, service, iot, proxy, account, bucket, tmp_path, root
):
    service.gate.clear()
    run = subprocess.Popen(
        [sys.executable, "-c", RUN % ROLE, proxy, account, str(tmp_path / "state"), bucket],
        env=os.environ | {"PYTHONPATH": str(root / "plugins/module_utils")},
    )
    assert service.started.wait(60)
    journal = tmp_path / "state/bulk.jsonl"
    while '"started"' not in journal.read_text():
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    planned = provision(check_mode=True)
    assert any("A registration task for 3 devices was begun" in str(one) for one in planned["warnings"])
    refused = provision(strategy="direct")
    assert "A registration task for 3 devices of this fleet was begun" in refused["msg"]
    service.gate.set()
    assert not provision()["failed"]
    assert len(service.tasks) == 1
    assert_complete(iot, tmp_path / "state", [f"p-local-device-00{n}" for n in (1, 2, 3)])
