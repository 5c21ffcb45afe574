# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alarms and dashboard as parts of CloudFormation templates and as a table of the documents.

`make docs` writes them between lines ``# begin <name>`` and ``# end <name>``.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ..telemetry import Metric
from .alarms import ALARMS, AT_LEAST, BELOW, COMPOSITES, ELSEWHERE, Alarm, Composite, thresholds
from .dashboard import PERIOD, PLOTS, Line, Plot

_ACROSS: Final = 24
"""Columns of CloudWatch's grid."""
_WIDTH: Final = 8
_HEIGHT: Final = 6
"""Of a plot."""
_ALARMS_HEIGHT: Final = 4
_ACTIONS: Final = ("AlarmActions: [!Ref AlarmTopicArn]", "OKActions: [!Ref AlarmTopicArn]")
_FLEET: Final = "${NamePrefix}-${Environment}"


def parameters() -> str:
    """The thresholds, as parameters of the monitoring stack."""
    return "".join(
        _indented(
            2,
            f"{one.parameter}:",
            "  Type: Number",
            f'  Description: "{one.what}"',
            f"  MinValue: {one.least}",
            *([f"  MaxValue: {one.most}"] if one.most else []),
        )
        for one in thresholds()
    )


def resources() -> str:
    """The alarms of the monitoring stack."""
    return "\n".join(_alarm(one) for one in ALARMS)


def composites() -> str:
    """The alarms over alarms, of the audit stack: some environments have none of their kind."""
    return "\n".join(_composite(one) for one in COMPOSITES)


def dashboard() -> str:
    """The dashboard of the monitoring stack."""
    below = _ALARMS_HEIGHT + _HEIGHT * -(-len(PLOTS) // (_ACROSS // _WIDTH))
    widgets = [
        _alarm_widget(),
        *(_widget(number, plot) for number, plot in enumerate(PLOTS)),
        _log_widget(below),
    ]
    lines = [line for widget in widgets for line in (*widget[:-1], f"{widget[-1]},")]
    return _indented(
        2,
        "Dashboard:",
        "  Type: AWS::CloudWatch::Dashboard",
        "  Properties:",
        f'    DashboardName: !Sub "{_FLEET}${{NameSuffix}}"',
        "    DashboardBody: !Sub |",
        '      {"start": "-PT12H", "periodOverride": "inherit", "widgets": [',
        *(f"        {line}" for line in (*lines[:-1], lines[-1].removesuffix(","))),
        "      ]}",
    )


def table() -> str:
    """Every alarm, as a table in Markdown."""
    rows = [
        (one.area, one.name, one.what, _condition(one), f"`{one.threshold.parameter}`", one.runbook)
        for one in ALARMS
    ]
    rows += [(one.area, one.name, one.what, f"{one.stack} stack", "", one.runbook) for one in ELSEWHERE]
    rows.sort(key=lambda row: row[0])
    for group in COMPOSITES:
        members = " or ".join(" and ".join(names) for names in group.any_of)
        rows.append(("Together", group.name, group.what, members, "", group.runbook))
    lines = ["| Area | Alarm | What | Rings at | Threshold | Runbook |", "|---|---|---|---|---|---|"]
    for area, name, what, condition, parameter, runbook in rows:
        link = f"[{runbook}](runbooks/{runbook}.md)"
        lines.append(f"| {area} | `{name}` | {what} | {condition} | {parameter} | {link} |")
    return "\n".join(lines) + "\n"


def see(runbook: str) -> str:
    """What the description of an alarm ends with."""
    return f"See docs/runbooks/{runbook}.md, playbooks/runbooks/{runbook}.yml"


def _alarm(one: Alarm) -> str:
    statistic = "ExtendedStatistic" if one.is_percentile else "Statistic"
    return _indented(
        2,
        f"{one.resource}:",
        "  Type: AWS::CloudWatch::Alarm",
        "  Properties:",
        f'    AlarmName: !Sub "{_FLEET}-{one.name}"',
        "    AlarmDescription: !Sub >-",
        f"      {one.what}, for a fleet of ${{DeviceCount}}.",
        f"      {see(one.runbook)}",
        f"    Namespace: {one.metric.namespace}",
        f"    MetricName: {one.metric.name}",
        *_dimensions(one.metric),
        f"    {statistic}: {one.statistic}",
        f"    Period: {one.period}",
        f"    EvaluationPeriods: {one.periods}",
        f"    Threshold: !Ref {one.threshold.parameter}",
        f"    ComparisonOperator: {one.comparison}",
        f"    TreatMissingData: {one.missing}",
        *(f"    {action}" for action in _ACTIONS),
    )


def _dimensions(metric: Metric) -> list[str]:
    lines = ["    Dimensions:"] if metric.dimensions else []
    for name, value in metric.dimensions:
        lines += [f"      - Name: {name}", f"        Value: {_value(value)}"]
    return lines


def _value(text: str) -> str:
    return f'!Sub "{text}"' if "${" in text else text


def _composite(one: Composite) -> str:
    return _indented(
        2,
        f"{one.resource}:",
        "  Type: AWS::CloudWatch::CompositeAlarm",
        "  Properties:",
        f'    AlarmName: !Sub "{_FLEET}-{one.name}"',
        "    AlarmDescription: >-",
        f"      {one.what}.",
        f"      {see(one.runbook)}",
        "    AlarmRule: !Sub >-",
        *(f"      {line}" for line in one.rule(_FLEET)),
        *(f"    {action}" for action in _ACTIONS),
    )


def _alarm_widget() -> list[str]:
    arns = [f'   "${{{one.resource}.Arn}}"' for one in ALARMS]
    return [
        _place("alarm", 0, 0, _ACROSS, _ALARMS_HEIGHT),
        ' {"title": "Alarms, for ${DeviceCount} devices", "alarms": [',
        *(f"{arn}," for arn in arns[:-1]),
        f"{arns[-1]}]}}}}",
    ]


def _widget(number: int, plot: Plot) -> list[str]:
    row, column = divmod(number, _ACROSS // _WIDTH)
    title = json.dumps(f"{plot.title}, {plot.unit}" if plot.unit else plot.title)
    # A threshold is a number: no quotes around the parameter that stands for it.
    limits = [
        f'    {{"value": ${{{one.threshold.parameter}}}, "label": "{one.name}"}}' for one in plot.alarms()
    ]
    metrics = [f"    {json.dumps(_metric(line))}" for line in plot.lines]
    return [
        _place("metric", _WIDTH * column, _ALARMS_HEIGHT + _HEIGHT * row, _WIDTH, _HEIGHT),
        f' {{"title": {title}, "region": "${{AWS::Region}}", "period": {PERIOD}, "view": "timeSeries",',
        *(['  "annotations": {"horizontal": ['] if limits else []),
        *(f"{limit}," for limit in limits[:-1]),
        *(f"{limit}]}}," for limit in limits[-1:]),
        '  "metrics": [',
        *(f"{metric}," for metric in metrics[:-1]),
        f"{metrics[-1]}]}}}}",
    ]


def _log_widget(below: int) -> list[str]:
    return [
        _place("log", 0, below, _ACROSS, _HEIGHT),
        ' {"title": "Last errors of boards", "region": "${AWS::Region}", "view": "table",',
        '  "query":',
        "  \"SOURCE '${RuntimeLogGroup}' | fields @timestamp, thing, program_id, message"
        " | filter level = 'error' | sort @timestamp desc\"}}",
    ]


def _place(kind: str, x: int, y: int, width: int, height: int) -> str:
    place = {"type": kind, "x": x, "y": y, "width": width, "height": height}
    return f'{json.dumps(place)[:-1]}, "properties":'


def _metric(line: Line) -> list[Any]:
    dimensions = (word for one in line.metric.dimensions for word in one)
    return [
        line.metric.namespace,
        line.metric.name,
        *dimensions,
        {"stat": line.statistic} | ({"label": line.label} if line.label else {}),
    ]


def _condition(one: Alarm) -> str:
    sign = {AT_LEAST: "≥", BELOW: "<"}.get(one.comparison, ">")
    minutes = one.period // 60
    span = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
    times = f"{one.periods} × {span}" if one.periods > 1 else span
    return f"`{one.metric.name}` {one.statistic} {sign} threshold, {times}"


def _indented(spaces: int, *lines: str) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in lines)
