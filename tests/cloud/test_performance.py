"""How a fleet performed, from metrics on a local cloud: every figure is computed again from raw values."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from statistics import fmean

import pytest

from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
VALIDATOR = "p-local-steel-program-validator"
IOT = {"Protocol": "MQTT"}
FUNCTION = {"FunctionName": VALIDATOR}
RUNTIME = "Custom/SteelRuntime"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = {
    "start_date": f"{TODAY - timedelta(days=1):%Y-%m-%d}",
    "end_date": f"{TODAY - timedelta(days=1):%Y-%m-%d}",
}
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Raw:
    """Values as they were published: (day, metric) → values by hour."""

    def __init__(self, cloudwatch):
        self._cloudwatch = cloudwatch
        self.hours = defaultdict(lambda: defaultdict(list))

    def put(self, namespace, name, unit, days_ago, values, dimensions=None):
        for number, value in enumerate(values):
            hour = number % 24
            at = TODAY - timedelta(days=days_ago) + timedelta(hours=hour, minutes=number % 60)
            self.hours[days_ago, name][hour].append(value)
            datum = {"MetricName": name, "Unit": unit, "Timestamp": at, "Value": value}
            datum["Dimensions"] = [{"Name": key, "Value": one} for key, one in (dimensions or {}).items()]
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    def all(self, days_ago, name):
        return [one for values in self.hours[days_ago, name].values() for one in values]

    def sum(self, days_ago, *names):
        return sum(sum(self.all(days_ago, name)) for name in names)


def percentile(values, share):
    """Linear interpolation between the nearest ranks."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


@pytest.fixture
def raw(aws):
    """Yesterday and the day before, with values that differ."""
    raw, draw = Raw(aws("cloudwatch")), random.Random(7)
    for days_ago in (1, 2):
        for name, mean in (("DeliveryLatency", 40 * days_ago), ("ProgramExecutionTime", 300)):
            raw.put(RUNTIME, name, "Milliseconds", days_ago, [draw.expovariate(1 / mean) for _ in range(40)])
        for name, low in (("MemoryUsage", 50), ("CpuUsage", 68)):
            raw.put(RUNTIME, name, "Percent", days_ago, [draw.uniform(low, low + 20) for _ in range(30)])
        raw.put(RUNTIME, "ProgramSuccesses", "Count", days_ago, [1] * (30 * days_ago))
        raw.put(RUNTIME, "ProgramFailures", "Count", days_ago, [1])
        raw.put("AWS/IoT", "Connect.Success", "Count", days_ago, [12.0, 8.0, 79.0], IOT)
        raw.put("AWS/IoT", "Connect.AuthError", "Count", days_ago, [1.0], IOT)
        values = [draw.uniform(5, 90) for _ in range(20)]
        raw.put("AWS/Lambda", "Duration", "Milliseconds", days_ago, values, FUNCTION)
    return raw


def expected(raw, days_ago):
    """Every figure that has data, from the raw values."""
    found = {
        "connects": 100
        * raw.sum(days_ago, "Connect.Success")
        / raw.sum(days_ago, "Connect.Success", "Connect.AuthError"),
        "programs": 100
        * raw.sum(days_ago, "ProgramSuccesses")
        / raw.sum(days_ago, "ProgramSuccesses", "ProgramFailures"),
        "memory": fmean(raw.all(days_ago, "MemoryUsage")),
        "cpu": fmean(raw.all(days_ago, "CpuUsage")),
        "connections": raw.sum(days_ago, "Connect.Success"),
    }
    for id_, name in (
        ("response", "DeliveryLatency"),
        ("execution", "ProgramExecutionTime"),
        ("validator", "Duration"),
    ):
        for stat, share in PERCENTILES.items():
            found[f"{id_}_{stat}"] = percentile(raw.all(days_ago, name), share)
    return found


def look(connection, **options):
    return run_module("fleet_performance_info", **connection, **{"validator": VALIDATOR, **DAY, **options})


def test_every_figure_is_what_the_raw_values_give(raw, connection):
    found = look(connection)
    figures = {one["id"]: one for one in found["performance"]["figures"]}
    now, before = expected(raw, 1), expected(raw, 2)
    assert {name for name, one in figures.items() if one["value"] is not None} == set(now)
    for name, value in now.items():
        assert figures[name]["value"] == pytest.approx(value, abs=0.001), name
        assert figures[name]["previous"] == pytest.approx(before[name], abs=0.001), name
        assert figures[name]["change"] == pytest.approx(value - before[name], abs=0.001), name
    assert figures["response_p95"]["samples"] == 40
    assert figures["connects"]["samples"] == 100
    verdicts = {name: one["verdict"] for name, one in figures.items() if one["target"]}
    assert verdicts == {
        "connects": "missed",  # 99 of 100 is not above 99 %
        "delivery": "no data",
        "programs": "met",
        "response_p95": "met" if now["response_p95"] < 100 else "missed",
        "memory": "met",
        "cpu": "missed",
    }


def test_every_point_of_the_curves_is_what_the_raw_values_give(raw, connection):
    found = look(connection)
    step = found["performance"]["step_seconds"]
    plots = {one["title"]: one for one in found["sections"] if one["kind"] == "series"}
    start = TODAY - timedelta(days=1)

    def buckets(name):
        values = defaultdict(list)
        for number, value in enumerate(flat(raw, name)):
            at = start + timedelta(hours=number % 24, minutes=number % 60)
            values[int(at.timestamp()) // step * step].append(value)
        return [values[at] for at in sorted(values)]

    def points(title, line):
        (series,) = (one for one in plots[title]["series"] if one["name"] == line)
        return [value for _, value in series["points"]]

    latency = buckets("DeliveryLatency")
    assert points("Delivery latency", "p95") == pytest.approx(
        [percentile(one, 0.95) for one in latency], abs=1e-3
    )
    memory = buckets("MemoryUsage")
    assert points("Memory in use", "mean") == pytest.approx([fmean(one) for one in memory], abs=1e-3)
    assert points("Memory in use", "worst") == pytest.approx([max(one) for one in memory], abs=1e-3)
    assert sum(points("Program runs", "succeeded")) == raw.sum(1, "ProgramSuccesses")
    assert sum(points("Connections", "refused")) == raw.sum(1, "Connect.AuthError")


def flat(raw, name):
    """Values of yesterday in the order of their publication."""
    hours = raw.hours[1, name]
    count = sum(len(values) for values in hours.values())
    return [hours[number % 24][number // 24] for number in range(count)]


def test_a_day_without_data_meets_no_target(connection):
    found = look(connection)
    assert found["performance"]["verdicts"] == {"met": 0, "missed": 0, "no data": 6}
    assert found["exceeded"] == []
    assert len(look(connection, fail_on=["no_data"])["exceeded"]) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start_date": "2026-13-01"}, "start_date is '2026-13-01'; it must be a date like 2026-03-01"),
        ({"end_date": "2999-01-01"}, "end_date is 2999-01-01, which is in the future"),
        ({"start_date": "2001-01-01"}, "CloudWatch keeps metrics for 455 days"),
        ({"fail_on": ["sometimes"]}, "value of fail_on must be one or more of: missed, no_data"),
    ],
)
def test_what_makes_no_sense_is_named(connection, options, words):
    found = look(connection, **options)
    assert found["failed"]
    assert words in found["msg"]


def test_the_playbook_reports_and_fails_by_missed_targets(
    raw, ansible_playbook, connection, tmp_path, account
):
    settings = {
        "fleet_aws_connection": connection,
        "fleet_account_id": account,
        "fleet_name_prefix": "p",
        "reporting_validator_function": VALIDATOR,
        **DAY,
    }
    run = ansible_playbook("playbooks/performance_report.yml", "-e", json.dumps(settings))
    assert run.returncode == 2, run.stdout + run.stderr
    assert "Connections that succeed: missed. Processor in use, mean: missed" in " ".join(run.stdout.split())
    (report,) = (tmp_path / "reports/performance_report").glob("*Z")
    data = json.loads((report / "report.json").read_text())
    figures = {one["id"]: one["value"] for one in data["data"]["performance"]["figures"]}
    assert figures["programs"] == pytest.approx(expected(raw, 1)["programs"], abs=0.001)
    assert "Delivery latency" in (report / "index.html").read_text()
