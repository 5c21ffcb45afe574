"""Hold disaster drills in a row: python benchmarks/drills.py [--drills 10] [--boards 100] [--scenarios …]

Every drill is a run of playbooks/drills/dr.yml against a cloud of its own; its report is what counts. After
each one it is looked whether a process or a file of the drill is left. Results go to
benchmarks/results/drills.{json,md}.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results/drills"
DRILL_SECONDS = 3600.0


def main() -> None:
    """Hold the drills, print each, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drills", type=int, default=10)
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument(
        "--scenarios", nargs="+", default=["region_failure"], help="in turn, one for each drill"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drills-") as scratch:
        found = []
        for scenario in itertools.islice(itertools.cycle(options.scenarios), options.drills):
            found.append(drill(scenario, options.boards, Path(scratch)))
            print(json.dumps(found[-1]), flush=True)
    facts = {
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "boards": options.boards,
        "drills": found,
    }
    RESULTS.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    RESULTS.with_suffix(".md").write_text(page(facts))


def drill(scenario: str, boards: int, scratch: Path) -> dict[str, Any]:
    """One drill: how it ended, in figures."""
    reports, directory = scratch / "reports", scratch / "drills"
    variables = {
        "dr_scenario": scenario,
        "disaster_recovery_boards": boards,
        "disaster_recovery_directory": str(directory),
    }
    began = time.monotonic()
    run = subprocess.run(
        [str(ROOT / ".venv/bin/ansible-playbook"), "playbooks/drills/dr.yml", "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**os.environ, "FLEET_REPORTS_DIR": str(reports), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=DRILL_SECONDS,
        check=False,
    )
    seconds = round(time.monotonic() - began, 1)
    record = json.loads((reports / "drills/dr/latest/report.json").read_text())
    told: Mapping[str, Any] = record["data"].get("drill", {})
    failed = [one["name"] for one in told.get("checks", ()) if one["status"] == "failed"]
    return {
        "scenario": scenario,
        "clean": run.returncode == 0 and not left(directory),
        "seconds": seconds,
        "rto_seconds": told.get("rto_seconds"),
        "rpo_seconds": told.get("rpo_seconds"),
        "boards": told.get("boards"),
        "differences": len(told.get("differences", ())) if told else None,
        "failed": failed or ([] if run.returncode == 0 else [run.stdout[-500:]]),
    }


def left(directory: Path) -> list[str]:
    """Files of the drill's world, and processes that work in it."""
    world = directory / "world"
    processes = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes() + os.fsencode(os.readlink(path.parent / "cwd"))
        except OSError:
            continue
        if os.fsencode(world) in words:
            processes.append(path.parent.name)
    return [str(world)] * world.exists() + processes


def page(facts: Mapping[str, Any]) -> str:
    """The results for people."""
    drills: Sequence[Mapping[str, Any]] = facts["drills"]
    clean = sum(one["clean"] for one in drills)
    rows = [
        "| "
        + " | ".join(
            [
                str(number),
                one["scenario"],
                "clean" if one["clean"] else "; ".join(one["failed"]) or "left something",
                f"{one['boards']['back']} of {one['boards']['total']}" if one["boards"] else "—",
                str(one["differences"]),
                *(f"{one[what]} s" for what in ("rto_seconds", "rpo_seconds", "seconds")),
            ]
        )
        + " |"
        for number, one in enumerate(drills, 1)
    ]
    return "\n".join(
        [
            "# Disaster drills",
            "",
            f"`python benchmarks/drills.py`, commit {facts['commit']}, {facts['machine']}.",
            f"One-minute load of the machine afterwards: {facts['load']}.",
            f"Local clouds, {facts['boards']} virtual boards over mutual TLS.",
            f"{clean} of {len(drills)} drills in a row ended clean.",
            "",
            "| Drill | Scenario | Ended | Boards back | Fields that differ | Recovery | Loss | Whole drill |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "Recovery is from the failure to the end of the last check, or of the board that was away",
            "longest. Loss is the oldest report or object that was there before the failure and not after.",
            "",
        ]
    )


def _output(*words: str) -> str:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
