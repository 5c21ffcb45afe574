"""Measure the validator of programs beside the real engine: python benchmarks/scheme.py [--mutants 20000]

Speed on the programs of this checkout, joined to files of several sizes, against the engine's own check of
the same files in the same run; then both verdicts on the corpus, on every known name and on mutants of good
programs. Writes benchmarks/results/scheme.{json,md,svg}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "plugins/module_utils"), str(ROOT)]

from fleetlib import steel_engine  # noqa: E402  # after the path to fleetlib
from fleetlib.core.scheme import check  # noqa: E402

from tests.conformance import corpus, differential  # noqa: E402
from tests.conformance.known import KNOWN, MUTANTS  # noqa: E402

SIZES = (1, 4, 16, 64)
"""KiB."""
REPEATS = 5


def main() -> int:
    """Measure, print, and write the results; the exit status is 1 when a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    chosen = parser.parse_args()
    with steel_engine.Engine(steel_engine.build(ROOT)) as engine:
        speed = [measure_speed(engine, kib) for kib in SIZES]
        verdicts = {
            "corpus": compare((case.name, case.source, case.verdict) for case in corpus.cases()),
            "names": compare(differential.ask(engine, differential.names(engine))),
            "mutants": compare(differential.ask(engine, differential.mutants(chosen.mutants))),
        }
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system()}
    found = {"machine": machine, "speed": speed, "verdicts": verdicts}
    (chosen.out / "scheme.json").write_text(json.dumps(found, indent=2) + "\n")
    page = markdown(found)
    (chosen.out / "scheme.md").write_text(page)
    plot(speed, chosen.out / "scheme.svg")
    print(page)
    return 0 if all(passed for *_, passed in requirements(found)) else 1


def typical(size: int) -> str:
    """A program of about ``size`` bytes out of those in programs/, each definition under its own name."""
    sources = [path.read_text() for path in sorted(ROOT.glob("programs/*/*.scm"))]
    parts: list[str] = []
    while sum(map(len, parts)) < size:
        number = len(parts)
        source = sources[number % len(sources)]
        names = re.findall(r"\(define \(?([^\s()]+)", source)
        pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        # The colon in "name:" of texts and the dash of longer names end no name.
        parts.append(re.sub(rf"(?<![\w-])({pattern})(?![\w?!-])", rf"\1-{number}", source))
    return "\n".join(parts)


def measure_speed(engine: steel_engine.Engine, kib: int) -> dict[str, Any]:
    """The best time of both for one size."""
    source = typical(kib * 1024)
    report = check(source, profile="linux")
    if [one.code for one in report.diagnostics if one.severity == "error" and one.code != "too-large"]:
        raise SystemExit(f"The program of {kib} KiB is not sound:\n{report.render()}")
    if not engine.check(source)["ok"]:
        raise SystemExit(f"The engine refuses the program of {kib} KiB.")
    mine = best(lambda: check(source, profile="linux"))
    steels = best(lambda: engine.check(source))
    return {
        "bytes": len(source.encode()),
        "validator_seconds": mine,
        "engine_seconds": steels,
        "validator_mb_per_second": len(source.encode()) / mine / 1e6,
        "engine_to_validator": steels / mine,
    }


def best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of some tries."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def compare(programs: Any) -> dict[str, int]:
    """How often both agree, how they differ, and how often tests/conformance/known.py has no reason."""
    judged = list(differential.judge(programs))
    counts = Counter(one.fault or "agreement" for one in judged)
    unexplained = sum(
        one.fault in ("false accept", "false reject") and one.source not in {**KNOWN, **MUTANTS}
        for one in judged
    )
    return {"programs": len(judged), **dict(sorted(counts.items())), "unexplained": unexplained}


def requirements(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What was asked for, what was measured, and whether it is met."""
    speed, mutants = found["speed"], found["verdicts"]["mutants"]
    rates, large = [one["validator_mb_per_second"] for one in speed], speed[-1]
    total = mutants["programs"]
    wrong = mutants.get("false accept", 0) + mutants.get("false reject", 0)
    unexplained = sum(one["unexplained"] for one in found["verdicts"].values())
    kinds = 1 - mutants.get("other kind", 0) / total
    return [
        (
            "Typical programs",
            "at least 1 MB/s",
            f"{min(rates):.2f} to {max(rates):.2f} MB/s",
            min(rates) >= 1,
        ),
        (
            "A program of 64 KiB",
            "under 0.2 s",
            f"{large['validator_seconds']:.3f} s; the engine {large['engine_seconds']:.3f} s",
            large["validator_seconds"] < 0.2,
        ),
        (
            f"Loads or not, {total:,} mutants",
            "99.9 % agree",
            f"{1 - wrong / total:.3%}: {mutants.get('false accept', 0)} false accepts, "
            f"{mutants.get('false reject', 0)} false rejects",
            wrong / total <= 0.001,
        ),
        (
            "Differences without a reason in tests/conformance/known.py",
            "none",
            f"{unexplained}",
            not unexplained,
        ),
        (
            "The same kind of error",
            "99 % agree",
            f"{kinds:.2%}, {mutants.get('other kind', 0)} of another kind",
            kinds >= 0.99,
        ),
    ]


def markdown(found: dict[str, Any]) -> str:
    """The results as a page."""
    machine = found["machine"]
    lines = [
        "# The validator of programs",
        "",
        f"Measured by `python benchmarks/scheme.py` on one of {machine['cores']} cores, "
        f"Python {machine['python']}, beside the engine (steel-core 0.7.0) in the same run.",
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
        "| Bytes | Validator | Rate | Engine | Engine / validator |",
        "|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one['bytes']:,} | {1000 * one['validator_seconds']:.1f} ms "
        f"| {one['validator_mb_per_second']:.2f} MB/s | {1000 * one['engine_seconds']:.1f} ms "
        f"| {one['engine_to_validator']:.1f} |"
        for one in found["speed"]
    ]
    lines += ["", "| Verdicts | Programs | Agreement | False accept | False reject | Other kind |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for name, counts in found["verdicts"].items():
        cells = [counts.get(kind, 0) for kind in ("agreement", "false accept", "false reject", "other kind")]
        lines.append(f"| {name} | {counts['programs']:,} | " + " | ".join(f"{one:,}" for one in cells) + " |")
    return "\n".join([*lines, "", "![Seconds by size](scheme.svg)", ""])


def plot(speed: list[dict[str, Any]], path: Path) -> None:
    """Seconds by size of both."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    sizes = [one["bytes"] / 1024 for one in speed]
    for name, label in (("validator_seconds", "validator"), ("engine_seconds", "engine")):
        axes.plot(sizes, [one[name] for one in speed], marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("KiB")
    axes.set_ylabel("seconds")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
