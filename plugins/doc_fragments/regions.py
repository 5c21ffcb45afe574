# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The options of `module_utils.region_options`."""

    DOCUMENTATION = r"""
options:
  origin:
    description:
      - Connection of the region that the other one follows.
      - The module's own connection is that of the second region.
    type: dict
    required: true
    suboptions:
      region: {description: Its name., type: str, required: true}
      endpoint_url: {description: URL of its APIs; empty on AWS., type: str}
      profile: {description: A named profile., type: str}
      access_key: {description: Access key., type: str}
      secret_key: {description: Secret key., type: str}
      session_token: {description: Session token., type: str}
  certificate_status:
    description:
      - What status certificates have in the second region.
      - V(same) is the one that they have in the first.
      - V(inactive) makes of ACTIVE ones INACTIVE; a failover then makes them ACTIVE, 10 a second.
    type: str
    choices: [same, inactive]
    default: same
  objects:
    description: Pairs of buckets whose objects are compared. A pair with an empty name is left out.
    type: list
    elements: dict
    default: []
    suboptions:
      purpose: {description: What they are for., type: str, required: true}
      origin: {description: The bucket in the first region., type: str, required: true}
      bucket: {description: The bucket in the second region., type: str, required: true}
      pattern: {description: Only keys like this shell pattern., type: str, default: "*"}
  snapshot_id:
    description:
      - A snapshot, or V(latest), that stands for the first region where that does not answer.
      - Empty asks the first region.
    type: str
    default: ""
  snapshot_bucket:
    description: The backup bucket of the second region, for O(snapshot_id).
    type: str
    default: ""
  public_key_file:
    description: Public key (PEM) that the snapshot has to be signed with.
    type: path
  kms_key:
    description: Key in KMS that it is signed with, instead of a file.
    type: str
  state_directory:
    description: Private directory of the fleet on this host, with copies of certificates.
    type: path
  progress_file:
    description: Where to write how far it is; set by the action plugin.
    type: path
"""
