#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_code
short_description: Have a function run the code that an object of a bucket holds
version_added: 0.1.0
description:
  - Brings back deployed code whatever runs now. CloudFormation does not; for it nothing changed.
  - The alias goes to the version that has this code; a version is published only where there is none.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Says whether other code runs.
    support: full
  idempotent:
    description: A function that runs this code is left alone.
    support: full
options:
  function:
    description: The function.
    type: str
    required: true
  bucket:
    description: The bucket.
    type: str
    required: true
  alias:
    description: The alias by which callers call it.
    type: str
    default: live
  key:
    description: The object, a ZIP file.
    type: str
    required: true
  sha256:
    description: Lower-case hex digest of the object.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Bring back the validator
  steel.fleet.lambda_code:
    function: aws-iot-steel-staging-steel-program-validator
    bucket: aws-iot-steel-staging-deploy-000000000000-us-west-2
    key: lambda/steel-program-validator/9f86….zip
    sha256: 9f86…
"""

RETURN = r"""
code_sha256:
  description: What AWS says of the code that callers run (base64).
  type: str
  returned: success
  sample: n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=
"""

import base64
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import function_code
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import (
    FleetError,
    InvalidInputError,
)


def work(context: Context) -> dict[str, Any]:
    params = context.params
    try:
        wanted = base64.b64encode(bytes.fromhex(params["sha256"])).decode()
    except ValueError as error:
        raise InvalidInputError(f"sha256 is {params['sha256']!r}; it must be a hex digest.") from error
    functions = context.client("lambda")
    function, alias = params["function"], params["alias"]
    running = function_code.sha256(functions, function, alias)
    newest = function_code.sha256(functions, function)
    if running == newest == wanted or context.check_mode:
        return {"changed": not running == newest == wanted, "code_sha256": running}
    now = newest
    if newest != wanted:
        now = function_code.upload(functions, function, S3Bucket=params["bucket"], S3Key=params["key"])
    if now != wanted:
        raise FleetError(
            f"s3://{params['bucket']}/{params['key']} has SHA-256 {base64.b64decode(now).hex()}, "
            f"not {params['sha256']}. Callers of {function} still run what they ran.",
            "The object was damaged or replaced: deploy.yml uploads the right one.",
        )
    function_code.put_live(functions, function, alias)
    return {"changed": True, "code_sha256": now}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "function": {"type": "str", "required": True},
            "bucket": {"type": "str", "required": True},
            "alias": {"type": "str", "default": "live"},
            "key": {"type": "str", "required": True},
            "sha256": {"type": "str", "required": True},
        },
    )


if __name__ == "__main__":
    main()
