"""The engine, built once per test session; without cargo these tests are skipped, and say what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleetlib import steel_engine
from fleetlib.core.errors import MissingDependencyError


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def steel_test(root: Path) -> Path:
    """The program."""
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
