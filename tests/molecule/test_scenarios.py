"""Every molecule scenario of the tree, run as `molecule test` runs it, on ports of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fleetlib import local_cloud

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


@pytest.mark.cloud
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_scenario_passes(scenario, tmp_path):
    port, mqtt_port = local_cloud.free_ports(2)
    tools = Path(sys.executable).parent
    environment = os.environ | {
        "FLEET_TEST_PORT": str(port),
        "FLEET_TEST_MQTT_PORT": str(mqtt_port),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    run = subprocess.run(
        [tools / "molecule", "test", "--scenario-name", scenario],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
