"""The roles as an operator runs them: what is on the screen, what is kept, and that no key ever shows."""

from __future__ import annotations

import json
import tomllib

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

pytestmark = pytest.mark.cloud


@pytest.fixture
def iot(aws):
    client = aws("iot")
    client.create_thing_type(thingTypeName="board")
    client.create_policy(
        policyName="device", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    client.create_thing_group(thingGroupName="p-local")
    return client


@pytest.fixture
def play(ansible_playbook, connection, tmp_path):
    """Run one of the roles with a connection to this test's account."""

    def play(role, *arguments, **variables):
        playbook = tmp_path / "playbook.yml"
        playbook.write_text(
            yaml.safe_dump(
                [
                    {
                        "name": "Try a role",
                        "hosts": "localhost",
                        "gather_facts": False,
                        "module_defaults": {"group/steel.fleet.fleet": connection},
                        "roles": [f"steel.fleet.{role}"],
                    }
                ]
            )
        )
        given = {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "fleet_name_prefix": "p",
            "fleet_environment": "local",
            "fleet_region": connection["region"],
            "fleet_state_dir": str(tmp_path / "state"),
            "fleet_stacks": {
                "core": {"ThingTypeName": "board", "DevicePolicyName": "device", "FleetGroupName": "p-local"}
            },
            "device_count": 3,
            "provisioning_rate_factor": 1000,
        }
        return ansible_playbook(
            str(playbook),
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            json.dumps(given | variables),
            *arguments,
            FLEET_REPORTS_DIR=str(tmp_path / "reports"),
        )

    return play


def test_provisioning_shows_progress_and_then_changes_nothing(iot, play):
    # At three devices a second the run is long enough to be watched.
    first = play("provisioning", provisioning_rate_factor=1, provisioning_quotas={"AttachPolicy": 1})
    assert first.returncode == 0, first.stdout + first.stderr
    assert "changed=1" in first.stdout
    assert "  provisioning: " in first.stderr
    assert "/3 devices (" in first.stderr
    assert len(iot.list_things()["things"]) == 3
    second = play("provisioning")
    assert "changed=0" in second.stdout


def test_check_mode_prints_the_plan_on_an_empty_account(aws, play):
    run = play(
        "provisioning", "--check", "--diff", fleet_stacks={}, device_count=5000, provisioning_rate_factor=1
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5,000 devices wanted: 5,000 to create" in run.stdout
    assert "25,000 calls, about 5:34 at the quotas (AWS defaults); the slowest is AttachPolicy." in run.stdout
    assert "Does not exist yet: policy (not named yet)." in run.stdout
    assert "+p-local-device-001:" in run.stdout
    assert aws("iot").list_things()["things"] == []


def test_no_key_shows_even_in_the_loudest_output(iot, play, tmp_path):
    run = play("provisioning", "-vvvv", "--diff")
    assert run.returncode == 0, run.stdout + run.stderr
    keys = list((tmp_path / "state/devices").glob("*/private.key"))
    assert len(keys) == 3
    seen = run.stdout + run.stderr + (tmp_path / "state/provisioning.jsonl").read_text()
    for report in (tmp_path / "reports").rglob("*.json"):
        seen += report.read_text()
    assert "PRIVATE KEY" not in seen
    for key in keys:
        assert not any(line in seen for line in key.read_text().splitlines()[1:-1])


PASSPHRASE = "a passphrase of the test, 40 characters."


def vaulted(path, passphrase):
    """The arguments that give a play this passphrase from a file that Ansible Vault encrypted."""
    path.with_suffix(".password").write_text("opens the vault")
    secret = VaultSecret(b"opens the vault")
    text = VaultLib().encrypt(json.dumps({"vault_passphrase": passphrase}), secret=secret)
    path.write_bytes(text)
    return ("-e", f"@{path}", "--vault-password-file", str(path.with_suffix(".password")))


def everything_written(run, directory):
    """What a run showed, and what it left in files that are not keys."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.suffix in {".json", ".jsonl"}]
    files += [*(directory / "reports").rglob("*.html")]
    return run.stdout + run.stderr + "".join(path.read_text() for path in files)


def test_encrypting_keys_shows_neither_keys_nor_passphrase(iot, play, tmp_path):
    assert play("provisioning").returncode == 0
    paths = sorted((tmp_path / "state/devices").glob("*/private.key"))
    clear = [path.read_text() for path in paths]
    loud = ("--diff", "-vvvv", *vaulted(tmp_path / "vault.yml", PASSPHRASE))
    options = {
        "provisioning_key_protection": "passphrase",
        "provisioning_key_passphrase": "{{ vault_passphrase }}",
        "device_count": 4,
    }
    planned = play("provisioning", "--check", *loud, **options)
    assert "The keys of 3 devices lie in the clear and are to be encrypted." in planned.stdout
    assert [path.read_text() for path in paths] == clear
    run = play("provisioning", *loud, **options)
    assert "changed=1" in run.stdout, run.stdout + run.stderr
    again = play("provisioning", *loud, **options)
    assert "changed=0" in again.stdout
    other = vaulted(tmp_path / "other.yml", f"Another one: {PASSPHRASE}")
    wrong = play("provisioning", "-vvvv", *other, **options)
    assert wrong.returncode != 0
    assert "cannot be opened with provisioning_key_passphrase" in wrong.stdout
    paths = sorted((tmp_path / "state/devices").glob("*/private.key"))
    assert len(paths) == 4
    assert all("BEGIN ENCRYPTED PRIVATE KEY" in path.read_text() for path in paths)
    for one in (planned, run, again, wrong):
        seen = everything_written(one, tmp_path)
        assert PASSPHRASE not in seen
        assert "PRIVATE KEY" not in seen
        for text in (*clear, *(path.read_text() for path in paths)):
            assert not any(line in seen for line in text.splitlines()[1:-1])


def test_chosen_devices_are_provisioned_by_id(iot, play):
    run = play("provisioning", provisioning_device_ids=["lab-a", "lab-b"])
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(one["thingName"] for one in iot.list_things()["things"]) == [
        "p-local-lab-a",
        "p-local-lab-b",
    ]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"device_count": 0}, "count is 0"),
        ({"device_count": "abc"}, "provisioning_count"),
        ({"provisioning_strategy": "magic"}, "provisioning_strategy"),
        (
            {
                "provisioning_strategy": "claim",
                "provisioning_device_attributes": {"device-001": {"site": "b2"}},
            },
            "With provisioning_strategy claim one template makes every thing",
        ),
        ({"provisioning_strategy": "bulk"}, "task_bucket is empty"),
    ],
)
def test_bad_values_stop_the_role_with_their_name(iot, play, variables, message):
    run = play("provisioning", **variables)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr


def test_every_device_gets_its_configuration(play, aws, tmp_path):
    run = play("device_configs")
    assert run.returncode == 0, run.stdout + run.stderr
    config = tomllib.loads((tmp_path / "state/device-configs/device-003.toml").read_text())
    assert set(config) == {"device", "aws", "steel", "ota", "security", "monitoring"}
    assert config["device"]["thing_name"] == "p-local-device-003"
    endpoint = aws("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    assert config["aws"]["iot_endpoint"] == endpoint
    assert config["aws"]["private_key_path"] == "/etc/aws-iot-steel/certs/device-003.pem.key"
    assert config["monitoring"]["metrics_topic"] == "steel-telemetry/p-local-device-003/metrics"
    assert "changed=0" in play("device_configs").stdout


def test_the_inventory_may_name_another_endpoint(play, tmp_path):
    run = play("device_configs", fleet_mqtt_endpoint="127.0.0.1", fleet_mqtt_port=18883)
    assert run.returncode == 0, run.stdout + run.stderr
    config = tomllib.loads((tmp_path / "state/device-configs/device-001.toml").read_text())
    assert (config["aws"]["iot_endpoint"], config["aws"]["iot_port"]) == ("127.0.0.1", 18883)
