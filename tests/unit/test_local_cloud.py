"""The local cloud: found again, refused where a port is taken, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket

import boto3
import pytest
from fleetlib import local_cloud
from fleetlib.core.errors import FleetError


@pytest.fixture
def settings(tmp_path):
    port, mqtt_port = local_cloud.free_ports(2)
    yield local_cloud.Settings(tmp_path / "cloud", port, mqtt_port)
    local_cloud.stop(local_cloud.Settings(tmp_path / "cloud", port, mqtt_port))


@pytest.mark.cloud
def test_a_second_start_finds_the_first_cloud(settings):
    first = local_cloud.start(settings)
    assert local_cloud.start(settings) == first


@pytest.mark.cloud
def test_stop_ends_the_process_and_says_whether_there_was_one(settings):
    running = local_cloud.start(settings)
    assert local_cloud.stop(settings) is True
    assert not local_cloud.is_healthy(running.port)
    assert local_cloud.stop(settings) is False


@pytest.mark.cloud
def test_a_killed_cloud_is_started_anew(settings):
    first = local_cloud.start(settings)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert local_cloud.start(settings).pid != first.pid


def s3(settings):
    return boto3.client(
        "s3",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=local_cloud.ACCESS_KEY,
        aws_secret_access_key=local_cloud.SECRET_KEY,
    )


@pytest.mark.cloud
def test_a_stopped_cloud_keeps_what_it_held(settings):
    local_cloud.start(settings)
    s3(settings).create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    local_cloud.stop(settings)
    local_cloud.start(settings)
    assert [bucket["Name"] for bucket in s3(settings).list_buckets()["Buckets"]] == ["kept"]


@pytest.mark.cloud
def test_a_killed_cloud_starts_empty_rather_than_with_buckets_that_no_stack_knows(settings):
    running = local_cloud.start(settings)
    s3(settings).create_bucket(Bucket="lost", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert local_cloud.lost_its_state(settings)
    local_cloud.start(settings)
    assert s3(settings).list_buckets()["Buckets"] == []


@pytest.mark.cloud
def test_a_cloud_ended_by_sigterm_has_not_lost_its_state(settings):
    running = local_cloud.start(settings)
    s3(settings).create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    os.kill(running.pid, signal.SIGTERM)
    os.waitpid(running.pid, 0)
    assert not local_cloud.lost_its_state(settings)


@pytest.mark.cloud
def test_other_ports_for_a_running_cloud_are_refused(settings):
    local_cloud.start(settings)
    other = local_cloud.Settings(settings.directory, *local_cloud.free_ports(2))
    with pytest.raises(FleetError, match=r"runs on ports .* not on .* as asked"):
        local_cloud.start(other)


@pytest.mark.parametrize(
    ("field", "variable"), [("port", "local_cloud_port"), ("mqtt_port", "local_cloud_mqtt_port")]
)
def test_a_taken_port_names_the_variable_that_moves_it(settings, field, variable):
    with (
        socket.create_server((local_cloud.HOST, getattr(settings, field))),
        pytest.raises(FleetError, match=f"Port .* is taken.*-e {variable}="),
    ):
        local_cloud.start(settings)


def test_a_record_of_another_program_is_not_taken_for_the_cloud(settings):
    settings.directory.mkdir()
    settings.record.write_text(json.dumps({"pid": os.getpid(), "port": 1, "mqtt_port": 2}))
    assert local_cloud.find(settings) is None


def test_the_cloud_does_not_see_the_callers_aws_settings(settings, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    environment = local_cloud._environment(settings)
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == local_cloud.ACCESS_KEY
