#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_bundle
short_description: Build the zip file of a Lambda function, reproducibly
version_added: 0.1.0
description:
  - Zips the handler's files together with the part of the library that needs the standard library only.
  - The bytes depend on the sources alone, not on times, modes, order or machine; the hash names the content.
author: steel.fleet maintainers (@steel-fleet)
attributes:
  check_mode:
    description: Builds the bundle in memory and writes nothing.
    support: full
  diff_mode:
    description: Shows the hash.
    support: full
  idempotent:
    description: Writes the file only when its bytes differ.
    support: full
options:
  source:
    description: Directory with the handler's C(.py) files; they get into the root of the bundle.
    type: path
    required: true
  library:
    description: The directory C(plugins/module_utils/fleetlib) of the collection.
    type: path
    required: true
  dest:
    description: The zip file to write. Its directory is made when it is missing.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Build the program validator
  steel.fleet.lambda_bundle:
    source: roles/programs/files/lambda
    library: plugins/module_utils/fleetlib
    dest: /var/lib/fleet/steel-program-validator.zip
  register: bundle
"""

RETURN = r"""
dest:
  description: The zip file.
  type: str
  returned: success
  sample: /var/lib/fleet/steel-program-validator.zip
sha256:
  description: Lower-case hex digest of the zip file.
  type: str
  returned: success
  sample: 0d7439407c9bba05549e0de41c3d4cdc72cfd9583d490751209abef05c4432f5
size_bytes:
  description: Size of the zip file.
  type: int
  returned: success
  sample: 412672
names:
  description: The files in it.
  type: list
  elements: str
  returned: success
  sample: [fleetlib/__init__.py, steel_program_validator.py]
"""

import os
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core import bundle
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.objects import digest


def read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: Path, data: bytes) -> None:
    """Replace the file as a whole, so that nobody ever reads half a bundle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def put(path: Path, data: bytes, check_mode: bool) -> bytes | None:
    """Have the file, and return what was there before."""
    try:
        before = read(path)
        if before != data and not check_mode:
            write(path, data)
    except OSError as error:
        raise FleetError(
            f"dest cannot be written: {path}: {error.strerror}.", "Give another place."
        ) from error
    return before


def work(context: Context) -> dict[str, Any]:
    params = context.params
    built = bundle.build(bundle.read_sources(Path(params["library"]), Path(params["source"])))
    before = put(Path(params["dest"]), built.data, context.check_mode)
    return {
        "changed": before != built.data,
        "dest": params["dest"],
        "sha256": built.sha256,
        "size_bytes": len(built.data),
        "names": list(built.names),
        "diff": {
            "before": {} if before is None else {"sha256": digest(before)},
            "after": {"sha256": built.sha256},
        },
    }


def main() -> None:
    run_module(
        work,
        argument_spec={
            "source": {"type": "path", "required": True},
            "library": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()
