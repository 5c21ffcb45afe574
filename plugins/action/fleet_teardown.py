# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.steel.fleet.plugins.plugin_utils.progress_action import ProgressAction


class ActionModule(ProgressAction):
    """Shows the progress of `fleet_teardown`."""

    label = "teardown"
