"""What is asked of AWS for one look. Answers are held against botocore's own models."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from fleetlib.core.watch.pace import SilentCloudError, ThrottledError
from fleetlib.fleet_watch import Reader

FLEET = "aws-iot-steel-production"
OUTPUTS = {
    "core": {"FleetGroupName": FLEET},
    "storage": {"DeploymentBucket": "deployments"},
    "monitoring": {"RuntimeLogGroup": "/aws/iot/steel-runtime"},
}
POINTER = "rollouts/current/program/blink_led.json"


class Clock:
    def __init__(self, now):
        self._now = now

    def now(self):
        return self._now


class Cloud:
    """Stubbed clients, one for each service."""

    def __init__(self):
        self.clients, self.stubs = {}, {}
        for service in ("cloudformation", "iot", "s3", "cloudwatch", "logs"):
            client = boto3.client(
                service,
                region_name="us-west-2",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
            self.clients[service], self.stubs[service] = client, Stubber(client)
            self.stubs[service].activate()

    def answers(self, service, operation, answer, expected=None):
        self.stubs[service].add_response(operation, answer, expected)

    def refuses(self, service, operation, code, status=400):
        self.stubs[service].add_client_error(operation, code, f"no {operation}", http_status_code=status)

    def deployed(self):
        for purpose, outputs in OUTPUTS.items():
            stack = {
                "StackName": f"{FLEET}-{purpose}",
                "CreationTime": 0,
                "StackStatus": "CREATE_COMPLETE",
                "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
            }
            self.answers("cloudformation", "describe_stacks", {"Stacks": [stack]})

    def rolled_out(self, record, now):
        self.answers("s3", "list_objects_v2", {"Contents": [{"Key": POINTER, "LastModified": now}]})
        self.document({"rollout": record.id, "version": record.version})
        self.document(record.as_dict())

    def document(self, data):
        body = json.dumps(data).encode()
        self.answers("s3", "get_object", {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": '"e"'})

    def quiet(self):
        self.answers("cloudwatch", "describe_alarms", {})
        self.answers("logs", "filter_log_events", {"events": []})

    def all_asked(self):
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def reader(cloud, now):
    return Reader(cloud.clients.__getitem__, FLEET, Clock(now))


def page(hits, more=False):
    return {"things": hits, **({"nextToken": "more"} if more else {})}


def test_a_small_fleet_is_counted_from_the_pages_of_the_index(cloud, reader, a_hit, a_rollout, now):
    cloud.deployed()
    cloud.rolled_out(a_rollout(), now)
    cloud.answers("iot", "search_index", page([a_hit(1), a_hit(2, connected=False)]))
    alarm = {
        "AlarmName": f"{FLEET}-devices-silent",
        "StateValue": "ALARM",
        "StateReason": "2 of 2",
        "StateUpdatedTimestamp": now,
        "ActionsEnabled": False,
    }
    cloud.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [alarm]})
    said = json.dumps({"level": "error", "thing": "device-001", "message": "out of memory"})
    logged = {"timestamp": int(now.timestamp() * 1000) - 1000, "message": said}
    cloud.answers("logs", "filter_log_events", {"events": [logged]})
    state = reader.read()
    cloud.all_asked()
    assert state.troubles == {}
    assert (state.fleet.devices, state.fleet.connected) == (2, 1)
    assert [one.id for one in state.rollouts] == [a_rollout().id]
    assert [(one.state, one.silent) for one in state.alarms] == [("ALARM", True)]
    assert [one.kind for one in state.events] == ["alarm", "device", "rollout"]


def test_a_large_fleet_is_counted_by_statistics_and_read_in_pages_once_only(
    cloud, reader, a_hit, a_rollout, now
):
    def counted(number, query):
        expected = {"indexName": "AWS_Things", "queryString": query, "aggregationField": ANY}
        cloud.answers("iot", "get_statistics", {"statistics": {"count": number}}, expected)

    def counts():
        everyone = f"thingGroupNames:{FLEET}"
        program = f'{everyone} AND shadow.reported.programs.blink_led.version:"1.1.0"'
        counted(2, f"{program} AND shadow.reported.programs.blink_led.status:Failed")
        counted(800, program)
        counted(10_000, everyone)
        counted(9_990, f"{everyone} AND connectivity.connected:true")

    cloud.deployed()
    cloud.rolled_out(a_rollout(), now)
    for _ in range(11):
        cloud.answers("iot", "search_index", page([a_hit()] * 100, more=True))
    counts()
    cloud.quiet()
    first = reader.read()
    cloud.rolled_out(a_rollout(), now)
    counts()
    cloud.quiet()
    second = reader.read()
    cloud.all_asked()
    assert (first.fleet, first.troubles) == (second.fleet, {})
    assert (second.fleet.devices, second.fleet.connected) == (10_000, 9_990)
    assert [(one.devices, one.failed) for one in second.fleet.versions] == [(800, 2)]


def test_an_index_without_statistics_is_told_and_its_first_thousand_devices_are_counted(
    cloud, reader, a_hit, now
):
    cloud.deployed()
    cloud.answers("s3", "list_objects_v2", {})
    for _ in range(11):
        cloud.answers("iot", "search_index", page([a_hit()] * 100, more=True))
    cloud.refuses("iot", "get_statistics", "InvalidRequestException")
    cloud.quiet()
    fleet = reader.read().fleet
    assert fleet.devices == 1000
    assert fleet.note == "Only the first 1,000 devices: this index gives no statistics."


def test_a_part_that_may_not_be_read_leaves_the_others(cloud, reader, a_hit):
    cloud.deployed()
    cloud.refuses("s3", "list_objects_v2", "AccessDenied", 403)
    cloud.answers("iot", "search_index", page([a_hit()]))
    cloud.quiet()
    state = reader.read()
    assert state.troubles == {"rollouts": "ListObjectsV2: AccessDenied: no list_objects_v2"}
    assert state.rollouts is None
    assert state.fleet.devices == 1


def test_nothing_but_the_stacks_is_asked_where_nothing_was_deployed(cloud, reader):
    for _ in OUTPUTS:
        cloud.refuses("cloudformation", "describe_stacks", "ValidationError")
    state = reader.read()
    assert state.fleet is None
    assert state.troubles["alarms"] == f"there is no stack {FLEET}-core; nothing was deployed yet"


def test_a_throttled_request_ends_the_look(cloud, reader):
    cloud.deployed()
    cloud.answers("s3", "list_objects_v2", {})
    cloud.refuses("iot", "search_index", "ThrottlingException", 429)
    with pytest.raises(ThrottledError, match="SearchIndex"):
        reader.read()


def test_a_cloud_without_an_answer_ends_the_look_at_the_first_request(cloud, reader, monkeypatch):
    def silent(**_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")

    monkeypatch.setattr(cloud.clients["cloudformation"], "describe_stacks", silent)
    with pytest.raises(SilentCloudError, match="Could not connect"):
        reader.read()


def test_an_error_that_was_seen_is_not_asked_for_again_and_stays_on_the_screen(cloud, reader, a_hit, now):
    at = int((now - timedelta(minutes=2)).timestamp() * 1000)
    said = json.dumps({"level": "error", "thing": "device-001", "message": "out of memory"})
    cloud.deployed()
    starts = (now - timedelta(hours=1)).timestamp() * 1000, at + 1
    for start, events in zip(starts, ([{"timestamp": at, "message": said}], []), strict=True):
        cloud.answers("s3", "list_objects_v2", {})
        cloud.answers("iot", "search_index", page([a_hit()]))
        cloud.answers("cloudwatch", "describe_alarms", {})
        expected = {"logGroupName": ANY, "filterPattern": ANY, "startTime": int(start)}
        cloud.answers("logs", "filter_log_events", {"events": events}, expected)
    reader.read()
    assert [one.text for one in reader.read().events] == ["device-001: out of memory"]
