"""Measure flashing: python benchmarks/flashing.py [--writes 1000]

The real esptool against served boards (twin/flash_server.py): eight ports against one on lines of 921,600
baud, a second run against the first, and writes through faults by chance. Writes
benchmarks/results/flashing.{json,md}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "plugins/module_utils"), str(ROOT)]

from fleetlib.core.clock import SystemClock  # noqa: E402  # after the path to fleetlib
from fleetlib.core.firmware.layout import Region  # noqa: E402
from fleetlib.core.firmware.station import Desk  # noqa: E402
from fleetlib.esp.flasher import Expected  # noqa: E402
from fleetlib.esp.images import esptool_version  # noqa: E402
from fleetlib.flashing import Bench, Order, Result, Settings  # noqa: E402

from twin.flash_process import Process  # noqa: E402

PORTS = 8
ROUNDS = 3
IMAGE_BYTES = 3 << 19
"""1.5 MiB, which compresses to 0.53 as firmware does."""
CAMPAIGN_PORTS = 16
FAULT_SHARE = 0.8
FAULT_WITHIN = 90_000
"""Bytes: about what a board of the campaign receives in a whole attempt."""


def main() -> int:
    """Measure, print, and write the results; the exit status is 1 when a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as directory:
        rate = measure_rate(Path(directory, "rate"))
        campaign = measure_faults(Path(directory, "faults"), chosen.writes)
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": load,
        "esptool": esptool_version(),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip(),
    }
    found = {"machine": machine, "rate": rate, "faults": campaign}
    (chosen.out / "flashing.json").write_text(json.dumps(found, indent=2) + "\n")
    page = markdown(found)
    (chosen.out / "flashing.md").write_text(page)
    print(page)
    return 0 if all(passed for *_, passed in requirements(found)) else 1


def firmware(size: int, seed: int) -> bytes:
    """Bytes that compress as firmware does."""
    chance = random.Random(seed)
    return b"".join(chance.randbytes(0x880) + bytes(0x780) for _ in range(size // 0x1000))


def regions(seed: int, size: int) -> list[Region]:
    """What a board is to hold: an application, an identity, and what starts the chip."""
    chance = random.Random(-seed)
    return [
        Region("app", 0x20000, firmware(size, seed)),
        Region("identity", 0x12000, chance.randbytes(0x6000)),
        Region("boot", 0, chance.randbytes(0x1000)),
    ]


def flash(process: Process, boards: list[str], wanted: list[Region]) -> tuple[float, list[Result]]:
    """Flash these boards at the same time; the seconds it took, and the results."""
    bench = Bench(Settings(Expected(), timeout_seconds=3600), Desk({}), SystemClock())
    orders = [Order(process.ports[name], name, wanted) for name in boards]
    started = time.monotonic()
    results = bench.run(orders, lambda result: None)
    return time.monotonic() - started, results


def holds(process: Process, board: str, wanted: list[Region]) -> bool:
    """Whether every byte of the board's flash is as wanted."""
    content = process.flash(board)
    return all(content[one.offset : one.offset + len(one.data)] == one.data for one in wanted)


def measure_rate(directory: Path) -> dict[str, Any]:
    """One port, eight ports, and eight again with nothing to write; the rounds take turns."""
    seconds: dict[str, list[float]] = {"one": [], "eight": [], "again": []}
    wrong = written_again = 0
    with Process(directory, PORTS, line_rate=True) as process:
        names = list(process.ports)
        for number in range(ROUNDS):
            for what, boards, seed in (("one", names[:1], 1), ("eight", names, 2), ("again", names, 2)):
                wanted = regions(10 * number + seed, IMAGE_BYTES)
                took, results = flash(process, boards, wanted)
                seconds[what].append(round(took, 2))
                wrong += sum(
                    not (one.outcome.good and holds(process, one.order.device_id, wanted)) for one in results
                )
                written_again += sum(one.outcome.written_bytes for one in results) if what == "again" else 0
    middle = {what: statistics.median(values) for what, values in seconds.items()}
    return {
        "rounds": seconds,
        "seconds": middle,
        "eight_to_one": middle["eight"] / middle["one"],
        "again_to_first": middle["again"] / middle["eight"],
        "written_again_bytes": written_again,
        "wrong_boards": wrong,
    }


def measure_faults(directory: Path, writes: int) -> dict[str, Any]:
    """Write boards again and again while faults come by chance; nobody may be called good who is not."""
    counts: Counter[str] = Counter()
    started = time.monotonic()
    with Process(directory, CAMPAIGN_PORTS) as process:
        process.order(chance={"seed": 1, "share": FAULT_SHARE, "within": FAULT_WITHIN})
        seed = 0
        while counts["writes"] < writes:
            seed += 1
            wanted = regions(seed, 0x10000)
            boards = list(process.ports)[: writes - counts["writes"]]
            for one in flash(process, boards, wanted)[1]:
                whole = holds(process, one.order.device_id, wanted)
                counts["writes"] += 1
                counts["attempts"] += one.outcome.attempts
                counts["good" if one.outcome.good else "failed"] += 1
                counts["called good with wrong bytes"] += one.outcome.good and not whole
        faults = process.order(faults=True)["faults"]
    return {**counts, "faults": faults, "seconds": round(time.monotonic() - started)}


def requirements(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was asked for, and what came of it."""
    rate, faults = found["rate"], found["faults"]
    seconds = rate["seconds"]
    return [
        (
            f"{PORTS} ports against one",
            "at most 1.3 times the time",
            f"{rate['eight_to_one']:.2f} times ({seconds['eight']:.1f} s against {seconds['one']:.1f} s)",
            rate["eight_to_one"] <= 1.3,
        ),
        (
            f"A second run at {PORTS} ports",
            "writes nothing, takes a tenth",
            f"{rate['written_again_bytes']} bytes, {seconds['again']:.1f} s ({rate['again_to_first']:.3f})",
            rate["written_again_bytes"] == 0 and rate["again_to_first"] <= 0.1,
        ),
        (
            "Flash against what was wanted, every byte",
            "no board differs",
            f"{rate['wrong_boards']} of {ROUNDS * (1 + 2 * PORTS)} differ",
            rate["wrong_boards"] == 0,
        ),
        (
            f"{faults['writes']:,} writes through {sum(faults['faults'].values()):,} faults",
            "no board called good with wrong bytes",
            f"{faults['called good with wrong bytes']}; {faults['good']:,} good, "
            f"{faults.get('failed', 0):,} failed, {faults['attempts']:,} attempts",
            faults["called good with wrong bytes"] == 0,
        ),
    ]


def markdown(found: dict[str, Any]) -> str:
    """The results as a page."""
    machine, rate, faults = found["machine"], found["rate"], found["faults"]
    lines = [
        "# Flashing",
        "",
        f"Measured by `python benchmarks/flashing.py`, commit {machine['commit']}, on {machine['cores']} "
        f"cores (load by others {machine['load']}), Python {machine['python']}, esptool "
        f"{machine['esptool']}, against served boards (twin/flash_server.py) whose lines have their rate: "
        f"115,200 baud at first, then 921,600. Images of {IMAGE_BYTES:,} bytes that compress to 0.53; the "
        f"median of {ROUNDS} rounds. The time that a real flash chip takes is not in it.",
        "",
        "| What | Required | Measured | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {required} | {measured} | {'passed' if passed else 'missed'} |"
        for name, required, measured, passed in requirements(found)
    ]
    lines += ["", "| Seconds | " + " | ".join(f"Round {number + 1}" for number in range(ROUNDS)) + " |"]
    lines += ["|---|" + "---:|" * ROUNDS]
    names = {"one": "One port", "eight": f"{PORTS} ports", "again": f"{PORTS} ports, nothing to write"}
    lines += [
        f"| {names[what]} | " + " | ".join(map(str, values)) + " |" for what, values in rate["rounds"].items()
    ]
    lines += ["", f"Faults of the campaign ({faults['seconds']} s, {CAMPAIGN_PORTS} boards at a time): "]
    lines[-1] += ", ".join(f"{count} {kind}" for kind, count in sorted(faults["faults"].items())) + "."
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
