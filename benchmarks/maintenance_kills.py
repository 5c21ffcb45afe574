"""Kill maintenance at random moments: python benchmarks/maintenance_kills.py [--kills 20] [--seed 7]

A fleet on a local cloud of its own. playbooks/maintenance.yml updates it: an attribute of every device and a
file on this host, each in two halves. It is killed with SIGKILL at a moment taken by lot from the time that
the work of an undisturbed run takes, from its first record in the journal on (before it nothing is changed):
its process group, or, every other time, every process of it, as a power cut does. Then the playbook runs as
its timer would start it. After that no alarm may be silent, nothing may be half done, also later, and whoever
was told that it began must have been told how it ended.
Writes benchmarks/results/maintenance_kills.{json,md}; the exit status is 1 where anything was left.
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
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins/module_utils"))

import boto3  # noqa: E402  # after the path to fleetlib
import yaml  # noqa: E402
from fleetlib import local_cloud  # noqa: E402
from fleetlib.core.clock import parse_iso  # noqa: E402
from fleetlib.core.maintenance import history  # noqa: E402

FLEET, ACCOUNT = "aws-iot-steel-local", "000000000888"
ALARMS = ["devices-silent", "connection-storm"]
DEVICES = [f"{FLEET}-device-{number:03d}" for number in range(1, 6)]
HALF_SECONDS = 3.0
"""Pause in the middle of the update."""
PATIENCE_SECONDS = 900.0

UPDATE = """
import os, pathlib, sys, time
import boto3
iot = boto3.client("iot", endpoint_url=sys.argv[1], region_name="us-west-2")
version, file, pause, *things = sys.argv[2:]
for number, thing in enumerate(things):
    if number == len(things) // 2:
        pathlib.Path(file).write_text("half " + version)
        time.sleep(float(pause))
    iot.update_thing(thingName=thing, attributePayload={"attributes": {"package": version}, "merge": True})
pathlib.Path(file).write_text(version)
"""
"""What the operator's tasks do."""


@dataclass
class Round:
    """One kill, and what the next run made of it."""

    kill_after_seconds: float
    """From the moment on when work began."""
    everything: bool
    """Whether every process was killed, not only the process group."""
    journal_said: list[str] = field(default_factory=list)
    """Steps that the journal had at the kill."""
    had_ended: bool = False
    silent_at_kill: int = 0
    survivors: int = 0
    """Processes of the run that were still there after the kill."""
    outcome: str = ""
    """What the journal says in the end."""
    next_run_seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    """What was left."""


class World:
    """A local cloud with a small fleet, and the playbook that maintains it."""

    def __init__(self, folder: Path) -> None:
        """Starts the cloud; `close` stops it."""
        port, mqtt_port = local_cloud.free_ports(2)
        self.folder, self.number = folder, 0
        self.settings = local_cloud.Settings(folder / "cloud", port, mqtt_port)
        self.file, self.state = folder / "package", folder / "state"
        self.journal = self.state / "maintenance/journal.jsonl"
        local_cloud.start(self.settings)

    def close(self) -> None:
        """Stop the cloud."""
        local_cloud.stop(self.settings)

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(service, **self.connection())

    def connection(self) -> dict[str, str]:
        """Where the cloud is, as boto3 wants to know it."""
        return {
            "endpoint_url": self.settings.endpoint_url,
            "region_name": "us-west-2",
            "aws_access_key_id": ACCOUNT,
            "aws_secret_access_key": local_cloud.SECRET_KEY,
        }

    def fill(self) -> None:
        """Buckets, alarms, devices, a queue that hears what is announced, and a verified backup."""
        s3, iot, cloudwatch = self.client("s3"), self.client("iot"), self.client("cloudwatch")
        for name in ("deploy", "backup"):
            place = {"LocationConstraint": "us-west-2"}
            s3.create_bucket(Bucket=f"{name}-kills", CreateBucketConfiguration=place)
        topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}}}
        outputs = {"AlarmTopicArn": {"Value": {"Ref": "Topic"}}}
        template = json.dumps({"Resources": topic, "Outputs": outputs})
        self.client("cloudformation").create_stack(StackName=f"{FLEET}-core", TemplateBody=template)
        modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
        iot.update_indexing_configuration(thingIndexingConfiguration=modes)
        for thing in DEVICES:
            attributes = {"environment": "local", "package": "1"}
            iot.create_thing(thingName=thing, attributePayload={"attributes": attributes})
        for name in ALARMS:
            cloudwatch.put_metric_alarm(
                AlarmName=f"{FLEET}-{name}",
                Namespace="x",
                MetricName=name,
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
            )
        sqs, sns = self.client("sqs"), self.client("sns")
        self.queue = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        (self.topic,) = (one["TopicArn"] for one in sns.list_topics()["Topics"])
        may = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**may, "Resource": arn["QueueArn"]}]}
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        sns.publish(TopicArn=self.topic, Subject="hello", Message="hello")
        if self.told() != ["hello"]:
            raise RuntimeError("What is announced cannot be heard.")
        self.file.write_text("1")
        self.journal.parent.mkdir(parents=True)
        verified = {"snapshot_id": "2026-11-28T09-30-00Z", "taken_at": datetime.now(UTC).isoformat()}
        (self.journal.parent / "verified.json").write_text(json.dumps(verified))

    def maintain(self, version: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start the playbook, which brings the fleet to a version; its output goes to a file."""
        self.number += 1
        undo = self._tasks("undo.yml", [self._copy("1"), *self._unmarked()])
        update = self._tasks("update.yml", [self._command(version)])
        connection = {
            "endpoint_url": self.settings.endpoint_url,
            "region": "us-west-2",
            "access_key": ACCOUNT,
            "secret_key": local_cloud.SECRET_KEY,
        }
        variables = {
            "backup_bucket": "backup-kills",
            "backup_objects": [],
            "fleet_account_id": ACCOUNT,
            "fleet_aws_connection": connection,
            "fleet_state_dir": str(self.state),
            "maintenance_bucket": "deploy-kills",
            "maintenance_force": True,
            "maintenance_monitor_seconds": 2,
            "maintenance_poll_seconds": 1,
            "maintenance_silenced_alarms": ALARMS,
            "maintenance_updates": [{"kind": "tasks", "file": update, "undo": undo}],
            "maintenance_validation_parts": [],
            "notification_topic_arns": [self.topic],
            **more,
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        words = [
            "-i",
            "inventory/local/control.yml",
            "playbooks/maintenance.yml",
            "-e",
            json.dumps(variables),
        ]
        with (self.folder / f"run-{self.number}.log").open("wb") as log:
            return subprocess.Popen(
                [program, *words],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finished(self, process: subprocess.Popen[bytes]) -> list[str]:
        """Wait for a run; what went wrong with it."""
        status = process.wait(PATIENCE_SECONDS)
        if status == 0:
            return []
        tail = (self.folder / f"run-{self.number}.log").read_text(errors="replace")[-1500:]
        return [f"the run ended with {status}: {tail}"]

    def processes(self) -> list[int]:
        """Every process of the run that was started last, by a mark in its environment."""
        mark, found = f"FLEET_KILLS={self.folder}/{self.number}".encode(), []
        for path in Path("/proc").iterdir():
            try:
                if path.name.isdigit() and mark in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
            except OSError:
                continue
        return found

    def silent(self) -> list[str]:
        """Alarms whose actions are off."""
        found = self.client("cloudwatch").describe_alarms(AlarmNamePrefix=FLEET)["MetricAlarms"]
        return [one["AlarmName"] for one in found if not one["ActionsEnabled"]]

    def versions(self) -> set[str]:
        """The versions that the fleet has; more than one is a half update."""
        iot = self.client("iot")
        found = {iot.describe_thing(thingName=one)["attributes"]["package"] for one in DEVICES}
        return found | {self.file.read_text()}

    def told(self) -> list[str]:
        """Subjects of what was announced since the last look."""
        sqs, subjects = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                subjects.append(json.loads(one["Body"]).get("Subject", ""))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return subjects

    def _environment(self) -> dict[str, str]:
        mine = {"ANSIBLE_NOCOLOR": "1", "FLEET_REPORTS_DIR": str(self.folder / "reports")}
        return os.environ | mine | {"FLEET_KILLS": f"{self.folder}/{self.number}"}

    def _command(self, version: str) -> dict[str, Any]:
        words = [self.settings.endpoint_url, version, str(self.file), str(HALF_SECONDS), *DEVICES]
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": local_cloud.SECRET_KEY}
        command = {"argv": [sys.executable, "-c", UPDATE, *words]}
        return {"name": "Update", "ansible.builtin.command": command, "environment": keys}

    def _copy(self, content: str) -> dict[str, Any]:
        return {"ansible.builtin.copy": {"dest": str(self.file), "content": content, "mode": "0600"}}

    def _unmarked(self) -> Iterator[dict[str, Any]]:
        yield {"name": "Say so", "ansible.builtin.debug": {"msg": "The package is the old one again."}}

    def _tasks(self, name: str, tasks: list[dict[str, Any]]) -> str:
        path = self.folder / name
        path.write_text(yaml.safe_dump(tasks))
        return str(path)


def back_to_one(world: World) -> None:
    """The fleet as every round finds it."""
    iot = world.client("iot")
    for thing in DEVICES:
        attributes = {"attributes": {"package": "1"}, "merge": True}
        iot.update_thing(thingName=thing, attributePayload=attributes)
    world.file.write_text("1")


def kill(world: World, process: subprocess.Popen[bytes], everything: bool) -> None:
    """SIGKILL to the run's process group, or to all that it started."""
    if not everything:
        os.killpg(process.pid, signal.SIGKILL)
    while everything and (left := world.processes()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.poll()
    process.wait()


def play(world: World, seconds: float, everything: bool) -> Round:
    """One round."""
    back_to_one(world)
    world.told()
    one = Round(round(seconds, 1), everything)
    began_before = len(history.tell(world.journal).began)
    process = world.maintain("2")
    while len(history.tell(world.journal).began) == began_before and process.poll() is None:
        time.sleep(0.05)
    time.sleep(seconds)
    kill(world, process, everything)
    one.survivors, one.silent_at_kill = len(world.processes()), len(world.silent())
    told = history.tell(world.journal)
    one.had_ended = told.open is None
    one.journal_said = list(told.steps)
    one.wrong += ["no work began"] if len(told.began) == began_before else []
    began = time.monotonic()
    run = world.maintain("2", maintenance_force=False, maintenance_window_closed="end")
    one.wrong += world.finished(run)
    one.next_run_seconds = round(time.monotonic() - began, 1)
    time.sleep(2 * HALF_SECONDS)  # what still ran would have shown by now
    one.wrong += left_over(world, one)
    return one


def left_over(world: World, one: Round) -> Iterator[str]:
    """What is not as it should be, after the run that followed a kill."""
    records = [json.loads(line) for line in world.journal.read_text().splitlines()]
    one.outcome = [record["outcome"] for record in records if record["event"] == history.ENDED][-1]
    wanted = "2" if one.outcome == "complete" else "1"
    told = world.told()
    heard = [word for word in ("FAILED", "complete") if any(word in subject for subject in told)]
    if world.silent():
        yield f"silent alarms: {world.silent()}"
    if history.tell(world.journal).open is not None:
        yield "the journal still has work that has not ended"
    if world.versions() != {wanted}:
        yield f"the fleet has {sorted(world.versions())}, and the journal says {one.outcome}"
    if heard != ["complete" if one.outcome == "complete" else "FAILED"]:
        yield f"the journal says {one.outcome}, and what was told was: {told}"


def campaign(kills: int, seed: int) -> Iterator[dict[str, Any]]:
    """Everything, with the figures after every round."""
    chance = random.Random(seed)  # the same moments with the same seed
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder))
        try:
            world.fill()
            whole, wrong = undisturbed(world)
            work = work_seconds(world)
            found: dict[str, Any] = {
                "seed": seed,
                "whole_seconds": round(whole, 1),
                "work_seconds": round(work, 1),
                "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
                "rounds": [],
                "wrong_undisturbed": wrong,
            }
            for number in range(kills):
                one = play(world, chance.uniform(0, work), everything=bool(number % 2))
                found["rounds"].append({**asdict(one), "load": round(os.getloadavg()[0], 1)})
                print(json.dumps(found["rounds"][-1]), flush=True)
                yield found
            found["wrong_undisturbed"] += undisturbed(world)[1]
            yield found
        finally:
            world.close()


def undisturbed(world: World) -> tuple[float, list[str]]:
    """A run that nobody kills: how long it takes, and what went wrong."""
    back_to_one(world)
    began = time.monotonic()
    wrong = world.finished(world.maintain("2"))
    return time.monotonic() - began, wrong + ([] if world.versions() == {"2"} else ["it did not update"])


def work_seconds(world: World) -> float:
    """How long the work of the only run so far took, from the first record of its journal to the last."""
    at = [parse_iso(json.loads(line)["at"]) for line in world.journal.read_text().splitlines()]
    return (at[-1] - at[0]).total_seconds()


def troubles(found: dict[str, Any]) -> list[str]:
    """Whatever was left in any round."""
    return [*found["wrong_undisturbed"], *(text for one in found["rounds"] for text in one["wrong"])]


def render(found: dict[str, Any]) -> str:
    """The page."""
    rounds, wrong = found["rounds"], troubles(found)
    silent, half = count(wrong, "silent"), count(wrong, "says")
    outcomes = [one["outcome"] for one in rounds]
    lines = [
        "# Maintenance that is killed",
        "",
        f"`python benchmarks/maintenance_kills.py --kills {len(rounds)} --seed {found['seed']}` on "
        f"{found['machine']}, against a local cloud; a run that nobody disturbs took "
        f"{found['whole_seconds']:.0f} s, {found['work_seconds']:.0f} s of them work.",
        "",
        "| What | Required | Seen |",
        "|---|---|---|",
        f"| kills at random moments of the work | 20 | {len(rounds)} |",
        f"| alarms that were silent at the kill, and after the next run | –, 0 | "
        f"{sum(one['silent_at_kill'] for one in rounds)}, {silent} |",
        f"| taken back, finished by the next run, complete already | – | {outcomes.count('failed')}, "
        f"{sum(one['outcome'] == 'complete' and not one['had_ended'] for one in rounds)}, "
        f"{sum(one['had_ended'] for one in rounds)} |",
        f"| half updates, or ends that were told wrongly or not at all | 0 | {half} |",
        f"| processes that outlived the kill | – | {sum(one['survivors'] for one in rounds)} |",
        f"| anything else that went wrong | 0 | {len(wrong) - silent - half} |",
        "",
        "| Kill after | Of what | Journal at the kill | Silent | Survivors | In the end | Next run | Load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in rounds:
        said = "ended" if one["had_ended"] else ", ".join(one["journal_said"]) or "started"
        lines.append(
            f"| {one['kill_after_seconds']} s | {'everything' if one['everything'] else 'group'} "
            f"| {said} | {one['silent_at_kill']} | {one['survivors']} "
            f"| {one['outcome']}{' **' + str(len(one['wrong'])) + ' wrong**' if one['wrong'] else ''} "
            f"| {one['next_run_seconds']} s | {one['load']} |"
        )
    return "\n".join([*lines, ""])


def count(wrong: list[str], word: str) -> int:
    """How many of them are about it."""
    return sum(word in one for one in wrong)


def main() -> int:
    """Kill, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    for found in campaign(chosen.kills, chosen.seed):
        (chosen.out / "maintenance_kills.json").write_text(json.dumps(found, indent=2) + "\n")
        (chosen.out / "maintenance_kills.md").write_text(render(found))
    print(render(found))
    return 1 if troubles(found) else 0


if __name__ == "__main__":
    sys.exit(main())
