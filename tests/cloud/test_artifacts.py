"""Role `artifacts`: what is deployed is kept once, under names that follow from the content."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.cloud

PLAYBOOK = """
- hosts: control
  gather_facts: false
  module_defaults:
    group/steel.fleet.fleet: "{{ fleet_aws_connection }}"
  tasks:
    - ansible.builtin.include_role: {name: steel.fleet.artifacts}
    - ansible.builtin.include_role: {name: steel.fleet.artifacts, tasks_from: manifest}
    - ansible.builtin.debug: {msg: "code {{ infrastructure_validator_code | to_json }}"}
"""


@pytest.fixture
def deploy(ansible_playbook, connection, tmp_path):
    """``deploy(bucket, *arguments)`` runs the role as `deploy.yml` does, with one template."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "core.yml").write_text("Resources: {}\n")
    settings = {
        "fleet_aws_connection": connection,
        "fleet_state_dir": str(tmp_path / "state"),
        "artifacts_files": [{"name": "templates", "src": str(tmp_path / "templates")}],
    }

    def deploy(bucket, *arguments):
        outputs = {"fleet_stacks": {"storage": {"DeploymentBucket": bucket}} if bucket else {}}
        return ansible_playbook(
            str(tmp_path / "play.yml"),
            *("-e", json.dumps(settings | outputs)),
            *arguments,
            FLEET_REPORTS_DIR=str(tmp_path / "reports"),
        )

    return deploy


@pytest.fixture
def bucket(aws, account):
    name = f"deployments-{account}"
    s3 = aws("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return name


def keys(aws, bucket):
    return {one["Key"] for one in aws("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def changes(run):
    assert run.returncode == 0, run.stdout + run.stderr
    return int(re.search(r"changed=(\d+)", run.stdout)[1])


def test_before_the_bucket_exists_check_mode_plans_every_upload(deploy, tmp_path):
    run = deploy("", "--check", "--diff")
    assert changes(run) > 0
    assert re.search(r"deployments/[0-9a-f]{16}/manifest\.json", run.stdout)
    assert not (tmp_path / "state").exists()


def test_a_deployment_is_kept_and_doing_it_again_changes_nothing(deploy, aws, bucket):
    assert changes(deploy(bucket)) > 0
    found = keys(aws, bucket)
    s3 = aws("s3")
    current = json.load(s3.get_object(Bucket=bucket, Key="deployments/current.json")["Body"])["id"]
    body = s3.get_object(Bucket=bucket, Key=f"deployments/{current}/manifest.json")["Body"]
    references = json.load(body)["references"]
    code = references["steel-program-validator"]["key"]
    assert found == {
        "deployments/current.json",
        f"deployments/{current}/manifest.json",
        f"deployments/{current}/templates/core.yml",
        code,
        references["steel-telemetry"]["key"],
    }

    again = deploy(bucket)
    assert changes(again) == 0
    assert f'"bucket": "{bucket}", "key": "{code}"' in again.stdout.replace("\\", "")
