"""Measure how long looking at a fleet takes: python benchmarks/health.py [devices …]

Makes fleets of registered devices with certificates, shadows and error logs on local clouds of their own,
runs playbooks/health.yml against each, and opens the page in headless Chromium where there is one. Results
go to benchmarks/results/health.{json,md,svg}.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins/module_utils"))

import boto3  # noqa: E402  # after the path to fleetlib
from botocore.config import Config  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from fleetlib import local_cloud  # noqa: E402

SIZES = (100, 1_000, 10_000)
MOST_SECONDS, MOST_REQUESTS, MOST_BYTES, MOST_OPEN_SECONDS = 60, 0.05, 3_000_000, 2.0
GROUP, LOGS = "aws-iot-steel-local", "/bench/boards"
STACK = {
    "Resources": {"Group": {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": GROUP}}},
    "Outputs": {"FleetGroupName": {"Value": GROUP}},
}
"""What of the core stack the playbook reads."""
CONTROL = "inventory/local/control.yml"
"""Without the devices as inventory hosts: nothing here needs them, and they read the index once more."""
KEY = ec.generate_private_key(ec.SECP256R1())
"""One key for all: the registry only looks at certificates."""
WORKERS = 16


class Cloud:
    """A local cloud with a fleet in it."""

    def __init__(self, directory: Path) -> None:
        """Starts it; `close` stops it."""
        port, mqtt_port = local_cloud.free_ports(2)
        self.directory = directory
        self.settings = local_cloud.Settings(directory / "cloud", port, mqtt_port)
        local_cloud.start(self.settings)

    def close(self) -> None:
        """Stop it."""
        local_cloud.stop(self.settings)

    def client(self, service: str) -> Any:
        """A client of its root account."""
        return boto3.client(
            service,
            endpoint_url=self.settings.endpoint_url,
            region_name=self.settings.region,
            aws_access_key_id="test",
            aws_secret_access_key=local_cloud.SECRET_KEY,
            config=Config(max_pool_connections=WORKERS),
        )

    def fill(self, count: int) -> None:
        """Register ``count`` devices; most reported something, one in 50 failed, one in 10 never came."""
        iot, data = self.client("iot"), self.client("iot-data")
        iot.update_indexing_configuration(
            thingIndexingConfiguration={
                "thingIndexingMode": "REGISTRY_AND_SHADOW",
                "thingConnectivityIndexingMode": "STATUS",
            }
        )
        stacks = self.client("cloudformation")
        stacks.create_stack(StackName=f"{GROUP}-core", TemplateBody=json.dumps(STACK))
        stacks.get_waiter("stack_create_complete").wait(StackName=f"{GROUP}-core", WaiterConfig={"Delay": 1})

        def make(number: int) -> None:
            thing = f"{GROUP}-device-{number:05d}"
            pem = certificate(number)
            made = iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
            attributes = {"environment": "local", "certificate_id": made["certificateId"]}
            iot.create_thing(thingName=thing, attributePayload={"attributes": attributes})
            iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=thing)
            if number % 10:
                state = {"state": {"reported": reported(number)}}
                data.update_thing_shadow(thingName=thing, payload=json.dumps(state))

        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(make, range(1, count + 1)):
                pass
        self._log_errors(count)

    def _log_errors(self, count: int) -> None:
        logs, now = self.client("logs"), int(time.time() * 1000)
        logs.create_log_group(logGroupName=LOGS)
        logs.create_log_stream(logGroupName=LOGS, logStreamName="boards")
        messages = [
            json.dumps({"level": "error", "thing": f"{GROUP}-device-{number:05d}", "message": "no sensor"})
            for number in range(1, count + 1, 20)
        ]
        events = [{"timestamp": now, "message": message} for message in messages]
        logs.put_log_events(logGroupName=LOGS, logStreamName="boards", logEvents=events)

    def _cpu_seconds(self) -> tuple[float, float]:
        """What ended children of this process, and the cloud, took of the processors so far."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = local_cloud.find(self.settings)
        assert running is not None
        fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
        cloud = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return usage.ru_utime + usage.ru_stime, cloud

    def look(self, count: int) -> dict[str, Any]:
        """Run the playbook; what it and its page cost."""
        reports = self.directory / "reports"
        settings = {
            "local_cloud_port": self.settings.port,
            "local_cloud_mqtt_port": self.settings.mqtt_port,
            "fleet_state_dir": str(self.directory / "fleet"),
            "device_count": count,
            "reporting_log_group": LOGS,
            "fail_on": {"lost": 100},
        }
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            CONTROL,
            "playbooks/health.yml",
        ]
        before, began = self._cpu_seconds(), time.monotonic()
        run = subprocess.run(
            [*command, "-e", json.dumps(settings)],
            cwd=ROOT,
            env=os.environ | {"FLEET_REPORTS_DIR": str(reports), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
        )
        seconds, after = time.monotonic() - began, self._cpu_seconds()
        if run.returncode:
            raise RuntimeError(run.stdout + run.stderr)
        page = reports / "health/latest/index.html"
        record = json.loads(page.with_name("report.json").read_text())
        requests = record["data"]["health"]["requests"]
        (reading,) = (one["seconds"] for one in record["tasks"] if one["task"] == "Look at every device")
        return {
            "cpu_seconds": [round(late - early, 1) for early, late in zip(before, after, strict=True)],
            "load": round(os.getloadavg()[0], 1),
            "devices": record["data"]["health"]["fleet"]["devices"],
            "seconds": round(seconds, 2),
            "reading_seconds": reading,
            "requests": requests,
            "requests_per_device": round(sum(requests.values()) / count, 4),
            "page_bytes": page.stat().st_size,
            "json_bytes": page.with_name("report.json").stat().st_size,
            "open_seconds": open_seconds(page),
        }


def certificate(number: int) -> str:
    """A certificate like no other, PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"device-{number}")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(number)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=9_000))
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def reported(number: int) -> dict[str, Any]:
    """What a board has in its shadow."""
    status = "Failed" if number % 50 == 0 else "Running"
    programs = {"blink_led": {"version": "1.0.0", "status": status, "since": "2026-03-01T09:30:00Z"}}
    memory = {"used_bytes": 90_000 + number % 7 * 20_000, "total_bytes": 320_000}
    return {
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(),
        "programs": programs,
        "firmware": {"version": f"1.{number % 3}.0", "slot": "ota_0", "confirmed": True},
        "hardware_state": {"memory_usage": memory, "cpu_percent": number % 90},
    }


def open_seconds(page: Path) -> float | None:
    """Until the page is drawn in a telephone's width, the best of three; nothing without a browser."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        return None
    from playwright.sync_api import sync_playwright

    took = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for _ in range(3):
            tab = browser.new_page(viewport={"width": 380, "height": 900})
            began = time.monotonic()
            tab.goto(page.as_uri(), wait_until="load")
            tab.screenshot()
            took.append(time.monotonic() - began)
        browser.close()
    return round(min(took), 2)


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("devices", nargs="*", type=int, help=f"default: {' '.join(map(str, SIZES))}")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    rows = []
    for count in chosen.devices or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as directory,
            contextlib.closing(Cloud(Path(directory))) as cloud,
        ):
            cloud.fill(count)
            rows.append(cloud.look(count))
        print(json.dumps(rows[-1]), flush=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system()}
    chosen.out.mkdir(parents=True, exist_ok=True)
    data = {"machine": machine, "rows": rows, "verdicts": verdicts(rows[-1])}
    (chosen.out / "health.json").write_text(json.dumps(data, indent=2) + "\n")
    (chosen.out / "health.md").write_text(markdown(machine, rows))
    plot(rows, chosen.out / "health.svg")
    return 0 if all(passed for *_, passed in verdicts(rows[-1])) else 1


def verdicts(row: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """(what, required, measured, passed) for the largest fleet."""
    opened = row["open_seconds"]
    fleet = f"{row['devices']:,} devices"
    return [
        (
            f"health.yml, {fleet}",
            f"under {MOST_SECONDS} s",
            f"{row['seconds']:.1f} s",
            row["seconds"] < MOST_SECONDS,
        ),
        (
            "Requests to AWS per device",
            f"under {MOST_REQUESTS}",
            f"{row['requests_per_device']:.4f}",
            row["requests_per_device"] < MOST_REQUESTS,
        ),
        (
            f"Size of the page, {fleet}",
            "under 3 MB",
            f"{row['page_bytes'] / 1e6:.2f} MB",
            row["page_bytes"] < MOST_BYTES,
        ),
        (
            f"Opening the page, {fleet}",
            f"under {MOST_OPEN_SECONDS:g} s",
            "no browser here" if opened is None else f"{opened:.2f} s",
            opened is not None and opened < MOST_OPEN_SECONDS,
        ),
    ]


def markdown(machine: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The results as a page."""
    lines = [
        "# Health",
        "",
        f"Measured by `python benchmarks/health.py` on {machine['cores']} cores that others use as well, "
        f"Python {machine['python']}, with `-i {CONTROL}`, against the local cloud, whose index looks at "
        "every device again for every page of 100.",
        "",
        "| What | Required | Measured | |",
        "|---|---|---|---|",
    ]
    for what, required, measured, passed in verdicts(rows[-1]):
        lines.append(f"| {what} | {required} | {measured} | {'passed' if passed else 'missed'} |")
    lines += [
        "",
        "| Devices | Run | of it reading AWS | CPU: run, cloud | Load | Requests | Page | report.json |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times = f"{row['seconds']:.1f} s | {row['reading_seconds']:.1f} s"
        sizes = f"{row['page_bytes'] / 1e6:.2f} MB | {row['json_bytes'] / 1e6:.2f} MB"
        cpu = ", ".join(f"{seconds:.0f} s" for seconds in row["cpu_seconds"])
        rest = f"{cpu} | {row['load']} | {sum(row['requests'].values())} | {sizes}"
        lines.append(f"| {row['devices']:,} | {times} | {rest} |")
    return "\n".join([*lines, "", "![Seconds by size of the fleet](health.svg)", ""])


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Seconds of a run by the size of the fleet."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    sizes = [row["devices"] for row in rows]
    axes.plot(sizes, [row["seconds"] for row in rows], "o-", color="#2f6f9f", label="whole run")
    axes.plot(sizes, [row["reading_seconds"] for row in rows], "s--", color="#a05a2c", label="reading AWS")
    axes.axhline(MOST_SECONDS, color="#8a8a8a", linewidth=1, label="required for 10,000")
    axes.set_xscale("log")
    axes.set_xlabel("devices")
    axes.set_ylabel("seconds")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
