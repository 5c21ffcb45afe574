# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of its own events AWS IoT publishes, account by account and region by region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def enabled(iot: Any) -> dict[str, bool]:
    """iot:DescribeEventConfigurations: kind of event → whether it is published."""
    found = iot.describe_event_configurations().get("eventConfigurations", {})
    return {kind: bool(one.get("Enabled")) for kind, one in found.items()}


def enable(iot: Any, kinds: Mapping[str, bool]) -> None:
    """iot:UpdateEventConfigurations: only these kinds change."""
    iot.update_event_configurations(
        eventConfigurations={kind: {"Enabled": wanted} for kind, wanted in kinds.items()}
    )
