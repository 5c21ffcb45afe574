"""Measure provisioning: python benchmarks/provisioning.py [part …]

Parts: loop (against the guide's shell loop), pool (against a bare thread pool), quota (behind a distant front
door with AWS's quotas), faults (behind a proxy that breaks calls), kills (SIGKILL at random moments).
Results go to benchmarks/results/provisioning.{json,md,svg}. Everything runs against local clouds of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins/module_utils"))

import boto3  # noqa: E402  # after the path to fleetlib
from botocore.config import Config  # noqa: E402
from fleetlib import local_cloud  # noqa: E402
from fleetlib.aws import certificates, things  # noqa: E402
from fleetlib.aws.answers import insist_on_whole  # noqa: E402
from fleetlib.core.naming import numbered_device_ids, thing_name  # noqa: E402
from fleetlib.core.provisioning.engine import Settings  # noqa: E402
from fleetlib.core.provisioning.estimate import Strategy, for_new_devices  # noqa: E402
from fleetlib.core.provisioning.model import Fleet  # noqa: E402
from fleetlib.core.quotas import Quotas  # noqa: E402
from fleetlib.crypto import keys  # noqa: E402
from fleetlib.device_store import DeviceStore  # noqa: E402
from fleetlib.provisioner import Provisioner, Result  # noqa: E402

AWSCLI = "awscli==1.46.2"
TYPE, POLICY, GROUP = "board", "device", "bench-local"
UNLIMITED = Quotas().scaled(10_000)
FAULTS = [
    {"probability": 0.20, "error": {"code": "ThrottlingException", "status": 429}},
    {"probability": 0.05, "error": {"code": "InternalFailureException", "status": 500}},
    {"probability": 0.01, "reset": True},  # before the call is carried out …
    {"probability": 0.01, "response": {"abort_bytes": 0}},  # … and after it
    {"probability": 0.01, "response": {"truncate_frac": 0.5}},
]
"""20 % throttling, 5 % server errors, 2 % resets, 1 % truncated answers."""


@dataclass
class Finding:
    """One claim and what was measured."""

    name: str
    required: str
    measured: str
    passed: bool
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """A local cloud and a directory; every account in it begins empty."""

    settings: local_cloud.Settings
    directory: Path

    def iot(self, account: int, endpoint: str = "", max_attempts: int = 8) -> Any:
        """A client of an account of its own that has type, policy and group."""
        direct = self._client(account, self.settings.endpoint_url, 3)
        with contextlib.suppress(direct.exceptions.ResourceAlreadyExistsException):
            direct.create_thing_type(thingTypeName=TYPE)
            direct.create_policy(
                policyName=POLICY, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
            )
            direct.create_thing_group(thingGroupName=GROUP)
        return self._client(account, endpoint or self.settings.endpoint_url, max_attempts)

    def _client(self, account: int, endpoint: str, max_attempts: int) -> Any:
        made = boto3.client(
            "iot",
            endpoint_url=endpoint,
            region_name=self.settings.region,
            aws_access_key_id=f"{account:012d}",
            aws_secret_access_key="local",
            config=Config(
                retries={"mode": "standard", "max_attempts": max_attempts}, max_pool_connections=64
            ),
        )
        return insist_on_whole(made, max_attempts)

    def provision(self, iot: Any, name: str, count: int, quotas: Quotas, settle: float = 0.0) -> Result:
        """A run of the engine in a directory of its own."""
        return Provisioner(
            fleet(count), self.directory / name, iot, quotas, settings=Settings(32, settle)
        ).provision()


def fleet(count: int) -> Fleet:
    """Devices 1 to ``count``."""
    return Fleet("bench", "local", numbered_device_ids(1, count), TYPE, POLICY, GROUP)


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A local cloud for a while."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        port, mqtt_port = local_cloud.free_ports(2)
        settings = local_cloud.Settings(Path(directory) / "cloud", port, mqtt_port)
        local_cloud.start(settings)
        try:
            yield Bench(settings, Path(directory))
        finally:
            local_cloud.stop(settings)


@contextlib.contextmanager
def serving(command: list[str], port: int, path: str) -> Iterator[str]:
    """A proxy in a process of its own; its address."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "plugins/module_utils")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                fetch(f"http://127.0.0.1:{port}{path}")
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def fetch(url: str) -> Any:
    """JSON from an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def incomplete(iot: Any, directory: Path, count: int) -> list[str]:
    """What is not as it has to be after the last run, in words; nothing when all is well."""
    names = set(fleet(count).devices)
    store = DeviceStore(directory / "devices")
    listed = {one.id: one for one in certificates.iter_certificates(iot)}
    wrong = []
    if len(listed) != count or any(one.status != "ACTIVE" for one in listed.values()):
        wrong.append(f"{len(listed)} certificates instead of {count} active ones")
    if {one["thingName"] for one in iot.list_things()["things"]} != names:
        wrong.append("things are missing or too many")
    if set(iot.list_things_in_thing_group(thingGroupName=GROUP)["things"]) != names:
        wrong.append("the group is not complete")
    targets = {arn.rpartition("/")[2] for arn in certificates.iter_policy_targets(iot, POLICY)}
    for name in sorted(names):
        held = store.certificate(name)
        if held is None or held.id not in listed or held.id not in targets:
            wrong.append(f"{name} has no certificate with the policy")
            continue
        if iot.list_thing_principals(thingName=name)["principals"] != [held.arn]:
            wrong.append(f"{name} is not tied to its certificate alone")
        issued = certificates.describe(iot, held.id)
        if keys.certificate_key_id(issued.pem) != keys.public_key_id(store.key(name)):
            wrong.append(f"{name} has the certificate of another key")
    return wrong


def measure_loop(here: Bench) -> Finding:
    """The guide's shell loop and the engine, one after the other on the same cloud."""
    devices, ours_count = 6, 200
    tool = aws_cli(here.directory)
    iot = here.iot(101)
    environment = {
        **os.environ,
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": here.settings.endpoint_url,
        "AWS_DEFAULT_REGION": here.settings.region,
        "AWS_ACCESS_KEY_ID": f"{101:012d}",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    script = [str(ROOT / "benchmarks/guide_loop.sh"), "1", str(devices), TYPE, POLICY]
    start = time.perf_counter()
    subprocess.run([*script, str(here.directory / "guide")], env=environment, check=True)
    guide = devices / (time.perf_counter() - start)
    result = here.provision(iot, "loop", ours_count, UNLIMITED)
    ours = ours_count / result.seconds
    return Finding(
        "Devices per second against the guide's shell loop",
        "at least 50 times",
        f"{ours / guide:.0f} times ({ours:.1f}/s against {guide:.2f}/s)",
        ours / guide >= 50,
        {"engine_per_second": ours, "guide_per_second": guide, "ratio": ours / guide, "required": 50},
    )


def aws_cli(directory: Path) -> Path:
    """The AWS CLI of this machine, or one installed for the occasion (it pins another botocore than ours)."""
    found = shutil.which("aws")
    if found:
        return Path(found)
    home = directory / "awscli"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run(
        [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", AWSCLI], check=True
    )
    return home / "bin/aws"


def bare_pool(iot: Any, count: int) -> float:
    """The same calls without journal, limits or files that survive a kill; seconds."""

    def device(device_id: str) -> None:
        name = thing_name("bare", "local", device_id)
        issued = certificates.issue(iot, keys.signing_request(keys.new_key(), name))
        certificates.attach_policy(iot, POLICY, issued.arn)
        attributes = {"device_id": device_id, "environment": "local", "certificate_id": issued.id}
        things.create_thing(iot, name, TYPE, attributes)
        things.attach_certificate(iot, name, issued.arn)
        things.add_to_group(iot, name, GROUP)

    start = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(device, numbered_device_ids(1, count)))
    return time.perf_counter() - start


def measure_pool(here: Bench) -> Finding:
    """Turn and turn about, so that the machine's moods strike both; the medians count."""
    count, rounds = 200, 5
    bare, ours = [], []
    for number in range(rounds):
        bare.append(bare_pool(here.iot(200 + number), count))
        ours.append(here.provision(here.iot(300 + number), f"pool-{number}", count, UNLIMITED).seconds)
    slower = sorted(ours)[rounds // 2] / sorted(bare)[rounds // 2] - 1
    return Finding(
        "Time against a bare boto3 thread pool",
        "at most 15 % slower",
        f"{slower * 100:+.1f} %",
        slower <= 0.15,
        {"engine_seconds": ours, "bare_seconds": bare, "devices": count, "slower": slower},
    )


def measure_quota(here: Bench, count: int = 600) -> Finding:
    """Behind a proxy that adds 80 ms to each call and throttles each operation at the quota table."""
    (port,) = local_cloud.free_ports(1)
    command = [sys.executable, str(ROOT / "benchmarks/registry_proxy.py")]
    command += ["--upstream", here.settings.endpoint_url, "--port", str(port), "--latency", "0.08"]
    with serving(command, port, "/_counts") as endpoint:
        iot = here.iot(401, endpoint)
        result = here.provision(iot, "quota", count, Quotas())
        counts = fetch(f"{endpoint}/_counts")
    best = for_new_devices(count, Strategy.DIRECT, Quotas()).seconds
    share = best / result.seconds
    throttled = sum(counts["refused"].values()) / sum(result.attempts.values())
    wrong = incomplete(here.iot(401), here.directory / "quota", count)
    return Finding(
        "Rate at the quotas, 80 ms away",
        "at least 95 % of the slowest quota, throttled under 1 %, no device failed",
        f"{share * 100:.1f} %, throttled {throttled * 100:.2f} %, {len(result.outcome.failed)} failed",
        share >= 0.95 and throttled < 0.01 and not result.outcome.failed and not wrong,
        {"devices": count, "seconds": result.seconds, "best_seconds": best, "share": share, "wrong": wrong}
        | counts,
    )


def measure_faults(here: Bench, count: int = 1000) -> Finding:
    """Through a proxy that throttles, fails, resets and truncates; run again until a run has no failure."""
    (port,) = local_cloud.free_ports(1)
    config = here.directory / "faults.json"
    config.write_text(json.dumps({"rules": FAULTS}))
    command = [sys.executable, "-m", "microburst", "--upstream", here.settings.endpoint_url]
    command += ["--port", str(port), "--config", str(config)]
    adopted = 0
    failed: list[int] = []
    with serving(command, port, "/_microburst/health") as endpoint:
        iot = here.iot(501, endpoint)
        while len(failed) < 5:
            outcome = here.provision(iot, "faults", count, UNLIMITED).outcome
            adopted += len(outcome.adopted)
            failed.append(len(outcome.failed))
            if not outcome.failed and not outcome.stopped:
                break
    wrong = incomplete(here.iot(501), here.directory / "faults", count)
    return Finding(
        f"{count:,} devices through 20 % throttling, 5 % 5xx, 2 % resets, 1 % truncated answers",
        "complete, orphans 0",
        f"{'complete' if not wrong else '; '.join(wrong[:3])} after {len(failed)} run(s), {adopted} adopted",
        not wrong,
        {"devices": count, "failed_by_run": failed, "adopted": adopted, "wrong": wrong},
    )


RUN_ONCE = """
import sys
sys.path.insert(0, sys.argv[1])
from benchmarks.provisioning import Bench, UNLIMITED
from fleetlib import local_cloud
from pathlib import Path
here = Bench(local_cloud.Settings(Path(sys.argv[2]) / "cloud", int(sys.argv[3])), Path(sys.argv[2]))
iot = here.iot(int(sys.argv[4]))
print("begin", flush=True)
outcome = here.provision(iot, f"kill-{sys.argv[4]}", int(sys.argv[5]), UNLIMITED).outcome
sys.exit(1 if outcome.failed or outcome.stopped else 0)
"""


def measure_kills(here: Bench, kills: int = 100, count: int = 20, seed: int = 1) -> Finding:
    """Fleet after fleet, killed at random moments until as many kills have struck as were asked for."""
    chance = random.Random(seed)
    struck = fleets = adopted = 0
    wrong: list[str] = []
    while struck < kills:
        fleets += 1
        account = 600 + fleets
        while not finished(here, account, count, chance.uniform(0.05, 1.5)):
            struck += 1
        directory = here.directory / f"kill-{account}"
        wrong += incomplete(here.iot(account), directory, count)
        journals = "".join(path.read_text() for path in directory.glob("*.jsonl"))
        adopted += journals.count('"adopted":true')
    return Finding(
        f"{struck} kills with SIGKILL at random moments",
        "always complete after the last run, orphans 0",
        f"{fleets} fleets of {count}: {'complete' if not wrong else '; '.join(wrong[:3])}, {adopted} adopted",
        not wrong,
        {"kills": struck, "fleets": fleets, "devices": count, "adopted": adopted, "wrong": wrong},
    )


def finished(here: Bench, account: int, count: int, patience_seconds: float) -> bool:
    """Run once and kill it when patience ends; whether it had ended by itself."""
    arguments = [str(ROOT), str(here.directory), str(here.settings.port), str(account), str(count)]
    run = subprocess.Popen([sys.executable, "-c", RUN_ONCE, *arguments], stdout=subprocess.PIPE)
    assert run.stdout is not None
    with run.stdout:
        run.stdout.readline()
        try:
            status = run.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
            return False
    if status:
        raise RuntimeError(f"a run that was not killed ended with status {status}")
    return True


PARTS: dict[str, Callable[[Bench], Finding]] = {
    "loop": measure_loop,
    "pool": measure_pool,
    "quota": measure_quota,
    "faults": measure_faults,
    "kills": measure_kills,
}


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "provisioning.json"
    found = json.loads(path.read_text())["findings"] if chosen.part and path.exists() else {}
    for name in chosen.part or PARTS:
        with bench() as here:
            finding = PARTS[name](here)
        print(f"{'passed' if finding.passed else 'MISSED'}  {finding.name}: {finding.measured}", flush=True)
        found[name] = asdict(finding)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system()}
    path.write_text(json.dumps({"machine": machine, "findings": found}, indent=2) + "\n")
    (chosen.out / "provisioning.md").write_text(markdown(machine, found))
    plot(found, chosen.out / "provisioning.svg")
    return 0 if all(one["passed"] for one in found.values()) else 1


def markdown(machine: dict[str, Any], found: dict[str, dict[str, Any]]) -> str:
    """The results as a page."""
    lines = [
        "# Provisioning",
        "",
        f"Measured by `python benchmarks/provisioning.py` on {machine['cores']} cores, "
        f"Python {machine['python']}, against the local cloud.",
        "",
        "| What | Required | Measured | |",
        "|---|---|---|---|",
    ]
    for one in found.values():
        verdict = "passed" if one["passed"] else "missed"
        lines.append(f"| {one['name']} | {one['required']} | {one['measured']} | {verdict} |")
    return "\n".join([*lines, "", "![Devices per second](provisioning.svg)", ""])


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Devices per second of every way that was measured, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rates = {}
    if "loop" in found:
        rates["the guide's shell loop"] = found["loop"]["figures"]["guide_per_second"]
    if "quota" in found:
        figures = found["quota"]["figures"]
        rates["engine, AWS quotas, 80 ms away"] = figures["devices"] / figures["seconds"]
        rates["the slowest AWS quota"] = figures["devices"] / figures["best_seconds"]
    if "pool" in found:
        figures = found["pool"]["figures"]
        rates["engine, local cloud"] = figures["devices"] / sorted(figures["engine_seconds"])[2]
        rates["bare thread pool, local cloud"] = figures["devices"] / sorted(figures["bare_seconds"])[2]
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.5 * len(rates)), layout="constrained")
    bars = axes.barh(list(rates), list(rates.values()), color="#2f6f9f")
    axes.bar_label(bars, fmt="%.2f", padding=4)
    axes.set_xscale("log")
    axes.set_xlabel("devices per second")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
