# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options that the modules of teardown share (`module_utils.teardown_options`)."""

    DOCUMENTATION = r"""
options:
  account_id:
    description: The account; a part of the buckets' names.
    type: str
    required: true
  region_name:
    description: The region; a part of the buckets' names.
    type: str
    required: true
  state_directory:
    description: Private directory of the fleet on this host. Journal and lock are in C(teardown/) in it.
    type: path
    required: true
  snapshot:
    description: Whether a last snapshot is wanted.
    type: bool
    default: true
  snapshot_directory:
    description: Where that snapshot is kept, with C(public.pem).
    type: path
  maintenance_journal:
    description: Journal of maintenance, which must not be at work.
    type: path
  key_days:
    description: How long KMS keeps a key before it deletes it, 7 to 30.
    type: int
    default: 30
  thing_type_wait_seconds:
    description: How long a run waits for the five minutes that AWS keeps a deprecated thing type.
    type: float
    default: 330.0
"""
