# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The options of `module_utils.fleet_module.FLEET_SPEC`: which fleet it is."""

    DOCUMENTATION = r"""
options:
  name_prefix:
    description: First part of every name, such as V(aws-iot-steel).
    type: str
    required: true
  environment_name:
    description: The environment; second part of every name, and the attribute C(environment) of every thing.
    type: str
    required: true
"""
