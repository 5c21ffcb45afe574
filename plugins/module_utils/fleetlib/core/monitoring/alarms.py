# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The alarms of a fleet. A new one is an entry here, its threshold one in roles/infrastructure/vars.

`make docs` writes them into the templates.

Names of metrics of AWS are those of its documentation (“AWS IoT metrics and dimensions”, “Types of metrics
for Lambda functions”, “Monitoring CodeBuild metrics”); those of the fleet are in `telemetry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .. import telemetry
from ..telemetry import Metric

AT_LEAST: Final = "GreaterThanOrEqualToThreshold"
ABOVE: Final = "GreaterThanThreshold"
BELOW: Final = "LessThanThreshold"
VALIDATOR: Final = "${ValidatorFunction}"
BUILD: Final = "${NamePrefix}-${Environment}-validate-programs"
"""The CodeBuild project of the pipeline stack."""

CERTIFICATES_EXPIRING: Final = Metric(
    telemetry.SECURITY, "CertificatesExpiring", "Count", "Certificates of devices that expire soon, or have"
)
"""Published by playbooks/certificates.yml."""


def iot(name: str) -> Metric:
    """A metric of AWS IoT's message broker, of MQTT."""
    return Metric("AWS/IoT", name, "Count", "", (("Protocol", "MQTT"),))


def function(name: str, unit: str = "Count") -> Metric:
    """A metric of the program validator's function."""
    return Metric("AWS/Lambda", name, unit, "", (("FunctionName", VALIDATOR),))


def build(name: str, unit: str = "Count") -> Metric:
    """A metric of the pipeline's build."""
    return Metric("AWS/CodeBuild", name, unit, "", (("ProjectName", BUILD),))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A parameter of the monitoring stack; roles/infrastructure/vars computes it from ``device_count``."""

    parameter: str
    what: str
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric alarm of the monitoring stack."""

    resource: str
    """Its name in the template, which stays for good: CloudFormation would delete and create it."""
    name: str
    """What follows the fleet's name; other roles and runbooks go by it."""
    area: str
    what: str
    metric: Metric
    statistic: str
    threshold: Threshold
    runbook: str
    """Of docs/runbooks/<name>.md and playbooks/runbooks/<name>.yml."""
    comparison: str = AT_LEAST
    period: int = 300
    """Seconds."""
    periods: int = 1
    missing: str = "notBreaching"
    """What CloudWatch takes periods without data for."""

    @property
    def is_percentile(self) -> bool:
        """Whether CloudWatch calls its statistic an extended one."""
        return self.statistic.startswith("p")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An alarm that the stack makes whose resource it watches."""

    name: str
    stack: str
    area: str
    what: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Composite:
    """An alarm over alarms; each of ``any_of`` is one alarm, or several that have to ring together."""

    resource: str
    name: str
    what: str
    runbook: str
    any_of: tuple[tuple[str, ...], ...]

    def rule(self, fleet: str) -> list[str]:
        """CloudWatch's rule for the fleet of this name, a line for each part."""
        lines = []
        for names in self.any_of:
            part = " AND ".join(f'ALARM("{fleet}-{name}")' for name in names)
            lines.append(f"({part})" if len(names) > 1 else part)
        return [lines[0], *(f"OR {line}" for line in lines[1:])]


_VIOLATIONS: Final = Threshold(
    "PolicyViolations", "Messages and subscriptions in 5 minutes that the device policy refused"
)

ALARMS: Final = (
    Alarm(
        "DevicesSilent",
        "devices-silent",
        "Connections",
        "Too few devices report",
        telemetry.MEMORY,
        "SampleCount",
        Threshold("SilentDevices", "Metric reports in 15 minutes below which too many devices are silent"),
        "connection_failures",
        comparison=BELOW,
        period=900,
    ),
    Alarm(
        "AuthenticationFails",
        "authentication-failures",
        "Security",
        "Too many connections are refused",
        iot("Connect.AuthError"),
        "Sum",
        Threshold("AuthenticationFailures", "Refused connections in 5 minutes"),
        "connection_failures",
    ),
    Alarm(
        "PublishRefused",
        "publish-refused",
        "Security",
        "Devices publish to topics that are not theirs",
        iot("PublishIn.AuthError"),
        "Sum",
        _VIOLATIONS,
        "security_incident",
    ),
    Alarm(
        "SubscribeRefused",
        "subscribe-refused",
        "Security",
        "Devices subscribe to topics that are not theirs",
        iot("Subscribe.AuthError"),
        "Sum",
        _VIOLATIONS,
        "security_incident",
    ),
    Alarm(
        "SecurityAlerts",
        "security-alerts",
        "Security",
        "Boards or their programs raise alerts of security",
        telemetry.SECURITY_ALERTS,
        "Sum",
        Threshold("SecurityAlertCount", "Alerts of security in 5 minutes"),
        "security_incident",
    ),
    Alarm(
        "CertificatesExpire",
        "certificates-expire",
        "Security",
        "Certificates of devices expire soon",
        CERTIFICATES_EXPIRING,
        "Maximum",
        Threshold("ExpiringCertificates", "Certificates that expire soon, in the last look at them"),
        "certificate_expiry",
        period=86400,
        missing="ignore",  # the last look holds until the next one
    ),
    Alarm(
        "ConnectionStorm",
        "connection-storm",
        "Connections",
        "Devices connect again and again",
        iot("Connect.Success"),
        "Sum",
        Threshold("Reconnections", "Connections in 5 minutes that mean a storm"),
        "connection_failures",
    ),
    Alarm(
        "MessagesThrottled",
        "messages-throttled",
        "Messages",
        "AWS IoT refuses messages because there are too many",
        iot("PublishIn.Throttle"),
        "Sum",
        Threshold("ThrottledMessages", "Messages in 5 minutes that were too many for AWS IoT"),
        "service_degradation",
    ),
    Alarm(
        "ShadowStorm",
        "shadow-storm",
        "Shadows",
        "Devices update their shadows again and again",
        iot("UpdateThingShadow.Accepted"),
        "Sum",
        Threshold("ShadowUpdates", "Updates of shadows in 5 minutes that mean a storm"),
        "service_degradation",
    ),
    Alarm(
        "ProgramsFail",
        "programs-fail",
        "Programs",
        "Too many programs fail on their boards",
        telemetry.PROGRAM_FAILURES,
        "Sum",
        Threshold("ProgramFailures", "Failed programs in 5 minutes"),
        "program_failures",
    ),
    Alarm(
        "ErrorsLogged",
        "errors-logged",
        "Programs",
        "Boards log too many errors",
        telemetry.ERROR_MESSAGES,
        "Sum",
        Threshold("ErrorLogs", "Error messages of boards in 5 minutes"),
        "program_failures",
    ),
    Alarm(
        "MemoryHigh",
        "memory-high",
        "Boards",
        "Boards run out of memory",
        telemetry.MEMORY,
        "Average",
        Threshold("MemoryPercent", "Mean use of the boards' memory", most=100),
        "high_resource_usage",
        comparison=ABOVE,
        periods=3,
    ),
    Alarm(
        "CpuHigh",
        "cpu-high",
        "Boards",
        "Boards are too busy",
        telemetry.CPU,
        "Average",
        Threshold("CpuPercent", "Mean use of the boards' processors", most=100),
        "high_resource_usage",
        comparison=ABOVE,
        periods=3,
    ),
    Alarm(
        "UpdatesFail",
        "updates-fail",
        "Firmware",
        "Firmware updates fail",
        telemetry.UPDATE_FAILURES,
        "Sum",
        Threshold("UpdateFailures", "Failed firmware updates in 5 minutes"),
        "program_failures",
    ),
    Alarm(
        "UpdatesRolledBack",
        "updates-rolled-back",
        "Firmware",
        "Boards go back to their former firmware",
        telemetry.UPDATE_ROLLBACKS,
        "Sum",
        Threshold("UpdateRollbacks", "Boards that went back to their former firmware in 5 minutes"),
        "program_failures",
    ),
    Alarm(
        "ValidatorThrottled",
        "validator-throttled",
        "Program validator",
        "The program validator has no room for more programs at once",
        function("Throttles"),
        "Sum",
        Threshold("ValidatorThrottles", "Refused calls of the program validator in 5 minutes"),
        "program_failures",
    ),
    Alarm(
        "ValidatorSlow",
        "validator-slow",
        "Program validator",
        "The program validator comes near its time limit",
        function("Duration", "Milliseconds"),
        "p99",
        Threshold("ValidatorMilliseconds", "99 of 100 runs of the program validator take less", most=900_000),
        "program_failures",
    ),
)

ELSEWHERE: Final = (
    Elsewhere(
        "validator-fails",
        "validator",
        "Program validator",
        "The program validator itself fails",
        "program_failures",
    ),
    Elsewhere(
        "programs-unvalidated",
        "validator",
        "Program validator",
        "Programs arrived and were never validated",
        "program_failures",
    ),
    Elsewhere(
        "telemetry-fails",
        "telemetry",
        "Messages",
        "Messages of boards could not be read or delivered",
        "service_degradation",
    ),
    Elsewhere(
        "pipeline-refuses",
        "pipeline",
        "Pipeline",
        "The pipeline refused programs or broke",
        "program_failures",
    ),
)

COMPOSITES: Final = (
    Composite(
        "SystemHealth",
        "system-health",
        "The fleet as a whole is not well",
        "service_degradation",
        (
            ("devices-silent",),
            ("connection-storm",),
            ("messages-throttled",),
            ("programs-fail",),
            ("updates-fail",),
            ("updates-rolled-back",),
            ("validator-fails",),
            ("programs-unvalidated",),
            ("telemetry-fails",),
            ("memory-high", "cpu-high"),
        ),
    ),
    Composite(
        "SecurityHealth",
        "security-health",
        "Devices try what they must not",
        "security_incident",
        (("authentication-failures",), ("publish-refused",), ("subscribe-refused",), ("security-alerts",)),
    ),
)


def thresholds() -> tuple[Threshold, ...]:
    """The parameters of all alarms, each once."""
    return tuple(dict.fromkeys(alarm.threshold for alarm in ALARMS))
