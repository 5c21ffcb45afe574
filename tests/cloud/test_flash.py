"""playbooks/flash.yml against served boards and a registry: here, at a station, twice, and where it fails."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
import yaml
from fleetlib import firmware_release
from fleetlib.core.provisioning.model import Certificate
from fleetlib.crypto.keys import KeyType, new_key
from fleetlib.device_store import DeviceStore

from tests.cloud import ssh_station
from tests.module_runner import run_module
from twin.flash_process import Process

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        shutil.which(firmware_release.COMPILER) is None,
        reason=f"{firmware_release.COMPILER} is not installed: no release can be built from source",
    ),
]
DEVICES = ("device-001", "device-002")
STORAGE = {
    "Resources": {"Firmware": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "fleet-firmware"}}},
    "Outputs": {"FirmwareBucket": {"Value": {"Ref": "Firmware"}}},
}


@pytest.fixture
def boards(tmp_path):
    """Two boards."""
    with Process(tmp_path / "boards", 2) as process:
        yield process


@pytest.fixture
def state(tmp_path, aws):
    """What the control host has of two provisioned devices."""
    aws("cloudformation").create_stack(StackName="fleet-local-storage", TemplateBody=json.dumps(STORAGE))
    store = DeviceStore(tmp_path / "state" / "devices")
    for device in DEVICES:
        thing = f"fleet-local-{device}"
        store.keep_key(thing, new_key(KeyType.EC_P256))
        store.keep_certificate(thing, Certificate(device[-1] * 64, "arn", "-----BEGIN CERTIFICATE-----\n"))
        aws("iot").create_thing(
            thingName=thing,
            attributePayload={"attributes": {"environment": "local", "device_id": device}},
        )
    return tmp_path / "state"


@pytest.fixture
def flash(ansible_playbook, cloud, account, connection, state, tmp_path):
    """``flash(ports)`` runs the playbook; without ports for the stations of ``stations``."""

    def run(ports=None, *arguments, stations=None, **variables):
        inventory = tmp_path / "stations.yml"
        inventory.write_text(yaml.safe_dump({"flash_stations": {"hosts": stations or {}}}))
        given = {
            "fleet_account_id": account,
            "fleet_aws_connection": connection,
            "fleet_name_prefix": "fleet",
            "fleet_region": connection["region"],
            "fleet_state_dir": str(state),
            "local_cloud_port": int(cloud.endpoint_url.rpartition(":")[2]),
            "local_cloud_mqtt_port": cloud.mqtt_port,
            "device_count": 2,
            "firmware_version": "1.0.0",
            "flashing_station_directory": str(tmp_path / "station"),
            **({"flash_ports": ports} if ports is not None else {}),
            **variables,
        }
        return ansible_playbook(
            "playbooks/flash.yml",
            *("-i", "inventory/local", "-i", str(inventory), "--extra-vars", json.dumps(given)),
            *arguments,
        )

    return run


def at_ports(boards):
    return [
        {"port": port, "device_id": device}
        for port, device in zip(boards.ports.values(), DEVICES, strict=True)
    ]


def attributes(aws, device):
    return aws("iot").describe_thing(thingName=f"fleet-local-{device}")["attributes"]


def left_over(key):
    """Images of identities with that key; other tests, and people, have theirs in the same place."""
    found = []
    for image in Path("/dev/shm").glob("steel-fleet-identities-*/*.bin"):
        with contextlib.suppress(FileNotFoundError):  # wiped meanwhile by whoever made it
            found += [image] if key in image.read_bytes() else []
    return found


def test_boards_are_flashed_recorded_and_not_written_twice(flash, boards, state, aws):
    first = flash(at_ports(boards))
    assert first.returncode == 0, first.stdout + first.stderr
    image = (state / "firmware/1.0.0/app.bin").read_bytes()
    for board, device in zip(boards.ports, DEVICES, strict=True):
        content = boards.flash(board)
        assert content[: len(image)] == image
        assert content[0x20000 : 0x20000 + len(image)] == image
        assert f"fleet-local-{device}".encode() in content[0x12000:0x18000]
        assert DeviceStore(state / "devices").key(f"fleet-local-{device}") in content[0x12000:0x18000]
        assert attributes(aws, device)["mac"] == boards.macs[board]
        assert attributes(aws, device)["firmware_version"] == "1.0.0"
    key = DeviceStore(state / "devices").key("fleet-local-device-001")
    assert key.decode().splitlines()[1] not in first.stdout + first.stderr
    assert left_over(key) == []
    second = flash(at_ports(boards))
    assert "changed=0" in second.stdout, second.stdout + second.stderr
    boards.damage("board-2", 0x20000)
    erased = boards.order(board="board-2")["erased"]
    shown = flash(at_ports(boards), "--check")
    assert "changed=2" in shown.stdout, shown.stdout + shown.stderr  # the board and its attributes
    assert boards.order(board="board-2")["erased"] == erased


@pytest.mark.skipif(ssh_station.SSHD is None, reason=ssh_station.MISSING)
def test_stations_flash_their_own_boards_over_ssh_and_keep_no_identity(flash, boards, aws, tmp_path):
    one, two = at_ports(boards)
    with ssh_station.serve(tmp_path / "sshd") as host:
        done = flash(
            stations={"bench-a": {**host, "flash_ports": [one]}, "bench-b": {**host, "flash_ports": [two]}}
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ssh_station.logins(tmp_path / "sshd") > 0
    assert attributes(aws, "device-002")["mac"] == boards.macs["board-2"]
    assert b"fleet-local-device-002" in boards.flash("board-2")
    kept = [path for path in (tmp_path / "station").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"PRIVATE KEY" in path.read_bytes()]


@pytest.mark.skipif(ssh_station.SSHD is None, reason=ssh_station.MISSING)
def test_a_station_that_is_not_reached_is_named_and_the_boards_of_the_others_are_recorded(
    flash, boards, aws, tmp_path
):
    one, two = at_ports(boards)
    with ssh_station.serve(tmp_path / "sshd") as host:
        away = {**host, "ansible_port": 1, "flash_ports": [two]}
        done = flash(stations={"bench-a": {**host, "flash_ports": [one]}, "bench-b": away})
    assert done.returncode != 0
    assert "Station bench-b was not reached" in " ".join(done.stdout.split()), done.stdout
    assert attributes(aws, "device-001")["mac"] == boards.macs["board-1"]
    assert boards.order(board="board-2")["connections"] == 0


def test_a_board_of_another_device_is_refused_and_the_others_are_recorded(flash, boards, aws):
    aws("iot").create_thing(
        thingName="fleet-local-device-003",
        attributePayload={"attributes": {"environment": "local", "mac": boards.macs["board-1"]}},
    )
    done = flash(at_ports(boards))
    assert done.returncode != 0
    assert "is device-003 already; it cannot become device-001" in " ".join(done.stdout.split())
    assert boards.order(board="board-1")["erased"] == 0
    assert attributes(aws, "device-002")["mac"] == boards.macs["board-2"]


def test_a_release_goes_through_the_bucket_and_never_becomes_another(aws, connection, root, tmp_path):
    aws("s3").create_bucket(
        Bucket="firmware", CreateBucketConfiguration={"LocationConstraint": connection["region"]}
    )
    options = {
        **connection,
        "directory": str(tmp_path / "built"),
        "version": "1.0.0",
        "selftest_source": str(root / "firmware/selftest"),
        "partitions": (root / "firmware/partitions.csv").read_text(),
        "bucket": "firmware",
        "signing_key_file": str(tmp_path / "signing/private.key"),
    }
    assert run_module("esp_release", check_mode=True, **options)["changed"]
    assert not (tmp_path / "built").exists()
    assert run_module("esp_release", **options)["published"]
    assert not run_module("esp_release", **options)["changed"]
    fetched = run_module(
        "esp_release_info",
        **connection,
        directory=str(tmp_path / "fetched"),
        bucket="firmware",
        version="1.0.0",
        public_key_file=str(tmp_path / "signing/public.pem"),
    )
    assert fetched["release"]["version"] == "1.0.0", fetched
    assert (tmp_path / "fetched/app.bin").read_bytes() == (tmp_path / "built/app.bin").read_bytes()
    another = run_module("esp_release", **{**options, "description": "new"})
    assert "with another content or description" in another["msg"]
    missing = run_module(
        "esp_release_info",
        **connection,
        directory=str(tmp_path / "none"),
        bucket="firmware",
        version="2.0.0",
        public_key_file=str(tmp_path / "signing/public.pem"),
    )
    assert "There is no firmware release 2.0.0" in missing["msg"]
