# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List prices of AWS that estimates here are made with, as data: what, for how much of it, from where.

US West (Oregon), first tier, without free tiers and taxes. They change rarely and are no offer: look at the
source before a decision hangs on them, and write what it says and the date in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REGION: Final = "us-west-2"
LOOKED_UP: Final = "2026-11-28"
"""When they were compared with texts that quote the pages below; the pages themselves were out of reach."""
_IOT: Final = "https://aws.amazon.com/iot-core/pricing/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"
_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
_SQS: Final = "https://aws.amazon.com/sqs/pricing/"
_DEVICES: Final = "https://aws.amazon.com/iot-device-management/pricing/"
_S3: Final = "https://aws.amazon.com/s3/pricing/"
_KMS: Final = "https://aws.amazon.com/kms/pricing/"


@dataclass(frozen=True, slots=True)
class Price:
    """A list price."""

    dollars: float
    per: float
    """For so many units."""
    unit: str
    source: str

    def of(self, units: float) -> float:
        """What so many units cost, in US dollars."""
        return self.dollars * units / self.per


IOT_MESSAGE: Final = Price(1.00, 1e6, "messages of up to 5 KB", _IOT)
IOT_RULE: Final = Price(0.15, 1e6, "rules triggered", _IOT)
IOT_ACTION: Final = Price(0.15, 1e6, "actions", _IOT)
METRIC: Final = Price(0.30, 1, "metrics and month", _CLOUDWATCH)
METRIC_REQUEST: Final = Price(0.01, 1e3, "PutMetricData requests", _CLOUDWATCH)
LOG_GIGABYTE: Final = Price(0.50, 1, "GB of logs taken in", _CLOUDWATCH)
LOG_STORED: Final = Price(0.03, 1, "GB of logs kept for a month, compressed", _CLOUDWATCH)
LAMBDA_REQUEST: Final = Price(0.20, 1e6, "calls", _LAMBDA)
LAMBDA_GIGABYTE_SECOND: Final = Price(0.0000133334, 1, "GB-seconds (Arm)", _LAMBDA)
SQS_REQUEST: Final = Price(0.40, 1e6, "requests", _SQS)
IOT_MINUTE: Final = Price(0.08, 1e6, "minutes of connection", _IOT)
IOT_SHADOW: Final = Price(1.25, 1e6, "operations on shadows and registry, of up to 1 KB", _IOT)
INDEX_UPDATE: Final = Price(2.25, 1e6, "updates of the fleet index, of up to 1 KB", _DEVICES)
S3_GIGABYTE: Final = Price(0.023, 1, "GB kept for a month (S3 Standard)", _S3)
KMS_KEY: Final = Price(1.00, 1, "keys and month", _KMS)
