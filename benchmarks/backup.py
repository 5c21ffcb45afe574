"""Measure backups: python benchmarks/backup.py [--things 10000]

A fleet on a local cloud of its own, read at the default quotas of AWS IoT: how long a snapshot takes, against
the time that the quotas allow; a second one, which takes over what cannot have changed; verification;
restoring into an emptied region. Certificates come from this host, as where it provisioned the fleet.
The requests of a snapshot to AWS IoT are then sent again, bare and not paced: what the emulator takes for
them. Its answers are kept, and a last snapshot gets them as from AWS: lists in pages, each after LATENCY.
Writes benchmarks/results/backup.{json,md}.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "plugins/module_utils"), str(ROOT)]

import boto3  # noqa: E402  # after the path to fleetlib
import urllib3  # noqa: E402
from botocore.awsrequest import AWSResponse, HeadersDict  # noqa: E402
from botocore.config import Config  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402
from fleetlib import local_cloud  # noqa: E402
from fleetlib.aws.backup_store import BucketStore  # noqa: E402
from fleetlib.aws.pacing import Pacer  # noqa: E402
from fleetlib.aws.snapshot import Scope  # noqa: E402
from fleetlib.backup import Backups  # noqa: E402
from fleetlib.core.backup.verify import fingerprint  # noqa: E402
from fleetlib.core.clock import SystemClock  # noqa: E402
from fleetlib.core.progress import Meter  # noqa: E402
from fleetlib.core.quotas import PAGE_SIZE, Quotas  # noqa: E402
from fleetlib.crypto.signatures import LocalSigner  # noqa: E402

CLOCK = SystemClock()
FLEET, BUCKET, ELSEWHERE = "bench-local", "bench-backup", "eu-west-1"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
ROUNDS = 3
LATENCY = 0.08
"""Seconds that an answer from AWS is taken to need."""
LISTS = (
    ("things", "nextToken", "nextToken"),
    ("certificates", "marker", "nextMarker"),
    ("targets", "marker", "nextMarker"),
)
"""What a list holds, the option that asks for a later page, and where a page names it."""


class Answers:
    """What the emulator answered, to be answered again as AWS does."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._known: dict[tuple[str, str, bytes], Any] = {}

    def keep(self, request: Any, data: bytes) -> None:
        """The answer to a request that botocore prepared."""
        self._known[self._key(request)] = json.loads(data)

    def give(self, request: Any, **_: Any) -> AWSResponse:
        """A handler of botocore's event ``before-send``, which then sends nothing."""
        time.sleep(LATENCY)
        query = dict(parse_qsl(urlsplit(request.url).query))
        body = json.dumps(page(self._known[self._key(request)], query)).encode()
        return AWSResponse(request.url, 200, HeadersDict({"Content-Type": "application/json"}), Raw(body))

    @staticmethod
    def _key(request: Any) -> tuple[str, str, bytes]:
        body = request.body or b""
        return request.method, urlsplit(request.url).path, body.encode() if isinstance(body, str) else body


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 has it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it at once."""
        yield self.read()


def page(answer: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """The page of a list that is asked for; other answers as they are."""
    for name, token, following in LISTS:
        if name in answer:
            start = int(query.get(token, 0))
            end = start + PAGE_SIZE
            more = {following: str(end)} if end < len(answer[name]) else {}
            return {**answer, name: answer[name][start:end], **more}
    return answer


class Place:
    """A region of the local cloud, with every call to AWS IoT paced by a pacer of its own."""

    def __init__(
        self,
        settings: local_cloud.Settings,
        region: str,
        quotas: Quotas,
        answers: Answers | None = None,
    ) -> None:
        """``quotas`` is what the calls are held to; where there are ``answers``, AWS IoT is not asked."""
        self._settings, self._region, self._answers = settings, region, answers
        self.pacer = Pacer(quotas, CLOCK)
        self.sent: list[Any] = []
        """Requests to AWS IoT, as botocore prepared them."""

    def client(self, service: str, max_connections: int = 16) -> Any:
        """A boto3 client."""
        made = boto3.client(
            service,
            region_name=self._region,
            endpoint_url=self._settings.endpoint_url,
            aws_access_key_id="000000000777",
            aws_secret_access_key=local_cloud.SECRET_KEY,
            config=Config(
                max_pool_connections=max_connections, retries={"mode": "standard", "max_attempts": 8}
            ),
        )
        if service in ("iot", "iot-data"):
            self.pacer.attach(made)
            made.meta.events.register("before-send", self._answers.give if self._answers else self._keep)
        return made

    def _keep(self, request: Any, **_: Any) -> None:
        self.sent.append(request)

    def send_again(self, answers: Answers) -> float:
        """Send every request again, many at a time, without botocore and without pacing: how many seconds."""
        pool = urllib3.PoolManager(maxsize=16)

        def send(one: Any) -> int:
            texts = {name: value.decode() for name, value in one.headers.items() if isinstance(value, bytes)}
            headers = {**one.headers, **texts}
            answer = pool.request(one.method, one.url, body=one.body, headers=headers)
            answers.keep(one, answer.data)
            return answer.status

        with ThreadPoolExecutor(max_workers=16) as workers:
            seconds, statuses = timed(lambda: list(workers.map(send, self.sent)))
        assert set(statuses) == {200}, statuses
        return seconds

    def bound(self) -> tuple[float, str]:
        """The least time that the calls so far take at the quotas, and the operation that decides it."""
        quotas = Quotas()
        times = {name: count / quotas.rate(name) for name, count in self.pacer.attempts.items()}
        slowest = max(times, key=lambda name: times[name])
        return times[slowest], slowest


def certificate(number: int) -> str:
    """A certificate of a key of its own, as PEM; made here, because the emulator takes long for its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"device-{number}")])
    now = CLOCK.now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), number + 1, now, now + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def build(place: Place, things: int) -> dict[str, str]:
    """A fleet of so many things with certificate, group and shadow; its certificates by id."""
    iot, data = place.client("iot"), place.client("iot-data")
    index(iot)
    iot.create_thing_type(thingTypeName=f"{FLEET}-board")
    iot.create_policy(policyName=f"{FLEET}-device", policyDocument=POLICY)
    iot.create_thing_group(thingGroupName=FLEET)
    shadow = json.dumps({"state": {"desired": {"led": 1}, "reported": {"firmware": {"version": "1.0.0"}}}})

    def make(number: int) -> tuple[str, str]:
        name = f"{FLEET}-device-{number:05d}"
        pem = certificate(number)
        made = iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
        attributes = {"environment": "local", "certificate_id": made["certificateId"], "device_id": name}
        iot.create_thing(
            thingName=name, thingTypeName=f"{FLEET}-board", attributePayload={"attributes": attributes}
        )
        iot.attach_policy(policyName=f"{FLEET}-device", target=made["certificateArn"])
        iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        iot.add_thing_to_thing_group(thingName=name, thingGroupName=FLEET)
        data.update_thing_shadow(thingName=name, payload=shadow)
        return made["certificateId"], pem

    with ThreadPoolExecutor(max_workers=16) as pool:
        return dict(pool.map(make, range(things)))


def index(iot: Any) -> None:
    """Have the registry and the shadows indexed."""
    modes = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=modes)


def backups(place: Place, signer: LocalSigner, pems: dict[str, str]) -> Backups:
    """Snapshots of the fleet in the backup bucket, seen from a region."""
    meter = Meter(lambda progress: None, CLOCK.monotonic, "steps")
    store = BucketStore(place.client("s3"), BUCKET)
    return Backups(place.client, Scope(FLEET, "local"), [store], signer.public_pem(), CLOCK, meter, pems)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it took, and its result."""
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def measure(things: int, directory: Path) -> Iterator[dict[str, Any]]:
    """The figures, after every step."""
    port, mqtt_port = local_cloud.free_ports(2)
    settings = local_cloud.Settings(directory / "cloud", port, mqtt_port)
    local_cloud.start(settings)
    try:
        fast = Quotas().scaled(10_000)
        maker = Place(settings, settings.region, fast)
        maker.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": settings.region}
        )
        pems = build(maker, things)
        assert all(fingerprint(pem) == one for one, pem in pems.items())
        signer = LocalSigner(directory / "signing/private.key")
        found: dict[str, Any] = {
            "things": things,
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, local cloud ministack",
            "command": f"python benchmarks/backup.py --things {things}",
            "steps": [],
        }
        for step in run(settings, signer, pems):
            found["steps"].append(step)
            yield found
    finally:
        local_cloud.stop(settings, timeout_seconds=600)  # it writes all of its state first


def run(
    settings: local_cloud.Settings, signer: LocalSigner, pems: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """The steps, each with its time and the least time that the quotas allow."""
    answers = Answers()
    for what in ("first snapshot", "second snapshot"):
        place = Place(settings, settings.region, Quotas())
        made = backups(place, signer, pems)
        with Costs(settings) as costs:
            taken = made.take(signer, "000000000777", settings.region)
        alone = {"emulator_seconds": round(place.send_again(answers), 2)}
        yield row(what, costs, place, stored_bytes=sum(taken.stored.values()), **alone)
    gc.freeze()  # the answers are AWS's, not of the snapshot's own memory
    later = []
    for _ in range(ROUNDS):
        place = Place(settings, settings.region, Quotas(), answers)
        with Costs(settings) as costs:
            taken = backups(place, signer, pems).take(signer, "000000000777", settings.region)
        stored = sum(taken.stored.values())
        later.append(row("later snapshot, answers as from AWS", costs, place, stored_bytes=stored))
    yield sorted(later, key=lambda one: one["seconds"])[ROUNDS // 2]
    newest = made.ids()[-1]
    seconds, opened = timed(lambda: made.open(newest))
    assert opened.intact
    yield {"what": "verification of every byte", "seconds": round(seconds, 2)}
    place = Place(settings, ELSEWHERE, Quotas())
    made = backups(place, signer, {})
    plan = made.plan(made.open(newest))
    place.pacer.attempts.clear()
    with Costs(settings) as costs:
        made.put_back(opened, plan)
    yield row("restore into an emptied region", costs, place, steps=len(plan.steps))
    left = backups(Place(settings, ELSEWHERE, Quotas()), signer, {}).plan(opened)
    yield {"what": "differences left after it", "count": len(left.steps)}


class Costs:
    """Wall time and processor time of a ``with`` block."""

    def __init__(self, settings: local_cloud.Settings) -> None:
        """``settings`` of the cloud that works, too."""
        self._settings = settings
        self.seconds = self.own = self.cloud = 0.0

    def __enter__(self) -> Costs:
        """Start the clocks."""
        self._before = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them."""
        after = self._now()
        self.seconds, self.own, self.cloud = (
            round(late - early, 2) for early, late in zip(self._before, after, strict=True)
        )

    def _now(self) -> tuple[float, float, float]:
        running = local_cloud.find(self._settings)
        assert running is not None
        fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
        cloud = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), time.process_time(), cloud


def row(what: str, costs: Costs, place: Place, **more: float) -> dict[str, Any]:
    """A measured step."""
    bound, slowest = place.bound()
    figures = {"seconds": costs.seconds, "quota_seconds": round(bound, 2), "slowest": slowest}
    cpu = {"cpu_seconds": costs.own, "cloud_cpu_seconds": costs.cloud, "load": round(os.getloadavg()[0], 1)}
    return {"what": what, **figures, **cpu, "requests": sum(place.pacer.attempts.values()), **more}


def render(found: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "# Backups",
        "",
        f"`{found['command']}` on {found['machine']},",
        "every call held to the default quotas of AWS IoT. The text of certificates came from this host;",
        "AWS would give it at 10 a second, once: a second snapshot takes it over from the first.",
        "",
        f"| {found['things']:,} devices | Seconds | At the quotas | Decided by | Emulator alone "
        "| CPU: run, cloud | Load | Requests |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [line(one) for one in found["steps"] if "seconds" in one]
    left = found["steps"][-1]["count"]
    stored = [one["stored_bytes"] for one in found["steps"] if "stored_bytes" in one]
    lines += [
        "",
        f"Bytes stored: {stored[0]:,} by the first snapshot, {stored[1]:,} by the second.",
        f"After the restore {left} differences from the snapshot were left.",
        "",
        "*Emulator alone*: the snapshot's requests to AWS IoT sent again, 16 at a time, without this library",
        "and without pacing. It has one thread and looks at every thing for every page of a search.",
        f"*As from AWS*: the same answers without it, each after {LATENCY * 1000:.0f} ms, and lists in pages",
        f"of {PAGE_SIZE}, which the emulator answers in one piece; the median of {ROUNDS} snapshots.",
        "",
    ]
    return "\n".join(lines)


def line(one: dict[str, Any]) -> str:
    """A row of the table."""
    if "quota_seconds" not in one:
        return f"| {one['what']} | {one['seconds']:.1f} | – | this host | – | – | – | 0 |"
    over = one["seconds"] / one["quota_seconds"] - 1
    alone = f"{one['emulator_seconds']:.1f} s" if "emulator_seconds" in one else "–"
    cpu = f"{one['cpu_seconds']:.1f} s, {one['cloud_cpu_seconds']:.1f} s"
    return (
        f"| {one['what']} | {one['seconds']:.1f} | {one['quota_seconds']:.1f} ({over:+.0%}) "
        f"| {one['slowest']} | {alone} | {cpu} | {one['load']} | {one['requests']:,} |"
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backup-", ignore_cleanup_errors=True) as directory:
        for found in measure(chosen.things, Path(directory)):
            (chosen.out / "backup.json").write_text(json.dumps(found, indent=2) + "\n")
    (chosen.out / "backup.md").write_text(render(found))
    print(render(found))


if __name__ == "__main__":
    main()
