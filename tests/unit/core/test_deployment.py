"""A deployment's id follows from what is deployed, and from nothing else."""

from __future__ import annotations

import dataclasses
import json

import pytest
from fleetlib.core import deployment
from fleetlib.core.deployment import Deployment, File, Reference
from fleetlib.core.errors import InvalidInputError

CORE, STORAGE = File("templates/core.yml", "11" * 32, 10), File("templates/storage.yml", "22" * 32, 20)
DEPLOYMENT = Deployment(
    environment="staging",
    region="us-west-2",
    account_id="123456789012",
    name_prefix="aws-iot-steel",
    parameters={"device_count": 100},
    files=[CORE, STORAGE],
    references={"validator": Reference("lambda/validator/33.zip", "33" * 32)},
    versions={"ansible": "2.19.14"},
    revision="ab" * 20,
)


def changed(**changes):
    return dataclasses.replace(DEPLOYMENT, **changes)


def test_the_same_deployment_has_the_same_id_whatever_the_order_of_its_files():
    assert changed(files=[STORAGE, CORE]).id == DEPLOYMENT.id


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "production"},
        {"parameters": {"device_count": 101}},
        {"files": [CORE]},
        {"files": [CORE, dataclasses.replace(STORAGE, sha256="44" * 32)]},
        {"references": {}},
        {"versions": {"ansible": "2.19.15"}},
        {"revision": None},
    ],
)
def test_anything_else_deployed_has_another_id(change):
    assert changed(**change).id != DEPLOYMENT.id


def test_the_manifest_names_files_hashes_parameters_versions_and_revision():
    manifest = json.loads(deployment.as_text(DEPLOYMENT.manifest()))
    assert manifest["schema"] == 1
    assert manifest["id"] == DEPLOYMENT.id
    assert manifest["files"][0] == {"name": "templates/core.yml", "sha256": "11" * 32, "size_bytes": 10}
    assert manifest["references"] == {"validator": {"key": "lambda/validator/33.zip", "sha256": "33" * 32}}
    assert manifest["parameters"] == {"device_count": 100}
    assert manifest["versions"] == {"ansible": "2.19.14"}
    assert manifest["revision"] == "ab" * 20


def test_the_prefix_holds_the_id():
    assert DEPLOYMENT.prefix == f"deployments/{DEPLOYMENT.id}/"
    assert len(DEPLOYMENT.id) == deployment.ID_DIGITS


@pytest.mark.parametrize("name", ["/etc/passwd", "../core.yml", "a/../b", "a//b", "./a", "", "manifest.json"])
def test_a_name_outside_the_deployment_is_refused(name):
    with pytest.raises(InvalidInputError, match="cannot name a file of a deployment"):
        deployment.check_names([name])


def test_a_name_given_twice_is_refused():
    with pytest.raises(InvalidInputError, match="is given twice"):
        deployment.check_names(["a", "b", "a"])
