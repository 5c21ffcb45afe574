"""A small fleet with its quarantine, as the core stack makes it, and the runbooks run on it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleetlib.device_store import DeviceStore
from fleetlib.mqtt.session import Identity, Server, Session

from tests.module_runner import run_module

NAME = "${iot:Connection.Thing.ThingName}"


def statement(actions: Any, *resources: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A statement on resources of any region and account."""
    arns = [one if one == "*" else f"arn:aws:iot:*:*:{one}" for one in resources]
    return {"Effect": effect, "Action": actions, "Resource": arns, **more}


def document(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


DEVICE = (
    statement(
        "iot:Connect", f"client/{NAME}", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    ),
    statement(
        "iot:Subscribe",
        f"topicfilter/steel-programs/{NAME}/*",
        "topicfilter/steel-programs/broadcast/*",
        f"topicfilter/$aws/things/{NAME}/*",
    ),
    statement(
        "iot:Receive",
        f"topic/steel-programs/{NAME}/*",
        "topic/steel-programs/broadcast/*",
        f"topic/$aws/things/{NAME}/*",
    ),
    statement(
        "iot:Publish",
        f"topic/steel-programs/{NAME}/status/*report",
        f"topic/steel-telemetry/{NAME}/*",
        f"topic/steel-data/{NAME}/*",
        f"topic/alerts/{NAME}/*",
        f"topic/$aws/things/{NAME}/*",
    ),
)


QUARANTINE = {
    "QuarantineGroupName": "pit-local-quarantine",
    "QuarantinePolicyName": "pit-local-quarantine",
}


class Site:
    """The fleet ``pit-local`` of an account."""

    def __init__(
        self, aws: Callable[..., Any], connection: dict[str, str], account: str, directory: Path, cloud: Any
    ) -> None:
        self.aws, self.iot, self.connection, self.account = aws, aws("iot"), connection, account
        self.directory, self.cloud = directory, cloud
        self.store = DeviceStore(directory / "devices")
        with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/iot/ca.pem") as answer:
            self.server = Server("127.0.0.1", cloud.mqtt_port, ca_pem=answer.read().decode())
        self.topic = aws("sns").create_topic(Name="pit-local-alarms")["TopicArn"]
        self.iot.create_thing_type(thingTypeName="board")
        self.iot.create_policy(policyName="pit-local-device", policyDocument=document(*DEVICE))
        deny = document(statement("iot:*", "*", effect="Deny"))
        self.iot.create_policy(policyName="pit-local-quarantine", policyDocument=deny)
        for group in ("pit-local", "pit-local-quarantine"):
            self.iot.create_thing_group(thingGroupName=group)
        self.iot.update_indexing_configuration(
            thingIndexingConfiguration={
                "thingIndexingMode": "REGISTRY_AND_SHADOW",
                "thingConnectivityIndexingMode": "STATUS",
            }
        )

        self._stack("core", FleetGroupName="pit-local", AlarmTopicArn=self.topic, **QUARANTINE)
        self._stack("monitoring", RuntimeLogGroup="/fleet/boards")

    def _stack(self, purpose: str, **outputs: str) -> None:
        """A stack that says what the fleet's own would say."""
        template = {
            "Resources": {"Group": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        self.aws("cloudformation").create_stack(
            StackName=f"pit-local-{purpose}", TemplateBody=json.dumps(template)
        )

    def provision(self, count: int) -> list[str]:
        """Make so many devices; their names."""
        made = run_module(
            "iot_thing_batch",
            **self.connection,
            name_prefix="pit",
            environment_name="local",
            count=count,
            thing_type="board",
            policy="pit-local-device",
            group="pit-local",
            state_directory=str(self.directory),
            rate_factor=1000,
            settle_seconds=0,
        )
        assert not made["failed"], made
        return [f"pit-local-device-{number:03d}" for number in range(1, count + 1)]

    def certificate(self, thing: str) -> Any:
        """Id and ARN of a device's certificate."""
        return self.store.certificate(thing)

    def session(self, thing: str, **options: Any) -> Session:
        """A connection as that device."""
        identity = Identity(thing, self.store.key_path(thing), self.store.certificate_path(thing))
        return Session(self.server, identity, **options)

    def variables(self, **more: Any) -> str:
        """Extra variables for a playbook on this fleet."""
        return json.dumps(
            {
                "fleet_account_id": self.account,
                "fleet_aws_connection": self.connection,
                "fleet_name_prefix": "pit",
                "fleet_state_dir": str(self.directory),
                **more,
            }
        )


def reports(directory: Path) -> list[dict[str, Any]]:
    """The records of all runs, the oldest first."""
    paths = sorted(directory.rglob("report.json"), key=lambda path: path.stat().st_mtime)
    return [json.loads(path.read_text()) for path in paths]
