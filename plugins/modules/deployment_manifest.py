#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_manifest
short_description: Describe a deployment under an immutable id
version_added: 0.1.0
description:
  - Hashes the files of a deployment, notes versions and git revision, and returns the manifest.
  - The id is a hash of the manifest, so that deploying the same thing again is the same deployment.
  - Only looks; the objects it returns are what M(steel.fleet.s3_objects) uploads.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.reads
  - steel.fleet.fleet
options:
  region_name:
    description: The AWS region.
    type: str
    required: true
  account_id:
    description: The 12-digit account.
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
        description: A file or a directory on the control host.
        type: path
        required: true
      pattern:
        description: Which files of a directory to take, as a glob; C(**) means any depth.
        type: str
        default: "**/*"
  references:
    description: Objects of the same bucket that the deployment uses, by name.
    type: dict
    default: {}
  project:
    description: Directory of the collection, whose version and git revision are recorded.
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
      - {name: templates, src: roles/infrastructure/files/cloudformation, pattern: "*.yml"}
    references:
      steel-program-validator:
        key: lambda/steel-program-validator/0d743940.zip
        sha256: 0d7439407c9bba05549e0de41c3d4cdc72cfd9583d490751209abef05c4432f5
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

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import deployment
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import InvalidInputError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest

TOOLS = ("ansible-core", "boto3", "botocore")


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


def versions(project: Path) -> dict[str, str]:
    """The versions of what deploys: the collection and the tools whose work depends on their release."""
    return {"steel.fleet": collection_version(project)} | {name: version(name) for name in TOOLS}


def collection_version(project: Path) -> str:
    """From the checkout, or from what `ansible-galaxy collection install` wrote."""
    checkout, installed = project / "galaxy.yml", project / "MANIFEST.json"
    if checkout.exists():
        found = re.search(r"^version: *(\S+)", checkout.read_text(), re.MULTILINE)
        return found[1] if found else "unknown"
    if installed.exists():
        return json.loads(installed.read_text())["collection_info"]["version"]
    raise InvalidInputError(
        f"project is {project}, which is not the collection: it has neither galaxy.yml nor MANIFEST.json.",
        "Give the directory of steel.fleet.",
    )


def expand(given: Mapping[str, str]) -> dict[str, Path]:
    """Name in the deployment → file, for one entry of ``files``."""
    source = Path(given["src"])
    if not source.is_dir():
        return {given["name"]: source}
    found = sorted(path for path in source.glob(given["pattern"]) if path.is_file())
    if not found:
        raise InvalidInputError(
            f"No file in {source} matches {given['pattern']}.", f"Correct src of {given['name']}."
        )
    return {f"{given['name']}/{path.relative_to(source).as_posix()}": path for path in found}


def read_file(name: str, source: Path) -> deployment.File:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"src of {name} cannot be read: {source}: {error.strerror}.",
            "Give a file that the control host can read.",
        ) from error
    return deployment.File(name, digest(data), len(data))


def read_reference(name: str, given: Any) -> deployment.Reference:
    if not isinstance(given, Mapping) or set(given) != {"key", "sha256"}:
        raise InvalidInputError(f"references.{name} must have exactly key and sha256.", f"It is {given!r}.")
    return deployment.Reference(str(given["key"]), str(given["sha256"]))


def work(context: Context) -> dict[str, Any]:
    params = context.params
    named = [pair for one in params["files"] for pair in expand(one).items()]
    deployment.check_names([name for name, _ in named])
    sources = dict(named)
    described = deployment.Deployment(
        environment=params["environment_name"],
        region=params["region_name"],
        account_id=params["account_id"],
        name_prefix=params["name_prefix"],
        parameters=params["parameters"],
        files=[read_file(name, source) for name, source in sources.items()],
        references={name: read_reference(name, one) for name, one in params["references"].items()},
        versions=versions(Path(params["project"])),
        revision=git_revision(Path(params["project"]), context.warn),
    )
    objects: list[dict[str, str]] = [
        {"key": f"{described.prefix}{file.name}", "src": str(sources[file.name]), "sha256": file.sha256}
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
            **FLEET_SPEC,
            "region_name": {"type": "str", "required": True},
            "account_id": {"type": "str", "required": True},
            "parameters": {"type": "dict", "default": {}},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "src": {"type": "path", "required": True},
                    "pattern": {"type": "str", "default": "**/*"},
                },
            },
            "references": {"type": "dict", "default": {}},
            "project": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()
