# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The options of `module_utils.backup_options`."""

    DOCUMENTATION = r"""
options:
  bucket:
    description: The backup bucket.
    type: str
    required: true
  directory:
    description: A directory of this host that has the snapshots, too.
    type: path
  objects:
    description: Objects that belong to a snapshot.
    type: list
    elements: dict
    default: []
    suboptions:
      purpose: {description: What the bucket is called in snapshots., type: str, required: true}
      bucket: {description: Its name. An empty one is left out., type: str, required: true}
      prefix: {description: Only keys that begin so., type: str, default: ""}
      pattern: {description: Only keys like this shell pattern., type: str, default: "*"}
  public_key_file:
    description: Public key (PEM) that snapshots have to be signed with.
    type: path
  kms_key:
    description: Key in KMS that snapshots are signed with, instead of a file.
    type: str
  state_directory:
    description: Private directory of the fleet on this host, with copies of certificates.
    type: path
  progress_file:
    description: Where to write how far it is; set by the action plugin.
    type: path
"""
