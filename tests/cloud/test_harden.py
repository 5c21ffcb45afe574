"""playbooks/harden.yml against a served board and a registry: the plan, the deed, the record."""

from __future__ import annotations

import json
import shutil

import pytest
from fleetlib import firmware_release
from fleetlib.core.firmware.identity import SCHEMA
from fleetlib.core.firmware.manifest import Flash, Nvs, Security
from fleetlib.crypto.signatures import LocalSigner
from fleetlib.esp import efuses, flasher, secure_boot

from twin.flash_process import Process

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        shutil.which(firmware_release.COMPILER) is None,
        reason=f"{firmware_release.COMPILER} is not installed: no release can be built from source",
    ),
]
STORAGE = {
    "Resources": {"Firmware": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "harden-firmware"}}},
    "Outputs": {"FirmwareBucket": {"Value": {"Ref": "Firmware"}}},
}


@pytest.fixture
def board(tmp_path):
    """A board."""
    with Process(tmp_path / "boards", 1) as process:
        yield process


@pytest.fixture
def state(tmp_path, root, aws, board):
    """A control host whose signed release is on the board, and a registry that knows the board."""
    aws("cloudformation").create_stack(StackName="fleet-local-storage", TemplateBody=json.dumps(STORAGE))
    aws("iot").create_thing(
        thingName="fleet-local-device-001",
        attributePayload={"attributes": {"environment": "local", "mac": board.macs["board-1"]}},
    )
    state = tmp_path / "state"
    secure_boot.make_key(state / "hardening/secure_boot.pem")
    image = firmware_release.compile_selftest(root / "firmware/selftest", "1.1.0", (0, 3), Flash())
    signed = secure_boot.sign(image, state / "hardening/secure_boot.pem")
    release = firmware_release.build(
        "1.1.0",
        (root / "firmware/partitions.csv").read_text(),
        [firmware_release.Wanted("selftest", 0, signed), firmware_release.Wanted("app", 0x20000, signed)],
        LocalSigner(state / "signing/private.key"),
        nvs=Nvs("identity", SCHEMA),
        security=Security(secure_boot=True),
    )
    firmware_release.write(state / "firmware/1.1.0", release)
    expected = flasher.Expected(secure_boot=True, before_secure_boot=True)
    job = flasher.Job(board.ports["board-1"], release.shared_regions(), expected)
    assert flasher.flash(job, lambda mac: None, lambda now, total: None).good
    return state


@pytest.fixture
def harden(ansible_playbook, cloud, account, connection, state, board):
    """``harden("--check", confirm=…)`` runs the playbook."""

    def run(*arguments, **variables):
        given = {
            "fleet_account_id": account,
            "fleet_aws_connection": connection,
            "fleet_name_prefix": "fleet",
            "fleet_region": connection["region"],
            "fleet_state_dir": str(state),
            "local_cloud_port": int(cloud.endpoint_url.rpartition(":")[2]),
            "local_cloud_mqtt_port": cloud.mqtt_port,
            "device_count": 1,
            "firmware_version": "1.1.0",
            "harden": "secure_boot",
            "flash_ports": [{"port": board.ports["board-1"], "device_id": "device-001"}],
            **variables,
        }
        return ansible_playbook(
            "playbooks/harden.yml", "-i", "inventory/local", "-e", json.dumps(given), *arguments
        )

    return run


def test_the_plan_is_shown_and_only_what_is_confirmed_is_burnt_and_entered(harden, board, aws):
    shown = harden("--check")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "burn for good SECURE_BOOT_EN = 1" in " ".join(shown.stdout.split())
    assert efuses.look(board.ports["board-1"]).state.profile == ()
    done = harden(confirm="device-001")
    assert done.returncode == 0, done.stdout + done.stderr
    assert efuses.look(board.ports["board-1"]).state.profile == ("secure_boot",)
    attributes = aws("iot").describe_thing(thingName="fleet-local-device-001")["attributes"]
    assert attributes["security"] == "secure_boot"
    assert attributes["mac"] == board.macs["board-1"]
