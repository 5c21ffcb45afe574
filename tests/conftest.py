"""What every test may use. A local cloud starts once per test process, on free ports, and is stopped."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible.plugins.loader import init_plugin_loader
from fleetlib import local_cloud, steel_engine
from fleetlib.core.errors import MissingDependencyError

ROOT = Path(__file__).resolve().parents[1]

# Modules and plugins are imported by their collection name, from the live tree.
init_plugin_loader([str(ROOT / "collections")])


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_cloud.Settings]:
    """A local cloud for this test process."""
    port, mqtt_port = local_cloud.free_ports(2)
    settings = local_cloud.Settings(tmp_path_factory.mktemp("cloud"), port, mqtt_port)
    local_cloud.start(settings)
    yield settings
    local_cloud.stop(settings)


_accounts = itertools.count(1)


@pytest.fixture
def account(cloud: local_cloud.Settings) -> str:
    """A fresh account id: ministack treats a 12-digit access key as an account of its own, empty at first."""
    return f"{os.getpid() % 10**6:06d}{next(_accounts):06d}"


@pytest.fixture
def aws(cloud: local_cloud.Settings, account: str) -> Callable[..., Any]:
    """``aws("iot")`` makes a boto3 client of this test's own account."""

    def client(service: str, **options: Any) -> Any:
        return boto3.client(
            service,
            region_name=options.pop("region", cloud.region),
            endpoint_url=cloud.endpoint_url,
            aws_access_key_id=account,
            aws_secret_access_key=local_cloud.SECRET_KEY,
            **options,
        )

    return client


@pytest.fixture
def connection(cloud: local_cloud.Settings, account: str) -> dict[str, str]:
    """The connection options of a module, for this test's own account."""
    return {
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "access_key": account,
        "secret_key": local_cloud.SECRET_KEY,
    }


@pytest.fixture
def ansible_playbook(root: Path, tmp_path: Path) -> Callable[..., Any]:
    """``ansible_playbook("deploy.yml", "-e", "x=1")`` runs the real command in the checkout."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), *arguments],
            cwd=root,
            env=os.environ
            | {
                "ANSIBLE_LOCAL_TEMP": str(tmp_path),
                "ANSIBLE_NOCOLOR": "1",
                "FLEET_REPORTS_DIR": str(tmp_path / "reports"),
            }
            | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks the engine is marked so."""
    for item in items:
        if "steel_test" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def steel_test(root: Path) -> Path:
    """The Steel engine, built; without cargo its tests are skipped, and say what is missing."""
    try:
        return steel_engine.build(root)
    except MissingDependencyError as missing:
        if os.environ.get("FLEET_REQUIRE_ENGINE"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def engine(steel_test: Path) -> Iterator[steel_engine.Engine]:
    """One engine for all tests: programs cannot reach each other in it, which is tested."""
    with steel_engine.Engine(steel_test) as engine:
        yield engine
