"""Measure the inventory: python benchmarks/inventory.py [--count 100000] [--rounds 1]

The plugin against a registry behind HTTP pages, and Ansible with the same hosts, groups and variables from
static JSON: as a file for the YAML plugin and as an inventory script, of which the quicker counts. Each is
loaded by ``ansible-inventory --host``, turn and turn about, and so is the plugin from its cache.
Results go to benchmarks/results/inventory.{json,md,svg}.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins/module_utils"))

from fleetlib.local_cloud import free_ports  # noqa: E402  # after the path to fleetlib

INVENTORY = Path(sys.executable).with_name("ansible-inventory")
PREFIX = "bench-local-"
RATIOS = {"time": 1.3, "memory": 1.5, "cached": 1.05}
"""What is required of the plugin against the quicker static inventory."""
CACHE = """
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: {directory}
"""


@dataclass(frozen=True)
class Run:
    """One load of an inventory."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def load(directory: Path, host: str) -> Run:
    """Have Ansible load an inventory and tell one host's variables."""
    command = [str(INVENTORY), "-i", str(directory), "--host", host]
    environment = os.environ | {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextlib.contextmanager
def registry(count: int) -> Iterator[str]:
    """The registry in a process of its own; its address."""
    (port,) = free_ports(1)
    command = [sys.executable, str(ROOT / "benchmarks/fake_registry.py"), "--port", str(port)]
    process = subprocess.Popen([*command, "--count", str(count), "--prefix", PREFIX])
    try:
        while True:
            with contextlib.suppress(OSError):
                fetch(f"http://127.0.0.1:{port}/_counts")
                break
            if process.poll() is not None:
                raise SystemExit("The registry did not start.")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def fetch(url: str) -> Any:
    """JSON from an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def write_live(directory: Path, endpoint: str, cached: bool) -> Path:
    """An environment whose devices come from the plugin, with the options that production has."""
    (directory / "group_vars/all").mkdir(parents=True)
    connection = {
        "region": "us-west-2",
        "endpoint_url": endpoint,
        "access_key": "bench",
        "secret_key": "bench",
    }
    variables = {
        "fleet_name_prefix": "bench",
        "fleet_environment": "local",
        "fleet_aws_connection": connection,
    }
    (directory / "group_vars/all/fleet.yml").write_text(json.dumps(variables))
    options = (ROOT / "inventory/production/iot_things.yml").read_text()
    more = CACHE.format(directory=directory.with_name("cache")) if cached else ""
    (directory / "iot_things.yml").write_text(options + more)
    return directory


def plain(value: Any) -> Any:
    """The value without the marks of Ansible at strings that are no templates."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe") or {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def exported(directory: Path) -> dict[str, Any]:
    """All that Ansible knows of an inventory."""
    path = directory.with_name(f"{directory.name}.json")
    command = [str(INVENTORY), "-i", str(directory), "--list", "--export", "--output", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    found: dict[str, Any] = plain(json.loads(path.read_bytes()))
    del found["_meta"]["profile"]
    return found


def write_static(directory: Path, live: Path, found: dict[str, Any]) -> list[Path]:
    """The same hosts, groups and variables as a JSON file and as an inventory script."""
    common = set(found["all"]["vars"])
    variables = {
        host: {name: value for name, value in known.items() if name not in common}
        for host, known in found["_meta"]["hostvars"].items()
    }
    groups = {name: one["hosts"] for name, one in found.items() if name not in ("_meta", "all")}
    first = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in groups.items()}
    first["devices"] = {"hosts": variables}
    second = {name: {"hosts": hosts} for name, hosts in groups.items()} | {"_meta": {"hostvars": variables}}
    file, script = directory / "file", directory / "script"
    for one in (file, script):
        shutil.copytree(live / "group_vars", one / "group_vars")
    (file / "hosts.json").write_text(json.dumps(first))
    (directory / "script.json").write_text(json.dumps(second))
    (script / "hosts").write_text(f"#!/bin/sh\nexec cat '{directory / 'script.json'}'\n")
    (script / "hosts").chmod(0o700)
    return [file, script]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two inventories have the same hosts, groups and variables."""
    groups = [
        {name: sorted(group.get("hosts", ())) for name, group in found.items() if name != "_meta"}
        for found in (one, other)
    ]
    return groups[0] == groups[1] and one["_meta"] == other["_meta"]


def measure(count: int, rounds: int, directory: Path) -> tuple[dict[str, list[Run]], dict[str, int]]:
    """Every way of loading, ``rounds`` times, in turn; and the requests of one load, by path."""
    host = f"{PREFIX}device-{count:06d}"
    with registry(count) as endpoint:
        live = write_live(directory / "live", endpoint, cached=False)
        cached = write_live(directory / "cached", endpoint, cached=True)
        found = exported(live)
        requests = fetch(f"{endpoint}/_counts")
        if len(found["_meta"]["hostvars"]) != count:
            raise SystemExit(f"{len(found['_meta']['hostvars'])} hosts instead of {count}")
        file, script = write_static(directory, live, found)
        if not same(found, exported(script)):
            raise SystemExit("The static inventory is not the same as the plugin's.")
        del found
        load(cached, host)  # fills the cache
        ways = {"plugin": live, "from cache": cached, "JSON file": file, "JSON script": script}
        runs: dict[str, list[Run]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                runs[name].append(load(way, host))
                print(f"{name}: {runs[name][-1]}", flush=True)
    return runs, requests


def conclude(runs: dict[str, list[Run]], count: int, requests: dict[str, int]) -> dict[str, Any]:
    """Medians, ratios against the quicker static way, and whether they are as required."""
    medians = {
        name: asdict(
            Run(*(statistics.median(getattr(run, field) for run in some) for field in Run.__annotations__))
        )
        for name, some in runs.items()
    }
    static = min(("JSON file", "JSON script"), key=lambda name: medians[name]["seconds"])

    def ratio(name: str, field: str) -> float:
        return float(medians[name][field] / medians[static][field])

    ratios = {
        "time": ratio("plugin", "seconds"),
        "memory": ratio("plugin", "peak_mb"),
        "cached": ratio("from cache", "seconds"),
    }
    return {
        "count": count,
        "rounds": len(runs["plugin"]),
        "static": static,
        "medians": medians,
        "ratios": ratios,
        "cpu_ratios": {name: ratio(name, "cpu_seconds") for name in ("plugin", "from cache")},
        "requests": requests,
        "load_average": os.getloadavg()[1],
        "passed": {name: ratios[name] <= required for name, required in RATIOS.items()},
        "machine": {"python": platform.python_version(), "cores": os.cpu_count()},
    }


def markdown(found: dict[str, Any]) -> str:
    """The results as a page."""
    machine, ratios = found["machine"], found["ratios"]
    claims = {
        "time": "Time against the same hosts from static JSON",
        "memory": "Peak memory against it",
        "cached": "Time from the cache against it",
    }
    lines = [
        "# Inventory",
        "",
        f"Measured by `python benchmarks/inventory.py` on {machine['cores']} cores, Python "
        f"{machine['python']}, {found['count']:,} things behind {sum(found['requests'].values()):,} HTTP "
        f"requests, {found['rounds']} round(s), load average {found['load_average']:.1f}.",
        "",
        "| What | Required | Measured | |",
        "|---|---|---|---|",
    ]
    for name, text in claims.items():
        verdict = "passed" if found["passed"][name] else "missed"
        lines.append(f"| {text} | at most {RATIOS[name]} times | {ratios[name]:.2f} times | {verdict} |")
    lines += [
        "",
        "Seconds are of the clock on the wall: on a machine with other work CPU seconds tell more "
        f"(plugin {found['cpu_ratios']['plugin']:.2f} times, from cache "
        f"{found['cpu_ratios']['from cache']:.2f} times).",
    ]
    lines += ["", "| Loaded from | Seconds | CPU seconds | Peak MB |", "|---|---|---|---|"]
    for name, run in found["medians"].items():
        mark = " (compared with)" if name == found["static"] else ""
        cells = f"{run['seconds']:.0f} | {run['cpu_seconds']:.0f} | {run['peak_mb']:,.0f}"
        lines.append(f"| {name}{mark} | {cells} |")
    return "\n".join([*lines, "", "![Seconds and memory of each way](inventory.svg)", ""])


def plot(found: dict[str, Any], path: Path) -> None:
    """Time and memory of each way, side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(8, 2.6), sharey=True, layout="constrained")
    names = list(found["medians"])
    for axes, field, label in zip(both, ("seconds", "peak_mb"), ("seconds", "peak memory, MB"), strict=True):
        bars = axes.barh(names, [found["medians"][name][field] for name in names], color="#2f6f9f")
        axes.bar_label(bars, fmt="%.0f", padding=4)
        axes.set_xlabel(label)
        axes.margins(x=0.2)
    both[0].invert_yaxis()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        runs, requests = measure(chosen.count, chosen.rounds, Path(directory))
    found = conclude(runs, chosen.count, requests)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "inventory.json").write_text(json.dumps(found, indent=2) + "\n")
    (chosen.out / "inventory.md").write_text(markdown(found))
    plot(found, chosen.out / "inventory.svg")
    print(json.dumps({name: found[name] for name in ("ratios", "cpu_ratios", "passed")}, indent=2))
    return 0 if all(found["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
