#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_manifest
short_description: Describe a deployment under an immutable id
version_added: 0.1.0
description:
  - Hashes the files of a deployment, asks git for the revision, and returns the manifest.
  - The id is a hash of the manifest, so that deploying the same thing again is the same deployment.
  - Only looks; the objects it returns are what M(steel.fleet.s3_objects) uploads.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Only reads.
    support: full
  idempotent:
    description: Only reads.
    support: full
options:
  environment_name:
    description: The environment.
    type: str
    required: true
  region_name:
    description: The AWS region.
    type: str
    required: true
  account_id:
    description: The 12-digit account.
    type: str
    required: true
  name_prefix:
    description: First part of every name.
    type: str
    required: true
  parameters:
    description: What the operator chose, such as C(device_count). Never a secret.
    type: dict
    default: {}
  files:
    description: Files that are kept with the deployment.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Path below the deployment's prefix.
        type: str
        required: true
      src:
        description: The file on the control host.
        type: path
        required: true
  references:
    description: Objects of the same bucket that the deployment uses, by name.
    type: dict
    default: {}
  versions:
    description: Versions of what deploys, by name.
    type: dict
    default: {}
  project:
    description: Directory of the collection, whose git revision is recorded.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Describe the deployment
  steel.fleet.deployment_manifest:
    environment_name: staging
    region_name: us-west-2
    account_id: "123456789012"
    name_prefix: aws-iot-steel
    parameters: {device_count: 100}
    files:
      - {name: templates/core.yml, src: roles/infrastructure/files/cloudformation/core.yml}
    references:
      steel-program-validator:
        key: lambda/steel-program-validator/0d743940.zip
        sha256: 0d7439407c9bba05549e0de41c3d4cdc72cfd9583d490751209abef05c4432f5
    versions: {ansible: 2.19.14}
    project: "{{ playbook_dir }}/.."
  register: deployment
"""

RETURN = r"""
id:
  description: The deployment's id.
  type: str
  returned: success
  sample: 0d7439407c9bba05
prefix:
  description: Where its objects belong in the deployment bucket.
  type: str
  returned: success
  sample: deployments/0d7439407c9bba05/
manifest:
  description: The record.
  type: dict
  returned: success
  sample: {schema: 1, id: 0d7439407c9bba05, environment: staging}
objects:
  description:
    - The objects of the deployment for M(steel.fleet.s3_objects).
    - The manifest is the last one, so where it is, everything is.
  type: list
  elements: dict
  returned: success
  sample: [{key: deployments/0d7439407c9bba05/templates/core.yml, src: core.yml, sha256: 9f86d081884c7d65}]
current:
  description: The object that says which deployment is the current one.
  type: dict
  returned: success
  sample: {key: deployments/current.json, content: "{\"id\": \"0d7439407c9bba05\"}"}
"""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import deployment
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInput
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest


def git_revision(project: Path, warn: Callable[[str], None]) -> str | None:
    """The revision of the checkout; ``None`` for a collection that was installed without git."""
    if not (project / ".git").exists():
        return None
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        warn("git is not installed; the deployment manifest names no revision.")
        return None
    if run.returncode != 0:
        warn(f"git cannot tell the revision of {project}: {run.stderr.strip()}")
        return None
    return run.stdout.strip()


def read_file(given: Mapping[str, str]) -> deployment.File:
    try:
        data = Path(given["src"]).read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"src of {given['name']} cannot be read: {given['src']}: {error.strerror}.",
            "Give a file that the control host can read.",
        ) from error
    return deployment.File(given["name"], digest(data), len(data))


def read_reference(name: str, given: Any) -> deployment.Reference:
    if not isinstance(given, Mapping) or set(given) != {"key", "sha256"}:
        raise InvalidInput(f"references.{name} must have exactly key and sha256.", f"It is {given!r}.")
    return deployment.Reference(str(given["key"]), str(given["sha256"]))


def work(context: Context) -> dict[str, Any]:
    params = context.params
    deployment.check_names([one["name"] for one in params["files"]])
    described = deployment.Deployment(
        environment=params["environment_name"],
        region=params["region_name"],
        account_id=params["account_id"],
        name_prefix=params["name_prefix"],
        parameters=params["parameters"],
        files=[read_file(one) for one in params["files"]],
        references={name: read_reference(name, one) for name, one in params["references"].items()},
        versions={name: str(version) for name, version in params["versions"].items()},
        revision=git_revision(Path(params["project"]), context.warn),
    )
    sources = {one["name"]: one["src"] for one in params["files"]}
    objects: list[dict[str, str]] = [
        {"key": f"{described.prefix}{file.name}", "src": sources[file.name], "sha256": file.sha256}
        for file in described.files
    ]
    text = deployment.as_text(described.manifest())
    return {
        "changed": False,
        "id": described.id,
        "prefix": described.prefix,
        "manifest": described.manifest(),
        "objects": [*objects, {"key": f"{described.prefix}manifest.json", "content": text}],
        "current": {"key": deployment.CURRENT_KEY, "content": deployment.as_text({"id": described.id})},
    }


def main() -> None:
    run_module(
        work,
        argument_spec={
            "environment_name": {"type": "str", "required": True},
            "region_name": {"type": "str", "required": True},
            "account_id": {"type": "str", "required": True},
            "name_prefix": {"type": "str", "required": True},
            "parameters": {"type": "dict", "default": {}},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "src": {"type": "path", "required": True},
                },
            },
            "references": {"type": "dict", "default": {}},
            "versions": {"type": "dict", "default": {}},
            "project": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()
