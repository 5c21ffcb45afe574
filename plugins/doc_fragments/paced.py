# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that keep to the account's quotas (`module_utils.paced_module`)."""

    QUOTAS = r"""
options:
  account_quotas:
    description:
      - Whether to read the account's request rates from Service Quotas.
      - AWS's defaults are used where it does not answer.
    type: bool
    default: true
  quotas:
    description: Requests per second by operation, such as C(AttachPolicy); they win over the account's.
    type: dict
    default: {}
  rate_factor:
    description: Factor on all request rates. Below 1 leaves room for other callers.
    type: float
    default: 1.0
"""

    # Of modules that make calls for many devices at the same time.
    DOCUMENTATION = (
        QUOTAS
        + r"""
  concurrency:
    description: Devices worked on at the same time, from 1 to 256.
    type: int
    default: 32
  progress_file:
    description: File that always holds how far the run is. Set by the action plugin of the same name.
    type: path
"""
    )
