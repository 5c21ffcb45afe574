"""The manifest is complete, its id repeatable, and its objects ready to be uploaded."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.module_runner import run_module


@pytest.fixture
def project(tmp_path):
    """A git checkout with one committed file."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "core.yml").write_text("Resources: {}\n")
    (directory / "galaxy.yml").write_text("namespace: steel\nversion: 1.2.3\n")
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "--quiet", "-m", "Begin"],
    ):
        subprocess.run(["git", *command], cwd=directory, check=True)
    return directory


@pytest.fixture
def describe(project):
    def describe(**options):
        given = {
            "environment_name": "staging",
            "region_name": "us-west-2",
            "account_id": "123456789012",
            "name_prefix": "aws-iot-steel",
            "parameters": {"device_count": 100},
            "files": [{"name": "templates/core.yml", "src": str(project / "core.yml")}],
            "references": {"validator": {"key": "lambda/validator/11.zip", "sha256": "11" * 32}},
            "project": str(project),
        }
        return run_module("deployment_manifest", **{**given, **options})

    return describe


def test_describing_it_again_gives_the_same_id_and_the_same_bytes(describe):
    assert describe() == describe()


def test_the_manifest_is_uploaded_last_and_names_what_came_before(describe):
    result = describe()
    *files, manifest = result["objects"]
    assert [one["key"] for one in files] == [f"deployments/{result['id']}/templates/core.yml"]
    assert manifest["key"] == f"deployments/{result['id']}/manifest.json"
    assert json.loads(manifest["content"]) == result["manifest"]
    assert result["manifest"]["files"][0]["sha256"] == files[0]["sha256"]


def test_the_current_deployment_is_named_in_an_object_of_its_own(describe):
    result = describe()
    assert result["current"]["key"] == "deployments/current.json"
    assert json.loads(result["current"]["content"]) == {"id": result["id"]}


def test_the_git_revision_is_recorded(describe, project):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True)
    assert describe()["manifest"]["revision"] == head.stdout.strip()


def test_a_changed_checkout_is_marked_and_is_another_deployment(describe, project):
    before = describe()
    (project / "core.yml").write_text("Resources: {Topic: {}}\n")
    after = describe()
    assert after["manifest"]["revision"] == f"{before['manifest']['revision']}-dirty"
    assert after["id"] != before["id"]


def test_a_collection_installed_without_git_has_a_version_but_no_revision(describe, tmp_path):
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "4.5.6"}}')
    manifest = describe(project=str(tmp_path))["manifest"]
    assert manifest["revision"] is None
    assert manifest["versions"]["steel.fleet"] == "4.5.6"


def test_the_versions_of_what_deploys_are_recorded(describe):
    versions = describe()["manifest"]["versions"]
    assert versions["steel.fleet"] == "1.2.3"
    assert versions["ansible-core"].startswith("2.")


def test_of_a_directory_the_matching_files_are_taken(describe, project):
    (project / "templates" / "old").mkdir(parents=True)
    for name in ("b.yml", "a.yml", "old/c.yml", "README.md"):
        (project / "templates" / name).write_text(name)
    flat = describe(files=[{"name": "t", "src": str(project / "templates"), "pattern": "*.yml"}])
    assert [one["name"] for one in flat["manifest"]["files"]] == ["t/a.yml", "t/b.yml"]
    deep = describe(files=[{"name": "t", "src": str(project / "templates"), "pattern": "**/*.yml"}])
    assert [one["name"] for one in deep["manifest"]["files"]] == ["t/a.yml", "t/b.yml", "t/old/c.yml"]


def test_git_that_cannot_tell_is_a_warning(describe, tmp_path, capsys):
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n")
    (tmp_path / ".git").write_text("gitdir: /no/such/place\n")
    result = describe(project=str(tmp_path))
    assert result["manifest"]["revision"] is None
    assert "git cannot tell the revision" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": [{"name": "a", "src": "/no/such/file"}]}, "src of a cannot be read: /no/such/file"),
        ({"files": [{"name": "../a", "src": "/etc/hostname"}]}, "'../a' cannot name a file of a deployment"),
        (
            {"files": [{"name": "a", "src": "/etc/ssl", "pattern": "*.no"}]},
            "No file in /etc/ssl matches *.no",
        ),
        ({"project": "/etc"}, "it has neither galaxy.yml nor MANIFEST.json"),
        ({"references": {"x": {"key": "y"}}}, "references.x must have exactly key and sha256"),
    ],
)
def test_bad_input_is_named(describe, options, message):
    result = describe(**options)
    assert result["failed"]
    assert message in result["msg"]
