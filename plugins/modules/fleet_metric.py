#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_metric
short_description: Give CloudWatch a value that only a playbook knows
version_added: 0.1.0
description:
  - Publishes one value, of now. Boards publish their own metrics; see C(docs/telemetry.md).
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
attributes:
  check_mode:
    description: Publishes nothing.
    support: full
  idempotent:
    description: Every run publishes a value.
    support: none
options:
  metric:
    description: Which metric, one that an alarm looks at.
    type: str
    choices: [CertificatesExpiring]
    required: true
  value:
    description: The value.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Let the alarm for certificates know
  steel.fleet.fleet_metric:
    metric: CertificatesExpiring
    value: 3
"""

RETURN = r"""
namespace:
  description: Where the metric is.
  type: str
  returned: success
  sample: Custom/Security
"""

from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_aws_module import run_aws_module
from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.aws import metric_data
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.monitoring.alarms import (
    CERTIFICATES_EXPIRING,
)

METRICS = {CERTIFICATES_EXPIRING.name: CERTIFICATES_EXPIRING}


def work(context: Context) -> dict[str, Any]:
    metric = METRICS[context.params["metric"]]
    if not context.check_mode:
        metric_data.put(context.client("cloudwatch"), metric, context.params["value"])
    return {"changed": True, "namespace": metric.namespace}


def main() -> None:
    run_aws_module(
        work,
        argument_spec={
            "metric": {"type": "str", "choices": list(METRICS), "required": True},
            "value": {"type": "float", "required": True},
        },
    )


if __name__ == "__main__":
    main()
