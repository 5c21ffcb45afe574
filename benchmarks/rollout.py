"""Measure rollouts: python benchmarks/rollout.py [--boards 200] [--kills 30]

Healthy, failing and connection-killing programs on 200 connected boards, a rollout that is killed with
SIGKILL again and again, prediction against what happened, and the simulator with a million
devices. Everything runs against a local cloud of its own. Writes
benchmarks/results/rollout.{md,svg}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "plugins/module_utils"), str(ROOT)]

import boto3  # noqa: E402  # after the path to fleetlib
from botocore.config import Config  # noqa: E402
from fleetlib import local_cloud, rollout  # noqa: E402
from fleetlib.aws import packages  # noqa: E402
from fleetlib.aws.pacing import Pacer  # noqa: E402
from fleetlib.core import programs  # noqa: E402
from fleetlib.core.clock import SystemClock  # noqa: E402
from fleetlib.core.objects import digest  # noqa: E402
from fleetlib.core.quotas import Quotas  # noqa: E402
from fleetlib.core.rollout import engine, plan, simulator, summary, waves  # noqa: E402
from fleetlib.core.rollout.record import Record  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from tests.cloud.http_boards import Boards  # noqa: E402

CLOCK = SystemClock()
PROGRAM, OLD, NEW, GROUP = "blink", "1.0.0", "1.1.0", "bench-fleet"
LATENCY_SECONDS, LATENCY_SPREAD, POLL_SECONDS = 2.0, 0.4, 0.2
PLAN = {
    "name": "benchmark",
    "defaults": {
        "bake_minutes": 0.1,
        "patience_minutes": 1,
        "gate": {"lost_percent": 2, "lost_after_seconds": 1},
    },
    "waves": [
        {"name": "canary", "count": 10},
        {"name": "early", "percent": 25},
        {"name": "rest", "rest": True},
    ],
}
CODE = "(led-on)\n"


@dataclass(frozen=True)
class Place:
    """An account of the local cloud with a fleet and two published versions."""

    endpoint: str
    websocket: str
    account: str
    things: list[str] = field(default_factory=list)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the account."""
        return boto3.client(
            service,
            region_name="us-west-2",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.account,
            aws_secret_access_key=local_cloud.SECRET_KEY,
            config=Config(
                retries={"mode": "standard", "max_attempts": 8},
                max_pool_connections=options.get("max_connections", 10),
            ),
        )

    @property
    def bucket(self) -> str:
        """Packages and records."""
        return f"bench-{self.account}"

    def engine(self, rollout_id: str) -> engine.Engine:
        """What carries a rollout out, its requests counted and hardly paced."""
        pacer = Pacer(Quotas().scaled(10_000), CLOCK)

        def client(service: str, **options: Any) -> Any:
            made = self.client(service, **options)
            if service == "iot":
                pacer.attach(made)
            return made

        s3 = client("s3")
        return engine.Engine(
            rollout.S3Store(s3, self.bucket, rollout_id),
            rollout.AwsFleet(client, f"program:{PROGRAM}", attempts=pacer.attempts),
            rollout.ProgramDocuments(s3, self.bucket, "packages", PROGRAM, presign=False),
            CLOCK,
            engine.Settings(rollout.holder(), POLL_SECONDS, 30, rollout.is_dead),
        )

    def start(self, rollout_id: str, given: dict[str, Any]) -> None:
        """Write the record."""
        fleet = rollout.AwsFleet(self.client, f"program:{PROGRAM}", attempts=Counter())
        engine.start(
            rollout.S3Store(self.client("s3"), self.bucket, rollout_id),
            fleet,
            CLOCK,
            plan.parse(given),
            rollout_id=rollout_id,
            subject=f"program:{PROGRAM}",
            version=NEW,
            sha256=digest(CODE.encode()),
            target=GROUP,
            by="benchmark",
        )


def place(settings: local_cloud.Settings, number: int, boards: int) -> Place:
    """A fleet in an account of its own."""
    made = Place(settings.endpoint_url, f"ws://127.0.0.1:{settings.port}", f"{number:012d}")
    iot, s3 = made.client("iot"), made.client("s3")
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )
    iot.create_thing_group(thingGroupName=GROUP)
    for one in range(1, boards + 1):
        made.things.append(f"{GROUP}-device-{one:03d}")
        iot.create_thing(thingName=made.things[-1])
        iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=made.things[-1])
    s3.create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    for version in (OLD, NEW):
        manifest = programs.Manifest(PROGRAM, PROGRAM, version, digest(CODE.encode()), len(CODE), "esp32-c3")
        package = programs.Package(manifest, CODE, programs.Signature("none", ""))
        packages.publish(s3, made.bucket, programs.key_of("packages", PROGRAM, version), package)
    return made


@contextmanager
def living(here: Place, seed: int = 1) -> Iterator[Boards]:
    """The fleet's boards, connected, with the old version."""
    rng = random.Random(seed)

    def latency() -> float:
        return LATENCY_SECONDS * rng.lognormvariate(0, LATENCY_SPREAD)

    with Boards(here.client, here.things, PROGRAM, here.websocket, latency) as boards:
        for thing in here.things:
            boards.report(thing, OLD)
        yield boards


def canaries(here: Place) -> list[str]:
    """The devices of the first wave."""
    return waves.spread([waves.Device(thing) for thing in here.things], [])[:10]


def healthy(here: Place) -> dict[str, Any]:
    """A program that works, and what was predicted for it."""
    with living(here) as boards:
        here.start("bench-healthy", PLAN)
        start = time.monotonic()
        record = here.engine("bench-healthy").run()
        seconds = time.monotonic() - start
        have = sum(version == NEW for version in boards.versions.values())
        twice = sum(count > 1 for (_, version), count in boards.loads.items() if version == NEW)
    sizes = [wave.devices for wave in record.waves]
    model = simulator.Model(
        offline_share=0,
        failure_share=0,
        latency_seconds=LATENCY_SECONDS,
        latency_spread=LATENCY_SPREAD,
        poll_seconds=POLL_SECONDS,
    )
    expected = simulator.simulate(record.plan, sizes, model, quotas=Quotas().scaled(10_000), runs=50)
    return {
        "state": record.state,
        "have": have,
        "twice": twice,
        "seconds": seconds,
        "predicted": expected.seconds_p50,
        "calls": record.calls,
        "series": summary.series(record, expected.as_dict()),
    }


def failing(here: Place) -> dict[str, Any]:
    """A program that fails on a fifth of the boards."""
    rng = random.Random(2)
    with living(here) as boards:
        boards.failing, boards.fails = set(rng.sample(here.things, len(here.things) // 5)), {NEW}
        here.start("bench-failing", PLAN)
        record = here.engine("bench-failing").run()
        return {
            "state": record.state,
            "failing_canaries": len(boards.failing & set(canaries(here))),
            **touched(here, boards),
            "why": reason(record),
        }


def dropping(here: Place, after_seconds: float = 3.0) -> dict[str, Any]:
    """The program kills the connection some time after it began; "minutes" are seconds here."""
    with living(here) as boards:
        boards.dying = {NEW: after_seconds}
        here.start("bench-dropping", PLAN)
        record = here.engine("bench-dropping").run()
        open_before = record.state
        for thing in [*boards.offline]:
            boards.connect(thing)
        boards.dying = {}
        for _ in range(20):
            time.sleep(0.5)
            record = here.engine("bench-dropping").run()
            if record.state == "returned":
                break
        return {"state": record.state, "open": open_before, **touched(here, boards), "why": reason(record)}


def touched(here: Place, boards: Boards) -> dict[str, Any]:
    """Whom the new version reached, and who has the old one at the end."""
    reached = {thing for thing, version in boards.loads if version == NEW}
    return {
        "touched": len(reached),
        "outside_canary": len(reached - set(canaries(here))),
        "old": sum(version == OLD for version in boards.versions.values()),
    }


def reason(record: Record) -> str:
    """Why it was aborted."""
    return next((one.why for one in record.decisions if one.what == "abort"), "")


def killed(here: Place, kills: int) -> dict[str, Any]:
    """One rollout, killed at random moments and gone on with by a new process each time."""
    rng = random.Random(3)
    with living(here) as boards:
        here.start("bench-killed", {**PLAN, "defaults": {**PLAN["defaults"], "bake_minutes": 0.2}})
        done = 0
        spec = json.dumps([here.endpoint, here.websocket, here.account, "bench-killed"])
        while done < kills:
            worker = subprocess.Popen(
                [sys.executable, __file__, "--worker", spec], stdout=subprocess.PIPE, text=True
            )
            assert worker.stdout is not None
            worker.stdout.readline()  # it is about to begin
            time.sleep(rng.uniform(0, 1.2))
            if worker.poll() is not None:
                break
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            done += 1
        record = here.engine("bench-killed").run()
        counts = Counter(count for (_, version), count in boards.loads.items() if version == NEW)
        return {
            "state": record.state,
            "kills": done,
            "have": sum(version == NEW for version in boards.versions.values()),
            "once": counts[1],
            "more": sum(number for count, number in counts.items() if count > 1),
            "jobs": len(here.client("iot").list_jobs()["jobs"]),
        }


def work(spec: str) -> None:
    """A process that is going to be killed."""
    endpoint, websocket, account, rollout_id = json.loads(spec)
    made = Place(endpoint, websocket, account).engine(rollout_id)
    print("ready", flush=True)
    made.run()


def scale() -> list[tuple[int, float, dict[str, Any]]]:
    """Forecasts of fleets of every size, and how long they took."""
    found = []
    for devices in (200, 1_000, 10_000, 100_000, 1_000_000):
        fleet = [
            waves.Device(
                f"aws-iot-steel-production-device-{one:07d}",
                {"hardware_revision": str(one % 3), "firmware_version": str(one % 5)},
            )
            for one in range(devices)
        ]
        start = time.monotonic()
        standard = plan.parse("standard")
        assignment = waves.assign(standard, fleet)
        forecast = simulator.simulate(standard, [len(wave) for wave in assignment.waves])
        found.append((devices, time.monotonic() - start, forecast.as_dict()))
    return found


def text(found: dict[str, Any], boards: int, commit: str) -> str:
    """The page."""
    good, bad, lossy, killed = (found[name] for name in ("healthy", "failing", "dropping", "killed"))
    rows = [
        ("Scenario", "Asked for", "Measured"),
        ("---", "---", "---"),
        (
            "healthy program",
            "reaches all",
            f"{good['state']}: {good['have']} of {boards} have it, {good['twice']} were touched twice",
        ),
        (
            "fails on 20 % of the boards",
            "stopped in the canary wave",
            f"{bad['state']}: {bad['touched']} touched, {bad['outside_canary']} outside the canary wave, "
            f"{bad['old']} of {boards} have the old version",
        ),
        (
            "kills the connection 3 s later",
            "caught while it is watched, taken back everywhere",
            f"{lossy['open']} while they were offline, then {lossy['state']}: {lossy['touched']} touched, "
            f"{lossy['outside_canary']} outside the canary wave, {lossy['old']} of {boards} have the old one",
        ),
        (
            f"SIGKILL at {killed['kills']} random moments",
            "none twice, none lost",
            f"{killed['state']}: {killed['have']} of {boards} have it, {killed['once']} touched once, "
            f"{killed['more']} more often, {killed['jobs']} jobs",
        ),
    ]
    sizes = [
        (
            "Devices",
            "Simulated rollouts",
            "Seconds for it",
            "Takes (p50)",
            "CreateJob",
            "Requests for a device",
        ),
        ("---:",) * 6,
        *(
            (
                f"{devices:,}",
                forecast["runs"],
                f"{seconds:.2f}",
                f"{forecast['seconds_p50'] / 3600:.1f} h",
                forecast["calls"]["CreateJob"],
                f"{forecast['calls_per_device']:.2f}",
            )
            for devices, seconds, forecast in found["scale"]
        ),
    ]
    return f"""# Rollouts

`python benchmarks/rollout.py`, commit {commit}, {platform.machine()}, {os.cpu_count()} processors, Python
{platform.python_version()}; local cloud, {boards} connected virtual boards, job latency {LATENCY_SECONDS:g} s
(median, lognormal, sigma {LATENCY_SPREAD:g}), waves of 10, 25 % and the rest, each watched for
6 s (12 s where it is killed).

{table(rows)}

Reason in the record of the second: “{bad["why"]}”. Of the third: “{lossy["why"]}”.

## Prediction and what happened

Predicted {good["predicted"]:.1f} s (p50 of 50 simulated rollouts), taken {good["seconds"]:.1f} s. The
simulator knows latency and poll interval; it does not know how long this emulator takes to answer.

![Devices that have finished, predicted and actual](rollout.svg)

## Fleets of every size

Plan `standard` with the default model, waves assigned and simulated.

{table(sizes)}
"""


def table(rows: list[tuple[Any, ...]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def plot(series: list[dict[str, Any]], path: Path) -> None:
    """Both curves in one plot."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for curve, style in zip(series, ("-", "--"), strict=False):
        seconds, devices = zip(*curve["points"], strict=True)
        axes.step(seconds, devices, style, where="post", label=curve["name"])
    axes.set_xlabel("seconds since the start")
    axes.set_ylabel("devices that have finished")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    parser.add_argument("--worker")
    chosen = parser.parse_args()
    if chosen.worker:
        work(chosen.worker)
        return
    found: dict[str, Any] = {}
    parts: dict[str, Callable[[Place], Any]] = {
        "healthy": healthy,
        "failing": failing,
        "dropping": dropping,
        "killed": lambda here: killed(here, chosen.kills),
    }
    with tempfile.TemporaryDirectory() as directory:
        port, mqtt_port = local_cloud.free_ports(2)
        settings = local_cloud.Settings(Path(directory), port, mqtt_port)
        local_cloud.start(settings)
        try:
            for number, (name, part) in enumerate(parts.items(), 1):
                found[name] = part(place(settings, number, chosen.boards))
                shown = {key: value for key, value in found[name].items() if key != "series"}
                print(name, json.dumps(shown), flush=True)
        finally:
            local_cloud.stop(settings)
    found["scale"] = scale()
    for devices, seconds, forecast in found["scale"]:
        print(devices, round(seconds, 2), forecast["calls_per_device"], flush=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "rollout.md").write_text(text(found, chosen.boards, commit))
    plot(found["healthy"]["series"], chosen.out / "rollout.svg")


if __name__ == "__main__":
    main()
