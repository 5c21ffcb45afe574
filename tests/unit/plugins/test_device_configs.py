"""The module writes one file per device, only where it differs, and explains what it cannot do."""

from __future__ import annotations

import tomllib

import pytest

from tests.module_runner import run_module


@pytest.fixture
def configure(tmp_path):
    def configure(**options):
        given = {
            "region": "us-west-2",
            "access_key": "an-access-key",
            "secret_key": "a-secret-key",
            "name_prefix": "p",
            "environment_name": "local",
            "directory": str(tmp_path / "out"),
            "iot_endpoint": "broker.example",
            "sections": {"aws": {"region": "us-west-2", "certificate_path": "/c/{device_id}.pem.crt"}},
        }
        chosen = {} if "device_ids" in options else {"count": 3}
        return run_module("device_configs", **{**given, **chosen, **options})

    return configure


def test_every_device_gets_a_file_of_its_own(configure, tmp_path):
    result = configure()
    assert (result["changed"], result["total"]) == (True, 3)
    assert result["written"] == ["device-001.toml", "device-002.toml", "device-003.toml"]
    assert tomllib.loads((tmp_path / "out/device-002.toml").read_text()) == {
        "device": {"device_id": "device-002", "thing_name": "p-local-device-002"},
        "aws": {
            "iot_endpoint": "broker.example",
            "region": "us-west-2",
            "certificate_path": "/c/device-002.pem.crt",
        },
    }


def test_a_second_run_writes_nothing(configure, tmp_path):
    configure()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert configure()["changed"] is False
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_only_the_file_that_differs_is_written(configure, tmp_path):
    configure()
    (tmp_path / "out/device-002.toml").write_text("edited by hand\n")
    result = configure()
    assert result["written"] == ["device-002.toml"]
    assert result["diff"][0]["before"] == "edited by hand\n"


def test_check_mode_says_what_would_be_written_and_writes_nothing(configure, tmp_path):
    result = configure(check_mode=True)
    assert (result["changed"], len(result["diff"])) == (True, 3)
    assert not (tmp_path / "out").exists()


def test_files_of_other_devices_are_left_alone(configure, tmp_path):
    configure(device_ids=["lab-a"])
    assert configure(device_ids=["lab-b"])["written"] == ["lab-b.toml"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["lab-a.toml", "lab-b.toml"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count is 0"),
        ({"count": "abc"}, "unable to convert to int"),
        ({"device_ids": ["../x"]}, "'../x' cannot be a device id"),
        ({"device_ids": ["a", "a"]}, "'a': given more than once"),
        ({"sections": {"stel": {}}}, "Section 'stel' is unknown"),
        ({"sections": {"steel": 3}}, "sections: steel is 3; it must be a dictionary"),
    ],
)
def test_bad_input_is_named(configure, options, message):
    result = configure(**options)
    assert result["failed"]
    assert message in result["msg"]


def test_a_directory_that_cannot_be_made_is_named(configure, tmp_path):
    (tmp_path / "file").write_text("")
    result = configure(directory=str(tmp_path / "file" / "out"))
    assert result["failed"]
    assert "file/out/device-001.toml: Not a directory. Choose another directory" in result["msg"]
