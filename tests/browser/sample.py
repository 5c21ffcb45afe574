"""A record with every kind of section, hostile texts and real sizes; what the browser tests look at."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

from fleetlib.core.health.devices import Evidence, Limits
from fleetlib.core.health.fleet import FailOn, examine
from fleetlib.core.run_record import Recorder, Run

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script> & $\\frac{1}{0}$ \x1b[31m\x00"
)
LONG = "arn:aws:iot:us-east-1:000000000001:thing/" + "aws-iot-steel-production-device-" * 6


def record(check_mode: bool = False, result: str = "passed", devices: int = 100) -> dict[str, Any]:
    """The record of a deployment of ``devices`` devices."""
    started = datetime.datetime(2026, 3, 1, 9, 30, tzinfo=datetime.UTC)
    by = {
        "command": "ansible-playbook deploy.yml -i inventory/local -e device_count=…",
        "user": "operator",
        "host": "control",
        "ansible": "2.19.14",
        "python": "3.11.2",
        "revision": "d0a8c45 (with local changes)",
    }
    recorder = Recorder(Run("deploy", started, check_mode, by), 0.0, "local", "us-east-1")
    recorder.play_started("Deploy the fleet", 0.2)
    at = 0.2
    for role, tasks in _TASKS.items():
        for name, seconds, changed in tasks:
            recorder.task_started(f"{role}/{name}", name, role, "steel.fleet.x", at)
            at += seconds
            recorder.ok(f"{role}/{name}", "control", changed or {}, with_diff=True)
    data = {f"fleet_report_{name}": part for name, part in _contributions(devices).items()}
    recorder.task_started("report", "Report", "validation", "ansible.builtin.set_stats", at)
    recorder.ok("report", "control", {"ansible_stats": {"data": data}}, with_diff=False)
    counts = {"ok": 23, "changed": 6, "skipped": 2}
    if result == "failed":
        counts["failures"] = 1
        recorder.task_started("bad", "Connect as one device", "validation", "steel.fleet.mqtt_check", at)
        recorder.failed("bad", "control", {"msg": f"The broker refused {HOSTILE}\n{LONG}"}, "failures")
    return recorder.finish(at + 0.3, None if result == "unfinished" else {"control": counts})


def health_record(devices: int = 100) -> dict[str, Any]:
    """The record of a look at a fleet in which something of everything is wrong."""
    now = datetime.datetime(2026, 3, 1, 9, 30, tzinfo=datetime.UTC)
    hits = [_board(number, now) for number in range(1, devices + 1)]
    evidence = Evidence({"c": ("ACTIVE", now - datetime.timedelta(days=40))}, {hits[4]["thingName"]: 7})
    found = examine(hits, evidence, Limits(), FailOn(), now, devices + 1)
    before = [
        {"started": f"2026-02-{day:02d}T09:30:00Z", "summary": {**found.figures(), "Connected": 40 + day}}
        for day in range(1, 20)
    ]
    recorder = Recorder(Run("health", now, False, {}), 0.0, "local", "us-west-2")
    recorder.play_started("Look at every device", 0.0)
    recorder.task_started("report", "Report every device", "reporting", "ansible.builtin.set_stats", 1.0)
    part = {"summary": found.figures(), "sections": found.sections(before), "data": found.as_dict()}
    recorder.ok("report", "control", {"ansible_stats": {"data": {"fleet_report_health": part}}}, False)
    assert recorder.warnings == []
    return recorder.finish(2.0, {"control": {"ok": 1}})


def _board(number: int, now: datetime.datetime) -> dict[str, Any]:
    status = {"Failed": HOSTILE} if number % 9 == 0 else "Running"
    usage = {"used_bytes": number * 997 % 320_000, "total_bytes": 320_000}
    reported = {
        "programs": {"sensor_monitor": {"version": "1.2.0", "status": status}},
        "firmware": {"version": f"1.{number % 3}.0"},
        "hardware_state": {"memory_usage": usage, "cpu_percent": number % 95},
    }
    ago = datetime.timedelta(minutes=number * 3)
    connection = {"connected": number % 3 > 0, "timestamp": int((now - ago).timestamp() * 1000)}
    if number % 10 == 0:
        return {"thingName": f"{LONG}{number}", "connectivity": {"connected": False}}
    return {
        "thingName": f"aws-iot-steel-local-device-{number:03d}",
        "attributes": {"certificate_id": "c" if number % 7 else ""},
        "connectivity": connection,
        "shadow": json.dumps({"reported": reported}),
    }


_TASKS: dict[str, list[tuple[str, float, dict[str, Any] | None]]] = {
    "preflight": [("Check versions", 0.4, None), ("Check credentials", 0.9, None)],
    "local_cloud": [("Start the local cloud", 4.2, {"changed": True, "msg": "Started on port 4566."})],
    "infrastructure": [
        (
            "Create the stacks",
            13.1,
            {
                "changed": True,
                "results": [
                    {"item": name, "changed": True} for name in ("core", "storage", "validator", "monitoring")
                ],
            },
        ),
        ("Read the outputs", 1.2, None),
    ],
    "provisioning": [
        (
            "Provision the devices",
            21.7,
            {"changed": True, "diff": {"before": {"devices": 0}, "after": {"devices": 100, "group": "type"}}},
        ),
    ],
    "programs": [
        ("Check the programs", 1.9, None),
        ("Publish the programs", 2.4, {"changed": True, "results": [{"item": HOSTILE, "changed": True}]}),
    ],
    "monitoring": [("Create the dashboard", 0.8, {"changed": True, "msg": HOSTILE})],
}


def _contributions(devices: int) -> dict[str, Any]:
    hours = [datetime.datetime(2026, 3, 1, hour, tzinfo=datetime.UTC).isoformat() for hour in range(24)]
    statuses = ("passed",) * 40 + ("warned", "failed", "not_checked")
    return {
        "preflight": {
            "order": 100,
            "sections": [
                {
                    "title": "Pre-deployment checklist",
                    "kind": "checks",
                    "intro": "Each line of the guide's checklist, checked by the machine where it can be.",
                    "checks": [
                        {"name": "AWS account", "status": "passed", "detail": "000000000000, as declared"},
                        {
                            "name": "SSL certificates",
                            "status": "not_checked",
                            "detail": "No custom domain is used.",
                        },
                        {
                            "name": "Alarm topic",
                            "status": "warned",
                            "detail": f"Nobody has subscribed to {LONG}",
                        },
                        {"name": HOSTILE, "status": "passed", "detail": HOSTILE},
                    ],
                }
            ],
        },
        "provisioning": {
            "order": 300,
            "summary": {"Devices": devices, "Firmware": "1.4.2"},
            "next": [
                {"text": "The devices, grouped", "command": "ansible-inventory -i inventory/local --graph"},
                {
                    "text": "The dashboard",
                    "href": "https://console.aws.amazon.com/cloudwatch/home",
                    "detail": LONG,
                },
                {"text": "A trap", "href": "javascript:alert(1)"},
            ],
            "sections": [
                {
                    "title": "Fleet",
                    "kind": "map",
                    "legend": {"passed": "connected", "failed": "not seen for a day"},
                    "cells": [
                        {
                            "name": f"device-{i:03d}",
                            "status": statuses[i % len(statuses)],
                            "detail": "fw 1.4.2",
                        }
                        for i in range(1, devices + 1)
                    ],
                },
                {
                    "title": "Stacks",
                    "kind": "table",
                    "columns": ["Stack", "Status", "Resources", "Memory, last day", "Where"],
                    "rows": [
                        [
                            f"aws-iot-steel-local-{name}",
                            {"text": "CREATE_COMPLETE", "status": "passed"},
                            resources,
                            {"trend": [resources, 5, 9, 7, 12.5, 8]},
                            {"text": "console", "href": "https://console.aws.amazon.com/"},
                        ]
                        for name, resources in (("core", 9), ("storage", 12), ("validator", 7))
                    ],
                },
                {
                    "title": "Facts",
                    "kind": "facts",
                    "facts": {"Thing name": LONG, HOSTILE: HOSTILE, "TLS only": True},
                },
                {"title": "Notes", "kind": "text", "text": f"First paragraph. {LONG}\n\nSecond: {HOSTILE}"},
                {
                    "title": "Links",
                    "kind": "links",
                    "links": [
                        {"text": "Runbook", "href": "../../../docs/runbooks/x.md", "detail": "When it hurts"}
                    ],
                },
            ],
        },
        "performance": {
            "order": 700,
            "sections": [
                {
                    "title": "API calls by operation",
                    "kind": "bars",
                    "limits": [{"name": "quota", "value": 400}],
                    "bars": [
                        {"name": "CreateThing", "value": 100},
                        {"name": "RegisterCertificateWithoutCA " + HOSTILE, "value": 312.5},
                        {"name": "$x_1$", "value": 7},
                    ],
                },
                {
                    "title": "Delivery latency",
                    "kind": "series",
                    "unit": "ms",
                    "limits": [{"name": "target", "value": 100}],
                    "series": [
                        {
                            "name": "median",
                            "points": [[t, 40 + 12 * math.sin(i / 3)] for i, t in enumerate(hours)],
                        },
                        {
                            "name": "p99 " + HOSTILE,
                            "points": [[t, 80 + 25 * math.sin(i / 4)] for i, t in enumerate(hours)],
                        },
                    ],
                    "bands": [
                        {"name": "p10 to p90", "points": [[t, 25, 62 + i % 5] for i, t in enumerate(hours)]}
                    ],
                },
                {
                    "title": "Program run time",
                    "kind": "histogram",
                    "unit": "ms",
                    "values": [20 + 15 * math.sin(i) + (i % 17) for i in range(400)],
                    "limits": [{"name": "limit", "value": 45}],
                },
            ],
        },
        "broken": {"sections": [{"title": "x", "kind": "pie"}]},
    }
