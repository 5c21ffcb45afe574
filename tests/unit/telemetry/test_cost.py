"""What telemetry is said to cost."""

from __future__ import annotations

import importlib.util

import pytest
from fleetlib.core import prices, telemetry_cost
from fleetlib.core.telemetry_cost import Traffic

MESSAGES = 1000 * 43_200


def by_way(traffic=None):
    return {one.way: one.dollars for one in telemetry_cost.metrics(traffic or Traffic())}


def test_a_request_for_each_value_costs_what_the_prices_say():
    rule, actions, requests = MESSAGES * 0.15e-6, 3 * MESSAGES * 0.15e-6, 3 * MESSAGES * 0.01e-3
    assert by_way()["cloudwatchMetric action for each value"] == pytest.approx(rule + actions + requests)


def test_the_way_that_the_stack_takes_is_the_cheapest():
    assert telemetry_cost.metrics(Traffic())[0].way == "cloudwatchLogs action, metric filters"


def test_the_bill_grows_with_the_devices_but_for_the_metrics_themselves():
    small, large = (sum(one.dollars for one in telemetry_cost.bill(Traffic(count))) for count in (1, 1001))
    fixed = prices.METRIC.of(15)
    assert large - fixed == pytest.approx(1001 * (small - fixed))


def test_the_document_shows_what_the_command_prints(root):
    path = root / "benchmarks/telemetry_cost.py"
    spec = importlib.util.spec_from_file_location("telemetry_cost_command", path)
    command = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command)
    assert command.tables(Traffic()) in (root / "docs/telemetry.md").read_text()
