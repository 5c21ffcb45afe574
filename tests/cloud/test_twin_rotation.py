"""Virtual boards take a new certificate for a key of their own, and keep it over a restart."""

from __future__ import annotations

import pytest

from tests.cloud.twin_world import GROUP, PREFIX, Twins, provision, running, thing
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud


@pytest.fixture
def live(aws, cloud, tmp_path):
    """Two boards that are connected."""
    provision(aws("iot"), tmp_path / "state", 2)
    twins = Twins(tmp_path / "twin", cloud, tmp_path / "state/devices")
    twins.factory(2)
    with running(twins):
        yield twins


@pytest.fixture
def rotate(connection, tmp_path):
    def rotate(*device_ids):
        return run_module(
            "iot_certificate_rotation",
            **connection,
            name_prefix=PREFIX,
            environment_name="local",
            policy="device",
            group=GROUP,
            device_ids=list(device_ids),
            rules={"canary_size": 1, "bake_seconds": 0.5, "poll_seconds": 0.2, "timeout_seconds": 60},
            state_directory=str(tmp_path / "state"),
            rate_factor=1000,
        )

    return rotate


def test_boards_take_new_certificates_again_and_again_and_keep_them_over_a_restart(live, rotate, aws):
    iot = aws("iot")
    first = {one["certificateId"] for one in iot.list_certificates()["certificates"]}
    for _ in range(2):
        done = rotate("device-001", "device-002")
        assert not done["failed"], done
        assert done["rotated"] == [thing(1), thing(2)]
    left = {one["certificateId"]: one["status"] for one in iot.list_certificates()["certificates"]}
    assert len(left) == 2
    assert not first & set(left)
    live("fault", "reboot")
    live.until(
        lambda boards: all(one["boots"] == 2 and one["state"] == "connected" for one in boards.values())
    )
    assert {one["certificateId"] for one in iot.list_certificates()["certificates"]} == set(left)
