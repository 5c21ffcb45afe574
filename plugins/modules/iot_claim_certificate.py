#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: iot_claim_certificate
short_description: Have the claim certificate with which devices register themselves
version_added: 0.1.0
description:
  - Makes a key on this host, has a certificate issued for it, and attaches the claim policy.
  - It can be killed at any moment. The next run finishes the job; a certificate whose answer never arrived is
    found by its key.
  - A certificate that somebody switched off stays off.
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - steel.fleet.fleet
attributes:
  check_mode:
    description: Says what is left to do, also where the policy does not exist yet.
    support: full
  diff_mode:
    description: Shows what there is of key, certificate and policy.
    support: full
  idempotent:
    description: Does only what is left to do.
    support: full
options:
  policy:
    description: The claim policy. In check mode it may be empty, when its name is not known yet.
    type: str
    default: ""
  state_directory:
    description:
      - Private directory of the fleet on this host. It gets C(claim/<fleet>-claim/private.key) (0600, never
        replaced) and C(certificate.pem) beside it.
    type: path
    required: true
  key_type:
    description: Kind of key, if one has to be made.
    type: str
    choices: [ec-p256, rsa-2048]
    default: ec-p256
"""

EXAMPLES = r"""
- name: Have the claim certificate
  steel.fleet.iot_claim_certificate:
    name_prefix: aws-iot-steel
    environment_name: staging
    policy: aws-iot-steel-staging-claim
    state_directory: /var/lib/fleet/staging
"""

RETURN = r"""
certificate_id:
  description: The certificate; empty in check mode when there is none yet.
  type: str
  returned: success
  sample: 5f0c7c8a4b1d9e2f
status:
  description: What the registry said of the certificate before this run; empty when there was none.
  type: str
  returned: success
  sample: ACTIVE
key_path:
  description: Where the key is. Whoever has it can register expected devices.
  type: str
  returned: success
  sample: /var/lib/fleet/staging/claim/aws-iot-steel-staging-claim/private.key
certificate_path:
  description: Where the certificate is.
  type: str
  returned: success
  sample: /var/lib/fleet/staging/claim/aws-iot-steel-staging-claim/certificate.pem
steps:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: [make the claim key, have the claim certificate issued, attach the claim policy]
"""

from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import FLEET_SPEC, Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.claim_certificate import ClaimCertificate
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.crypto.keys import KeyType


def work(context: Context) -> dict[str, Any]:
    params = context.params
    claim = ClaimCertificate(
        params["name_prefix"],
        params["environment_name"],
        params["policy"],
        Path(params["state_directory"]),
        context.client("iot"),
        KeyType(params["key_type"]),
    )
    state = claim.look() if context.check_mode else claim.ensure()
    if state.remark:
        context.warn(state.remark)
    done = "key: on this host\ncertificate: ACTIVE\npolicy: attached\n"
    return {
        "changed": bool(state.steps),
        "certificate_id": claim.certificate_id,
        "status": state.status,
        "key_path": str(claim.key_path),
        "certificate_path": str(claim.certificate_path),
        "steps": state.steps,
        "diff": {"before": state.described(), "after": done if state.steps else state.described()},
    }


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            **FLEET_SPEC,
            "policy": {"type": "str", "default": ""},
            "state_directory": {"type": "path", "required": True},
            "key_type": {
                "type": "str",
                "choices": ["ec-p256", "rsa-2048"],
                "default": "ec-p256",
                "no_log": False,
            },
        },
    )


if __name__ == "__main__":
    main()
