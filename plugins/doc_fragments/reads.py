# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The attributes of modules that change nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Only reads.
    support: full
  idempotent:
    description: Only reads.
    support: full
"""
