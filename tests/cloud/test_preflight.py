"""Wrong input stops `preflight.yml` with one message that names the variable and what is allowed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.cloud


@pytest.fixture
def preflight(ansible_playbook, cloud, tmp_path):
    """``preflight("-e", "device_count=0")`` runs the playbook against the test's cloud."""

    def run(*arguments, **environment):
        return ansible_playbook(
            "playbooks/preflight.yml",
            *("-e", f"local_cloud_port={cloud.port}", "-e", f"fleet_state_dir={tmp_path}"),
            *arguments,
            **environment,
        )

    return run


def test_good_configuration_passes_and_prints_the_checklist(preflight):
    run = preflight()
    assert run.returncode == 0, run.stdout
    assert "[x] AWS account and permissions" in run.stdout
    assert "[?] Team trained" in run.stdout
    assert "changed=0" in run.stdout


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("device_count=0", "device_count is 0; it must be from 1 to 1,000,000"),
        ("device_count=-1", "device_count is -1; it must be from 1 to 1,000,000"),
        ("device_count=abc", "argument 'device_count' is of type str and we were unable to convert to int"),
        ("fleet_environment=prod", "fleet_environment must be one of: local, staging, production, got: prod"),
        ("fleet_region=us-west-22", "Did you mean us-west-2"),
        ("fleet_account_id=123456789012", "belong to account 000000000000"),
        ("fleet_account_id=12", "it must be the 12 digits"),
        ("fleet_name_prefix=Steel", "fleet_name_prefix is 'Steel'"),
        ("local_cloud_port=1", "http://127.0.0.1:1 does not answer. If this is the local cloud, start it"),
    ],
)
def test_a_wrong_value_is_named(preflight, setting, message):
    run = preflight("-e", setting)
    assert run.returncode != 0
    assert message in run.stderr + run.stdout


def test_missing_credentials_say_how_to_give_some(preflight, tmp_path):
    run = preflight(
        *("-i", "inventory/production", "-e", "fleet_account_id=123456789012"),
        HOME=str(tmp_path),
        AWS_EC2_METADATA_DISABLED="true",
    )
    assert run.returncode != 0
    assert "There are no usable AWS credentials" in run.stderr + run.stdout


def test_the_callers_own_aws_settings_do_not_reach_the_local_cloud(preflight, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile production]\naws_access_key_id = other\naws_secret_access_key = other\n")
    run = preflight(AWS_CONFIG_FILE=str(config), AWS_PROFILE="production", AWS_SESSION_TOKEN="x")
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_profile_that_does_not_exist_is_named(preflight):
    run = preflight(AWS_PROFILE="nowhere")
    assert run.returncode != 0
    assert (
        "The config profile (nowhere) could not be found. It comes from fleet_profile or AWS_PROFILE"
        in run.stdout
    )
