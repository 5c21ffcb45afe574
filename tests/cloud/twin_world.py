"""Provisioned devices with the policy of the core stack, and virtual boards in their place."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from fleetlib.core.naming import numbered_device_ids
from fleetlib.core.provisioning.engine import Settings
from fleetlib.core.provisioning.model import Fleet
from fleetlib.core.quotas import Quotas
from fleetlib.provisioner import Provisioner

ROOT = Path(__file__).resolve().parents[2]
PREFIX, ENVIRONMENT = "aws-iot-steel", "local"
GROUP = f"{PREFIX}-{ENVIRONMENT}"
WAIT_SECONDS, COMMAND_SECONDS = 60.0, 900.0


class _Template(yaml.SafeLoader):
    """Reads a CloudFormation template; what it refers to stands for anything."""


def _sub(loader: Any, node: Any) -> str:
    if isinstance(node, yaml.SequenceNode):
        text, values = loader.construct_sequence(node, deep=True)
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
    else:
        text = loader.construct_scalar(node)
    return (
        re.sub(r"\$\{(?!!)[^}]*\}", "*", text)
        .replace("${*", "${")
        .replace("${!", "${")
        .replace("arn:*", "arn:aws")
    )


_Template.add_constructor("!Sub", _sub)
_Template.add_multi_constructor("!", lambda loader, suffix, node: "")


def device_policy() -> str:
    """The policy of devices, as the core stack makes it."""
    template = (ROOT / "roles/infrastructure/files/cloudformation/core.yml").read_text()
    resources = yaml.load(template, _Template)["Resources"]  # a safe loader
    return json.dumps(resources["DevicePolicy"]["Properties"]["PolicyDocument"])


def thing(number: int) -> str:
    """The name of a device."""
    return f"{GROUP}-device-{number:03d}"


def provision(iot: Any, directory: Path, count: int) -> list[str]:
    """An indexed fleet of so many devices, with keys in ``directory``/devices."""
    iot.create_thing_type(thingTypeName="board")
    iot.create_policy(policyName="device", policyDocument=device_policy())
    iot.create_thing_group(thingGroupName=GROUP)
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    ids = numbered_device_ids(1, count)
    wanted = Fleet(
        prefix=PREFIX,
        environment=ENVIRONMENT,
        device_ids=ids,
        type_name="board",
        policy="device",
        group=GROUP,
        attributes={},
        initial_attributes={},
    )
    Provisioner(wanted, directory, iot, Quotas().scaled(1000), settings=Settings(8, 0)).provision()
    return [f"{GROUP}-{one}" for one in ids]


class Twins:
    """The command line of the twins of one directory."""

    def __init__(self, folder: Path, cloud: Any, devices: Path) -> None:
        self.folder, self._cloud, self._devices = folder, cloud, devices

    def __call__(self, command: str, *words: str) -> dict[str, Any]:
        """``twins("status", "--boards")``: what it prints; a failure raises its last line."""
        done = subprocess.run(
            [sys.executable, "-m", "twin", command, "--dir", str(self.folder), *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def factory(self, count: int, *words: str) -> dict[str, Any]:
        """Make boards of the first devices."""
        authority = self.folder / "ca.pem"
        self.folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(f"{self._cloud.endpoint_url}/_ministack/iot/ca.pem") as answer:
            authority.write_bytes(answer.read())
        devices = ["--devices", str(self._devices), "--count", str(count), "--report-seconds", "5"]
        return self(
            "factory", *devices, "--port", str(self._cloud.mqtt_port), "--ca-file", str(authority), *words
        )

    def boards(self) -> dict[str, dict[str, Any]]:
        """Every board by its name."""
        return {one["name"]: one for one in self("status", "--boards")["boards"]}

    def until(self, true: Callable[[dict[str, dict[str, Any]]], bool]) -> dict[str, dict[str, Any]]:
        """The boards, once they are as wanted."""
        return until(self.boards, true)


def until(look: Callable[[], Any], true: Callable[[Any], bool], seconds: float = WAIT_SECONDS) -> Any:
    """What is seen once it is as wanted; it never was, if the time is over."""
    deadline = time.monotonic() + seconds
    while not true(seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {seen}")
        time.sleep(0.1)
    return seen


@contextlib.contextmanager
def running(twins: Twins, *words: str) -> Iterator[Twins]:
    """Twins that run for a while."""
    try:
        twins("start", *words)
        yield twins
    finally:
        twins("stop")
