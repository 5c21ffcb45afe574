"""Measure virtual boards: python benchmarks/twin.py [--boards 500]

Boards of one process on a local cloud of their own: how long they take to connect and to come back after all
connections were cut, how long a broadcast program and a job take to reach all, and what the process needs.
Writes benchmarks/results/twin.{json,md}.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "plugins/module_utils"), str(ROOT)]

import boto3  # noqa: E402  # after the path to fleetlib
from fleetlib import local_cloud  # noqa: E402

from tests.cloud.twin_world import GROUP, Twins, provision, running, until  # noqa: E402

REST_SECONDS = 30
PATIENCE_SECONDS = 600.0
MOST_MIB = 1024
REPORT_SECONDS = 300
PROGRAM = ROOT / "programs/blink_led/blink_led.scm"


def main() -> int:
    """Measure, print, and write the results; the exit status is 1 when a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boards", type=int, default=500)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port, mqtt_port = local_cloud.free_ports(2)
        cloud = local_cloud.Settings(Path(folder) / "cloud", port, mqtt_port)
        local_cloud.start(cloud)
        try:
            found = measure(Path(folder), cloud, chosen.boards)
        finally:
            local_cloud.stop(cloud)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    found["machine"] = {
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(found.pop("load"), 1),
    }
    (chosen.out / "twin.json").write_text(json.dumps(found, indent=2) + "\n")
    page = markdown(found)
    (chosen.out / "twin.md").write_text(page)
    print(page)
    return 0 if all(passed for *_, passed in requirements(found)) else 1


def measure(folder: Path, cloud: local_cloud.Settings, boards: int) -> dict[str, Any]:
    """Everything, in the order in which it happens."""
    found: dict[str, Any] = {"boards": boards, "load": os.getloadavg()[0]}
    provision(client(cloud, "iot"), folder / "state", boards)
    twins = Twins(folder / "twin", cloud, folder / "state/devices")
    found["factory_seconds"], _ = timed(
        lambda: twins.factory(boards, "--report-seconds", str(REPORT_SECONDS))
    )
    begun = time.monotonic()
    with running(twins, "--wait", str(PATIENCE_SECONDS)):
        found["connect_seconds"] = time.monotonic() - begun
        found["connected"] = connected(twins)
        found["connected_mib"] = memory(twins)
        before = cpu_seconds(twins)
        time.sleep(REST_SECONDS)
        found["rest_cpu_percent"] = (cpu_seconds(twins) - before) / REST_SECONDS * 100
        found["rest_mib"] = memory(twins)
        found["return_seconds"], found["returned"] = timed(lambda: cut(twins))
        found["program_seconds"], found["program_boards"] = timed(lambda: broadcast(twins, cloud))
        found["engine_mib"] = sum(rss(pid) for pid in twins("status")["engine_pids"])
        found["job_seconds"], found["job_boards"] = timed(lambda: job(cloud, boards))
        found["peak_mib"] = peak(twins)
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in found.items()}


def cut(twins: Twins) -> int:
    """Cut all connections; how many come back."""
    before = {name: one["connections"] for name, one in twins.boards().items()}
    twins("fault", "drop")

    def back(boards: dict[str, Any]) -> bool:
        return all(one["connections"] > before[name] for name, one in boards.items())

    until(twins.boards, back, PATIENCE_SECONDS)
    return connected(twins)


def broadcast(twins: Twins, cloud: local_cloud.Settings) -> int:
    """Send blink_led to all at once; how many have run it to its end."""
    client(cloud, "iot-data").publish(
        topic="steel-programs/broadcast/load", qos=1, payload=json.dumps(message("1.0.0"))
    )
    boards = until(twins.boards, lambda boards: all(ended(one) for one in boards.values()), PATIENCE_SECONDS)
    return sum(one["programs"]["blink_led"] == "Completed" for one in boards.values())


def ended(board: dict[str, Any]) -> bool:
    """Whether its program has."""
    return board["programs"].get("blink_led") in ("Completed", "Failed")


def job(cloud: local_cloud.Settings, boards: int) -> int:
    """The same by a job for the group; how many succeeded."""
    iot = client(cloud, "iot")
    iot.create_job(
        jobId="bench",
        targets=[iot.describe_thing_group(thingGroupName=GROUP)["thingGroupArn"]],
        document=json.dumps({"schema": 1, "operation": "program.load", "request": message("1.1.0")}),
    )

    def counts() -> dict[str, int]:
        return iot.describe_job(jobId="bench")["job"]["jobProcessDetails"]

    def finished(seen: dict[str, int]) -> bool:
        names = ("numberOfSucceededThings", "numberOfFailedThings", "numberOfRejectedThings")
        return sum(seen[name] for name in names) == boards

    return until(counts, finished, PATIENCE_SECONDS)["numberOfSucceededThings"]


def message(version: str) -> dict[str, Any]:
    """ProgramMessage of blink_led."""
    code = PROGRAM.read_text()
    return {
        "program_id": "blink_led",
        "program_name": "Blink LED",
        "steel_code": code,
        "version": version,
        "checksum": hashlib.sha256(code.encode()).hexdigest(),
        "auto_start": True,
    }


def client(cloud: local_cloud.Settings, service: str) -> Any:
    """A boto3 client of the local cloud."""
    return boto3.client(
        service,
        region_name=cloud.region,
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id=local_cloud.ACCESS_KEY,
        aws_secret_access_key=local_cloud.SECRET_KEY,
    )


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """How long something takes, and what it answers."""
    begun = time.monotonic()
    answer = act()
    seconds = time.monotonic() - begun
    print(f"{seconds:.1f} s: {answer if isinstance(answer, int) else 'done'}", file=sys.stderr)
    return seconds, answer


def connected(twins: Twins) -> int:
    """How many are."""
    return int(twins("status")["states"].get("connected", 0))


def pid(twins: Twins) -> int:
    """Their process."""
    return int(json.loads((twins.folder / "twin.json").read_text())["pid"])


def rss(number: int, field: str = "VmRSS") -> float:
    """MiB of a process that are in memory."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def memory(twins: Twins) -> float:
    """MiB of their process now."""
    return rss(pid(twins))


def peak(twins: Twins) -> float:
    """MiB of their process at most so far."""
    return rss(pid(twins), "VmHWM")


def cpu_seconds(twins: Twins) -> float:
    """Processor time of their process."""
    fields = Path(f"/proc/{pid(twins)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def requirements(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was asked for, what was measured, and whether it is met."""
    boards = found["boards"]
    return [
        (
            f"{boards} boards connected from one process",
            "all",
            f"{found['connected']} after {found['connect_seconds']} s",
            found["connected"] == boards,
        ),
        (
            "Memory of the process, at most",
            f"under {MOST_MIB:,} MiB",
            f"{found['peak_mib']} MiB ({found['connected_mib']} MiB once connected)",
            found["peak_mib"] < MOST_MIB,
        ),
        (
            "Every connection cut at once",
            "all come back",
            f"{found['returned']} after {found['return_seconds']} s",
            found["returned"] == boards,
        ),
        (
            "blink_led by broadcast, run in the real engine (5 s)",
            "all complete it",
            f"{found['program_boards']} after {found['program_seconds']} s",
            found["program_boards"] == boards,
        ),
        (
            "blink_led by a job",
            "all report success",
            f"{found['job_boards']} after {found['job_seconds']} s",
            found["job_boards"] == boards,
        ),
    ]


def markdown(found: dict[str, Any]) -> str:
    """The results as a page."""
    machine = found["machine"]
    lines = [
        "# Virtual boards",
        "",
        f"Measured by `python benchmarks/twin.py`, commit {machine['commit']}, on {machine['cores']} cores "
        f"(load average {machine['load_before']} before it began), Python {machine['python']}, against the "
        "local cloud on the same machine.",
        "",
        "| What | Required | Measured | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {required} | {measured} | {'passed' if passed else 'missed'} |"
        for name, required, measured, passed in requirements(found)
    ]
    lines += [
        "",
        f"Making the flash of all took {found['factory_seconds']} s. At rest, each reporting every "
        f"{REPORT_SECONDS} s, the process used {found['rest_cpu_percent']} % of one core and "
        f"{found['rest_mib']} MiB. The engine's own processes, without the programs that they had forked: "
        f"{found['engine_mib']} MiB.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
