"""The telemetry stack and the library agree on names, units and what can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cfnlint.decode import decode
from fleetlib.core import telemetry

TEMPLATES = Path(__file__).parents[3] / "roles/infrastructure/files/cloudformation"


def resources(purpose, kind):
    read, errors = decode(str(TEMPLATES / f"{purpose}.yml"))
    assert not errors
    found = json.loads(json.dumps(read))["Resources"].values()
    return [one for one in found if one["Type"] == kind]


@pytest.fixture(scope="module")
def rules():
    return resources("telemetry", "AWS::IoT::TopicRule")


def sql(rule):
    return rule["Properties"]["TopicRulePayload"]["Sql"]["Fn::Sub"]


def made():
    """(namespace, name, unit) of every metric that a template makes."""
    for purpose in ("telemetry", "monitoring", "validator"):
        for one in resources(purpose, "AWS::Logs::MetricFilter"):
            for metric in one["Properties"]["MetricTransformations"]:
                space = metric["MetricNamespace"]
                # The monitoring stack has it as a parameter.
                yield (
                    telemetry.RUNTIME if isinstance(space, dict) else space,
                    metric["MetricName"],
                    metric["Unit"],
                )
    for rule in resources("telemetry", "AWS::IoT::TopicRule"):
        for action in rule["Properties"]["TopicRulePayload"]["Actions"]:
            if "CloudwatchMetric" in action:
                metric = action["CloudwatchMetric"]
                yield metric["MetricNamespace"], metric["MetricName"], metric["MetricUnit"]


def test_the_stacks_make_the_metrics_of_the_library_and_no_others():
    assert set(made()) == {(one.namespace, one.name, one.unit) for one in telemetry.METRICS}


def test_both_ways_listen_to_the_same_topics(rules):
    topics = {
        way: {re.search(r"FROM '([^']+)'", sql(one))[1] for one in rules if one["Condition"] == way}
        for way in ("IsNative", "IsFunction")
    }
    assert topics["IsNative"] == topics["IsFunction"]
    assert len(topics["IsNative"]) == 5


def test_rules_know_the_levels_and_the_states_of_the_protocol(rules):
    every = "\n".join(sql(one) for one in rules)
    assert every.count(f"^({'|'.join(telemetry.LEVELS)})$") == 2
    assert every.count(f"^({'|'.join(telemetry.STATUSES)})$") == 2


def test_what_one_rule_takes_another_refuses_by_the_same_words(rules):
    taken = {re.search(r"FROM '([^']+)'", sql(one))[1]: sql(one) for one in rules if "get_or" not in sql(one)}
    refusing = [sql(one) for one in rules if "get_or_default" in sql(one)]
    assert len(refusing) == 3
    native = [sql(one) for one in rules if one["Condition"] == "IsNative"]
    for one in refusing:
        topic = re.search(r"FROM '([^']+)'", one)[1]
        said = re.search(r"get_or_default\((.*), false\) = false$", one, re.DOTALL)[1]
        assert topic in taken
        assert any(other.endswith(f"AND {said}") for other in native)


def test_a_rule_that_cannot_deliver_leaves_the_message_in_the_queue(rules):
    for rule in rules:
        payload = rule["Properties"]["TopicRulePayload"]
        delivers = [next(iter(action)) for action in payload["Actions"]]
        assert "Sqs" in delivers or "Sqs" in payload["ErrorAction"]


def test_a_rule_takes_messages_of_its_own_fleet_only(rules):
    assert all("'^${NamePrefix}-${Environment}-" in sql(one) for one in rules)


def test_latencies_that_no_filter_counts_are_those_the_library_leaves_out():
    (pattern,) = (
        one["Properties"]["FilterPattern"]
        for one in resources("telemetry", "AWS::Logs::MetricFilter")
        if one["Properties"]["FilterName"] == "delivery-latency"
    )
    assert pattern.endswith(f"$.latency_ms <= {telemetry.MOST_LATE_MS} }}")
